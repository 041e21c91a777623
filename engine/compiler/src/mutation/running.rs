//! Runs a write: the one interpreter of [`Write`]. It does no I/O; whoever holds the connection lends it a closure.

use std::collections::BTreeMap;

use freehold_schema::Schema;
use freehold_schema::names::FieldName;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::batch;
use super::failures::{self, DatabaseError};
use crate::bind::{self, BindContext, BindValue, StepOutputs};
use crate::error::RequestError;
use crate::output::Output;
use crate::plan::{Action, Check, Guard, PathFragment, RowChecks, Step, StepKind, Write, WriteError, WriteErrorKind};

/// How a write ended; answered by [`Write::answer`].
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The transaction is to be committed.
    Done {
        /// JSON of each node that was selected, in order.
        nodes: Vec<String>,
        /// Rows changed by a write of many.
        affected: u64,
    },
    /// The input breaks rules; nothing was sent.
    Invalid(Vec<Issue>),
    /// Nothing was changed; the transaction, if there is one, is to be rolled back.
    Failed(Vec<Failure>),
    /// Nothing was changed, because another write of the same transaction failed.
    Undone,
}

impl Outcome {
    /// The outcome of the transaction in which this is the one of a field.
    #[must_use]
    pub fn of_field(&self, key: &str) -> Self {
        let below = |path: &Vec<Fragment>| {
            let mut told = vec![Fragment::Field(key.to_owned())];
            told.extend(path.iter().cloned());
            told
        };
        match self {
            Self::Invalid(issues) => {
                let issue = |issue: &Issue| Issue { path: below(&issue.path), message: issue.message.clone() };
                Self::Invalid(issues.iter().map(issue).collect())
            }
            Self::Failed(failures) => {
                let failure = |failure: &Failure| {
                    let mut paths: Vec<_> = failure.paths.iter().map(below).collect();
                    if paths.is_empty() {
                        paths.push(below(&Vec::new()));
                    }
                    Failure { paths, ..failure.clone() }
                };
                Self::Failed(failures.iter().map(failure).collect())
            }
            Self::Done { .. } | Self::Undone => self.clone(),
        }
    }
}

/// A broken rule (`_ValidationError`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The field.
    pub path: Vec<Fragment>,
    /// The rule's text.
    pub message: String,
}

/// A step into the caller's input (`_PathFragment`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fragment {
    /// A field.
    Field(String),
    /// An item of a list, with the alias that the caller gave it.
    Index(usize, Option<String>),
}

/// An error of a write, with its text (`_MutationError`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Each the path of one field concerned.
    pub paths: Vec<Vec<Fragment>>,
    /// What kind.
    pub kind: WriteErrorKind,
    /// Text for the caller.
    pub message: Option<String>,
}

/// Why a statement gave no answer.
#[derive(Debug)]
pub enum StatementError<E> {
    /// PostgreSQL refused it.
    Database(DatabaseError),
    /// Anything else.
    Other(E),
}

/// Why a write came to no outcome.
#[derive(Debug)]
pub enum RunError<E> {
    /// A value of the request cannot be bound.
    Request(RequestError),
    /// A row that was not there when it was looked for is there now, because somebody else created it, or holds what nobody held. Another attempt will find it, unless
    /// the caller may not see it; then this is the outcome.
    Raced(Failure),
    /// One of many rows that a statement writes is at fault. Nothing was changed, or is to stay; the plan that writes one after the other says which row it is:
    /// [`crate::compile::compile_one_by_one`].
    Unclear,
    /// PostgreSQL refused a statement for a reason that is not the caller's: to be retried, or reported as an internal error.
    Database(DatabaseError),
    /// What the closure said.
    Other(E),
    /// A statement answered something that it cannot answer.
    UnexpectedAnswer,
}

