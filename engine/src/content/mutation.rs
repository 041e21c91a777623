//! Runs the root fields of a mutation one after the other, each in a transaction of its own.

use std::sync::{Arc, Mutex};

use freehold_compiler::bind::{BindValue, StepOutputs};
use freehold_compiler::mutation::{DatabaseError, Outcome, RunError, StatementError, member};
use freehold_compiler::plan::{MutationRoot, MutationRootValue, Plan, Transaction, Write};
use freehold_executor::answers::{self, AnswerKey, Known};
use freehold_executor::{self as executor, ExecuteError, SqlStatement};

use crate::content::answer::{Answer, Introspected, Writer};
use crate::content::documents::{Document, lock};
use crate::content::execute::{ReadyPlan, ReadyRoot, Setting, Values, missing_row};
use crate::http::failure::Failure;

/// Runs a mutation.
pub async fn run(
    setting: &Arc<Setting>,
    document: &Arc<Document>,
    plan: &Arc<ReadyPlan>,
    values: &Arc<Values>,
) -> Result<Answer, Failure> {
    let Plan::Mutation(mutation) = &plan.plan else { return Err(Failure::Internal) };
    let mut writer = Writer::new(setting.style, 256);
    for (index, (root, ready)) in mutation.roots.iter().zip(&plan.roots).enumerate() {
        match &root.value {
            MutationRootValue::Query(query) => {
                let inner = setting.query(query, ready.first(), values, &Introspected::default(), Some(&root.key)).await?;
                writer.object(&root.key, inner);
            }
            MutationRootValue::Write(_) | MutationRootValue::Transaction(_) => {
                let done = match in_transaction(setting, plan, index, values).await? {
                    Some(done) => done,
                    // Written one after the other, they tell.
                    None => {
                        let plan = setting.one_by_one(document, values).await?;
                        in_transaction(setting, &plan, index, values).await?.ok_or(Failure::Internal)?
                    }
                };
                setting.write_root(&mut writer, root, done, values)?;
            }
            MutationRootValue::Object(index) => writer.field(&root.key, object(values, *index)?.as_bytes()),
            MutationRootValue::Constant(json) => writer.field(&root.key, json.as_bytes()),
            MutationRootValue::Result(_) => return Err(Failure::Internal),
        }
    }
    Ok(writer.finish())
}

/// How a root field ended.
#[derive(Clone)]
enum Done {
    Write(Outcome),
    /// The whole, and each of its fields.
    Transaction(Outcome, Vec<Done>),
    Query(Writer),
    /// Nothing was run for it.
    Nothing,
    /// It was run before, for a request with the same idempotency key: its JSON.
    Kept(String),
}

impl Done {
    /// The outcome of what failed, when something did.
    fn failed(&self) -> Option<&Outcome> {
        match self {
            Self::Write(outcome) | Self::Transaction(outcome, _) => {
                Some(outcome).filter(|it| !matches!(it, Outcome::Done { .. }))
            }
            Self::Query(_) | Self::Nothing | Self::Kept(_) => None,
        }
    }

    /// The same when another field of its transaction failed.
    fn undone(self) -> Self {
        match self {
            Self::Write(Outcome::Done { .. }) => Self::Write(Outcome::Undone),
            Self::Query(_) => Self::Nothing,
            other => other,
        }
    }
}

