//! `delete`, at the root and below.

use std::sync::Arc;

use freehold_schema::ident::Ident;
use freehold_schema::model::Entity;

use super::followers::{self, Follower, Orphan, write_followers, write_orphan};
use super::owning::Held;
use super::program::{Place, Program};
use super::updating::{Found, find, write_filtered, write_found};
use super::{Answer, not_found, write_lookup};
use crate::bind::BindSource;
use crate::error::ErrorCode;
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::{Env, Refused, State, reading, write_and};
use crate::permissions::Access;
use crate::plan::{Guard, Message, MessagePart, WriteError, WriteErrorKind};
use crate::selection::Pos;
use crate::sql::Alias;

/// Deletes a row, and the rows that only it held.
///
/// # Errors
/// When rows that go with it would leave orphans of an entity that is being deleted already: nothing says where that ends.
pub(super) fn remove<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    found: &Found<'a>,
    pos: Pos,
    place: &Place,
) -> Result<(), Refused> {
    remove_below(program, entity, found, pos, place, &[])
}

/// `above` are the entities whose rows have gone, each of which held the next one's.
fn remove_below<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    found: &Found<'a>,
    pos: Pos,
    place: &Place,
    above: &[&'a Entity],
) -> Result<(), Refused> {
    if above.iter().any(|one| one.name == entity.name) {
        let message =
            format!("deleting {} is not offered: orphans that go with it may leave orphans of the same kind", entity.name);
        return Err(Refused::new(message, ErrorCode::NotSupported, pos));
    }
    let (holding, plain): (Vec<_>, Vec<_>) =
        followers::orphans(program.env, entity).into_iter().partition(|orphan| orphan.holds_others(program.env));
    if holding.is_empty() {
        return remove_row(program, entity, found, &plain, place);
    }
    // What such an orphan holds can only be told while it is there, so each goes by a statement of its own.
    let name = program.next_row();
    let held: Vec<Held<'_>> = holding.iter().map(|orphan| Held { joining: orphan.joining, seen: None }).collect();
    let keys = find(program, entity, found, &name, &held, place);
    remove_row(program, entity, &Found::with_key(entity, &BindSource::Step(name)), &plain, place)?;
    let above = [above, &[entity]].concat();
    for (orphan, key) in holding.iter().zip(keys) {
        let place = place.when(Guard::Found(key.clone()));
        remove_below(program, orphan.target, &Found::with_key(orphan.target, &key), pos, &place, &above)?;
    }
    Ok(())
}

