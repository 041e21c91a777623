//! Operations on the row that the written row points at: it holds the foreign key, so they come before it is written (content API, section 10.3).

use freehold_schema::model::{Entity, JoiningColumn, RelationKind};

use super::connecting::{Connect, Nullable};
use super::creating::create;
use super::deleting;
use super::input::{Data, Nested, Operation};
use super::lookups::{self, unique_filter};
use super::program::{Place, Program};
use super::updating::{Found, change, update};
use super::values::Values;
use super::{must_be_held, not_null, removes_orphans};
use crate::bind::BindSource;
use crate::lower::Refused;
use crate::plan::Guard;
use crate::selection::{Input, Pos};
use serde_json::Value;

/// A row that nothing points at any more, to be deleted when that is true.
pub(super) struct Replaced<'a> {
    target: &'a Entity,
    key: BindSource,
    place: Place,
    pos: Pos,
}

impl<'a> Replaced<'a> {
    /// Deletes it.
    pub fn delete(&self, program: &mut Program<'_, 'a>) -> Result<(), Refused> {
        deleting::remove(program, self.target, &Found::with_key(self.target, &self.key), self.pos, &self.place)
    }
}

fn joining<'a>(nested: &Nested<'a>) -> &'a JoiningColumn {
    nested.relation.joining_column().expect("an owning side of has-one holds a foreign key")
}

/// Operations of a new row.
pub(super) fn on_create<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    data: &Data<'a>,
    place: &Place,
    values: &mut Values<'a>,
) -> Result<(), Refused> {
    for nested in data.nested.iter().filter(|nested| nested.is_owning_one()) {
        let below = nested.place(place);
        match &nested.operation {
            Operation::Connect(by) => connect(program, nested, by, &below, values),
            Operation::Create(data) => {
                let key = create(program, nested.target, data, None, &below)?;
                values.point(nested.field, joining(nested), nested.target, key);
            }
            Operation::ConnectOrCreate(by, data) => {
                let key = connect_or_create(program, entity, None, nested, (by, data), &below)?;
                values.point(nested.field, joining(nested), nested.target, key);
            }
            Operation::Update(..) | Operation::Upsert(..) | Operation::Disconnect(_) | Operation::Delete(_) => {}
        }
    }
    Ok(())
}

/// A foreign key of which the row that it holds must be known before the row is changed.
pub(super) struct Held<'a> {
    pub joining: &'a JoiningColumn,
    /// The row is written itself, so only one that the caller sees counts.
    pub seen: Option<&'a Entity>,
}

/// The foreign keys that must be known; None when the change needs nothing to be done before.
pub(super) fn needed<'a>(data: &Data<'a>) -> Option<Vec<Held<'a>>> {
    let owning: Vec<_> = data.nested.iter().filter(|nested| nested.is_owning_one()).collect();
    let is_plain = |nested: &&Nested<'a>| match nested.operation {
        Operation::Connect(_) | Operation::Disconnect(_) => !leaves_trace(nested),
        _ => false,
    };
    let held = |nested: &&Nested<'a>| Held {
        joining: joining(nested),
        seen: nested.operation.writes_related().then_some(nested.target),
    };
    (!owning.iter().all(is_plain)).then(|| owning.iter().map(held).collect())
}

/// Whether the row that is held before has to go, or must not be let go.
fn leaves_trace(nested: &Nested<'_>) -> bool {
    removes_orphans(nested.relation) || must_be_held(nested.relation, nested.target)
}

/// Operations that the statement of the change itself can carry out.
pub(super) fn connects<'a>(program: &mut Program<'_, 'a>, data: &Data<'a>, place: &Place, values: &mut Values<'a>) {
    for nested in data.nested.iter().filter(|nested| nested.is_owning_one()) {
        let below = nested.place(place);
        match &nested.operation {
            Operation::Connect(by) => connect(program, nested, by, &below, values),
            _ => disconnect(program, nested, &below, values),
        }
    }
}