/// Runs a root field in a transaction. None when a row is at fault, but not which: nothing was changed.
async fn in_transaction(
    setting: &Arc<Setting>,
    plan: &Arc<ReadyPlan>,
    index: usize,
    values: &Arc<Values>,
) -> Result<Option<Done>, Failure> {
    let root = root_of(plan, index).ok_or(Failure::Internal)?;
    if let Some(done) = judge(root, values)? {
        return Ok(Some(done));
    }
    let place = i32::try_from(index).map_err(|_| Failure::Internal)?;
    // What was done is kept outside: when the commit fails, the fields keep their answers.
    let kept: Arc<Mutex<Option<Done>>> = Arc::default();
    let mut raced = false;
    let (on_thread, for_plan, for_values, keep) = (Arc::clone(setting), Arc::clone(plan), Arc::clone(values), Arc::clone(&kept));
    let work = move |transaction: &mut executor::Transaction<'_>| {
        let (Some(root), Some(ready)) = (root_of(&for_plan, index), for_plan.roots.get(index)) else {
            return Ok(executor::Outcome::Rollback(Err(Ended::Failed(Failure::Internal))));
        };
        let attempt = Attempt { setting: &on_thread, values: &for_values, may_retry: !raced };
        Ok(match attempt.once(root, ready, place, transaction) {
            Ok(done) => {
                let changed = done.failed().is_none() && !matches!(done, Done::Kept(_));
                *lock(&keep) = Some(done);
                if changed { executor::Outcome::Commit(Ok(())) } else { executor::Outcome::Rollback(Ok(())) }
            }
            Err(Ended::Raced) => {
                raced = true;
                executor::Outcome::Retry
            }
            Err(ended) => executor::Outcome::Rollback(Err(ended)),
        })
    };
    let registry = &setting.state.registry;
    let mode = match &root.value {
        MutationRootValue::Write(write) if write.is_single() && setting.answer_key.is_none() => executor::Mode::Single,
        _ => executor::Mode::Several,
    };
    let result = registry.transaction(&setting.tenant, setting.deadline, mode, work).await;
    let done = lock(&kept).take();
    match (result, done) {
        (Ok(Ok(())), Some(done)) => {
            match (&setting.answer_key, done.failed()) {
                (_, None) => setting.state.sealer.note_write(&setting.tenant),
                // What it did is undone; what it said is kept all the same.
                (Some(key), Some(_)) => {
                    let (statement, binds) = setting.keep(key, place, root, &done, values)?;
                    registry.query(&setting.tenant, &Arc::new(statement), binds, setting.deadline).await?;
                }
                (None, Some(_)) => {}
            }
            Ok(Some(done))
        }
        (Ok(Err(Ended::Unclear)), _) => Ok(None),
        (Ok(Err(Ended::Failed(failure))), _) => Err(failure),
        // A constraint that is checked at the commit.
        (Err(ExecuteError::Database(error)), Some(done)) => {
            let refused = writes(root).find_map(|write| write.commit_failed(&setting.release.schema, &of_executor(&error)));
            match (refused, done) {
                (Some(outcome), Done::Write(_)) => Ok(Some(Done::Write(outcome))),
                (Some(outcome), Done::Transaction(_, fields)) => Ok(Some(Done::Transaction(outcome, fields))),
                _ => Err(Failure::Execute(ExecuteError::Database(error))),
            }
        }
        (Err(error), _) => Err(Failure::Execute(error)),
        (Ok(Ok(())), None) | (Ok(Err(Ended::Raced)), _) => Err(Failure::Internal),
    }
}

/// What can be told without the database.
fn judge(root: &MutationRoot, values: &Values) -> Result<Option<Done>, Failure> {
    let nothing = StepOutputs::new();
    let judged = |write: &Write| write.judge(&values.context(&nothing)).map_err(|error| Failure::Operation(vec![error]));
    match &root.value {
        MutationRootValue::Write(write) => Ok(judged(write)?.map(Done::Write)),
        MutationRootValue::Transaction(transaction) => {
            let mut issues = Vec::new();
            let mut fields = Vec::new();
            for root in &transaction.roots {
                let MutationRootValue::Write(write) = &root.value else {
                    fields.push(Done::Nothing);
                    continue;
                };
                let outcome = judged(write)?.filter(|outcome| matches!(outcome, Outcome::Invalid(_)));
                if let Some(Outcome::Invalid(found)) = outcome.as_ref().map(|outcome| outcome.of_field(&root.key)) {
                    issues.extend(found);
                }
                fields.push(Done::Write(outcome.unwrap_or(Outcome::Undone)));
            }
            let is_invalid = !issues.is_empty();
            Ok(is_invalid.then_some(Done::Transaction(Outcome::Invalid(issues), fields)))
        }
        MutationRootValue::Query(_)
        | MutationRootValue::Object(_)
        | MutationRootValue::Result(_)
        | MutationRootValue::Constant(_) => Ok(None),
    }
}

/// Why an attempt came to no end.
enum Ended {
    Failed(Failure),
    /// Another request created the row that this one was about to create.
    Raced,
    /// One of many rows is at fault, and its statement cannot tell which.
    Unclear,
}

/// One attempt at a transaction, on a database thread.
struct Attempt<'a> {
    setting: &'a Setting,
    values: &'a Values,
    /// Whether a race may be run again.
    may_retry: bool,
}

