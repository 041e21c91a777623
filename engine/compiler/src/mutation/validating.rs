//! `validateCreateX` and `validateUpdateX`: the verdict of a write that is not carried out (content API, section 13).
//!
//! A query is one statement, so what rules look at besides the data is read by that, and not by steps as in a write. Rows are found as the write would find them, and are
//! as they are before it: what the operations of one input do to each other's rows is not foreseen.

use std::sync::Arc;

use freehold_schema::model::{Entity, RelationKind};
use freehold_schema::names::FieldName;

use super::checking::Unknown;
use super::input::{Data, Nested, Operation, Purpose};
use super::program::Place;
use super::roots;
use super::stored::{self, Stored};
use crate::api::Meaning;
use crate::bind::StepOutputs;
use crate::lower::clauses::{self, Clause};
use crate::lower::{Env, Refused, uniques};
use crate::output::{self, Malformed};
use crate::permissions::Access;
use crate::plan::{RowChecks, Validation};
use crate::selection::{Input, Pos, Selected};

/// A validation, and the fields that it needs to know: a row of their texts, in this order.
pub(crate) fn validation<'a>(env: &Env<'a>, field: &Selected) -> Result<(Validation, Vec<Stored<'a>>), Refused> {
    let (entity, purpose) = match &field.meaning {
        Meaning::ValidateUpdate(entity) => (env.entity(entity.as_str()), Purpose::Update),
        Meaning::ValidateCreate(entity) => (env.entity(entity.as_str()), Purpose::Create),
        _ => unreachable!("called for these two"),
    };
    let mut checks = Vec::new();
    let data = roots::checked(env, entity, purpose, field, "data", &mut checks)?;
    let mut rows = Rows { env, rules: Vec::new(), stored: Vec::new() };
    // An incomplete key names no row; the write would say so after its checks.
    if purpose == Purpose::Update
        && let Some(found) = named(env, entity, roots::argument(field, "by"), None, field.pos)
    {
        rows.update(entity, &found, &data, &Place::default())?;
    }
    let Rows { rules, stored, .. } = rows;
    Ok((Validation { checks, rules, row: None, field: field.clone() }, stored))
}

impl Validation {
    /// What the row of the statement tells, for [`Validation::answer`].
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn told(row: &[u8]) -> Result<StepOutputs, Malformed> {
        let texts = output::texts(row)?;
        Ok(texts.into_iter().enumerate().map(|(index, text)| (name(index), text)).collect())
    }
}

/// Of the text of a stored field.
fn name(index: usize) -> Arc<str> {
    index.to_string().into()
}

/// The rows that are updated and of which rules look at stored fields.
struct Rows<'e, 'a> {
    env: &'e Env<'a>,
    rules: Vec<RowChecks>,
    stored: Vec<Stored<'a>>,
}

impl<'a> Rows<'_, 'a> {
    /// Adds a row and those below it.
    fn update(&mut self, entity: &'a Entity, found: &Clause<'a>, data: &Data<'a>, place: &Place) -> Result<(), Refused> {
        if let Some(unknown) = Unknown::of(entity, data)? {
            let mut names = (self.stored.len()..).map(name);
            let stored = Stored::of(self.env, entity, found, &unknown, || names.next().expect("numbers do not end"));
            self.rules.push(stored::rules(unknown, &stored, place));
            self.stored.extend(stored);
        }
        for nested in &data.nested {
            if let Operation::Update(by, data) | Operation::Upsert(by, data, _) = &nested.operation
                && let Some(found) = self.below(entity, found, nested, by)
            {
                self.update(nested.target, &found, data, &nested.place(place))?;
            }
        }
        Ok(())
    }

    /// The related row that an operation on it finds.
    fn below(&self, entity: &'a Entity, found: &Clause<'a>, nested: &Nested<'a>, by: &Input) -> Option<Clause<'a>> {
        let (env, target) = (self.env, nested.target);
        let related = || clauses::related_of(env, entity, nested.relation, found.clone());
        match &nested.relation.kind {
            RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. } | RelationKind::OneHasOneInverse { .. } => {
                Some(Clause::all([clauses::visible(env, Access::Root, target), related()]))
            }
            RelationKind::OneHasMany { owned_by, .. } => {
                Some(Clause::all([named(env, target, by, Some(owned_by), nested.pos)?, related()]))
            }
            // One that is not related yet becomes so.
            RelationKind::ManyHasManyOwning { .. } | RelationKind::ManyHasManyInverse { .. } => {
                named(env, target, by, None, nested.pos)
            }
        }
    }
}

/// The row that a `by` names, if the caller sees it; `known` is as of [`uniques::unique_filter`].
fn named<'a>(env: &Env<'a>, entity: &'a Entity, by: &Input, known: Option<&FieldName>, pos: Pos) -> Option<Clause<'a>> {
    let filter = uniques::unique_filter(env, entity, by, known, pos).ok()?;
    let visible = clauses::visible(env, Access::Root, entity);
    Some(Clause::all([visible, clauses::requested(env, Access::Root, entity, &filter)]))
}
