//! `update`, at the root and below.

use std::sync::Arc;

use freehold_schema::acl::OperationKind;
use freehold_schema::model::Entity;

use super::checking::Unknown;
use super::input::Data;
use super::owning::Held;
use super::program::{Place, Program};
use super::proposing::{Proposal, write_permitted};
use super::values::Values;
use super::{
    Answer, connecting, nesting, not_found, owning, returning, stored, write_locked_lookup, write_lookup, write_returning,
};
use crate::bind::BindSource;
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::{Env, Refused, State, reading, write_and, write_where};
use crate::permissions::Access;
use crate::plan::WriteError;
use crate::sql::Alias;

/// A row that is looked up among those the caller sees.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub by: Clause<'a>,
    /// What a row that was found must satisfy besides.
    pub filter: Clause<'a>,
    /// The error when there is none.
    pub missing: WriteError,
}

impl<'a> Found<'a> {
    /// The row with a known key.
    pub fn with_key(entity: &'a Entity, key: &BindSource) -> Self {
        Self { by: super::has_key(entity, key.clone()), filter: ALWAYS, missing: not_found(None, None) }
    }
}

/// Updates a row, and what is below it; its key.
pub(super) fn update<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    mut found: Found<'a>,
    data: &Data<'a>,
    place: &Place,
) -> Result<BindSource, Refused> {
    let name = program.next_row();
    let row = BindSource::Step(name.clone());
    let mut values = Values::given(entity, data, Some(&row));
    let mut replaced = Vec::new();
    let held = owning::needed(data);
    let unknown = Unknown::of(entity, data)?;
    // An encrypted value is bound to the key of its row.
    let is_found_first = held.is_some() || unknown.is_some() || data.is_encrypted();
    let mut keys = Vec::new();
    if is_found_first {
        keys = find(program, entity, &found, &name, held.as_deref().unwrap_or_default(), place);
        found = Found::with_key(entity, &row);
    }
    if let Some(unknown) = unknown {
        stored::judge(program, entity, &row, unknown, place);
    }
    if held.is_some() {
        replaced = owning::on_update(program, entity, &row, &keys, data, place, &mut values)?;
    } else {
        owning::connects(program, data, place, &mut values);
    }
    if !values.assignments.is_empty() {
        change(program, entity, &found, &values, &name, place)?;
    } else if !is_found_first {
        find(program, entity, &found, &name, &[], place);
    }
    for orphan in replaced {
        orphan.delete(program)?;
    }
    nesting::below(program, entity, &row, data, place)?;
    Ok(row)
}

/// Looks a row up, with rows that its foreign keys hold; their keys.
pub(super) fn find<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    found: &Found<'a>,
    name: &Arc<str>,
    held: &[Held<'a>],
    place: &Place,
) -> Vec<BindSource> {
    let env = program.env;
    let mut state = State::new(env, &[]);
    state.sql.syntax("WITH ");
    // Perhaps only rows below it are changed, and nobody may take away meanwhile what the filter found. Not FOR SHARE: two that have it could not change the row themselves.
    let lock = if found.filter.is_always() { "" } else { " FOR NO KEY UPDATE" };
    let row = write_locked_lookup(env, &mut state, entity, found.by.clone(), lock);
    state.sql.syntax(" ");
    let mut answer = Answer::begin(&mut state);
    answer.found(&mut state, found.missing.clone(), name, row, entity);
    if !found.filter.is_always() {
        answer.check(&mut state, not_found(None, None), |state| write_filtered(env, state, entity, row, &found.filter));
    }
    let held = held.iter().map(|held| {
        let name = program.next_row();
        answer.text(&mut state, &name, |state| write_held(env, state, entity, row, held));
        BindSource::Step(name)
    });
    let held = held.collect();
    let kind = answer.finish(env, &mut state, entity);
    program.push(place, state, kind);
    held
}