impl Attempt<'_> {
    /// Runs the root field, unless it was run before under the same key.
    fn once(
        &self,
        root: &MutationRoot,
        ready: &ReadyRoot,
        place: i32,
        transaction: &mut executor::Transaction<'_>,
    ) -> Result<Done, Ended> {
        let Some(key) = &self.setting.answer_key else { return self.root(root, ready, transaction) };
        let (statement, binds) = answers::find(key, place);
        let rows = self.send(&root.key, &statement, binds, transaction)?;
        let known = rows.first().and_then(|row| Known::parse(std::str::from_utf8(&row.value).ok()?));
        match known.ok_or(Ended::Failed(Failure::Internal))? {
            Known::New => {}
            Known::Busy => return Err(Ended::Failed(Failure::IdempotencyKeyInUse)),
            Known::Other => return Err(Ended::Failed(Failure::IdempotencyKeyReused)),
            Known::Kept(kept) => {
                let json = self.values.opened_answer(kept).ok_or(Ended::Failed(Failure::Internal))?;
                return Ok(Done::Kept(json));
            }
        }
        let done = self.root(root, ready, transaction)?;
        if done.failed().is_none() {
            let (statement, binds) = self.setting.keep(key, place, root, &done, self.values).map_err(Ended::Failed)?;
            self.send(&root.key, &statement, binds, transaction)?;
        }
        Ok(done)
    }

    fn root(&self, root: &MutationRoot, ready: &ReadyRoot, transaction: &mut executor::Transaction<'_>) -> Result<Done, Ended> {
        match (&root.value, ready) {
            (MutationRootValue::Write(write), ReadyRoot::Statements(statements)) => {
                self.write(&root.key, write, statements, transaction).map(Done::Write)
            }
            (MutationRootValue::Query(query), ReadyRoot::Statements(statements)) => {
                let rows = match (statements.first(), &query.statement) {
                    (Some(sql), Some(statement)) => {
                        let nothing = StepOutputs::new();
                        let binds = statement.bind(&self.values.context(&nothing));
                        let binds = binds.map_err(|error| Ended::Failed(Failure::Operation(vec![error])))?;
                        self.send(&root.key, sql, binds, transaction)?
                    }
                    _ => Vec::new(),
                };
                let writer = self.setting.written(query, &rows, self.values, &Introspected::default());
                writer.map(Done::Query).map_err(Ended::Failed)
            }
            (MutationRootValue::Transaction(inner), ReadyRoot::Transaction { defer, roots }) => {
                if let Some(defer) = defer {
                    self.send(&root.key, defer, Vec::new(), transaction)?;
                }
                self.fields(inner, roots, transaction)
            }
            _ => Ok(Done::Nothing),
        }
    }

    /// Runs the fields of a transaction up to the first that fails.
    fn fields(
        &self,
        inner: &Transaction,
        ready: &[ReadyRoot],
        transaction: &mut executor::Transaction<'_>,
    ) -> Result<Done, Ended> {
        let mut whole = Outcome::Done { nodes: Vec::new(), affected: 0 };
        let mut fields: Vec<Done> = Vec::with_capacity(inner.roots.len());
        for (root, ready) in inner.roots.iter().zip(ready) {
            if !matches!(whole, Outcome::Done { .. }) {
                let is_write = matches!(root.value, MutationRootValue::Write(_));
                fields.push(if is_write { Done::Write(Outcome::Undone) } else { Done::Nothing });
                continue;
            }
            let done = self.root(root, ready, transaction)?;
            if let Some(outcome) = done.failed() {
                whole = outcome.of_field(&root.key);
                fields = fields.into_iter().map(Done::undone).collect();
            }
            fields.push(done);
        }
        Ok(Done::Transaction(whole, fields))
    }

    fn write(
        &self,
        key: &str,
        write: &Write,
        statements: &[Arc<SqlStatement>],
        transaction: &mut executor::Transaction<'_>,
    ) -> Result<Outcome, Ended> {
        let nothing = StepOutputs::new();
        let outcome = write.run(&self.setting.release.schema, &self.values.context(&nothing), |index, binds| {
            let statement = statements.get(index).ok_or_else(|| StatementError::Other(missing_row()))?;
            let rows = self.setting.write(transaction, statement, binds, key).map_err(|error| match error {
                ExecuteError::Database(error) => StatementError::Database(of_executor(&error)),
                other => StatementError::Other(Failure::Execute(other)),
            })?;
            Ok(rows.into_iter().next().map(|row| row.value))
        });
        outcome.or_else(|error| match error {
            RunError::Raced(_) if self.may_retry => Err(Ended::Raced),
            RunError::Raced(failure) => Ok(Outcome::Failed(vec![failure])),
            RunError::Unclear => Err(Ended::Unclear),
            other => Err(Ended::Failed(failure(other))),
        })
    }

    fn send(
        &self,
        key: &str,
        statement: &SqlStatement,
        binds: Vec<BindValue>,
        transaction: &mut executor::Transaction<'_>,
    ) -> Result<Vec<executor::Row>, Ended> {
        self.setting.write(transaction, statement, binds, key).map_err(|error| Ended::Failed(Failure::Execute(error)))
    }
}

