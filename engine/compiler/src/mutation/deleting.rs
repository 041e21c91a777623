//! `deleteX`

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, FieldKind, OnDelete};
use freehold_schema::names::FieldName;

use super::updating::{filter, write_filtered, write_found};
use super::{Answer, ID, argument, assembled, for_input, input, nodes, not_found, refused, write_condition, write_lookup};
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::{Env, Refused, State, uniques};
use crate::permissions::{Access, Rule};
use crate::plan::{Message, MessagePart, Step, Write, WriteError, WriteErrorKind};
use crate::selection::{Input, Selected};
use crate::sql::Alias;

/// Entities inside each other that a deletion is followed through.
const MAX_CASCADE: usize = 8;

pub(super) fn delete(env: &Env<'_>, entity: &Entity, field: &Selected) -> Result<Write, Refused> {
    let entity = env.entity(entity.name.as_str());
    let by = argument(field, "by");
    let found = match uniques::unique_filter(env, entity, by, None, field.pos) {
        Ok(filter) => clauses::requested(env, Access::Root, entity, &filter),
        Err(incomplete) => return Ok(refused(field, Vec::new(), input::not_unique(Vec::new(), incomplete))),
    };
    let mut images = Vec::new();
    let mut steps = nodes(env, field, entity, &found, &mut images)?;
    steps.push(remove(env, entity, by, found, &filter(env, entity, field)));
    Ok(assembled(field, Vec::new(), None, steps, images))
}

fn remove<'a>(env: &Env<'a>, entity: &'a Entity, by: &Input, found: Clause<'a>, filter: &Clause<'a>) -> Step {
    let permitted = clauses::of_rule(env, entity, env.permissions.delete(Access::Root, entity.name.as_str()));
    let (restricting, following) = split(followers(env, entity));
    let mut state = State::default();
    state.sql.syntax("WITH ");
    let row = write_lookup(env, &mut state, entity, found);
    let (gone, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax(", ").alias(gone).syntax(" AS (DELETE FROM ").content(&entity.table).syntax(" ").alias(old);
    write_found(&mut state, entity, old, row);
    for clause in [filter, &permitted].into_iter().filter(|clause| !clause.is_always()) {
        state.sql.syntax(" AND ");
        write_condition(env, &mut state, old, clause);
    }
    for restricting in &restricting {
        state.sql.syntax(" AND NOT ");
        write_references(&mut state, restricting, entity, row);
    }
    write_followers(env, &mut state, &following, entity, old, 1);
    state.sql.syntax(" RETURNING ").column(old, &entity.primary_column().column).syntax(") ");

    let (mut answer, json) = Answer::begin(&mut state);
    answer.check_some(env, &mut state, not_found(None, Some(for_input(by))), row, &ALWAYS);
    // All parts of the statement see the rows as they were before it.
    if !filter.is_always() {
        answer.check(&mut state, not_found(None, None), |state| write_filtered(env, state, entity, row, filter));
    }
    if !permitted.is_always() {
        answer.check(&mut state, denied(entity), |state| write_filtered(env, state, entity, row, &permitted));
    }
    for (index, restricting) in restricting.iter().enumerate() {
        let name = Ident::new(&format!("references_{index}")).expect("a short name");
        answer.check(&mut state, restricted(entity, restricting, &name), |state| {
            state.sql.syntax("NOT ");
            write_references(state, restricting, entity, row);
        });
        answer.text(&mut state, &name, |state| write_referring(env, state, restricting, entity, row));
    }
    answer.check_some(env, &mut state, held(entity), gone, &ALWAYS);
    answer.id(&mut state, row, entity);
    answer.finish(state, json, entity)
}

fn denied(entity: &Entity) -> WriteError {
    let before = format!("for input {{\"{}\":{{\"in\":[\"", entity.primary);
    let parts = vec![MessagePart::Text(before), MessagePart::Step(ID.into()), MessagePart::Text("\"]}}".to_owned())];
    not_found(None, Some(Message(parts)))
}

/// Rows refer to the row, and their foreign key forbids that it goes.
fn restricted(entity: &Entity, follower: &Follower<'_>, references: &Ident) -> WriteError {
    let after = format!(
        " row(s) of entity {} in relation {}. OnDelete behaviour of this relation is set to \"restrict\". \
         You might consider changing it to \"setNull\" or \"cascade\".",
        follower.owner.name, follower.field
    );
    let references = MessagePart::Step(references.as_str().into());
    still_referenced(entity, vec![MessagePart::Text(" from ".to_owned()), references, MessagePart::Text(after)])
}

/// Rows that would follow may not be touched by this caller.
fn held(entity: &Entity) -> WriteError {
    still_referenced(entity, vec![MessagePart::Text(". This is possibly caused by ACL denial.".to_owned())])
}

fn still_referenced(entity: &Entity, rest: Vec<MessagePart>) -> WriteError {
    let mut parts = vec![
        MessagePart::Text("Cannot delete ".to_owned()),
        MessagePart::Step(ID.into()),
        MessagePart::Text(format!(" row(s) of entity {}, because it is still referenced", entity.name)),
    ];
    parts.extend(rest);
    WriteError { paths: Vec::new(), kind: WriteErrorKind::ForeignKeyConstraintViolation, message: Some(Message(parts)) }
}

