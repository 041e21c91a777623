//! `create`, at the root and below.

use std::sync::Arc;

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{ColumnKind, Entity, FieldKind};

use super::checking;
use super::connecting::{self, Connected};
use super::input::Data;
use super::linking::{self, Linked};
use super::nesting::{self, Parent};
use super::program::{Place, Program};
use super::proposing::{Proposal, write_permitted};
use super::values::Values;
use super::{Answer, not_found, owning, returning, write_returning};
use crate::bind::BindSource;
use crate::lower::clauses::Clause;
use crate::lower::{Env, Refused, State, reading};
use crate::sql::Alias;

/// Creates a row, and what is below it; its key. A row that refers to a `parent` gets that one's key.
pub(super) fn create<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    data: &Data<'a>,
    parent: Option<&Parent<'a>>,
    place: &Place,
) -> Result<BindSource, Refused> {
    let values = values(program, entity, data, parent, place)?;
    let is_flat = data.is_flat(program.env, entity);
    let links = if is_flat { linking::read(program, entity, data, place) } else { Vec::new() };
    let row = program.next_row();
    insert(program, entity, &values, &links, &row, place)?;
    let row = BindSource::Step(row);
    if !is_flat {
        nesting::below(program, entity, &row, data, place)?;
    }
    Ok(row)
}

/// What the new row will have, after the steps that must come before it.
pub(super) fn values<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    data: &Data<'a>,
    parent: Option<&Parent<'a>>,
    place: &Place,
) -> Result<Values<'a>, Refused> {
    let mut values = columns(program, entity, data);
    if let Some(parent) = parent {
        values.point(parent.field, parent.joining, parent.entity, parent.key.clone());
    }
    owning::on_create(program, entity, data, place, &mut values)?;
    Ok(values)
}

/// Columns of the new row: those given, defaults, and a new key.
fn columns<'a>(program: &mut Program<'_, 'a>, entity: &'a Entity, data: &Data<'a>) -> Values<'a> {
    let mut values = Values { fields: data.columns.iter().map(|given| given.field).collect(), ..Values::default() };
    let key = key(program, entity, data);
    for field in entity.fields.values() {
        let FieldKind::Column(column) = &field.kind else { continue };
        let source = if field.name == entity.primary {
            key.clone()
        } else {
            data.source(&field.name).or_else(|| checking::default(column))
        };
        if let Some(source) = source {
            values.set(entity, column, key.as_ref(), source);
        }
    }
    values
}

/// The key of the new row; None when the database makes it.
fn key<'a>(program: &mut Program<'_, 'a>, entity: &'a Entity, data: &Data<'a>) -> Option<BindSource> {
    let column = entity.primary_column();
    match data.source(&entity.primary) {
        Some(source) => Some(source),
        None if column.kind == ColumnKind::Uuid => Some(program.new_id()),
        None => checking::default(column),
    }
}

/// Creates the row with these values by a statement of its own.
pub(super) fn insert<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    values: &Values<'a>,
    links: &[Linked<'a>],
    row: &Arc<str>,
    place: &Place,
) -> Result<(), Refused> {
    let env = program.env;
    let permitted = values.permitted(env, entity, OperationKind::Create);
    let has_values = !values.assignments.is_empty();
    // What may fail for one reason only.
    let is_plain = has_values && links.is_empty() && values.connects.len() <= 1 && values.are_whole(&permitted);
    if is_plain && returning::insert(program, entity, values, place)? {
        return Ok(());
    }
    let mut state = program.begin();
    state.sql.syntax("WITH ");
    let connected = connecting::write_connects(env, &mut state, entity, &values.connects, None);
    let linked = linking::write_lookups(env, &mut state, links);
    let new = state.sql.next_alias();
    state.sql.alias(new).syntax(" AS (INSERT INTO ").content(&entity.table);
    if has_values {
        state.sql.syntax(" ");
        values.write_columns(&mut state);
        state.sql.syntax(" ");
        write_row(env, &mut state, entity, values, &connected, &linked, &permitted);
    } else {
        // Nothing of it can be judged before the database has made it.
        state.sql.syntax(" DEFAULT VALUES");
    }
    let kind = write_returning(&mut state, new, |state| {
        linking::write_links(state, entity, new, links, &linked);
        state.sql.syntax(" ");
        let mut answer = Answer::begin(state);
        connecting::add_checks(env, state, &mut answer, &connected);
        linking::add_checks(env, state, &mut answer, links, &linked);
        answer.found(state, not_found(None, None), row, new, entity);
        if !permitted.is_always() {
            // Again on the row as it is now: with what the database put into it.
            answer.check_some(env, state, not_found(None, None), new, &permitted);
        }
        answer.is_whole = values.are_whole(&permitted) && (has_values || links.is_empty());
        let changed: Vec<&Ident> = std::iter::once(&entity.table).chain(links.iter().map(Linked::table)).collect();
        answer.node(program, state, &changed, |env, state, node| reading::write_named(env, state, entity, new, node))?;
        Ok(answer.finish_change(env, state, entity, &values.fields))
    })?;
    program.push(place, state, kind);
    Ok(())
}

/// Writes `SELECT value, … WHERE …`: the row, if what it is connected with is there and the rules allow it.
pub(super) fn write_row(
    env: &Env<'_>,
    state: &mut State,
    entity: &Entity,
    values: &Values<'_>,
    connected: &[Connected<'_, '_>],
    linked: &[Alias],
    permitted: &Clause<'_>,
) {
    values.write_select(env, state, connected);
    connecting::write_conditions(env, state, connected, false);
    let mut begun = !connected.is_empty();
    for found in linked {
        state.sql.syntax(if begun { " AND EXISTS (SELECT 1 FROM " } else { " WHERE EXISTS (SELECT 1 FROM " });
        state.sql.alias(*found).syntax(")");
        begun = true;
    }
    if !permitted.is_always() {
        state.sql.syntax(if begun { " AND " } else { " WHERE " });
        write_permitted(env, state, entity, &Proposal { values, connected, old: None }, permitted);
    }
}
