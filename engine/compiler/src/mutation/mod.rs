//! Writes: one data-modifying statement that looks up, checks and changes, and one that reads the node (content API, sections 9 to 13).
//!
//! A write is a small program ([`crate::plan::Write`]) that [`crate::plan::Write::run`] interprets: whoever holds a connection runs its statements, nobody else
//! needs to know what they mean.

mod connecting;
mod creating;
mod deleting;
mod failures;
mod followers;
mod input;
mod proposing;
mod result;
pub(crate) mod rules;
mod running;
#[cfg(test)]
mod tests;
mod updating;

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::Entity;
use freehold_schema::names::FieldName;

pub use failures::DatabaseError;
pub use running::{Failure, Issue, Outcome, RunError, StatementError};

use crate::api::Meaning;
use crate::bind::BindSource;
use crate::coerce::Variables;
use crate::compile;
use crate::error::{ErrorCode, RequestError};
use crate::lower::clauses::{self, Cell, Clause};
use crate::lower::{Env, Refused, State, reading, write_where};
use crate::permissions::Access;
use crate::plan::{
    Check, ImageSlot, InputCheck, Message, MessagePart, MutationPlan, MutationRoot, MutationRootValue, PathFragment, Step,
    StepKind, Write, WriteError, WriteErrorKind,
};
use crate::selection::{Input, Selected};
use crate::sql::Alias;

/// Name under which a change returns the key of the row that it is about.
const ID: &str = "id";

/// Compiles the root fields of a mutation.
pub(crate) fn compile(env: &Env<'_>, fields: &[Selected], variables: &Variables) -> Result<MutationPlan, Vec<RequestError>> {
    let mut n_new_ids = 0;
    let roots = fields.iter().map(|field| {
        let value = match &field.meaning {
            Meaning::Typename => MutationRootValue::Constant("\"Mutation\"".to_owned()),
            Meaning::MutationQuery => {
                MutationRootValue::Query(compile::query(env, "Query", field.selections.fields(), variables)?)
            }
            _ => {
                let write = write(env, field, &mut n_new_ids).map_err(|refused| vec![refused.into_request_error(variables)])?;
                MutationRootValue::Write(Box::new(write))
            }
        };
        Ok(MutationRoot { key: field.key.clone(), value })
    });
    let roots = roots.collect::<Result<Vec<_>, Vec<RequestError>>>()?;
    Ok(MutationPlan { roots, n_new_ids, uuid_v7: env.schema.settings.uuid_v7 })
}

fn write(env: &Env<'_>, field: &Selected, n_new_ids: &mut usize) -> Result<Write, Refused> {
    match &field.meaning {
        Meaning::Create(entity) => creating::create(env, env.entity(entity.as_str()), field, n_new_ids),
        Meaning::Update(entity) => updating::update(env, env.entity(entity.as_str()), field),
        Meaning::Delete(entity) => deleting::delete(env, env.entity(entity.as_str()), field),
        _ => {
            let message = format!("mutation `{}` is not offered yet; create, update and delete are", field.name);
            Err(Refused::new(message, ErrorCode::NotSupported, field.pos))
        }
    }
}

/// An argument; null when it was not given.
fn argument<'f>(field: &'f Selected, name: &str) -> &'f Input {
    field.arguments.get(name).unwrap_or(&Input::Null)
}

/// A write that is answered without looking at any row.
fn refused(field: &Selected, checks: Vec<InputCheck>, error: WriteError) -> Write {
    assembled(field, checks, Some(error), Vec::new(), Vec::new())
}

fn assembled(
    field: &Selected,
    checks: Vec<InputCheck>,
    refused: Option<WriteError>,
    steps: Vec<Step>,
    images: Vec<ImageSlot>,
) -> Write {
    Write { checks, refused, steps, result_type: field.type_name.clone(), result: field.selections.fields().to_vec(), images }
}

