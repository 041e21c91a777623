//! `_meta`: what may be done with each field of a row (content API, section 3.4).

use freehold_schema::acl::OperationKind;
use freehold_schema::names::FieldName;

use super::clauses::{self, Clause};
use super::filtering::{Context, write_clause};
use super::reading::{unsupported, write_members};
use super::{Env, Refused, Row, State};
use crate::api::Meaning;
use crate::permissions::Access;
use crate::selection::Selected;

/// Writes the object of `_meta`.
pub(super) fn write_meta<'a>(env: &Env<'a>, state: &mut State, row: Row<'a>, field: &Selected) -> Result<(), Refused> {
    let json = state.sql.next_alias();
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        match &part.meaning {
            // The contract: nothing is said about the key.
            Meaning::MetaOf(name) if *name == row.entity.primary => drop(state.sql.syntax("NULL::json")),
            Meaning::MetaOf(name) => write_field_meta(env, state, row, name, part)?,
            _ => return Err(unsupported(part)),
        }
        Ok(())
    })?;
    state.sql.syntax(") ").alias(json).syntax(")");
    Ok(())
}

fn write_field_meta<'a>(
    env: &Env<'a>,
    state: &mut State,
    row: Row<'a>,
    name: &FieldName,
    field: &Selected,
) -> Result<(), Refused> {
    let json = state.sql.next_alias();
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        match &part.meaning {
            Meaning::MetaReadable => {
                let readable = clauses::readable(env, row.access, row.entity, name.as_str());
                write_flag(env, state, row, &readable);
            }
            Meaning::MetaUpdatable => {
                let rule = env.permissions.field(Access::Root, row.entity.name.as_str(), OperationKind::Update, name.as_str());
                let updatable = if rule == env.row_rule(row.access, row.entity) {
                    clauses::ALWAYS
                } else {
                    clauses::of_rule(env, row.entity, rule)
                };
                write_flag(env, state, row, &updatable);
            }
            _ => return Err(unsupported(part)),
        }
        Ok(())
    })?;
    state.sql.syntax(") ").alias(json).syntax(")");
    Ok(())
}

fn write_flag(env: &Env<'_>, state: &mut State, row: Row<'_>, clause: &Clause<'_>) {
    match clause {
        Clause::Constant(truth) => drop(state.sql.syntax(if *truth == Some(true) { "true" } else { "false" })),
        clause => {
            state.sql.syntax("(");
            write_clause(env, state, row.alias, clause, Context::Holds);
            state.sql.syntax(") IS TRUE");
        }
    }
}
