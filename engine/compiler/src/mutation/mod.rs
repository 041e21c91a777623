//! Writes: data-modifying statements that look up, check and change, and those that read the node (content API, sections 9 to 13).
//!
//! A write is a small program ([`crate::plan::Write`]) that [`crate::plan::Write::run`] interprets: whoever holds a connection runs its statements, nobody else
//! needs to know what they mean. `program.rs` collects its steps: each operation adds the statements of its own row, in the order of the contract, and
//! hands the keys of rows that were found or made to the steps after it.

mod batch;
mod checking;
mod connecting;
mod creating;
mod deferring;
mod deleting;
mod failures;
mod followers;
mod input;
mod inverse;
mod junctions;
mod linking;
mod lookups;
mod nesting;
mod owning;
mod program;
mod proposing;
mod result;
mod returning;
mod roots;
mod rows;
pub(crate) mod rules;
mod running;
mod stored;
#[cfg(test)]
mod tests;
mod updating;
mod validating;
mod values;

use std::sync::Arc;

use freehold_schema::acl::OperationKind;
use freehold_schema::filter::Operator;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, Relation, RelationKind};
use freehold_schema::names::FieldName;
use serde_json::json;

pub use failures::DatabaseError;
pub use result::member;
pub(crate) use roots::compile;
pub use running::{Failure, Fragment, Issue, Outcome, RunError, StatementError};
pub(crate) use validating::validation;

use crate::bind::{BindSource, BindType};
use crate::lower::clauses::{self, Cell, Clause};
use crate::lower::{Env, Refused, State, write_where};
use crate::permissions::Access;
use crate::plan::{Check, Message, MessagePart, PathFragment, StepKind, WriteError, WriteErrorKind};
use crate::selection::{Input, Selected};
use crate::sql::Alias;
use program::Program;

/// Member of a statement's answer with the result's node.
const NODE: &str = "node";

/// The row is missing, or the caller may not do this; the two must not be told apart.
fn not_found(field: Option<&FieldName>, message: Option<Message>) -> WriteError {
    WriteError { paths: path_of(field), kind: WriteErrorKind::NotFoundOrDenied, message }
}

/// A row would point at nothing that must point at something.
fn not_null(field: Option<&FieldName>) -> WriteError {
    WriteError { paths: path_of(field), kind: WriteErrorKind::NotNullConstraintViolation, message: None }
}

/// An incomplete key as an error of the write.
fn not_unique(refused: Refused) -> WriteError {
    WriteError { paths: Vec::new(), kind: WriteErrorKind::NonUniqueWhereInput, message: Some(refused.message) }
}

fn path_of(field: Option<&FieldName>) -> Vec<Vec<PathFragment>> {
    field.map(|field| vec![PathFragment::Field(field.clone())]).into_iter().collect()
}

/// `for input {…}`
fn for_input(input: &Input) -> Message {
    Message(vec![MessagePart::Text("for input ".to_owned()), MessagePart::Input(input.clone())])
}

/// The row with this key.
fn has_key(entity: &Entity, key: BindSource) -> Clause<'_> {
    let column = entity.primary_column();
    Clause::Compare(Cell { name: &column.column, column }, Operator::Eq, key)
}

/// The side of a relation that holds the foreign key or the junction.
fn owning_side<'a>(owner: &'a Entity, field: &FieldName) -> &'a Relation {
    owner.relation(field.as_str()).expect("a checked schema's inverse side names an owning side")
}

/// Whether the row that a foreign key holds is deleted when nothing holds it any more.
fn removes_orphans(owning: &Relation) -> bool {
    matches!(owning.kind, RelationKind::OneHasOneOwning { orphan_removal: true, .. })
}

/// Whether the row that a foreign key holds may not be without one that holds it.
fn must_be_held(owning: &Relation, target: &Entity) -> bool {
    let inverse = owning.other_side().and_then(|field| target.relation(field.as_str()));
    inverse.is_some_and(|inverse| matches!(inverse.kind, RelationKind::OneHasOneInverse { nullable: false, .. }))
}

