//! Runs the root fields of a mutation one after the other, each in a transaction of its own.

use std::sync::Arc;

use freehold_compiler::bind::StepOutputs;
use freehold_compiler::mutation::{DatabaseError, Outcome, RunError, StatementError};
use freehold_compiler::plan::{MutationPlan, MutationRootValue, Plan, Write};
use freehold_executor::{self as executor, ExecuteError};

use crate::content::answer::{Answer, Introspected, Writer};
use crate::content::execute::{ReadyPlan, Setting, Values, missing_row};
use crate::http::failure::Failure;

/// Runs a mutation.
pub async fn run(setting: &Arc<Setting>, plan: &Arc<ReadyPlan>, values: &Arc<Values>) -> Result<Answer, Failure> {
    let Plan::Mutation(mutation) = &plan.plan else { return Err(Failure::Internal) };
    let mut writer = Writer::new(setting.style, 256);
    for (index, root) in mutation.roots.iter().enumerate() {
        match &root.value {
            MutationRootValue::Constant(json) => writer.field(&root.key, json.as_bytes()),
            MutationRootValue::Query(query) => {
                let statement = plan.statements.get(index).and_then(|statements| statements.first());
                let inner = setting.query(query, statement, values, &Introspected::default(), Some(&root.key)).await?;
                writer.object(&root.key, inner);
            }
            MutationRootValue::Write(write) => {
                let outcome = outcome(setting, plan, index, write, values).await?;
                let json = write.answer(&outcome).into_bytes();
                let json = if write.images.is_empty() { json } else { setting.splice(values, &write.images).apply(json) };
                writer.field(&root.key, &json);
            }
        }
    }
    Ok(writer.finish())
}

/// How one write ended.
async fn outcome(
    setting: &Arc<Setting>,
    plan: &Arc<ReadyPlan>,
    index: usize,
    write: &Write,
    values: &Arc<Values>,
) -> Result<Outcome, Failure> {
    let nothing = StepOutputs::new();
    if let Some(outcome) = write.judge(&values.context(&nothing)).map_err(|error| Failure::Operation(vec![error]))? {
        return Ok(outcome);
    }
    let (on_thread, for_plan, for_values) = (Arc::clone(setting), Arc::clone(plan), Arc::clone(values));
    let state = &setting.state;
    let result = state.registry.transaction(&setting.tenant, setting.deadline, setting.author, move |transaction| {
        attempt(&on_thread, &for_plan, index, &for_values, transaction)
    });
    match result.await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(failure)) => Err(failure),
        // A constraint that is checked at the commit.
        Err(ExecuteError::Database(error)) => write
            .commit_failed(&setting.release.schema, &of_executor(&error))
            .ok_or(Failure::Execute(ExecuteError::Database(error))),
        Err(error) => Err(Failure::Execute(error)),
    }
}

type Attempt = Result<Outcome, Failure>;

/// Runs a write's steps in a transaction, on a database thread. May be run again from its start.
fn attempt(
    setting: &Setting,
    plan: &ReadyPlan,
    index: usize,
    values: &Values,
    transaction: &mut executor::Transaction<'_>,
) -> Result<executor::Outcome<Attempt>, ExecuteError> {
    let (Some((root, write)), Some(statements)) = (write_of(&plan.plan, index), plan.statements.get(index)) else {
        return Ok(executor::Outcome::Rollback(Err(Failure::Internal)));
    };
    let nothing = StepOutputs::new();
    // The compiler runs the steps in order, each once.
    let mut next = statements.iter();
    let outcome = write.run(&setting.release.schema, &values.context(&nothing), |_, binds| {
        let statement = next.next().ok_or_else(|| StatementError::Other(missing_row()))?;
        let rows = setting.write(transaction, statement, binds, root).map_err(|error| match error {
            ExecuteError::Database(error) => StatementError::Database(of_executor(&error)),
            other => StatementError::Other(Failure::Execute(other)),
        })?;
        let row = rows.first().ok_or_else(|| StatementError::Other(missing_row()))?;
        String::from_utf8(row.value.to_vec()).map_err(|_| StatementError::Other(Failure::Internal))
    });
    Ok(match outcome {
        Ok(done @ Outcome::Done { .. }) => executor::Outcome::Commit(Ok(done)),
        Ok(other) => executor::Outcome::Rollback(Ok(other)),
        Err(error) => executor::Outcome::Rollback(Err(failure(error))),
    })
}

/// The write that a root field is, with the field's response key.
fn write_of(plan: &Plan, index: usize) -> Option<(&str, &Write)> {
    let Plan::Mutation(MutationPlan { roots, .. }) = plan else { return None };
    let root = roots.get(index)?;
    match &root.value {
        MutationRootValue::Write(write) => Some((&root.key, write)),
        MutationRootValue::Query(_) | MutationRootValue::Constant(_) => None,
    }
}

fn failure(error: RunError<Failure>) -> Failure {
    match error {
        RunError::Request(error) => Failure::Operation(vec![error]),
        RunError::Other(failure) => failure,
        RunError::UnexpectedAnswer => internal("a step's answer is not what its plan expects".to_owned()),
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