impl Write {
    /// What can be told without the database; None when the write must be run.
    ///
    /// # Errors
    /// When a value of the request cannot be bound.
    pub fn judge(&self, context: &BindContext<'_>) -> Result<Option<Outcome>, RequestError> {
        let issues = issues(&self.checks, context)?;
        if !issues.is_empty() {
            return Ok(Some(Outcome::Invalid(issues)));
        }
        match self.steps.first() {
            Some(Step { action: Action::Refuse(error), guards, path }) if guards.is_empty() => {
                Ok(Some(Outcome::Failed(vec![told(error, path, context)?])))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Runs the steps, after [`Write::judge`] found nothing. `send` sends one of [`Write::statements`], by its index, and returns the value of its only row, if it has one.
    ///
    /// # Errors
    /// See [`RunError`]; the transaction is to be rolled back.
    pub fn run<V: AsRef<[u8]>, E>(
        &self,
        schema: &Schema,
        lasting: &BindContext<'_>,
        mut send: impl FnMut(usize, Vec<BindValue>) -> Result<Option<V>, StatementError<E>>,
    ) -> Result<Outcome, RunError<E>> {
        let mut nodes = Vec::new();
        let mut outputs = StepOutputs::new();
        let mut n_statements = 0;
        for step in &self.steps {
            let context = BindContext { steps: &outputs, ..*lasting };
            let index = n_statements;
            n_statements += usize::from(matches!(step.action, Action::Send(..)));
            if !hold(&step.guards, &context).map_err(RunError::Request)? {
                continue;
            }
            let (statement, kind) = match &step.action {
                Action::Send(statement, kind) => (statement, kind),
                Action::Judge(checks) => {
                    let issues = issues(std::slice::from_ref(checks), &context).map_err(RunError::Request)?;
                    if issues.is_empty() {
                        continue;
                    }
                    return Ok(Outcome::Invalid(issues));
                }
                Action::Refuse(error) => return failed(error, step, &context),
            };
            let binds = statement.bind(&context).map_err(RunError::Request)?;
            let row = match send(index, binds) {
                Ok(row) => row,
                Err(StatementError::Database(error)) => return step.refused(schema, kind, error, &context),
                Err(StatementError::Other(error)) => return Err(RunError::Other(error)),
            };
            match kind {
                StepKind::Node(output) => nodes.push(written(output, row.ok_or(RunError::UnexpectedAnswer)?.as_ref())?),
                StepKind::ChangedNode { output, unchanged, .. } => match row {
                    Some(record) => nodes.push(written(output, record.as_ref())?),
                    None => return failed(unchanged, step, &context),
                },
                StepKind::Change { checks, has_node, is_of_many, .. } => {
                    let json = row.ok_or(RunError::UnexpectedAnswer)?;
                    let Answer { told, node } = serde_json::from_slice(json.as_ref()).map_err(|_| RunError::UnexpectedAnswer)?;
                    keep(&told, &mut outputs);
                    if let Some(error) = broken(&told, checks) {
                        if *is_of_many {
                            return Err(RunError::Unclear);
                        }
                        return failed(error, step, &BindContext { steps: &outputs, ..*lasting });
                    }
                    if *has_node {
                        nodes.push(node.map_or("null", RawValue::get).to_owned());
                    }
                }
            }
        }
        let told = outputs.get(batch::AFFECTED).and_then(|text| text.as_deref()?.parse().ok());
        Ok(Outcome::Done { nodes, affected: told.unwrap_or(self.n_created as u64) })
    }

    /// The outcome when the commit failed: a deferred constraint. None when the reason is not the caller's.
    #[must_use]
    pub fn commit_failed(&self, schema: &Schema, error: &DatabaseError) -> Option<Outcome> {
        let change = self.steps.iter().find_map(|step| match &step.action {
            Action::Send(_, kind @ (StepKind::Change { .. } | StepKind::ChangedNode { .. })) => Some(kind),
            Action::Send(_, StepKind::Node(_)) | Action::Judge(_) | Action::Refuse(_) => None,
        })?;
        failures::of_database(schema, change, error).map(|failure| Outcome::Failed(vec![failure]))
    }
}

impl Step {
    /// What it means that PostgreSQL refused the statement.
    fn refused<E>(
        &self,
        schema: &Schema,
        kind: &StepKind,
        error: DatabaseError,
        context: &BindContext<'_>,
    ) -> Result<Outcome, RunError<E>> {
        let Some(failure) = failures::of_database(schema, kind, &error) else { return Err(RunError::Database(error)) };
        if matches!(kind, StepKind::Change { is_of_many: true, .. }) {
            return Err(RunError::Unclear);
        }
        let failure = below(failure, &self.path, context).map_err(RunError::Request)?;
        let was_missing = self.guards.iter().any(|guard| matches!(guard, Guard::Missing(_)));
        let was_free = failures::is_of_holder(schema, &error);
        match failure.kind {
            WriteErrorKind::UniqueConstraintViolation if was_missing || was_free => Err(RunError::Raced(failure)),
            _ => Ok(Outcome::Failed(vec![failure])),
        }
    }
}

fn failed<E>(error: &WriteError, step: &Step, context: &BindContext<'_>) -> Result<Outcome, RunError<E>> {
    let failure = told(error, &step.path, context).map_err(RunError::Request)?;
    Ok(Outcome::Failed(vec![failure]))
}

/// The JSON of a node.
fn written<E>(output: &Output, record: &[u8]) -> Result<String, RunError<E>> {
    let mut json = Vec::with_capacity(2 * record.len());
    output.write(Some(record), &mut json).map_err(|_| RunError::UnexpectedAnswer)?;
    String::from_utf8(json).map_err(|_| RunError::UnexpectedAnswer)
}

/// The rules that an input breaks, one for each field.
pub(super) fn issues(rows: &[RowChecks], context: &BindContext<'_>) -> Result<Vec<Issue>, RequestError> {
    let mut issues = Vec::new();
    for RowChecks { path, values, stored, checks } in rows {
        let values = values.iter().map(|(field, source)| Ok((field, bind::resolve(source, context)?)));
        let mut values = values.collect::<Result<BTreeMap<&FieldName, Value>, RequestError>>()?;
        values.extend(stored.iter().filter_map(|(field, name)| {
            let json = context.steps.get(name)?.as_deref()?;
            Some((field, serde_json::from_str(json).ok()?))
        }));
        let mut reported: Option<&FieldName> = None;
        for check in checks {
            if reported != Some(&check.field) && check.rule.judge(&check.field, &values) == Some(false) {
                reported = Some(&check.field);
                let mut path = fragments(path, context)?;
                path.push(Fragment::Field(check.field.to_string()));
                let messages = check.rule.messages(&check.message, values.get(&check.field));
                issues.extend(messages.into_iter().map(|message| Issue { path: path.clone(), message }));
            }
        }
    }
    Ok(issues)
}

/// Whether a step is to be run.
fn hold(guards: &[Guard], context: &BindContext<'_>) -> Result<bool, RequestError> {
    for guard in guards {
        let holds = match guard {
            Guard::Found(row) => !bind::resolve(row, context)?.is_null(),
            Guard::Missing(row) => bind::resolve(row, context)?.is_null(),
            Guard::Differ(one, other) => bind::resolve(one, context)? != bind::resolve(other, context)?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The answer of a step that changes rows, see [`StepKind::Change`].
#[derive(Deserialize)]
struct Answer<'a> {
    /// Not parsed.
    #[serde(borrow)]
    node: Option<&'a RawValue>,
    #[serde(flatten)]
    told: Map<String, Value>,
}

/// Keeps the texts of an answer.
fn keep(told: &Map<String, Value>, outputs: &mut StepOutputs) {
    for (name, value) in told {
        if !value.is_boolean() {
            outputs.insert(name.as_str().into(), value.as_str().map(str::to_owned));
        }
    }
}

/// The first condition that does not hold: it is false, or the key of a row that is not there.
fn broken<'c>(told: &Map<String, Value>, checks: &'c [Check]) -> Option<&'c WriteError> {
    let holds = |check: &&Check| matches!(told.get(check.name.as_str()), Some(Value::Bool(true) | Value::String(_)));
    checks.iter().find(|check| !holds(check)).map(|check| &check.error)
}

/// An error with the values of this request.
fn told(error: &WriteError, path: &[PathFragment], context: &BindContext<'_>) -> Result<Failure, RequestError> {
    let paths = error.paths.iter().map(|path| fragments(path, context)).collect::<Result<_, _>>()?;
    let message = error.message.as_ref().map(|message| message.render(context.variables, context.steps));
    below(Failure { paths, kind: error.kind, message }, path, context)
}

/// A failure of the row at `path`, told from the root.
fn below(mut failure: Failure, path: &[PathFragment], context: &BindContext<'_>) -> Result<Failure, RequestError> {
    if path.is_empty() {
        return Ok(failure);
    }
    let path = fragments(path, context)?;
    if failure.paths.is_empty() {
        failure.paths.push(Vec::new());
    }
    for told in &mut failure.paths {
        told.splice(0..0, path.iter().cloned());
    }
    Ok(failure)
}

fn fragments(path: &[PathFragment], context: &BindContext<'_>) -> Result<Vec<Fragment>, RequestError> {
    let fragment = |fragment: &PathFragment| {
        Ok(match fragment {
            PathFragment::Field(field) => Fragment::Field(field.to_string()),
            PathFragment::Index(index, alias) => {
                let alias = alias.as_ref().map(|alias| alias.to_json(context.variables));
                Fragment::Index(*index, alias.and_then(|alias| alias.as_str().map(str::to_owned)))
            }
        })
    };
    path.iter().map(fragment).collect()
}
