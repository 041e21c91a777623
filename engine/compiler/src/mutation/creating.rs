//! `createX`

use freehold_schema::acl::OperationKind;
use freehold_schema::model::{Column, ColumnKind, Entity, FieldKind};

use super::connecting::{self, Connected};
use super::input::{self, Data, Purpose, Unwritable};
use super::proposing::{Proposal, write_permitted};
use super::{Answer, argument, assembled, changed_row, nodes, not_found, permitted, refused};
use crate::bind::BindSource;
use crate::lower::columns::write_stored;
use crate::lower::{Env, Refused, State};
use crate::plan::{Step, Write};
use crate::selection::Selected;

pub(super) fn create<'a>(env: &Env<'a>, entity: &'a Entity, field: &Selected, n_new_ids: &mut usize) -> Result<Write, Refused> {
    let data = match input::read(env, Purpose::Create, entity, argument(field, "data"), field.pos) {
        Ok(data) => data,
        Err(Unwritable::Refused(refused)) => return Err(refused),
        Err(Unwritable::Failed(error)) => return Ok(refused(field, Vec::new(), error)),
    };
    let checks = input::checks(Purpose::Create, entity, &data, field.pos)?;
    let mut steps = vec![insert(env, entity, &data, n_new_ids)];
    let mut images = Vec::new();
    steps.extend(nodes(env, field, entity, &changed_row(entity), &mut images)?);
    Ok(assembled(field, checks, None, steps, images))
}

fn insert<'a>(env: &Env<'a>, entity: &'a Entity, data: &Data<'a>, n_new_ids: &mut usize) -> Step {
    let mut state = State::new(env, &[]);
    state.sql.syntax("WITH ");
    let connects = connecting::write_connects(env, &mut state, entity, &data.connects, None);
    let values = values(entity, data, n_new_ids);
    let permitted = permitted(env, entity, OperationKind::Create, &data.fields);
    let row = state.sql.next_alias();
    state.sql.alias(row).syntax(" AS (INSERT INTO ").content(&entity.table);
    write_values(env, &mut state, &values, &connects, data);
    connecting::write_conditions(env, &mut state, &connects, false);
    if !permitted.is_always() {
        state.sql.syntax(if connects.is_empty() { " WHERE " } else { " AND " });
        let proposal = Proposal { values: &values, connects: &connects, cleared: &[], old: None };
        write_permitted(env, &mut state, entity, &proposal, &permitted);
    }
    state.sql.syntax(" RETURNING *) ");

    let (mut answer, json) = Answer::begin(&mut state);
    connecting::add_checks(env, &mut state, &mut answer, &connects);
    // Again on the row as it is now: with what the database put into it.
    answer.check_some(env, &mut state, not_found(None, None), row, &permitted);
    answer.id(&mut state, row, entity);
    answer.finish(env, state, json, entity, &data.fields)
}

/// Columns of the new row: those given, defaults, and a new key.
fn values<'a>(entity: &'a Entity, data: &Data<'a>, n_new_ids: &mut usize) -> Vec<(&'a Column, BindSource)> {
    let columns = entity.fields.values().filter_map(|field| match &field.kind {
        FieldKind::Column(column) => Some((&field.name, column)),
        FieldKind::Relation(_) => None,
    });
    let value = |(name, column): (&_, &'a Column)| {
        if let Some((_, source)) = data.columns.iter().find(|(given, _)| *given == column) {
            return Some((column, source.clone()));
        }
        if *name == entity.primary && column.kind == ColumnKind::Uuid && column.default.is_none() {
            *n_new_ids += 1;
            return Some((column, BindSource::NewId(*n_new_ids - 1)));
        }
        input::default(column).map(|source| (column, source))
    };
    columns.filter_map(value).collect()
}

fn write_values(
    env: &Env<'_>,
    state: &mut State,
    values: &[(&Column, BindSource)],
    connects: &[Connected<'_, '_>],
    data: &Data<'_>,
) {
    if values.is_empty() && connects.is_empty() {
        state.sql.syntax(" DEFAULT VALUES");
        return;
    }
    let names =
        values.iter().map(|(column, _)| &column.column).chain(data.connects.iter().map(|connect| &connect.joining.column));
    state.sql.syntax(" (");
    for (index, name) in names.enumerate() {
        state.sql.syntax(if index == 0 { "" } else { ", " }).ident(name);
    }
    state.sql.syntax(") SELECT ");
    for (index, (column, source)) in values.iter().enumerate() {
        state.sql.syntax(if index == 0 { "" } else { ", " });
        write_stored(env.schema, &mut state.sql, column, source.clone());
    }
    for (index, connected) in connects.iter().enumerate() {
        state.sql.syntax(if index == 0 && values.is_empty() { "" } else { ", " });
        connecting::write_key(state, connected);
    }
}
