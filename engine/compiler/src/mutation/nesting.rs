//! Operations on rows that hold the key of the written row, directly or in a junction: they come after it (content API, section 10.3).

use std::sync::Arc;

use freehold_schema::model::{Entity, JoiningColumn, RelationKind};
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::creating::create;
use super::deleting;
use super::input::{Data, Nested, Operation};
use super::program::{Place, Program};
use super::updating::{Found, change, update};
use super::values::Values;
use super::{inverse, junctions, lookups, not_null};
use crate::bind::BindSource;
use crate::lower::Refused;
use crate::plan::Guard;
use crate::selection::Input;

/// The row to which others refer, and how.
#[derive(Debug, Clone)]
pub(super) struct Parent<'a> {
    pub entity: &'a Entity,
    pub key: BindSource,
    /// The field of those that refer to it.
    pub field: &'a FieldName,
    pub joining: &'a JoiningColumn,
    /// Whether a row may refer to none.
    pub nullable: bool,
}

impl<'a> Parent<'a> {
    /// Of rows on the other side of a relation that is owned there.
    pub fn new(entity: &'a Entity, key: &BindSource, target: &'a Entity, owned_by: &'a FieldName) -> Self {
        let owning = target.relation(owned_by.as_str()).expect("a checked schema's inverse side names an owning side");
        let joining = owning.joining_column().expect("an owning side of has-one holds a foreign key");
        Self { entity, key: key.clone(), field: owned_by, joining, nullable: owning.has_nullable_key() }
    }

    /// Makes a row refer to it, or to nothing.
    pub fn adopt(
        &self,
        program: &mut Program<'_, 'a>,
        target: &'a Entity,
        found: &Found<'a>,
        refers: bool,
        place: &Place,
    ) -> Result<(), Refused> {
        let mut values = Values::default();
        let key = if refers { self.key.clone() } else { BindSource::Literal(Value::Null) };
        values.point(self.field, self.joining, self.entity, key);
        let name: Arc<str> = program.next_row();
        change(program, target, found, &values, &name, place)
    }
}

/// Carries out the operations, in their order.
pub(super) fn below<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: &BindSource,
    data: &Data<'a>,
    place: &Place,
) -> Result<(), Refused> {
    for nested in &data.nested {
        let place = nested.place(place);
        match &nested.relation.kind {
            RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. } => {}
            RelationKind::OneHasMany { owned_by, .. } => {
                let parent = Parent::new(entity, row, nested.target, owned_by);
                child(program, nested, &parent, &place)?;
            }
            RelationKind::OneHasOneInverse { owned_by, .. } => {
                let parent = Parent::new(entity, row, nested.target, owned_by);
                inverse::write(program, nested, &parent, data.purpose, &place)?;
            }
            RelationKind::ManyHasManyOwning { .. } | RelationKind::ManyHasManyInverse { .. } => {
                junctions::write(program, entity, nested, row, &place)?;
            }
        }
    }
    Ok(())
}

/// One of many rows that refer to the written one.
fn child<'a>(program: &mut Program<'_, 'a>, nested: &Nested<'a>, parent: &Parent<'a>, place: &Place) -> Result<(), Refused> {
    let target = nested.target;
    match &nested.operation {
        Operation::Connect(by) => {
            if let Some(found) = lookups::found(program, target, by, None, place) {
                parent.adopt(program, target, &found, true, place)?;
            }
        }
        Operation::Create(data) => drop(create(program, target, data, Some(parent), place)?),
        Operation::ConnectOrCreate(by, data) => {
            let known = lookups::optional(program, target, by, None, place);
            let found = Found::with_key(target, &known);
            parent.adopt(program, target, &found, true, &place.when(Guard::Found(known.clone())))?;
            create(program, target, data, Some(parent), &place.when(Guard::Missing(known)))?;
        }
        Operation::Update(by, data) => {
            if let Some(found) = lookups::found(program, target, by, Some(parent), place) {
                update(program, target, found, data, place)?;
            }
        }
        Operation::Upsert(by, data, created) => {
            let known = lookups::optional(program, target, by, Some(parent), place);
            update(program, target, Found::with_key(target, &known), data, &place.when(Guard::Found(known.clone())))?;
            create(program, target, created, Some(parent), &place.when(Guard::Missing(known)))?;
        }
        Operation::Disconnect(by) => {
            if !parent.nullable {
                program.refuse(place, not_null(Some(parent.field)));
            } else if let Some(found) = lookups::found(program, target, by, Some(parent), place) {
                parent.adopt(program, target, &found, false, place)?;
            }
        }
        Operation::Delete(by) => remove(program, nested, by, Some(parent), place)?,
    }
    Ok(())
}

/// Deletes the row that a `by` names.
pub(super) fn remove<'a>(
    program: &mut Program<'_, 'a>,
    nested: &Nested<'a>,
    by: &Input,
    parent: Option<&Parent<'a>>,
    place: &Place,
) -> Result<(), Refused> {
    match lookups::found(program, nested.target, by, parent, place) {
        Some(found) => deleting::remove(program, nested.target, &found, nested.pos, place),
        None => Ok(()),
    }
}
