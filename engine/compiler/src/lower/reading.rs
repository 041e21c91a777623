//! Root fields that read, and the fields of an object.

use freehold_schema::model::{ColumnKind, Entity};
use freehold_schema::names::EntityName;

use super::clauses;
use super::columns::{write_output, write_view_id};
use super::ordering::write_masked;
use super::relations::{Arguments, One, Origin, Rows, write_source};
use super::{
    Env, Refused, Row, State, aggregating, encrypted, grouping, images, meta, paginating, relations, response_column, rows,
    uniques,
};
use crate::api::Meaning;
use crate::cipher::EncryptedCell;
use crate::error::ErrorCode;
use crate::output::Output;
use crate::permissions::Access;
use crate::selection::{Input, Selected};
use crate::sql::Alias;

/// Writes one root field's value; what it is, is the answer.
pub(crate) fn write_root<'a>(env: &Env<'a>, state: &mut State, field: &Selected) -> Result<Output, Refused> {
    match &field.meaning {
        Meaning::Get(entity) => {
            let entity = env.entity(entity.as_str());
            let by = field.arguments.get("by").unwrap_or(&Input::Null);
            let by = uniques::unique_filter(env, entity, by, None, field.pos)?;
            let found = clauses::requested(env, Access::Root, entity, &by);
            write_found(env, state, entity, found, field)
        }
        Meaning::List(entity) => rows::write_list(env, state, &root_rows(env, entity, field)?, field),
        Meaning::Paginate(entity) => {
            paginating::write_connection(env, state, &root_rows(env, entity, field)?, field)?;
            Ok(Output::Json)
        }
        Meaning::Aggregate(entity) => {
            let entity = env.entity(entity.as_str());
            let arguments = Arguments::filtered(env, Access::Root, entity, field)?;
            let rows = Rows { entity, access: Access::Root, origin: Origin::Root, arguments };
            aggregating::write_aggregate(env, state, &rows, field)?;
            Ok(Output::Json)
        }
        Meaning::Group(entity) => {
            let entity = env.entity(entity.as_str());
            let arguments = Arguments::bounded(env, Access::Root, entity, field)?;
            let rows = Rows { entity, access: Access::Root, origin: Origin::Root, arguments };
            grouping::write_groups(env, state, &rows, field)?;
            Ok(Output::Json)
        }
        _ => Err(unsupported(field)),
    }
}

/// Writes the rows of a list that is a statement's only root field, behind `SELECT … `; what each row's value is, is the answer.
pub(crate) fn write_items<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &EntityName,
    field: &Selected,
) -> Result<Output, Refused> {
    rows::write_items(env, state, &root_rows(env, entity, field)?, field)
}

fn root_rows<'a>(env: &Env<'a>, entity: &EntityName, field: &Selected) -> Result<Rows<'a>, Refused> {
    let entity = env.entity(entity.as_str());
    let arguments = Arguments::of(env, Access::Root, entity, &entity.order_by, field)?;
    Ok(Rows { entity, access: Access::Root, origin: Origin::Root, arguments })
}

/// Writes the object of the one row that `found` and the field's `filter` leave, as JSON; NULL when there is none.
pub(crate) fn write_one<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    found: clauses::Clause<'a>,
    field: &Selected,
) -> Result<(), Refused> {
    write_object(env, state, &found_row(env, entity, found, field)?, field)
}

/// The same of the only row that the statement has under a name.
pub(crate) fn write_named<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    named: Alias,
    field: &Selected,
) -> Result<(), Refused> {
    let One { rows, .. } = found_row(env, entity, clauses::ALWAYS, field)?;
    let one = One { rows: Rows { origin: Origin::Named(named), ..rows }, limited: false };
    write_object(env, state, &one, field)
}

/// Writes the object of the row that `found` and the field's `filter` leave, as a record; NULL when there is none.
pub(crate) fn write_found<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    found: clauses::Clause<'a>,
    field: &Selected,
) -> Result<Output, Refused> {
    rows::write_object(env, state, &found_row(env, entity, found, field)?, field)
}

/// The same of the row that a statement changes, where it says what it returns.
pub(crate) fn write_changed<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    changed: Alias,
    field: &Selected,
) -> Result<Output, Refused> {
    rows::write_changed(env, state, &found_row(env, entity, clauses::ALWAYS, field)?.rows, changed, field)
}

