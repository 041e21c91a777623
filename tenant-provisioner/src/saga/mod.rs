//! A small durable executor: steps in order, each recorded before it begins and after it stands; undone in reverse.
//!
//! The record lives in the catalogue. A lease keeps two processes from running one operation, and its generation keeps a process
//! that slept through the end of its lease from recording anything. A step may run again after its process was killed between
//! effect and receipt, so every step looks at what is there before it acts. (Steno and omicron call these actions and undo actions.)

mod deprovision;
mod lease;
mod provision;
mod tenant_server;
#[cfg(test)]
mod tests;

use std::time::Duration;

use freehold_catalog::{Catalog, CatalogError, Lease, Operation, OperationState, Step as Record, StepState};
use freehold_ids::OperationId;
use serde_json::Value;

use crate::progress::{Phase, Progress, StepEvent};
use crate::{ProvisionError, Provisioner};

use lease::{Heartbeat, Turn};

/// A failed try of a step, or of its undo, that may succeed a little later is repeated after these pauses.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// One step of a saga over a context `C`.
pub(crate) struct Step<C> {
    /// Recorded; renaming one orphans the receipts of operations under way.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The receipt, when the effect stands already.
    pub check: fn(&C) -> Result<Option<Value>, ProvisionError>,
    /// Brings the effect about. Also called when an earlier run got half-way.
    pub run: fn(&C) -> Result<Value, ProvisionError>,
    /// Leaves nothing of it. Also called when it never began.
    pub undo: fn(&C) -> Result<(), ProvisionError>,
}

/// What a step sees.
pub(crate) trait SagaContext: Sized {
    /// The steps in order.
    fn steps() -> Vec<Step<Self>>;

    /// Forgets connections, which may be what failed.
    fn reset(&self);

    /// Called before the first undo: says whether the operation can still turn back.
    fn turn_back(&self) -> Result<TurnBack, ProvisionError>;
}

/// Whether an operation can turn back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnBack {
    /// What was done is undone.
    Undo,
    /// The point of no return is passed: it can only be finished.
    Forward,
}

/// Where tests make an operation fail or die. Nothing fails by itself in production.
pub(crate) trait Faults: Sync {
    fn at(&self, point: FaultPoint, step: &str) -> Result<(), ProvisionError>;
}

/// A moment in the life of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultPoint {
    BeforeRun,
    /// The effect stands, the receipt is not recorded.
    AfterRun,
    AfterReceipt,
    BeforeUndo,
    AfterUndo,
}

pub(crate) struct NoFaults;

impl Faults for NoFaults {
    fn at(&self, _point: FaultPoint, _step: &str) -> Result<(), ProvisionError> {
        Ok(())
    }
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub operation: Operation,
    /// Whether this process ran any of its steps.
    pub by_us: bool,
}

impl Provisioner {
    /// Runs an operation to its end, or waits while another process does. An operation that was turning back goes on turning back.
    pub(crate) fn execute<C: SagaContext>(
        &self,
        context: &C,
        id: OperationId,
        progress: &dyn Progress,
    ) -> Result<Ended, ProvisionError> {
        let lease = match lease::take(self, id, || progress.step(&event(&C::steps(), 0, Phase::Waiting)))? {
            Turn::Ours(lease) => lease,
            Turn::Finished(operation) => return Ok(Ended { operation: *operation, by_us: false }),
        };
        let operation = self.catalog().operation(id)?;
        progress.operation(id, operation.kind);
        let heartbeat = Heartbeat::start(self.catalog(), lease, self.lease_ttl());
        let run = Run { catalog: self.catalog(), context, steps: C::steps(), lease, progress, faults: self.faults() };
        let done = match operation.state {
            OperationState::Undoing => run.unwind(None),
            OperationState::Stuck if context.turn_back()? == TurnBack::Undo => run.unwind(None),
            OperationState::Running | OperationState::Stuck | OperationState::Succeeded | OperationState::Undone => run.forward(),
        };
        drop(heartbeat);
        if !matches!(done, Err(ProvisionError::Catalog(CatalogError::LeaseLost(_)))) {
            // Nobody waits for a lease that nobody uses. Losing it meanwhile is as good.
            self.catalog().release_lease(&lease)?;
        }
        done?;
        Ok(Ended { operation: self.catalog().operation(id)?, by_us: true })
    }