impl Setting {
    /// A statement that keeps the answer of a root field.
    fn keep(
        &self,
        key: &AnswerKey,
        place: i32,
        root: &MutationRoot,
        done: &Done,
        values: &Values,
    ) -> Result<(SqlStatement, Vec<BindValue>), Failure> {
        let mut writer = Writer::new(self.style, 256);
        self.write_root(&mut writer, root, done.clone(), values)?;
        let json = writer.only_value(&root.key).ok_or(Failure::Internal)?;
        Ok(answers::keep(key, place, values.sealed_answer(json)))
    }

    /// Writes the answer of a root field.
    fn write_root(&self, writer: &mut Writer, root: &MutationRoot, done: Done, values: &Values) -> Result<(), Failure> {
        match (&root.value, done) {
            (MutationRootValue::Write(write), Done::Write(outcome)) => {
                let json = self.splice(values, &write.slots).apply(write.answer(&outcome).into_bytes())?;
                writer.field(&root.key, &json);
            }
            (MutationRootValue::Transaction(transaction), Done::Transaction(outcome, fields)) => {
                let mut inner = Writer::new(self.style, 256);
                for (root, done) in transaction.roots.iter().zip(fields) {
                    match &root.value {
                        MutationRootValue::Result(field) => inner.field(&root.key, member(&outcome, field).as_bytes()),
                        _ => self.write_root(&mut inner, root, done, values)?,
                    }
                }
                writer.object(&root.key, inner);
            }
            (_, Done::Kept(json)) => writer.field(&root.key, json.as_bytes()),
            (_, Done::Query(query)) => writer.object(&root.key, query),
            (MutationRootValue::Object(index), _) => writer.field(&root.key, object(values, *index)?.as_bytes()),
            (MutationRootValue::Constant(json), _) => writer.field(&root.key, json.as_bytes()),
            (_, Done::Nothing) => writer.field(&root.key, b"null"),
            (_, Done::Write(_) | Done::Transaction(..)) => return Err(Failure::Internal),
        }
        Ok(())
    }
}

/// The JSON of a signed URL.
fn object(values: &Values, index: usize) -> Result<&str, Failure> {
    values.objects.get(index).map(String::as_str).ok_or(Failure::Internal)
}

/// A root field of a mutation's plan.
fn root_of(plan: &ReadyPlan, index: usize) -> Option<&MutationRoot> {
    match &plan.plan {
        Plan::Mutation(mutation) => mutation.roots.get(index),
        Plan::Query(_) => None,
    }
}

/// The writes that a root field is made of.
fn writes(root: &MutationRoot) -> Box<dyn Iterator<Item = &Write> + '_> {
    match &root.value {
        MutationRootValue::Write(write) => Box::new(std::iter::once(&**write)),
        MutationRootValue::Transaction(transaction) => Box::new(transaction.roots.iter().flat_map(writes)),
        MutationRootValue::Query(_)
        | MutationRootValue::Object(_)
        | MutationRootValue::Result(_)
        | MutationRootValue::Constant(_) => Box::new(std::iter::empty()),
    }
}

fn failure(error: RunError<Failure>) -> Failure {
    match error {
        RunError::Request(error) => Failure::Operation(vec![error]),
        RunError::Other(failure) => failure,
        RunError::UnexpectedAnswer => internal("a step's answer is not what its plan expects".to_owned()),
        RunError::Raced(_) | RunError::Unclear => internal("a write was not run again".to_owned()),
        // The executor has its own view of a statement that must be repeated; what arrives here is final.
        RunError::Database(error) => internal(format!("{}: {}", error.sqlstate, error.message)),
    }
}

fn internal(reason: String) -> Failure {
    Failure::Execute(ExecuteError::Internal { reason })
}

fn of_executor(error: &executor::DatabaseError) -> DatabaseError {
    DatabaseError {
        sqlstate: error.sqlstate.to_owned(),
        message: error.message.clone(),
        constraint: error.constraint.clone(),
        table: error.table.clone(),
        detail: error.detail.clone(),
    }
}
