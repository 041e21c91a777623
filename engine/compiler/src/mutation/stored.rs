//! Rules of an update that look at fields which the caller did not give: these are read from the row, before anything is written.
//!
//! A field that the caller may not read counts as unknown, and a rule that needs it holds: otherwise he could find out by trying what is in it.

use freehold_schema::model::{Entity, Field, FieldKind};

use super::checking::Unknown;
use super::program::{Place, Program};
use super::{Answer, has_key};
use crate::bind::BindSource;
use crate::lower::columns::write_output;
use crate::lower::{Env, State, clauses, write_masked, write_where};
use crate::permissions::Access;
use crate::plan::RowChecks;
use crate::sql::Alias;

/// Reads what is unknown of the row with this key, and judges.
pub(super) fn judge<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: &BindSource,
    unknown: Unknown<'a>,
    place: &Place,
) {
    let env = program.env;
    let mut state = State::new(env, &[]);
    let mut answer = Answer::begin(&mut state);
    let mut stored = Vec::new();
    for field in unknown.fields.into_iter().filter(|field| is_stored(field)) {
        let readable = clauses::readable(env, Access::Root, entity, field.name.as_str());
        if readable.is_never() {
            continue;
        }
        let name = program.next_row();
        answer.text(&mut state, &name, |state| {
            let alias = state.sql.next_alias();
            state.sql.syntax("(SELECT ");
            write_masked(env, state, alias, &readable, |state| write_json(env, state, alias, field));
            state.sql.syntax(" FROM ").content(&entity.table).syntax(" ").alias(alias);
            write_where(env, state, alias, [has_key(entity, row.clone())]);
            state.sql.syntax(")");
        });
        stored.push((field.name.clone(), name));
    }
    if stored.is_empty() {
        return;
    }
    let kind = answer.finish(env, &mut state, entity);
    program.push(place, state, kind);
    program.judge(place, RowChecks { path: place.path.clone(), values: unknown.values, stored, checks: unknown.checks });
}

/// Whether the row's own table tells. What is encrypted there does not.
fn is_stored(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Column(column) => column.encryption.is_none(),
        FieldKind::Relation(relation) => relation.joining_column().is_some(),
    }
}

/// Writes a field as the text of JSON, as callers give it. A related row is known to be something.
fn write_json(env: &Env<'_>, state: &mut State, alias: Alias, field: &Field) {
    match &field.kind {
        FieldKind::Column(column) => {
            state.sql.syntax("coalesce(to_json(");
            write_output(&env.schema.settings, &mut state.sql, alias, column);
            state.sql.syntax(")::text, 'null')");
        }
        FieldKind::Relation(relation) => {
            let joining = relation.joining_column().expect("only fields that the table has are read");
            state.sql.syntax("CASE WHEN ").column(alias, &joining.column).syntax(" IS NULL THEN 'null' ELSE 'true' END");
        }
    }
}