/// Changes columns of a row.
pub(super) fn change<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    found: &Found<'a>,
    values: &Values<'a>,
    name: &Arc<str>,
    place: &Place,
) -> Result<(), Refused> {
    let env = program.env;
    let permitted = values.permitted(env, entity, OperationKind::Update);
    // A row that need only be found is found by the UPDATE itself, which saves PostgreSQL a tenth of such a change.
    let is_looked_up = !(found.filter.is_always() && permitted.is_always() && values.connects.is_empty());
    if !is_looked_up && returning::change(program, entity, found, values, place)? {
        return Ok(());
    }
    let mut state = program.begin();
    state.sql.syntax("WITH ");
    let row = is_looked_up.then(|| {
        let row = write_lookup(env, &mut state, entity, found.by.clone());
        state.sql.syntax(", ");
        row
    });
    let connected = connecting::write_connects(env, &mut state, entity, &values.connects, row);
    let (changed, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.alias(changed).syntax(" AS (UPDATE ").content(&entity.table).syntax(" ").alias(old).syntax(" SET ");
    values.write_set(env, &mut state, &connected);
    match row {
        Some(row) => write_found(&mut state, entity, old, row),
        None => write_where(env, &mut state, old, [clauses::visible(env, Access::Root, entity), found.by.clone()]),
    }
    write_and(env, &mut state, old, &found.filter);
    write_and(env, &mut state, old, &permitted);
    if !permitted.is_always() {
        state.sql.syntax(" AND ");
        write_permitted(env, &mut state, entity, &Proposal { values, connected: &connected, old: Some(old) }, &permitted);
    }
    connecting::write_conditions(env, &mut state, &connected, true);
    let kind = write_returning(&mut state, changed, |state| {
        state.sql.syntax(" ");
        let mut answer = Answer::begin(state);
        answer.found(state, found.missing.clone(), name, row.unwrap_or(changed), entity);
        connecting::add_checks(env, state, &mut answer, &connected);
        if is_looked_up {
            // On the row as it was, which also held when it was changed, and as it is now.
            answer.check_some(env, state, not_found(None, None), changed, &permitted);
        }
        answer.is_whole = values.are_whole(&permitted);
        answer
            .node(program, state, &[&entity.table], |env, state, node| reading::write_named(env, state, entity, changed, node))?;
        Ok(answer.finish_change(env, state, entity, &values.fields))
    })?;
    program.push(place, state, kind);
    Ok(())
}

/// ` WHERE key = (the row that was found)`
pub(super) fn write_found(state: &mut State, entity: &Entity, alias: Alias, row: Alias) {
    let key = &entity.primary_column().column;
    state.sql.syntax(" WHERE ").column(alias, key).syntax(" = (SELECT ").column(row, key).syntax(" FROM ").alias(row).syntax(")");
}

/// `EXISTS (SELECT 1 FROM table WHERE it was found AND it satisfies the filter)`
pub(super) fn write_filtered<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, row: Alias, filter: &Clause<'a>) {
    let alias = state.sql.next_alias();
    state.sql.syntax("EXISTS (SELECT 1 FROM ").content(&entity.table).syntax(" ").alias(alias);
    write_found(state, entity, alias, row);
    write_and(env, state, alias, filter);
    state.sql.syntax(")");
}

/// The key that a foreign key of the row holds, as text.
fn write_held<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, row: Alias, held: &Held<'a>) {
    let alias = state.sql.next_alias();
    state.sql.syntax("(SELECT ").column(alias, &held.joining.column).syntax("::text FROM ").content(&entity.table);
    state.sql.syntax(" ").alias(alias);
    write_found(state, entity, alias, row);
    let visible = held.seen.map(|target| (target, clauses::visible(env, Access::Root, target)));
    if let Some((target, visible)) = visible.filter(|(_, visible)| !visible.is_always()) {
        let seen = state.sql.next_alias();
        state.sql.syntax(" AND EXISTS (SELECT 1 FROM ").content(&target.table).syntax(" ").alias(seen).syntax(" WHERE ");
        state.sql.column(seen, &target.primary_column().column).syntax(" = ").column(alias, &held.joining.column);
        write_and(env, state, seen, &visible);
        state.sql.syntax(")");
    }
    state.sql.syntax(")");
}
