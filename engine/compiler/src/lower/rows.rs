//! Lists and objects as PostgreSQL's own arrays and records, which the engine turns into JSON ([`Output`]).
//!
//! What every selection is made of goes this way: columns, and rows related to rows. Everything else writes JSON in SQL and is a value here.

use freehold_schema::model::ColumnKind;
use freehold_schema::names::FieldName;

use super::columns::{write_value, write_view_id};
use super::ordering::write_masked;
use super::reading::{unsupported, write_field};
use super::relations::{self, One, Rows, write_list_source, write_source};
use super::{Env, Refused, Row, State, clauses, encrypted, images, response_column, write_where};
use crate::api::Meaning;
use crate::cipher::EncryptedCell;
use crate::output::Output;
use crate::selection::Selected;
use crate::sql::Alias;

/// Writes an array of records.
pub(super) fn write_list<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected) -> Result<Output, Refused> {
    state.sql.syntax("ARRAY(SELECT ");
    let item = write_items(env, state, rows, field)?;
    state.sql.syntax(")");
    Ok(Output::List(Box::new(item)))
}

/// Writes `record FROM …`, with the records of a list.
pub(super) fn write_items<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected) -> Result<Output, Refused> {
    let alias = state.sql.next_alias();
    state.sql.track(alias);
    let row = Row { entity: rows.entity, alias, access: rows.access };
    let item = write_record(env, state, row, &field.type_name, field.selections.fields())?;
    write_list_source(env, state, rows, alias);
    Ok(item)
}

/// Writes the record of the only row; NULL when there is none.
pub(super) fn write_object<'a>(env: &Env<'a>, state: &mut State, one: &One<'a>, field: &Selected) -> Result<Output, Refused> {
    let One { rows, limited } = one;
    let alias = state.sql.next_alias();
    state.sql.syntax("(SELECT ");
    let row = Row { entity: rows.entity, alias, access: rows.access };
    let output = write_record(env, state, row, &field.type_name, field.selections.fields())?;
    write_source(env, state, rows, alias);
    state.sql.syntax(if *limited { " LIMIT 1)" } else { ")" });
    Ok(output)
}

/// Writes the record of the row that a statement changes, where it says what it returns. When the caller may not see it, or the field's `filter` may leave it out, a record with that record.
pub(super) fn write_changed<'a>(
    env: &Env<'a>,
    state: &mut State,
    rows: &Rows<'a>,
    changed: Alias,
    field: &Selected,
) -> Result<Output, Refused> {
    let is_seen = clauses::Clause::all([clauses::visible(env, rows.access, rows.entity), rows.arguments.filter.clone()]);
    let row = Row { entity: rows.entity, alias: changed, access: rows.access };
    if is_seen.is_always() {
        return write_record(env, state, row, &field.type_name, field.selections.fields());
    }
    write_only(state, |state| {
        state.sql.syntax("(SELECT ");
        let output = write_record(env, state, row, &field.type_name, field.selections.fields())?;
        write_where(env, state, changed, [is_seen]);
        state.sql.syntax(")");
        Ok(output)
    })
}

/// Writes a record around the value that `write` writes: NULL may be in it where it may not be, and values of any types may be in one column.
pub(crate) fn write_only(
    state: &mut State,
    write: impl FnOnce(&mut State) -> Result<Output, Refused>,
) -> Result<Output, Refused> {
    state.sql.syntax("ROW(");
    let output = write(state)?;
    state.sql.syntax(")");
    Ok(Output::Only(Box::new(output)))
}

fn write_record<'a>(
    env: &Env<'a>,
    state: &mut State,
    row: Row<'a>,
    type_name: &str,
    fields: &[Selected],
) -> Result<Output, Refused> {
    let (mut members, mut n_values) = (Vec::with_capacity(fields.len()), 0);
    state.sql.syntax("ROW(");
    for field in fields {
        // Checked although no column has the name here: what is refused does not depend on where JSON is made.
        response_column(&field.key, field.pos)?;
        let output = if field.meaning == Meaning::Typename {
            Output::Constant(format!("\"{type_name}\""))
        } else {
            state.sql.syntax(if n_values == 0 { "" } else { ", " });
            n_values += 1;
            write_member(env, state, row, field)?
        };
        members.push((field.key.clone(), output));
    }
    state.sql.syntax(")");
    Ok(Output::Object(members))
}

fn write_member<'a>(env: &Env<'a>, state: &mut State, row: Row<'a>, field: &Selected) -> Result<Output, Refused> {
    let one = match &field.meaning {
        Meaning::HasMany(name) => {
            let Some(rows) = relations::many(env, row, name, field)? else { return Ok(nothing(state, "'[]'::json")) };
            return write_list(env, state, &rows, field);
        }
        Meaning::Column(name) => return write_column(env, state, row, name, field),
        Meaning::HasOne(name) => relations::one(env, row, name, field)?,
        Meaning::ReducedHasMany(name) => relations::reduced(env, row, name, field)?,
        _ => return write_field(env, state, row, field).map(|()| Output::Json),
    };
    match one {
        Some(one) => write_object(env, state, &one, field),
        None => Ok(nothing(state, "NULL::json")),
    }
}

fn nothing(state: &mut State, json: &'static str) -> Output {
    state.sql.syntax(json);
    Output::Json
}

fn write_column<'a>(
    env: &Env<'a>,
    state: &mut State,
    row: Row<'a>,
    name: &FieldName,
    field: &Selected,
) -> Result<Output, Refused> {
    let column = row.entity.column(name.as_str()).ok_or_else(|| unsupported(field))?;
    let readable = clauses::readable(env, row.access, row.entity, name.as_str());
    if readable.is_never() {
        return Ok(nothing(state, "NULL"));
    }
    let mut outcome = Ok(Output::Json);
    write_masked(env, state, row.alias, &readable, |state| {
        outcome = if let Some(cell) = EncryptedCell::of(row.entity, column) {
            encrypted::write_cell(state, row, column, cell);
            Ok(Output::Text)
        } else if column.kind == ColumnKind::StoredImage {
            images::write_image(state, row.alias, &column.column, field).map(|()| Output::Json)
        } else if row.entity.has_random_ids() && *name == row.entity.primary {
            write_view_id(&mut state.sql, row.alias, column);
            Ok(Output::Text)
        } else {
            Ok(write_value(&env.schema.settings, &mut state.sql, row.alias, column))
        };
    });
    outcome
}
