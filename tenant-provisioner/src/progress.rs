//! What a running operation tells the person who waits for it.

use freehold_catalog::OperationKind;
use freehold_ids::OperationId;

/// Listens to a running operation.
pub trait Progress {
    /// The operation has an id: it can be resumed from here on.
    fn operation(&self, id: OperationId, kind: OperationKind);
    /// A step began or ended.
    fn step(&self, event: &StepEvent);
}

/// Something happened at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepEvent {
    /// Stable name, `clone_template`.
    pub step: &'static str,
    /// For people, `Clone the template database`.
    pub title: &'static str,
    /// 1 for the first step.
    pub number: usize,
    /// How many steps there are.
    pub of: usize,
    /// What happened.
    pub phase: Phase,
}

/// What happened at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It begins.
    Started,
    /// Its effect stands and is recorded.
    Done,
    /// An earlier run had done it.
    Skipped,
    /// It failed; the operation turns back or stops.
    Failed,
    /// Its undo begins.
    Undoing,
    /// Nothing of it is left.
    Undone,
    /// Another process runs the operation; this one waits for it. The step is the first.
    Waiting,
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn operation(&self, _id: OperationId, _kind: OperationKind) {}
    fn step(&self, _event: &StepEvent) {}
}