/// What the rules of all given fields demand of a row.
fn permitted<'a>(env: &Env<'a>, entity: &'a Entity, operation: OperationKind, fields: &[&FieldName]) -> Clause<'a> {
    let rules = fields.iter().map(|field| env.permissions.field(Access::Root, entity.name.as_str(), operation, field.as_str()));
    let mut distinct = Vec::new();
    for rule in rules {
        if !distinct.contains(&rule) {
            distinct.push(rule);
        }
    }
    Clause::all(distinct.into_iter().map(|rule| clauses::of_rule(env, entity, rule)))
}

/// Collects what the final row of a change says: named conditions, keys and texts.
struct Answer {
    checks: Vec<Check>,
    n_written: usize,
    /// See [`StepKind::Change`].
    is_whole: bool,
    /// See [`StepKind::Change`].
    is_of_many: bool,
    /// See [`StepKind::Change`].
    has_node: bool,
    json: Alias,
}

impl Answer {
    /// Begins `SELECT 0 AS ordinal, row_to_json(…)::text AS json FROM (SELECT …`.
    fn begin(state: &mut State) -> Self {
        let json = state.sql.next_alias();
        state.sql.syntax("SELECT 0 AS ordinal, row_to_json(").alias(json).syntax(")::text AS json FROM (SELECT ");
        Self { checks: Vec::new(), n_written: 0, is_whole: false, is_of_many: false, has_node: false, json }
    }

    /// Adds a condition; `write` writes it.
    fn check(&mut self, state: &mut State, error: WriteError, write: impl FnOnce(&mut State)) {
        let name = Ident::new(&format!("check_{}", self.checks.len())).expect("a short name");
        self.separate(state);
        write(state);
        state.sql.syntax(" AS ").ident(&name);
        self.checks.push(Check { name, error });
    }

    /// Adds the condition that `rows` has a row, which satisfies `clause`.
    fn check_some(&mut self, env: &Env<'_>, state: &mut State, error: WriteError, rows: Alias, clause: &Clause<'_>) {
        self.check(state, error, |state| write_some(env, state, rows, clause));
    }

    /// Adds the condition that `n` of `rows` satisfy `clause`. When fewer do, it is not known which ones do not.
    fn check_many(&mut self, env: &Env<'_>, state: &mut State, n: usize, rows: Alias, clause: &Clause<'_>) {
        self.check(state, not_found(None, None), |state| {
            state.sql.syntax("(SELECT count(*) FROM ").alias(rows);
            write_where(env, state, rows, [clause.clone()]);
            state.sql.syntax(") = ").bind(BindSource::Literal(json!(n)), BindType::BigInt);
        });
        self.is_of_many = true;
    }

    /// Adds a text for messages and later steps.
    fn text(&mut self, state: &mut State, name: &str, write: impl FnOnce(&mut State)) {
        self.separate(state);
        write(state);
        state.sql.syntax(" AS ").ident(&Ident::new(name).expect("a short name"));
    }

    /// Adds the key of the row that `rows` has.
    fn key(&mut self, state: &mut State, name: &Arc<str>, rows: Alias, entity: &Entity) {
        self.text(state, name, |state| {
            let key = &entity.primary_column().column;
            state.sql.syntax("(SELECT ").column(rows, key).syntax("::text FROM ").alias(rows).syntax(")");
        });
    }

    /// The same, where it is an error that `rows` has none.
    fn found(&mut self, state: &mut State, error: WriteError, name: &Arc<str>, rows: Alias, entity: &Entity) {
        self.key(state, name, rows, entity);
        self.checks.push(Check { name: Ident::new(name).expect("a short name"), error });
    }

    /// Adds the result's node, when it is wanted here and `write` needs nothing of the tables that the statement changes: all parts of a statement see the tables as
    /// they were before. (As a second row of the statement it would cost PostgreSQL 3 % more of a change of one column.)
    fn node<'a>(
        &mut self,
        program: &mut Program<'_, 'a>,
        state: &mut State,
        changed: &[&Ident],
        write: impl FnOnce(&Env<'a>, &mut State, &Selected) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let Some(node) = program.node.take() else { return Ok(()) };
        let (mark, n_slots) = (state.sql.mark(), state.slots.len());
        write(program.env, state, node)?;
        let piece = state.sql.cut(mark);
        if changed.iter().any(|table| piece.names(table)) {
            state.slots.truncate(n_slots);
            program.node = Some(node);
            return Ok(());
        }
        self.text(state, NODE, |state| {
            state.sql.paste(piece);
        });
        self.has_node = true;
        program.slots.append(&mut state.slots);
        Ok(())
    }

