//! `updateX`

use freehold_schema::acl::OperationKind;
use freehold_schema::model::Entity;

use super::connecting;
use super::input::{self, Data, Purpose, Unwritable};
use super::proposing::{Proposal, write_permitted};
use super::{Answer, argument, assembled, changed_row, for_input, nodes, not_found, permitted, refused, write_lookup};
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::columns::write_stored;
use crate::lower::{Env, Refused, State, inputs, uniques, write_and};
use crate::permissions::Access;
use crate::plan::{Step, Write};
use crate::selection::{Input, Selected};
use crate::sql::Alias;

pub(super) fn update<'a>(env: &Env<'a>, entity: &'a Entity, field: &Selected) -> Result<Write, Refused> {
    let data = match input::read(env, Purpose::Update, entity, argument(field, "data"), field.pos) {
        Ok(data) => data,
        Err(Unwritable::Refused(refused)) => return Err(refused),
        Err(Unwritable::Failed(error)) => return Ok(refused(field, Vec::new(), error)),
    };
    let checks = input::checks(Purpose::Update, entity, &data, field.pos)?;
    let by = argument(field, "by");
    let found = match uniques::unique_filter(env, entity, by, None, field.pos) {
        Ok(filter) => clauses::requested(env, Access::Root, entity, &filter),
        Err(incomplete) => return Ok(refused(field, checks, input::not_unique(Vec::new(), incomplete))),
    };
    let filter = filter(env, entity, field)?;
    let mut steps = vec![change(env, entity, &data, by, found, filter)];
    let mut images = Vec::new();
    steps.extend(nodes(env, field, entity, &changed_row(entity), &mut images)?);
    Ok(assembled(field, checks, None, steps, images))
}

/// The `filter` argument, which the row must satisfy besides being found.
pub(super) fn filter<'a>(env: &Env<'a>, entity: &'a Entity, field: &Selected) -> Result<Clause<'a>, Refused> {
    let filter = inputs::filter_of(env.schema, entity, field)?;
    Ok(filter.map_or(ALWAYS, |filter| clauses::requested(env, Access::Root, entity, &filter)))
}

fn change<'a>(env: &Env<'a>, entity: &'a Entity, data: &Data<'a>, by: &Input, found: Clause<'a>, filter: Clause<'a>) -> Step {
    let permitted = permitted(env, entity, OperationKind::Update, &data.fields);
    let mut state = State::new(env, &[]);
    state.sql.syntax("WITH ");
    let row = write_lookup(env, &mut state, entity, found);
    if data.fields.is_empty() {
        state.sql.syntax(" ");
        return nothing(env, entity, state, by, row, &filter);
    }
    state.sql.syntax(", ");
    let connects = connecting::write_connects(env, &mut state, entity, &data.connects, Some(row));
    let (changed, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.alias(changed).syntax(" AS (UPDATE ").content(&entity.table).syntax(" ").alias(old).syntax(" SET ");
    for (index, (column, source)) in data.columns.iter().enumerate() {
        state.sql.syntax(if index == 0 { "" } else { ", " }).ident(&column.column).syntax(" = ");
        write_stored(env.schema, &mut state.sql, column, source.clone());
    }
    for (index, (connected, connect)) in connects.iter().zip(&data.connects).enumerate() {
        state.sql.syntax(if index == 0 && data.columns.is_empty() { "" } else { ", " });
        state.sql.ident(&connect.joining.column).syntax(" = ");
        connecting::write_key(&mut state, connected);
    }
    for (index, joining) in data.cleared.iter().enumerate() {
        state.sql.syntax(if index == 0 && data.columns.is_empty() && connects.is_empty() { "" } else { ", " });
        state.sql.ident(&joining.column).syntax(" = NULL");
    }
    write_found(&mut state, entity, old, row);
    write_and(env, &mut state, old, &filter);
    write_and(env, &mut state, old, &permitted);
    if !permitted.is_always() {
        state.sql.syntax(" AND ");
        let proposal = Proposal { values: &data.columns, connects: &connects, cleared: &data.cleared, old: Some(row) };
        write_permitted(env, &mut state, entity, &proposal, &permitted);
    }
    connecting::write_conditions(env, &mut state, &connects, true);
    state.sql.syntax(" RETURNING ").alias(old).syntax(".*) ");

    let (mut answer, json) = Answer::begin(&mut state);
    answer.check_some(env, &mut state, not_found(None, Some(for_input(by))), row, &ALWAYS);
    connecting::add_checks(env, &mut state, &mut answer, &connects);
    // On the row as it was, which also held when it was changed, and as it is now.
    answer.check_some(env, &mut state, not_found(None, None), changed, &permitted);
    answer.id(&mut state, row, entity);
    answer.finish(env, state, json, entity, &data.fields)
}

/// ` WHERE key = (the row that was found)`
pub(super) fn write_found(state: &mut State, entity: &Entity, alias: Alias, row: Alias) {
    let key = &entity.primary_column().column;
    state.sql.syntax(" WHERE ").column(alias, key).syntax(" = (SELECT ").column(row, key).syntax(" FROM ").alias(row).syntax(")");
}

/// An update that changes nothing still needs its row, and the row to satisfy the filter.
fn nothing<'a>(env: &Env<'a>, entity: &'a Entity, mut state: State, by: &Input, row: Alias, filter: &Clause<'a>) -> Step {
    let (mut answer, json) = Answer::begin(&mut state);
    answer.check_some(env, &mut state, not_found(None, Some(for_input(by))), row, &ALWAYS);
    if !filter.is_always() {
        answer.check(&mut state, not_found(None, None), |state| write_filtered(env, state, entity, row, filter));
    }
    answer.id(&mut state, row, entity);
    answer.finish(env, state, json, entity, &[])
}

/// `EXISTS (SELECT 1 FROM table WHERE it was found AND it satisfies the filter)`
pub(super) fn write_filtered<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, row: Alias, filter: &Clause<'a>) {
    let alias = state.sql.next_alias();
    state.sql.syntax("EXISTS (SELECT 1 FROM ").content(&entity.table).syntax(" ").alias(alias);
    write_found(state, entity, alias, row);
    write_and(env, state, alias, filter);
    state.sql.syntax(")");
}