/// Deletes a row and, by the same statement, orphans that hold none themselves.
fn remove_row<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    found: &Found<'a>,
    orphans: &[Orphan<'a>],
    place: &Place,
) -> Result<(), Refused> {
    let env = program.env;
    let name = program.next_row();
    let filter = &found.filter;
    let permitted = clauses::of_rule(env, entity, env.permissions.delete(Access::Root, entity.name.as_str()));
    let (restricting, following) = program.followers(entity);
    let mut state = program.begin();
    state.sql.syntax("WITH ");
    let row = write_lookup(env, &mut state, entity, found.by.clone());
    let (gone, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax(", ").alias(gone).syntax(" AS (DELETE FROM ").content(&entity.table).syntax(" ").alias(old);
    write_found(&mut state, entity, old, row);
    write_and(env, &mut state, old, filter);
    write_and(env, &mut state, old, &permitted);
    for restricting in &restricting {
        state.sql.syntax(" AND NOT ");
        write_references(env, &mut state, restricting, &ALWAYS, entity, row);
    }
    write_followers(env, &mut state, &following, entity, old, 1);
    write_orphans(env, &mut state, entity, orphans, old, gone, " = (SELECT ");
    state.sql.syntax(" ");

    let mut answer = Answer::begin(&mut state);
    answer.check_some(env, &mut state, found.missing.clone(), row, &ALWAYS);
    // All parts of the statement see the rows as they were before it.
    if !filter.is_always() {
        answer.check(&mut state, not_found(None, None), |state| write_filtered(env, state, entity, row, filter));
    }
    if !permitted.is_always() {
        answer.check(&mut state, denied(entity, &name), |state| write_filtered(env, state, entity, row, &permitted));
    }
    for (index, restricting) in restricting.iter().enumerate() {
        // Rows that the caller does not see are not spoken of: the last check tells of them, without a name.
        let visible = clauses::visible(env, Access::Root, restricting.owner);
        if visible.is_never() {
            continue;
        }
        let references = format!("references_{index}");
        answer.check(&mut state, restricted(entity, &name, restricting, &references), |state| {
            state.sql.syntax("NOT ");
            write_references(env, state, restricting, &visible, entity, row);
        });
        answer.text(&mut state, &references, |state| write_referring(env, state, restricting, &visible, entity, row));
    }
    answer.check_some(env, &mut state, held(entity, &name), gone, &ALWAYS);
    answer.key(&mut state, &name, row, entity);
    answer.is_whole = true;
    answer.node(program, &mut state, &[], |env, state, node| reading::write_one(env, state, entity, found.by.clone(), node))?;
    let kind = answer.finish_change(env, &mut state, entity, &[]);
    program.push(place, state, kind);
    Ok(())
}

fn denied(entity: &Entity, key: &Arc<str>) -> WriteError {
    let before = format!("for input {{\"{}\":{{\"in\":[\"", entity.primary);
    let parts = vec![MessagePart::Text(before), MessagePart::Step(key.clone()), MessagePart::Text("\"]}}".to_owned())];
    not_found(None, Some(Message(parts)))
}

/// Rows refer to the row, and their foreign key forbids that it goes.
fn restricted(entity: &Entity, key: &Arc<str>, follower: &Follower<'_>, references: &str) -> WriteError {
    let after = format!(
        " row(s) of entity {} in relation {}. OnDelete behaviour of this relation is set to \"restrict\". \
         You might consider changing it to \"setNull\" or \"cascade\".",
        follower.owner.name, follower.field
    );
    let references = MessagePart::Step(references.into());
    still_referenced(entity, key, vec![MessagePart::Text(" from ".to_owned()), references, MessagePart::Text(after)])
}

/// Rows that would follow may not be touched by this caller.
fn held(entity: &Entity, key: &Arc<str>) -> WriteError {
    still_referenced(entity, key, vec![MessagePart::Text(". This is possibly caused by ACL denial.".to_owned())])
}

fn still_referenced(entity: &Entity, key: &Arc<str>, rest: Vec<MessagePart>) -> WriteError {
    let mut parts = vec![
        MessagePart::Text("Cannot delete ".to_owned()),
        MessagePart::Step(key.clone()),
        MessagePart::Text(format!(" row(s) of entity {}, because it is still referenced", entity.name)),
    ];
    parts.extend(rest);
    WriteError { paths: Vec::new(), kind: WriteErrorKind::ForeignKeyConstraintViolation, message: Some(Message(parts)) }
}

/// `EXISTS (a row that refers to the one found, and is visible)`
fn write_references(
    env: &Env<'_>,
    state: &mut State,
    follower: &Follower<'_>,
    visible: &Clause<'_>,
    entity: &Entity,
    row: Alias,
) {
    let rows = state.sql.next_alias();
    state.sql.syntax("EXISTS (SELECT 1");
    write_referring_rows(env, state, follower, visible, entity, row, rows);
    state.sql.syntax(")");
}

/// Ids of visible rows that refer to the one found: ten, and how many more there are.
fn write_referring(env: &Env<'_>, state: &mut State, follower: &Follower<'_>, visible: &Clause<'_>, entity: &Entity, row: Alias) {
    let (listed, rows) = (state.sql.next_alias(), state.sql.next_alias());
    let key = &follower.owner.primary_column().column;
    let (item, place) = (Ident::new("item").expect("a short name"), Ident::new("place").expect("a short name"));
    state.sql.syntax("(SELECT string_agg(").column(listed, &item).syntax(", ', ' ORDER BY ").column(listed, &place);
    state.sql.syntax(") FILTER (WHERE ").column(listed, &place).syntax(" <= 10)");
    state.sql.syntax(" || CASE WHEN count(*) > 10 THEN ' and ' || count(*) - 10 || ' more' ELSE '' END");
    state.sql.syntax(" FROM (SELECT ").column(rows, key).syntax("::text AS ").ident(&item);
    state.sql.syntax(", row_number() OVER (ORDER BY ").column(rows, key).syntax(") AS ").ident(&place);
    write_referring_rows(env, state, follower, visible, entity, row, rows);
    state.sql.syntax(") ").alias(listed).syntax(")");
}

/// ` FROM … WHERE …` of visible rows that refer to the one found.
fn write_referring_rows(
    env: &Env<'_>,
    state: &mut State,
    follower: &Follower<'_>,
    visible: &Clause<'_>,
    entity: &Entity,
    row: Alias,
    rows: Alias,
) {
    state.sql.syntax(" FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
    state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ");
    write_key(state, entity, row);
    write_and(env, state, rows, visible);
}

/// Ends the DELETE of `old`, as which `gone` has the rows, and writes one of what they held for each relation; `held` compares with one of them or with several.
pub(super) fn write_orphans<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    orphans: &[Orphan<'a>],
    old: Alias,
    gone: Alias,
    held: &'static str,
) {
    for orphan in orphans {
        write_orphan(env, state, entity, old, orphan);
    }
    state.sql.syntax(" RETURNING ").column(old, &entity.primary_column().column);
    for orphan in orphans {
        state.sql.syntax(", ").column(old, &orphan.joining.column);
    }
    state.sql.syntax(")");
    for orphan in orphans {
        let (removed, row) = (state.sql.next_alias(), state.sql.next_alias());
        state.sql.syntax(", ").alias(removed).syntax(" AS (DELETE FROM ").content(&orphan.target.table).syntax(" ").alias(row);
        state.sql.syntax(" WHERE ").column(row, &orphan.target.primary_column().column).syntax(held);
        state.sql.column(gone, &orphan.joining.column).syntax(" FROM ").alias(gone).syntax("))");
    }
}

/// The key of the only row of a CTE.
fn write_key(state: &mut State, entity: &Entity, row: Alias) {
    let key = &entity.primary_column().column;
    state.sql.syntax("(SELECT ").column(row, key).syntax(" FROM ").alias(row).syntax(")");
}
