//! The row as a write would leave it.
//!
//! Permissions are judged on it before anything is written. Otherwise the database would tell first that a unique key is taken, also to a caller who may
//! not write such a row at all: he could find out which rows exist where he must not look.

use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, Entity, FieldKind};

use super::connecting::Connected;
use super::values::Values;
use crate::lower::clauses::Clause;
use crate::lower::columns::write_null;
use crate::lower::{Env, State, write_where};
use crate::sql::Alias;

/// What a write changes, and the row that it changes.
pub(super) struct Proposal<'p, 'c, 'a> {
    pub values: &'p Values<'a>,
    pub connected: &'p [Connected<'c, 'a>],
    /// The row as it is; None when it is new. What the database generates is then NULL.
    pub old: Option<Alias>,
}

/// Writes `EXISTS (SELECT 1 FROM (the row to be) WHERE …)`: it satisfies the clause. Only the columns that the clause looks at are made.
pub(super) fn write_permitted(
    env: &Env<'_>,
    state: &mut State,
    entity: &Entity,
    proposal: &Proposal<'_, '_, '_>,
    permitted: &Clause<'_>,
) {
    let proposed = state.sql.next_alias();
    state.sql.syntax("EXISTS (SELECT 1 FROM (SELECT ");
    let start = state.sql.mark();
    state.sql.track(proposed);
    write_where(env, state, proposed, [permitted.clone()]);
    let condition = state.sql.cut(start);
    for (index, name) in state.sql.tracked(proposed).iter().enumerate() {
        state.sql.syntax(if index == 0 { "" } else { ", " });
        write_cell(env, state, entity, proposal, name);
        state.sql.syntax(" AS ").ident(name);
    }
    state.sql.syntax(") ").alias(proposed).paste(condition).syntax(")");
}

/// The value that the column of this name will have.
fn write_cell(env: &Env<'_>, state: &mut State, entity: &Entity, proposal: &Proposal<'_, '_, '_>, name: &Ident) {
    if let Some(assignment) = proposal.values.assignments.iter().find(|assignment| assignment.name == name) {
        assignment.write(env, state, proposal.connected);
    } else if let Some(old) = proposal.old {
        state.sql.column(old, name);
    } else {
        write_null(env.schema, &mut state.sql, type_of(env, entity, name));
    }
}

/// A column with the type of the one of this name: a foreign key has its target's.
fn type_of<'a>(env: &Env<'a>, entity: &'a Entity, name: &Ident) -> &'a Column {
    let found = entity.fields.values().find_map(|field| match &field.kind {
        FieldKind::Column(column) => (column.column == *name).then_some(column),
        FieldKind::Relation(relation) => relation
            .joining_column()
            .filter(|joining| joining.column == *name)
            .map(|_| env.entity(relation.target.as_str()).primary_column()),
    });
    found.expect("a clause looks at columns of its entity")
}