/// Operations of a row that exists. `held` are the rows that its foreign keys hold now.
pub(super) fn on_update<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: &BindSource,
    held: &[BindSource],
    data: &Data<'a>,
    place: &Place,
    values: &mut Values<'a>,
) -> Result<Vec<Replaced<'a>>, Refused> {
    let mut replaced = Vec::new();
    for (nested, held) in data.nested.iter().filter(|nested| nested.is_owning_one()).zip(held) {
        let below = nested.place(place);
        let target = nested.target;
        let (found, missing) = (below.when(Guard::Found(held.clone())), below.when(Guard::Missing(held.clone())));
        let new = match &nested.operation {
            Operation::Connect(by) if leaves_trace(nested) => {
                let key = lookups::required(program, target, by, &below);
                release(program, entity, Some(row), nested, &key, &below)?;
                key
            }
            Operation::Connect(by) => {
                connect(program, nested, by, &below, values);
                continue;
            }
            Operation::Create(data) => create(program, target, data, None, &below)?,
            Operation::ConnectOrCreate(by, data) => connect_or_create(program, entity, Some(row), nested, (by, data), &below)?,
            Operation::Disconnect(_) => {
                disconnect(program, nested, &below, values);
                replaced.extend(replace(program, nested, held, &BindSource::Literal(Value::Null), &below));
                continue;
            }
            Operation::Update(_, data) => {
                update(program, target, Found::with_key(target, held), data, &found)?;
                continue;
            }
            Operation::Upsert(_, data, created) => {
                update(program, target, Found::with_key(target, held), data, &found)?;
                let key = create(program, target, created, None, &missing)?;
                point(program, entity, row, nested, key, &missing)?;
                continue;
            }
            Operation::Delete(_) => {
                deleting::remove(program, target, &Found::with_key(target, held), nested.pos, &found)?;
                continue;
            }
        };
        replaced.extend(replace(program, nested, held, &new, &below));
        values.point(nested.field, joining(nested), target, new);
    }
    Ok(replaced)
}

fn connect<'a>(program: &mut Program<'_, 'a>, nested: &Nested<'a>, by: &Input, place: &Place, values: &mut Values<'a>) {
    let exclusive = match &nested.relation.kind {
        RelationKind::OneHasOneOwning { nullable, .. } => Some(Nullable(*nullable)),
        _ => None,
    };
    let Some(filter) = unique_filter(program, nested.target, by, None, place) else { return };
    let (field, target) = (nested.field, nested.target);
    values.connect(Connect { field, joining: joining(nested), target, by: filter, input: by.clone(), exclusive });
}

fn disconnect<'a>(program: &mut Program<'_, 'a>, nested: &Nested<'a>, place: &Place, values: &mut Values<'a>) {
    if nested.relation.has_nullable_key() {
        values.point(nested.field, joining(nested), nested.target, BindSource::Literal(Value::Null));
    } else {
        program.refuse(place, not_null(None));
    }
}

/// The key of the row that is found or created, free to be held.
fn connect_or_create<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: Option<&BindSource>,
    nested: &Nested<'a>,
    (by, data): (&Input, &Data<'a>),
    place: &Place,
) -> Result<BindSource, Refused> {
    let known = lookups::optional(program, nested.target, by, None, place);
    release(program, entity, row, nested, &known, &place.when(Guard::Found(known.clone())))?;
    let new = create(program, nested.target, data, None, &place.when(Guard::Missing(known.clone())))?;
    Ok(BindSource::FirstOf(vec![known, new]))
}

/// A row that only one may hold is taken from the one that holds it.
fn release<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: Option<&BindSource>,
    nested: &Nested<'a>,
    key: &BindSource,
    place: &Place,
) -> Result<(), Refused> {
    if !matches!(nested.relation.kind, RelationKind::OneHasOneOwning { .. }) {
        return Ok(());
    }
    let holder = lookups::holder(program, entity, joining(nested), nested.target, key, false, place);
    let mut held = place.when(Guard::Found(holder.clone()));
    if let Some(row) = row {
        held = held.when(Guard::Differ(holder.clone(), row.clone()));
    }
    if nested.relation.has_nullable_key() {
        return point(program, entity, &holder, nested, BindSource::Literal(Value::Null), &held);
    }
    program.refuse(&held, not_null(None));
    Ok(())
}

/// Points the foreign key of a row at another row, in a statement of its own.
fn point<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    row: &BindSource,
    nested: &Nested<'a>,
    key: BindSource,
    place: &Place,
) -> Result<(), Refused> {
    let mut values = Values::default();
    values.point(nested.field, joining(nested), nested.target, key);
    let name = program.next_row();
    change(program, entity, &Found::with_key(entity, row), &values, &name, place)
}

/// What becomes of the row that was held before.
fn replace<'a>(
    program: &mut Program<'_, 'a>,
    nested: &Nested<'a>,
    held: &BindSource,
    new: &BindSource,
    place: &Place,
) -> Option<Replaced<'a>> {
    let place = place.when(Guard::Found(held.clone())).when(Guard::Differ(held.clone(), new.clone()));
    if removes_orphans(nested.relation) {
        return Some(Replaced { target: nested.target, key: held.clone(), place, pos: nested.pos });
    }
    if must_be_held(nested.relation, nested.target) {
        program.refuse(&place, not_null(None));
    }
    None
}
