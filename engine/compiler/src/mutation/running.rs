//! Runs a write: the one interpreter of [`Write`]. It does no I/O; whoever holds the connection lends it a closure.

use std::collections::BTreeMap;

use freehold_schema::Schema;
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::failures::{self, DatabaseError};
use crate::bind::{self, BindContext, BindValue, StepOutputs};
use crate::error::RequestError;
use crate::plan::{Check, PathFragment, Statement, StepKind, Write, WriteError, WriteErrorKind};

/// How a write ended; answered by [`Write::answer`].
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The transaction is to be committed.
    Done {
        /// JSON of each node that was selected, in order.
        nodes: Vec<String>,
    },
    /// The input breaks rules; nothing was sent.
    Invalid(Vec<Issue>),
    /// Nothing was changed; the transaction, if there is one, is to be rolled back.
    Failed(Vec<Failure>),
}

/// A broken rule (`_ValidationError`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The field.
    pub path: Vec<PathFragment>,
    /// The rule's text.
    pub message: String,
}

/// An error of a write, with its text (`_MutationError`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Each the path of one field concerned.
    pub paths: Vec<Vec<PathFragment>>,
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
        let issues = self.issues(context)?;
        if !issues.is_empty() {
            return Ok(Some(Outcome::Invalid(issues)));
        }
        let refused = self.refused.as_ref().map(|error| Outcome::Failed(vec![render(error, context, &StepOutputs::new())]));
        Ok(refused)
    }

    /// Runs the steps. `execute` sends one statement in the transaction and returns the `json` of its only row.
    ///
    /// # Errors
    /// See [`RunError`]; the transaction is to be rolled back.
    pub fn run<E>(
        &self,
        schema: &Schema,
        context: &BindContext<'_>,
        mut execute: impl FnMut(&Statement, Vec<BindValue>) -> Result<String, StatementError<E>>,
    ) -> Result<Outcome, RunError<E>> {
        if let Some(outcome) = self.judge(context).map_err(RunError::Request)? {
            return Ok(outcome);
        }
        let mut nodes = Vec::new();
        let mut outputs = StepOutputs::new();
        for step in &self.steps {
            let binds = step.statement.bind(&BindContext { steps: &outputs, ..*context }).map_err(RunError::Request)?;
            match (execute(&step.statement, binds), &step.kind) {
                (Ok(json), StepKind::Node) => nodes.push(json),
                (Ok(json), StepKind::Change { checks, .. }) => {
                    let answer: Value = serde_json::from_str(&json).map_err(|_| RunError::UnexpectedAnswer)?;
                    if let Some(error) = take(&answer, checks, &mut outputs) {
                        return Ok(Outcome::Failed(vec![render(error, context, &outputs)]));
                    }
                }
                (Err(StatementError::Database(error)), kind) => {
                    return match failures::of_database(schema, kind, &error) {
                        Some(failure) => Ok(Outcome::Failed(vec![failure])),
                        None => Err(RunError::Database(error)),
                    };
                }
                (Err(StatementError::Other(error)), _) => return Err(RunError::Other(error)),
            }
        }
        Ok(Outcome::Done { nodes })
    }

    /// The outcome when the commit failed: a deferred constraint. None when the reason is not the caller's.
    #[must_use]
    pub fn commit_failed(&self, schema: &Schema, error: &DatabaseError) -> Option<Outcome> {
        let change = self.steps.iter().map(|step| &step.kind).find(|kind| matches!(kind, StepKind::Change { .. }))?;
        failures::of_database(schema, change, error).map(|failure| Outcome::Failed(vec![failure]))
    }

    fn issues(&self, context: &BindContext<'_>) -> Result<Vec<Issue>, RequestError> {
        let Some(first) = self.checks.first() else { return Ok(Vec::new()) };
        let values = first.values.iter().map(|(field, source)| Ok((field.clone(), bind::resolve(source, context)?)));
        let values = values.collect::<Result<BTreeMap<FieldName, Value>, RequestError>>()?;
        let mut issues: Vec<Issue> = Vec::new();
        for check in &self.checks {
            let reported = issues.last().is_some_and(|issue| issue.path == check.path);
            if !reported && check.rule.judge(&check.field, &values) == Some(false) {
                issues.push(Issue { path: check.path.clone(), message: check.message.to_string() });
            }
        }
        Ok(issues)
    }
}

/// Keeps the texts of an answer and finds the first condition that does not hold.
fn take<'c>(answer: &Value, checks: &'c [Check], outputs: &mut StepOutputs) -> Option<&'c WriteError> {
    for (name, value) in answer.as_object().into_iter().flatten() {
        if !value.is_boolean() {
            outputs.insert(name.as_str().into(), value.as_str().map(str::to_owned));
        }
    }
    checks.iter().find(|check| answer.get(check.name.as_str()) != Some(&Value::Bool(true))).map(|check| &check.error)
}

fn render(error: &WriteError, context: &BindContext<'_>, outputs: &StepOutputs) -> Failure {
    Failure {
        paths: error.paths.clone(),
        kind: error.kind,
        message: error.message.as_ref().map(|message| message.render(context.variables, outputs)),
    }
}