    fn separate(&mut self, state: &mut State) {
        state.sql.syntax(if self.n_written == 0 { "" } else { ", " });
        self.n_written += 1;
    }

    /// Ends a statement that changes nothing.
    fn finish(self, env: &Env<'_>, state: &mut State, entity: &Entity) -> StepKind {
        state.sql.syntax(") ").alias(self.json);
        self.kind(env, entity, &[])
    }

    /// Ends a statement that changes rows: triggers read who did it and why. They run when the statement has ended, so it is said in time.
    fn finish_change(self, env: &Env<'_>, state: &mut State, entity: &Entity, given: &[&FieldName]) -> StepKind {
        state.sql.syntax(") ").alias(self.json);
        state.sql.syntax(" WHERE ");
        write_authorship(state);
        self.kind(env, entity, given)
    }

    fn kind(self, env: &Env<'_>, entity: &Entity, given: &[&FieldName]) -> StepKind {
        let quotable = quotable(env, entity, given);
        let Self { checks, is_whole, is_of_many, has_node, .. } = self;
        StepKind::Change { checks, entity: entity.name.clone(), quotable, is_whole, has_node, is_of_many }
    }
}

/// Writes ` RETURNING column, …)` and what `write` writes behind it: the columns that it names of `rows`, which are the changed ones. A row that is wide is not copied for the few
/// that are read of it.
fn write_returning(
    state: &mut State,
    rows: Alias,
    write: impl FnOnce(&mut State) -> Result<StepKind, Refused>,
) -> Result<StepKind, Refused> {
    state.sql.track(rows);
    let mark = state.sql.mark();
    let kind = write(state)?;
    let behind = state.sql.cut(mark);
    let columns = state.sql.tracked(rows);
    state.sql.syntax(if columns.is_empty() { " RETURNING 1" } else { " RETURNING " });
    for (index, column) in columns.iter().enumerate() {
        state.sql.syntax(if index == 0 { "" } else { ", " }).ident(column);
    }
    state.sql.syntax(")").paste(behind);
    Ok(kind)
}

/// Says, as a condition that holds, who changes rows and why.
fn write_authorship(state: &mut State) {
    state.sql.syntax("set_config('freehold.authorship', ").bind(BindSource::Authorship, BindType::Text);
    state.sql.syntax(", true) IS NOT NULL");
}

/// Fields whose values an error may quote to a caller who gave these.
fn quotable(env: &Env<'_>, entity: &Entity, given: &[&FieldName]) -> Vec<FieldName> {
    entity.fields.keys().filter(|field| given.contains(field) || is_seen(env, entity, field)).cloned().collect()
}

/// Whether the caller sees the field of every row that he sees.
fn is_seen(env: &Env<'_>, entity: &Entity, field: &FieldName) -> bool {
    let rule = env.read_rule(Access::Root, entity, field.as_str());
    rule.is_granted() && rule == env.row_rule(Access::Root, entity)
}

/// `EXISTS (SELECT 1 FROM rows WHERE …)`
fn write_some(env: &Env<'_>, state: &mut State, rows: Alias, clause: &Clause<'_>) {
    state.sql.syntax("EXISTS (SELECT 1 FROM ").alias(rows);
    write_where(env, state, rows, [clause.clone()]);
    state.sql.syntax(")");
}

/// Writes `rows AS (SELECT key FROM table WHERE …)`: a row that is looked up among those the caller sees.
fn write_lookup<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, by: Clause<'a>) -> Alias {
    write_locked_lookup(env, state, entity, by, "")
}

/// The same, with `lock`, a clause such as ` FOR SHARE`, on the row.
fn write_locked_lookup<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, by: Clause<'a>, lock: &'static str) -> Alias {
    let (rows, found) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.alias(rows).syntax(" AS (SELECT ").column(found, &entity.primary_column().column);
    write_from(env, state, entity, found, by);
    state.sql.syntax(lock).syntax(")");
    rows
}

/// Writes ` FROM table found WHERE …`, of those the caller sees.
fn write_from<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, found: Alias, by: Clause<'a>) {
    state.sql.syntax(" FROM ").content(&entity.table).syntax(" ").alias(found);
    write_where(env, state, found, [clauses::visible(env, Access::Root, entity), by]);
}
