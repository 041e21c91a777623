//! Operations on the one row that holds the key of the written row (content API, section 10.3).

use freehold_schema::model::{Entity, RelationKind};

use super::creating::create;
use super::deleting;
use super::input::{Nested, Operation, Purpose};
use super::nesting::Parent;
use super::owning::Held;
use super::owning_side;
use super::program::{Place, Program};
use super::updating::{Found, find, update};
use super::{lookups, must_be_held, not_null, removes_orphans};
use crate::bind::BindSource;
use crate::lower::Refused;
use crate::plan::Guard;

/// Carries out an operation.
pub(super) fn write<'a>(
    program: &mut Program<'_, 'a>,
    nested: &Nested<'a>,
    parent: &Parent<'a>,
    purpose: Purpose,
    place: &Place,
) -> Result<(), Refused> {
    let target = nested.target;
    // Nothing refers to a row that was just created.
    let holder = match purpose {
        Purpose::Create => None,
        Purpose::Update => {
            let is_written = nested.operation.writes_related();
            Some(lookups::holder(program, target, parent.joining, parent.entity, &parent.key, is_written, place))
        }
    };
    match &nested.operation {
        Operation::Connect(by) => {
            let key = lookups::required(program, target, by, place);
            detach(program, target, parent, holder.as_ref(), Some(&key), place)?;
            attach(program, nested, parent, &key, place)
        }
        Operation::Create(data) => {
            detach(program, target, parent, holder.as_ref(), None, place)?;
            create(program, target, data, Some(parent), place).map(drop)
        }
        Operation::ConnectOrCreate(by, data) => {
            let known = lookups::optional(program, target, by, None, place);
            detach(program, target, parent, holder.as_ref(), Some(&known), place)?;
            attach(program, nested, parent, &known, &place.when(Guard::Found(known.clone())))?;
            create(program, target, data, Some(parent), &place.when(Guard::Missing(known))).map(drop)
        }
        Operation::Update(_, data) => match holder {
            Some(holder) => {
                let place = place.when(Guard::Found(holder.clone()));
                update(program, target, Found::with_key(target, &holder), data, &place).map(drop)
            }
            None => Ok(()),
        },
        Operation::Upsert(_, data, created) => {
            let Some(holder) = holder else { return create(program, target, created, Some(parent), place).map(drop) };
            let found = place.when(Guard::Found(holder.clone()));
            update(program, target, Found::with_key(target, &holder), data, &found)?;
            create(program, target, created, Some(parent), &place.when(Guard::Missing(holder))).map(drop)
        }
        Operation::Disconnect(_) => {
            if matches!(nested.relation.kind, RelationKind::OneHasOneInverse { nullable: false, .. }) {
                program.refuse(place, not_null(None));
            }
            detach(program, target, parent, holder.as_ref(), None, place)
        }
        Operation::Delete(_) => match holder {
            Some(holder) => {
                let place = place.when(Guard::Found(holder.clone()));
                deleting::remove(program, target, &Found::with_key(target, &holder), nested.pos, &place)
            }
            None => Ok(()),
        },
    }
}

/// Frees the row from the one that refers to it, unless that is the one that shall.
fn detach<'a>(
    program: &mut Program<'_, 'a>,
    target: &'a Entity,
    parent: &Parent<'a>,
    holder: Option<&BindSource>,
    new: Option<&BindSource>,
    place: &Place,
) -> Result<(), Refused> {
    let Some(holder) = holder else { return Ok(()) };
    let mut place = place.when(Guard::Found(holder.clone()));
    if let Some(new) = new {
        place = place.when(Guard::Differ(holder.clone(), new.clone()));
    }
    if parent.nullable {
        return parent.adopt(program, target, &Found::with_key(target, holder), false, &place);
    }
    program.refuse(&place, not_null(None));
    Ok(())
}

/// Makes a row refer to this one; what it referred to before is left, and with orphan removal goes.
fn attach<'a>(
    program: &mut Program<'_, 'a>,
    nested: &Nested<'a>,
    parent: &Parent<'a>,
    key: &BindSource,
    place: &Place,
) -> Result<(), Refused> {
    let target = nested.target;
    let owning = owning_side(target, parent.field);
    let (removes, is_required) = (removes_orphans(owning), must_be_held(owning, parent.entity));
    let mut left = None;
    if removes || is_required {
        let name = program.next_row();
        let held = Held { joining: parent.joining, seen: None };
        let held = find(program, target, &Found::with_key(target, key), &name, &[held], place);
        left = held.into_iter().next();
    }
    let left = left.map(|left| {
        let place = place.when(Guard::Found(left.clone())).when(Guard::Differ(left.clone(), parent.key.clone()));
        (left, place)
    });
    if let Some((_, place)) = left.as_ref().filter(|_| !removes) {
        program.refuse(place, not_null(None));
    }
    parent.adopt(program, target, &Found::with_key(target, key), true, place)?;
    match left.filter(|_| removes) {
        Some((left, place)) => {
            deleting::remove(program, parent.entity, &Found::with_key(parent.entity, &left), nested.pos, &place)
        }
        None => Ok(()),
    }
}