    /// Makes an operation turn back that nobody is running.
    pub(crate) fn unwind<C: SagaContext>(
        &self,
        context: &C,
        id: OperationId,
        progress: &dyn Progress,
    ) -> Result<(), ProvisionError> {
        let Turn::Ours(lease) = lease::take(self, id, || progress.step(&event(&C::steps(), 0, Phase::Waiting)))? else {
            return Ok(());
        };
        progress.operation(id, self.catalog().operation(id)?.kind);
        let heartbeat = Heartbeat::start(self.catalog(), lease, self.lease_ttl());
        let run = Run { catalog: self.catalog(), context, steps: C::steps(), lease, progress, faults: self.faults() };
        let done = run.unwind(None);
        drop(heartbeat);
        self.catalog().release_lease(&lease)?;
        done
    }
}

fn event<C>(steps: &[Step<C>], index: usize, phase: Phase) -> StepEvent {
    let step = &steps[index];
    StepEvent { step: step.name, title: step.title, number: index + 1, of: steps.len(), phase }
}

struct Run<'a, C> {
    catalog: &'a Catalog,
    context: &'a C,
    steps: Vec<Step<C>>,
    lease: Lease,
    progress: &'a dyn Progress,
    faults: &'a dyn Faults,
}

impl<C: SagaContext> Run<'_, C> {
    fn forward(&self) -> Result<(), ProvisionError> {
        let records = self.catalog.steps(self.lease.operation)?;
        for (index, step) in self.steps.iter().enumerate() {
            if records.iter().any(|record| record.name == step.name && record.state == StepState::Done) {
                self.tell(index, Phase::Skipped);
                continue;
            }
            self.tell(index, Phase::Started);
            match self.run_step(index, step) {
                Ok(()) => self.tell(index, Phase::Done),
                Err(error) => {
                    self.tell(index, Phase::Failed);
                    return self.failed(index, step, error);
                }
            }
        }
        Ok(self.catalog.finish_operation(&self.lease, OperationState::Succeeded)?)
    }

    fn run_step(&self, index: usize, step: &Step<C>) -> Result<(), ProvisionError> {
        self.catalog.begin_step(&self.lease, seq(index), step.name)?;
        let receipt = self.patiently(|| {
            if let Some(receipt) = (step.check)(self.context)? {
                return Ok(receipt);
            }
            self.faults.at(FaultPoint::BeforeRun, step.name)?;
            let receipt = (step.run)(self.context)?;
            self.faults.at(FaultPoint::AfterRun, step.name)?;
            Ok(receipt)
        })?;
        self.catalog.finish_step(&self.lease, seq(index), &receipt)?;
        self.faults.at(FaultPoint::AfterReceipt, step.name)
    }

    /// Turns back, or stops where turning back is impossible. Either way the error of the step is what the caller hears.
    fn failed(&self, index: usize, step: &Step<C>, error: ProvisionError) -> Result<(), ProvisionError> {
        if is_lost(&error) {
            return Err(error);
        }
        self.context.reset();
        let message = chain(&error);
        self.catalog.mark_step(&self.lease, seq(index), StepState::Failed, Some(&message))?;
        match self.context.turn_back()? {
            TurnBack::Undo => {
                self.catalog.set_operation_state(&self.lease, OperationState::Undoing, Some((error.code(), &message)))?;
                match self.unwind(Some(&error)) {
                    Ok(()) => Err(error),
                    Err(ProvisionError::Stuck { operation, step, message, .. }) => {
                        Err(ProvisionError::Stuck { operation, step, message, source: Some(Box::new(error)) })
                    }
                    Err(other) => Err(other),
                }
            }
            TurnBack::Forward => {
                // The answer was lost, not the effect: what stands is done.
                if let Some(receipt) = (step.check)(self.context)? {
                    self.catalog.finish_step(&self.lease, seq(index), &receipt)?;
                    return self.forward();
                }
                self.catalog.set_operation_state(&self.lease, OperationState::Stuck, Some((error.code(), &message)))?;
                let operation = self.lease.operation;
                Err(ProvisionError::Stuck { operation, step: step.name.to_owned(), message, source: Some(Box::new(error)) })
            }
        }
    }

    fn unwind(&self, because: Option<&ProvisionError>) -> Result<(), ProvisionError> {
        if self.context.turn_back()? == TurnBack::Forward {
            return Err(ProvisionError::Stuck {
                operation: self.lease.operation,
                step: self.steps[0].name.to_owned(),
                message: "the point of no return is passed".to_owned(),
                source: None,
            });
        }
        let why = because.map(|error| (error.code(), chain(error)));
        self.catalog.set_operation_state(
            &self.lease,
            OperationState::Undoing,
            why.as_ref().map(|(code, text)| (*code, text.as_str())),
        )?;
        let records = self.catalog.steps(self.lease.operation)?;
        for (index, step) in self.steps.iter().enumerate().rev() {
            let record = records.iter().find(|record| record.name == step.name);
            if record.is_none_or(|record: &Record| record.state == StepState::Undone) && index > 0 {
                continue;
            }
            self.tell(index, Phase::Undoing);
            if let Err(error) = self.undo_step(index, step, record.is_some()) {
                self.tell(index, Phase::Failed);
                return self.stuck(index, step, error);
            }
            self.tell(index, Phase::Undone);
        }
        Ok(self.catalog.finish_operation(&self.lease, OperationState::Undone)?)
    }

    fn undo_step(&self, index: usize, step: &Step<C>, began: bool) -> Result<(), ProvisionError> {
        if began {
            self.catalog.mark_step(&self.lease, seq(index), StepState::Undoing, None)?;
        }
        self.patiently(|| {
            self.faults.at(FaultPoint::BeforeUndo, step.name)?;
            (step.undo)(self.context)?;
            self.faults.at(FaultPoint::AfterUndo, step.name)
        })?;
        if began {
            self.catalog.mark_step(&self.lease, seq(index), StepState::Undone, None)?;
        }
        Ok(())
    }

    fn stuck(&self, index: usize, step: &Step<C>, error: ProvisionError) -> Result<(), ProvisionError> {
        if is_lost(&error) {
            return Err(error);
        }
        let message = chain(&error);
        self.catalog.mark_step(&self.lease, seq(index), StepState::Failed, Some(&message))?;
        self.catalog.set_operation_state(&self.lease, OperationState::Stuck, None)?;
        tracing::error!(operation.id = %self.lease.operation, step = step.name, "undoing step `{}` failed: {message}", step.name);
        Err(ProvisionError::Stuck { operation: self.lease.operation, step: step.name.to_owned(), message, source: None })
    }

    /// Repeats what may succeed a little later.
    fn patiently<T>(&self, mut work: impl FnMut() -> Result<T, ProvisionError>) -> Result<T, ProvisionError> {
        for pause in PAUSES {
            match work() {
                Err(error) if error.is_retryable() && !is_lost(&error) => {
                    tracing::warn!(operation.id = %self.lease.operation, "trying again after an error: {}", chain(&error));
                    self.context.reset();
                    std::thread::sleep(pause);
                }
                done => return done,
            }
        }
        work()
    }

    fn tell(&self, index: usize, phase: Phase) {
        self.progress.step(&event(&self.steps, index, phase));
    }
}

fn seq(index: usize) -> i32 {
    i32::try_from(index + 1).expect("a saga has a dozen steps")
}

/// Another process has the operation now: this one stops where it stands and records nothing.
fn is_lost(error: &ProvisionError) -> bool {
    matches!(error, ProvisionError::Catalog(CatalogError::LeaseLost(_)))
}

/// The error with its causes, for the record and the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