/// The row is missing, or the caller may not do this; the two must not be told apart.
fn not_found(path: Option<&FieldName>, message: Option<Message>) -> WriteError {
    WriteError {
        paths: path.map(|field| vec![PathFragment::Field(field.to_string())]).into_iter().collect(),
        kind: WriteErrorKind::NotFoundOrDenied,
        message,
    }
}

/// `for input {…}`
fn for_input(input: &Input) -> Message {
    Message(vec![MessagePart::Text("for input ".to_owned()), MessagePart::Input(input.clone())])
}

/// The statements that read the nodes of a result, one for each time it is selected.
fn nodes<'a>(
    env: &Env<'a>,
    field: &Selected,
    entity: &'a Entity,
    found: &Clause<'a>,
    images: &mut Vec<ImageSlot>,
) -> Result<Vec<Step>, Refused> {
    let nodes = field.selections.fields().iter().filter(|part| part.meaning == Meaning::Node);
    nodes
        .map(|node| {
            let mut state = State { images: std::mem::take(images), ..State::new(env, node.selections.fields()) };
            state.sql.syntax("SELECT 0 AS ordinal, coalesce(");
            reading::write_one(env, &mut state, entity, found.clone(), node)?;
            state.sql.syntax("::text, 'null') AS json");
            *images = state.images;
            Ok(Step { statement: state.sql.finish(), kind: StepKind::Node })
        })
        .collect()
}

/// The row whose key a change returned.
fn changed_row(entity: &Entity) -> Clause<'_> {
    let column = entity.primary_column();
    Clause::Compare(Cell { name: &column.column, column }, freehold_schema::filter::Operator::Eq, BindSource::Step(ID.into()))
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

/// Collects what the final row of a change says: named conditions and the key.
struct Answer {
    checks: Vec<Check>,
    n_written: usize,
}

impl Answer {
    /// Begins `SELECT 0 AS ordinal, (SELECT row_to_json(…) FROM (SELECT …`.
    fn begin(state: &mut State) -> (Self, Alias) {
        let json = state.sql.next_alias();
        state.sql.syntax("SELECT 0 AS ordinal, (SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
        (Self { checks: Vec::new(), n_written: 0 }, json)
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

    /// Adds a text for messages and later steps.
    fn text(&mut self, state: &mut State, name: &Ident, write: impl FnOnce(&mut State)) {
        self.separate(state);
        write(state);
        state.sql.syntax(" AS ").ident(name);
    }

    /// Adds the key of the row that `rows` has.
    fn id(&mut self, state: &mut State, rows: Alias, entity: &Entity) {
        self.text(state, &Ident::new(ID).expect("a short name"), |state| {
            state
                .sql
                .syntax("(SELECT ")
                .column(rows, &entity.primary_column().column)
                .syntax("::text FROM ")
                .alias(rows)
                .syntax(")");
        });
    }

    fn separate(&mut self, state: &mut State) {
        state.sql.syntax(if self.n_written == 0 { "" } else { ", " });
        self.n_written += 1;
    }

    /// Ends the statement. `given` are the fields whose values the caller gave.
    fn finish(self, env: &Env<'_>, mut state: State, json: Alias, entity: &Entity, given: &[&FieldName]) -> Step {
        state.sql.syntax(") ").alias(json).syntax(")::text AS json");
        let quotable =
            entity.fields.keys().filter(|field| given.contains(field) || is_seen(env, entity, field)).cloned().collect();
        let kind = StepKind::Change { checks: self.checks, entity: entity.name.clone(), quotable };
        Step { statement: state.sql.finish(), kind }
    }
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
    let (rows, found) = (state.sql.next_alias(), state.sql.next_alias());
    let visible = clauses::visible(env, Access::Root, entity);
    state.sql.alias(rows).syntax(" AS (SELECT ").column(found, &entity.primary_column().column);
    state.sql.syntax(" FROM ").content(&entity.table).syntax(" ").alias(found);
    write_where(env, state, found, [visible, by]);
    state.sql.syntax(")");
    rows
}
