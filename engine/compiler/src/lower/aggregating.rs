//! Aggregates: counts, sums, means and extremes of many rows (content API, "Beyond the recorded contract").
//!
//! Three levels stand inside each other. The innermost has the rows' cells, NULL where they may not be read; the next one what is made of all of them; the
//! outermost writes the object that the selection asks for. That one comes first in the text, and tells the others what is needed.

use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, ColumnKind, Entity};
use freehold_schema::names::FieldName;
use indexmap::{IndexMap, IndexSet};

use super::clauses::{self, Cell};
use super::columns::{is_naive, write_single, write_view_id};
use super::links::Link;
use super::ordering::{Hops, column_hop, relation_hop, write_hops};
use super::paginating::write_pairs;
use super::reading::{unsupported, write_members};
use super::relations::{Rows, write_source};
use super::{Env, Refused, State};
use crate::api::{AggregateFunction, DatePart, Meaning};
use crate::error::ErrorCode;
use crate::permissions::Access;
use crate::selection::{Pos, Selected};
use crate::sql::{Alias, SqlWriter};

/// What is needed of some rows, each thing once.
#[derive(Debug)]
pub(super) struct Needed<'r, 'a> {
    rows: &'r Rows<'a>,
    cells: IndexMap<FieldName, Hops<'a>>,
    values: IndexSet<Value>,
}

/// Something that is made of rows; cells by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Count,
    Function(AggregateFunction, usize),
    /// What the rows are grouped by.
    Key(usize, Option<DatePart>),
}

/// PostgreSQL refuses a SELECT with more columns (its `MaxTupleAttributeNumber`).
const MAX_VALUES: usize = 1_664;

impl<'r, 'a> Needed<'r, 'a> {
    pub fn of(rows: &'r Rows<'a>) -> Self {
        Self { rows, cells: IndexMap::new(), values: IndexSet::new() }
    }

    /// The place of a value among all, counted from 1.
    pub fn place(&mut self, value: Value) -> usize {
        self.values.insert_full(value).0 + 1
    }

    /// The number of a cell.
    pub fn cell(&mut self, env: &Env<'a>, field: &FieldName) -> usize {
        let (entity, access) = (self.rows.entity, self.rows.access);
        let entry = self.cells.entry(field.clone());
        let number = entry.index();
        entry.or_insert_with(|| cell(env, access, entity, field.as_str()));
        number
    }

    /// Writes `SELECT values FROM (SELECT cells FROM rows)`.
    pub fn write(&mut self, env: &Env<'a>, state: &mut State, pos: Pos) -> Result<(), Refused> {
        // Without any aggregate there would be one row for each row.
        if self.values.is_empty() {
            self.place(Value::Count);
        }
        if self.values.len() > MAX_VALUES {
            let message = format!("{} values are asked of the same rows, allowed are {MAX_VALUES}", self.values.len());
            return Err(Refused::new(message, ErrorCode::TooComplex, pos));
        }
        let (cells, source) = (state.sql.next_alias(), state.sql.next_alias());
        for (index, value) in self.values.iter().enumerate() {
            state.sql.syntax(if index == 0 { "SELECT " } else { ", " });
            self.write_value(&mut state.sql, cells, *value);
            state.sql.syntax(" AS ").ident(&value_name(index + 1));
        }
        state.sql.syntax(" FROM (SELECT");
        let entity = self.rows.entity;
        for (index, (field, hops)) in self.cells.iter().enumerate() {
            state.sql.syntax(if index == 0 { " " } else { ", " });
            if entity.has_random_ids() && *field == entity.primary {
                write_view_id(&mut state.sql, source, entity.primary_column());
            } else {
                write_hops(env, state, source, hops);
            }
            state.sql.syntax(" AS ").ident(&cell_name(index));
        }
        if !self.cells.is_empty() || !write_pairs(env, state, self.rows, source) {
            write_source(env, state, self.rows, source);
        }
        state.sql.syntax(") ").alias(cells);
        Ok(())
    }

    fn write_value(&self, sql: &mut SqlWriter, cells: Alias, value: Value) {
        match value {
            Value::Count => drop(sql.syntax("count(*)")),
            Value::Key(cell, None) => drop(sql.column(cells, &cell_name(cell))),
            Value::Key(cell, Some(part)) => self.write_part(sql, cells, cell, part),
            Value::Function(function, cell) => {
                sql.syntax(match function {
                    AggregateFunction::CountOf => "count(",
                    AggregateFunction::CountDistinct => "count(DISTINCT ",
                    AggregateFunction::Sum => "sum(",
                    AggregateFunction::Avg => "avg(",
                    AggregateFunction::Min => "min(",
                    AggregateFunction::Max => "max(",
                });
                self.write_operand(sql, cells, function, cell);
                sql.syntax(")");
            }
        }
    }

    /// Writes what a function is applied to.
    fn write_operand(&self, sql: &mut SqlWriter, cells: Alias, function: AggregateFunction, cell: usize) {
        let name = cell_name(cell);
        sql.column(cells, &name);
        let Some(column) = self.column(cell) else { return };
        match (function, &column.kind) {
            // The last digits of a sum of floats depend on which comes first. In the order of the table's pages, that would tell about changes of what cannot be read.
            (AggregateFunction::Sum | AggregateFunction::Avg, ColumnKind::Double) => {
                sql.syntax("::double precision ORDER BY ").column(cells, &name);
            }
            (
                AggregateFunction::CountOf
                | AggregateFunction::CountDistinct
                | AggregateFunction::Sum
                | AggregateFunction::Avg
                | AggregateFunction::Min
                | AggregateFunction::Max,
                _,
            ) => {}
        }
    }

