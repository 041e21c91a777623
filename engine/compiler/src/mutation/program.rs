//! A write while it is compiled: the steps so far, and where in the input one is.

use std::sync::Arc;

use freehold_schema::model::Entity;
use freehold_schema::names::FieldName;

use super::followers::{self, Follower};
use crate::bind::BindSource;
use crate::lower::{Env, State};
use crate::plan::{Action, Guard, PathFragment, RowChecks, Slot, Step, StepKind, WriteError};
use crate::selection::{Input, Selected};

/// The steps of a write, and what it needs.
#[derive(Debug)]
pub(super) struct Program<'p, 'a> {
    pub env: &'p Env<'a>,
    pub steps: Vec<Step>,
    pub slots: Vec<Slot>,
    /// New keys of the whole mutation.
    n_new_ids: &'p mut usize,
    n_rows: usize,
    /// The node of the result, to be read by the statement of the root's own row if it can.
    pub node: Option<&'p Selected>,
    /// Foreign keys are checked at the commit, so rows that are still referenced may go.
    pub defers_foreign_keys: bool,
}

impl<'p, 'a> Program<'p, 'a> {
    pub fn new(env: &'p Env<'a>, n_new_ids: &'p mut usize, defers_foreign_keys: bool) -> Self {
        Self { env, steps: Vec::new(), slots: Vec::new(), n_new_ids, n_rows: 0, node: None, defers_foreign_keys }
    }

    /// Begins a statement that reads the node if it can.
    pub fn begin(&self) -> State {
        State::new(self.env, self.node.map_or(&[], |node| node.selections.fields()))
    }

    /// What forbids that a row of `entity` is deleted, and what follows it.
    pub fn followers(&self, entity: &'a Entity) -> (Vec<Follower<'a>>, Vec<Follower<'a>>) {
        let (restricting, following) = followers::split(followers::followers(self.env, entity));
        (if self.defers_foreign_keys { Vec::new() } else { restricting }, following)
    }

    /// A new primary key.
    pub fn new_id(&mut self) -> BindSource {
        *self.n_new_ids += 1;
        BindSource::NewId(*self.n_new_ids - 1)
    }

    /// A name for the key of a row that a step will return.
    pub fn next_row(&mut self) -> Arc<str> {
        self.n_rows += 1;
        format!("row_{}", self.n_rows - 1).into()
    }

    /// Adds a statement.
    pub fn push(&mut self, place: &Place, state: State, kind: StepKind) {
        self.add(place, Action::Send(state.sql.finish(), kind));
    }

    /// Adds a step that ends the write when a rule is broken.
    pub fn judge(&mut self, place: &Place, checks: RowChecks) {
        self.add(place, Action::Judge(checks));
    }

    /// Adds a step that fails, unless its guards leave it out.
    pub fn refuse(&mut self, place: &Place, error: WriteError) {
        self.add(place, Action::Refuse(error));
    }

    fn add(&mut self, place: &Place, action: Action) {
        self.steps.push(Step { action, guards: place.guards.clone(), path: place.path.clone() });
    }
}

/// Where in the input a step belongs, and when it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub path: Vec<PathFragment>,
    pub guards: Vec<Guard>,
}

impl Place {
    /// Below a field.
    pub fn at(&self, field: &FieldName) -> Self {
        self.below(PathFragment::Field(field.clone()))
    }

    /// Below an item of a list.
    pub fn item(&self, index: usize, alias: Option<Input>) -> Self {
        self.below(PathFragment::Index(index, alias))
    }

    fn below(&self, fragment: PathFragment) -> Self {
        let mut place = self.clone();
        place.path.push(fragment);
        place
    }

    /// Only if.
    pub fn when(&self, guard: Guard) -> Self {
        let mut place = self.clone();
        place.guards.push(guard);
        place
    }
}
