//! Rules of an update that look at fields which the caller did not give: these are read from the row, before anything is written.
//!
//! A field that the caller may not read counts as unknown, and a rule that needs it holds: otherwise he could find out by trying what is in it.

use std::sync::Arc;

use freehold_schema::model::{Entity, Field, FieldKind};

use super::checking::Unknown;
use super::program::{Place, Program};
use super::{Answer, has_key};
use crate::bind::BindSource;
use crate::lower::clauses::{self, Clause};
use crate::lower::columns::write_output;
use crate::lower::{Env, State, write_masked, write_where};
use crate::permissions::Access;
use crate::plan::RowChecks;
use crate::sql::Alias;

/// A field of a row as it is.
#[derive(Debug)]
pub(crate) struct Stored<'a> {
    entity: &'a Entity,
    field: &'a Field,
    /// What finds the row.
    found: Clause<'a>,
    readable: Clause<'a>,
    /// Of the text that tells.
    name: Arc<str>,
}

impl<'a> Stored<'a> {
    /// Those of the row's fields that the rules look at and that may be read, if only of some rows.
    pub(super) fn of(
        env: &Env<'a>,
        entity: &'a Entity,
        found: &Clause<'a>,
        unknown: &Unknown<'a>,
        mut next_name: impl FnMut() -> Arc<str>,
    ) -> Vec<Self> {
        let fields = unknown.fields.iter().filter(|field| is_stored(field)).filter_map(|field| {
            let readable = clauses::readable(env, Access::Root, entity, field.name.as_str());
            (!readable.is_never()).then(|| Self { entity, field, found: found.clone(), readable, name: next_name() })
        });
        fields.collect()
    }

    /// Writes it as the text of JSON; NULL when there is no such row, or its field may not be read.
    pub fn write(&self, env: &Env<'a>, state: &mut State) {
        let alias = state.sql.next_alias();
        state.sql.syntax("(SELECT ");
        write_masked(env, state, alias, &self.readable, |state| write_json(env, state, alias, self.field));
        state.sql.syntax(" FROM ").content(&self.entity.table).syntax(" ").alias(alias);
        write_where(env, state, alias, [self.found.clone()]);
        state.sql.syntax(")");
    }
}

/// The rules, to be judged when these fields are known.
pub(super) fn rules<'a>(unknown: Unknown<'a>, stored: &[Stored<'a>], place: &Place) -> RowChecks {
    let stored = stored.iter().map(|stored| (stored.field.name.clone(), stored.name.clone())).collect();
    RowChecks { path: place.path.clone(), values: unknown.values, stored, checks: unknown.checks }
}

/// Reads what is unknown of the row with this key, and judges.
pub(super) fn judge<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: &BindSource,
    unknown: Unknown<'a>,
    place: &Place,
) {
    let env = program.env;
    let stored = Stored::of(env, entity, &has_key(entity, row.clone()), &unknown, || program.next_row());
    if stored.is_empty() {
        return;
    }
    let mut state = State::new(env, &[]);
    let mut answer = Answer::begin(&mut state);
    for field in &stored {
        answer.text(&mut state, &field.name, |state| field.write(env, state));
    }
    let kind = answer.finish(env, &mut state, entity);
    program.push(place, state, kind);
    program.judge(place, rules(unknown, &stored, place));
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