fn found_row<'a>(env: &Env<'a>, entity: &'a Entity, found: clauses::Clause<'a>, field: &Selected) -> Result<One<'a>, Refused> {
    let mut arguments = Arguments::filtered(env, Access::Root, entity, field)?;
    arguments.filter = clauses::Clause::all([found, arguments.filter]);
    let rows = Rows { entity, access: Access::Root, origin: Origin::Root, arguments };
    Ok(One { rows, limited: entity.view.is_some() })
}

/// Writes the object of the only row as JSON.
pub(super) fn write_object<'a>(env: &Env<'a>, state: &mut State, one: &One<'a>, field: &Selected) -> Result<(), Refused> {
    let One { rows, limited } = one;
    let (json, alias) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    if let Origin::Named(_) = rows.origin {
        state.new_row = Some(alias);
        state.sql.track(alias);
    }
    let row = Row { entity: rows.entity, alias, access: rows.access };
    write_fields(env, state, row, &field.type_name, field.selections.fields())?;
    write_source(env, state, rows, alias);
    if let Origin::Named(named) = rows.origin {
        let columns = state.sql.tracked(alias);
        state.sql.also_tracked(named, columns);
    }
    state.sql.syntax(if *limited { " LIMIT 1) " } else { ") " }).alias(json).syntax(")");
    Ok(())
}

/// Writes `value AS "key", …` for the fields of an object.
pub(super) fn write_fields<'a>(
    env: &Env<'a>,
    state: &mut State,
    row: Row<'a>,
    type_name: &str,
    fields: &[Selected],
) -> Result<(), Refused> {
    write_members(state, type_name, fields, |state, field| write_field(env, state, row, field))
}

/// Writes `value AS "key", …` for the members of an object of this type. `__typename` is written here, every other value by `write`.
pub(super) fn write_members(
    state: &mut State,
    type_name: &str,
    members: &[Selected],
    mut write: impl FnMut(&mut State, &Selected) -> Result<(), Refused>,
) -> Result<(), Refused> {
    for (index, member) in members.iter().enumerate() {
        state.sql.syntax(if index == 0 { "" } else { ", " });
        match member.meaning {
            Meaning::Typename => drop(state.sql.word_literal(type_name).syntax("::text")),
            _ => write(state, member)?,
        }
        state.sql.syntax(" AS ").ident(&response_column(&member.key, member.pos)?);
    }
    Ok(())
}

/// Writes one field of an object as JSON, or as what `row_to_json` makes into the right JSON.
pub(super) fn write_field<'a>(env: &Env<'a>, state: &mut State, row: Row<'a>, field: &Selected) -> Result<(), Refused> {
    match &field.meaning {
        Meaning::Column(name) => {
            let column = row.entity.column(name.as_str()).ok_or_else(|| unsupported(field))?;
            let readable = clauses::readable(env, row.access, row.entity, name.as_str());
            if readable.is_never() {
                state.sql.syntax("NULL");
                return Ok(());
            }
            let mut outcome = Ok(());
            write_masked(env, state, row.alias, &readable, |state| {
                if let Some(cell) = EncryptedCell::of(row.entity, column) {
                    encrypted::write_cell(state, row, column, cell);
                } else if column.kind == ColumnKind::StoredImage {
                    outcome = images::write_image(state, row.alias, &column.column, field);
                } else if row.entity.has_random_ids() && *name == row.entity.primary {
                    write_view_id(&mut state.sql, row.alias, column);
                } else {
                    write_output(&env.schema.settings, &mut state.sql, row.alias, column);
                }
            });
            outcome
        }
        Meaning::HasOne(name) => relations::write_has_one(env, state, row, name, field),
        Meaning::HasMany(name) => relations::write_has_many(env, state, row, name, field),
        Meaning::ReducedHasMany(name) => relations::write_reduced(env, state, row, name, field),
        Meaning::PaginateHasMany(name) => relations::write_connection(env, state, row, name, field),
        Meaning::AggregateHasMany(name) => relations::write_aggregate(env, state, row, name, field),
        Meaning::GroupHasMany(name) => relations::write_groups(env, state, row, name, field),
        Meaning::Meta => meta::write_meta(env, state, row, field),
        _ => Err(unsupported(field)),
    }
}

/// A field that has no meaning at its place, or none yet.
pub(super) fn unsupported(field: &Selected) -> Refused {
    Refused::new(format!("field `{}` is not offered yet", field.name), ErrorCode::NotSupported, field.pos)
}