    /// Writes the first day of the day, month or year that holds the cell's instant, in UTC as in answers.
    fn write_part(&self, sql: &mut SqlWriter, cells: Alias, cell: usize, part: DatePart) {
        sql.syntax(match part {
            DatePart::Day => "date_trunc('day', ",
            DatePart::Month => "date_trunc('month', ",
            DatePart::Year => "date_trunc('year', ",
        });
        sql.column(cells, &cell_name(cell));
        let has_zone = self.column(cell).is_some_and(|column| column.kind == ColumnKind::DateTime && !is_naive(column));
        sql.syntax(if has_zone { " AT TIME ZONE 'UTC')::date" } else { "::timestamp)::date" });
    }

    fn column(&self, cell: usize) -> Option<&'a Column> {
        self.rows.entity.column(self.cells.get_index(cell)?.0.as_str())
    }
}

/// What a field is in each row: a column's value, or the key of the row that a has-one relation shows.
fn cell<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, name: &str) -> Hops<'a> {
    let Some(relation) = entity.relation(name) else {
        let column = entity.column(name).expect("a field is a column or a relation");
        return column_hop(env, access, entity, name, column);
    };
    let target = env.entity(relation.target.as_str());
    let (link, key) = (Link::of(env, entity, relation), target.primary_column());
    if link.holds_key(entity, target) && env.row_rule(Access::Relation, target).is_always() {
        let readable = clauses::readable(env, access, entity, name);
        let (field, cell) = (&entity.fields[name].name, Cell { name: link.near, column: key });
        return Hops::Column { field, cell, readable, primary: false, never_null: false };
    }
    relation_hop(env, access, entity, name, column_hop(env, Access::Relation, target, target.primary.as_str(), key))
}

/// The name of a value in SQL, by its place.
pub(super) fn value_name(place: usize) -> Ident {
    Ident::new(&format!("a{place}")).expect("a short name")
}

fn cell_name(number: usize) -> Ident {
    Ident::new(&format!("c{}", number + 1)).expect("a short name")
}

/// Writes the object of an aggregate as JSON; never NULL.
pub(super) fn write_aggregate<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected) -> Result<(), Refused> {
    let (json, values) = (state.sql.next_alias(), state.sql.next_alias());
    let mut needed = Needed::of(rows);
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        write_member(env, state, &mut needed, values, part)
    })?;
    state.sql.syntax(" FROM (");
    needed.write(env, state, field.pos)?;
    state.sql.syntax(") ").alias(values).syntax(") ").alias(json).syntax(")");
    Ok(())
}

/// Writes a member of an aggregate or a group.
pub(super) fn write_member<'a>(
    env: &Env<'a>,
    state: &mut State,
    needed: &mut Needed<'_, 'a>,
    values: Alias,
    field: &Selected,
) -> Result<(), Refused> {
    match &field.meaning {
        Meaning::Count => drop(state.sql.column(values, &value_name(needed.place(Value::Count)))),
        Meaning::Function(function) => write_nested(state, field, |state, part| {
            let Meaning::FunctionOf(name) = &part.meaning else { return Err(unsupported(part)) };
            let cell = needed.cell(env, name);
            let value = value_name(needed.place(Value::Function(*function, cell)));
            write_result(env, &mut state.sql, values, &value, *function, needed.column(cell));
            Ok(())
        })?,
        _ => return Err(unsupported(field)),
    }
    Ok(())
}

/// Writes an object whose members are made by `write`.
pub(super) fn write_nested(
    state: &mut State,
    field: &Selected,
    write: impl FnMut(&mut State, &Selected) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let json = state.sql.next_alias();
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), write)?;
    state.sql.syntax(") ").alias(json).syntax(")");
    Ok(())
}

/// Writes a function's result as it stands in an answer.
fn write_result(
    env: &Env<'_>,
    sql: &mut SqlWriter,
    values: Alias,
    value: &Ident,
    function: AggregateFunction,
    column: Option<&Column>,
) {
    match (function, column) {
        (AggregateFunction::Min | AggregateFunction::Max, Some(column)) => {
            write_single(&env.schema.settings, sql, column, values, value);
        }
        (AggregateFunction::Sum, Some(column)) if column.kind != ColumnKind::Double => {
            sql.column(values, value).syntax("::text");
        }
        // A mean has 16 digits behind the point, most of them zeros.
        (AggregateFunction::Avg, Some(column)) if column.kind != ColumnKind::Double => {
            sql.syntax("trim_scale(").column(values, value).syntax(")::text");
        }
        (
            AggregateFunction::CountOf
            | AggregateFunction::CountDistinct
            | AggregateFunction::Sum
            | AggregateFunction::Avg
            | AggregateFunction::Min
            | AggregateFunction::Max,
            _,
        ) => drop(sql.column(values, value)),
    }
}