/// `EXISTS (a row that refers to the one found)`
fn write_references(state: &mut State, follower: &Follower<'_>, entity: &Entity, row: Alias) {
    let rows = state.sql.next_alias();
    state.sql.syntax("EXISTS (SELECT 1 FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
    state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ");
    write_key(state, entity, row);
    state.sql.syntax(")");
}

/// Ids of rows that refer to the one found: at most ten, and only such as the caller sees.
fn write_referring<'a>(env: &Env<'a>, state: &mut State, follower: &Follower<'a>, entity: &Entity, row: Alias) {
    let (listed, rows) = (state.sql.next_alias(), state.sql.next_alias());
    let (key, item) = (&follower.owner.primary_column().column, Ident::new("item").expect("a short name"));
    state.sql.syntax("(SELECT string_agg(").column(listed, &item).syntax(", ', ') FROM (SELECT ").column(rows, key);
    state.sql.syntax("::text AS ").ident(&item).syntax(" FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
    state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ");
    write_key(state, entity, row);
    let visible = clauses::visible(env, Access::Root, follower.owner);
    if !visible.is_always() {
        state.sql.syntax(" AND ");
        write_condition(env, state, rows, &visible);
    }
    state.sql.syntax(" ORDER BY 1 LIMIT 10) ").alias(listed).syntax(")");
}

/// The key of the only row of a CTE.
fn write_key(state: &mut State, entity: &Entity, row: Alias) {
    let key = &entity.primary_column().column;
    state.sql.syntax("(SELECT ").column(row, key).syntax(" FROM ").alias(row).syntax(")");
}

/// Writes ` AND NOT EXISTS (…)` for each foreign key through which PostgreSQL would delete or change rows that this caller may not delete or change.
///
/// Foreign keys know nothing of permissions. Nothing is written for who may do everything.
fn write_followers<'a>(
    env: &Env<'a>,
    state: &mut State,
    followed: &[Follower<'a>],
    entity: &'a Entity,
    alias: Alias,
    depth: usize,
) {
    for follower in followed {
        let guarded = follower.cascades() && is_guarded(env, follower.owner, &mut vec![entity.name.as_str()]);
        if follower.rule.is_always() && !guarded {
            continue;
        }
        let rows = state.sql.next_alias();
        state.sql.syntax(" AND NOT EXISTS (SELECT 1 FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
        state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ").column(alias, &entity.primary_column().column);
        // Beyond the limit nothing is proved, so nothing may follow.
        let near = depth < MAX_CASCADE;
        let permitted = if near { clauses::of_rule(env, follower.owner, follower.rule) } else { Clause::Constant(Some(false)) };
        state.sql.syntax(" AND (");
        write_condition(env, state, rows, &permitted);
        if guarded && near {
            let (_, following) = split(followers(env, follower.owner));
            write_followers(env, state, &following, follower.owner, rows, depth + 1);
        }
        state.sql.syntax(") IS NOT TRUE)");
    }
}

/// Rows of `owner` that refer to rows of an entity, and what happens to them when those are deleted.
struct Follower<'a> {
    owner: &'a Entity,
    field: &'a FieldName,
    key: &'a Ident,
    on_delete: OnDelete,
    /// What allows it.
    rule: &'a Rule,
}

impl Follower<'_> {
    fn cascades(&self) -> bool {
        self.on_delete == OnDelete::Cascade
    }
}

fn followers<'a>(env: &Env<'a>, entity: &'a Entity) -> Vec<Follower<'a>> {
    let mut followers = Vec::new();
    for owner in env.schema.entities.values().filter(|owner| owner.view.is_none()) {
        for field in owner.fields.values() {
            let FieldKind::Relation(relation) = &field.kind else { continue };
            let Some(joining) = relation.joining_column().filter(|_| relation.target == entity.name) else { continue };
            let name = owner.name.as_str();
            let rule = match joining.on_delete {
                OnDelete::Restrict | OnDelete::Cascade => env.permissions.delete(Access::Root, name),
                OnDelete::SetNull => env.permissions.field(Access::Root, name, OperationKind::Update, field.name.as_str()),
            };
            followers.push(Follower { owner, field: &field.name, key: &joining.column, on_delete: joining.on_delete, rule });
        }
    }
    followers
}

/// Those that forbid a deletion, and those that follow it.
fn split(followers: Vec<Follower<'_>>) -> (Vec<Follower<'_>>, Vec<Follower<'_>>) {
    followers.into_iter().partition(|follower| follower.on_delete == OnDelete::Restrict)
}

/// Whether a deletion from `entity` would reach rows that the caller may not always touch. `seen` ends cycles.
fn is_guarded<'a>(env: &Env<'a>, entity: &'a Entity, seen: &mut Vec<&'a str>) -> bool {
    if seen.contains(&entity.name.as_str()) {
        return false;
    }
    seen.push(entity.name.as_str());
    let (_, following) = split(followers(env, entity));
    following.into_iter().any(|it| !it.rule.is_always() || it.cascades() && is_guarded(env, it.owner, seen))
}
