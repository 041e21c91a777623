//! Relations: both sides must fit each other.

use std::collections::HashMap;

use crate::check::{World, entities, names};
use crate::codes;
use crate::draft::{
    EntityDraft, FieldDraft, FieldKindDraft, Form, InverseKind, JoiningDraft, JunctionDraft, OrderDraft, RelationDraft, SideDraft,
};
use crate::model::{JoiningColumn, JoiningTable, OnDelete, Relation, RelationKind};
use crate::names::{EntityName, FieldName};
use crate::source::{At, Errors};

/// Entity and field.
type Side<'a> = (&'a str, &'a str);

/// All relations as they were written, by entity and field.
pub(super) struct Relations<'a> {
    entities: HashMap<&'a str, &'a EntityDraft>,
    sides: HashMap<Side<'a>, &'a RelationDraft>,
    /// Inverse sides by the owning side that they name.
    inverses: HashMap<Side<'a>, Vec<(&'a str, &'a At<String>)>>,
}

impl<'a> Relations<'a> {
    pub fn new(drafts: &'a [EntityDraft]) -> Self {
        let mut relations = Self { entities: HashMap::new(), sides: HashMap::new(), inverses: HashMap::new() };
        for entity in drafts {
            relations.entities.entry(entity.name.as_str()).or_insert(entity);
            for field in &entity.fields {
                let Some(FieldKindDraft::Relation(relation)) = &field.kind else { continue };
                relations.sides.entry((entity.name.as_str(), field.name.as_str())).or_insert(relation);
                if let SideDraft::InverseOne { owned_by, .. } | SideDraft::InverseMany { owned_by, .. } = &relation.side {
                    let owner = (relation.target.as_str(), owned_by.as_str());
                    relations.inverses.entry(owner).or_default().push((entity.name.as_str(), &field.name));
                }
            }
        }
        relations
    }

    pub fn lower(
        &self,
        entity: &EntityDraft,
        field: &FieldDraft,
        draft: &RelationDraft,
        world: &World,
        errors: &mut Errors,
    ) -> Option<Relation> {
        let Some(target) = self.entities.get(draft.target.as_str()) else {
            if !world.lost {
                let error =
                    errors.add(draft.target.at, codes::UNKNOWN_ENTITY, format!("unknown entity `{}`", draft.target.value));
                error.suggest(draft.target.as_str(), self.entities.keys().copied());
            }
            return None;
        };
        check_views(entity, field, draft, target, errors);
        let kind = match &draft.side {
            SideDraft::ManyHasOne { inversed_by, nullable, joining } => RelationKind::ManyHasOne {
                inversed_by: self.inversed_by(entity, field, target, inversed_by.as_ref(), world, errors),
                nullable: *nullable,
                joining: has_one(field, joining, *nullable, errors),
            },
            SideDraft::OneHasOneOwning { inversed_by, nullable, joining, orphan_removal } => RelationKind::OneHasOneOwning {
                inversed_by: self.inversed_by(entity, field, target, inversed_by.as_ref(), world, errors),
                nullable: *nullable,
                joining: has_one(field, joining, *nullable, errors),
                orphan_removal: *orphan_removal,
            },
            SideDraft::ManyHasManyOwning { inversed_by, junction, .. } => RelationKind::ManyHasManyOwning {
                inversed_by: self.inversed_by(entity, field, target, inversed_by.as_ref(), world, errors),
                joining_table: joining_table(entity, field, target, junction, errors),
                order_by: Vec::new(),
            },
            SideDraft::InverseOne { owned_by, nullable } => {
                self.check_owner(entity, target, owned_by, "one", world, errors)?;
                RelationKind::OneHasOneInverse { owned_by: FieldName::new(owned_by.as_str()), nullable: *nullable }
            }
            SideDraft::InverseMany { owned_by, expected, .. } => {
                let found = self.check_owner(entity, target, owned_by, "many", world, errors)?;
                if expected.is_some_and(|expected| Some(expected) != found) {
                    let message = format!("`{}.{}` owns another kind of relation", target.name.value, owned_by.value);
                    errors.add(owned_by.at, codes::INVERSE_MISMATCH, message);
                }
                inverse_many(owned_by, found)
            }
        };
        Some(Relation { target: EntityName::new(draft.target.as_str()), kind })
    }

    /// The owning side that an inverse side names: it must be one, point back here, and be of the same arity.
    fn check_owner(
        &self,
        entity: &EntityDraft,
        target: &EntityDraft,
        owned_by: &At<String>,
        arity: &str,
        world: &World,
        errors: &mut Errors,
    ) -> Option<Option<InverseKind>> {
        let owner_name = format!("`{}.{}`", target.name.value, owned_by.value);
        let Some(owner) = self.sides.get(&(target.name.as_str(), owned_by.as_str())) else {
            let field = target.fields.iter().find(|field| field.name.value == owned_by.value);
            if field.is_some_and(|field| field.kind.is_some()) {
                errors.add(owned_by.at, codes::INVERSE_MISMATCH, format!("{owner_name} is not a relation"));
            } else if field.is_none() && !world.unsure.contains(target.name.as_str()) {
                let error = errors.add(
                    owned_by.at,
                    codes::UNKNOWN_FIELD,
                    format!("`{}` has no field `{}`", target.name.value, owned_by.value),
                );
                let points_here = |relation: &RelationDraft| relation.target.value == entity.name.value;
                let candidates =
                    self.sides.iter().filter(|((owner, _), relation)| *owner == target.name.value && points_here(relation));
                let mut candidates: Vec<&str> = candidates.map(|((_, field), _)| *field).collect();
                candidates.sort_unstable();
                error.suggest(owned_by.as_str(), candidates);
            }
            return None;
        };
        let mut mismatch = |message: String, hint: &str| {
            errors.add(owned_by.at, codes::INVERSE_MISMATCH, message).hint(hint);
            None
        };
        if owner.target.value != entity.name.value {
            let message = format!("{owner_name} is a relation to `{}`, not to `{}`", owner.target.value, entity.name.value);
            return mismatch(message, "name the field that points at this type");
        }
        match (&owner.side, arity) {
            (SideDraft::ManyHasOne { .. }, "many") => Some(Some(InverseKind::OneHasMany)),
            (SideDraft::ManyHasManyOwning { .. }, "many") => Some(Some(InverseKind::ManyHasMany)),
            (SideDraft::OneHasOneOwning { .. }, "one") => Some(None),
            (SideDraft::ManyHasOne { .. } | SideDraft::ManyHasManyOwning { .. }, _) => {
                let hint = format!("many rows there point at one here: write `[{}!]`", target.name.value);
                mismatch(format!("{owner_name} needs a list as its other side"), &hint)
            }
            (SideDraft::OneHasOneOwning { .. }, _) => {
                let hint = format!("one row there points at one here: write `{}`", target.name.value);
                mismatch(format!("{owner_name} is one-has-one, so its other side is no list"), &hint)
            }
            (SideDraft::InverseOne { .. } | SideDraft::InverseMany { .. }, _) => mismatch(
                format!("{owner_name} is an inverse side too"),
                "leave `@inverse` out on one of the two: that side stores the relation",
            ),
        }
    }

    /// The inverse side of an owning side, if there is one.
    fn inversed_by(
        &self,
        entity: &EntityDraft,
        field: &FieldDraft,
        target: &EntityDraft,
        given: Option<&At<String>>,
        world: &World,
        errors: &mut Errors,
    ) -> Option<FieldName> {
        let sides = self.inverses.get(&(entity.name.as_str(), field.name.as_str())).map(Vec::as_slice).unwrap_or_default();
        let sides: Vec<&At<String>> =
            sides.iter().filter(|(from, _)| *from == target.name.value).map(|(_, name)| *name).collect();
        for extra in sides.iter().skip(1) {
            let message =
                format!("`{}.{}` has an inverse side already, `{}`", entity.name.value, field.name.value, sides[0].value);
            errors.add(extra.at, codes::INVERSE_MISMATCH, message).hint("a relation has one inverse side at most");
        }
        match (given, sides.first()) {
            (Some(given), found) if found.is_none_or(|found| found.value != given.value) => {
                if world.form == Form::Json && !world.unsure.contains(target.name.as_str()) {
                    let message = format!(
                        "`{}.{}` is not the inverse side of `{}.{}`",
                        target.name.value, given.value, entity.name.value, field.name.value
                    );
                    errors.add(given.at, codes::INVERSE_MISMATCH, message);
                }
                None
            }
            (_, found) => found.map(|found| FieldName::new(found.as_str())),
        }
    }
}

fn inverse_many(owned_by: &At<String>, kind: Option<InverseKind>) -> RelationKind {
    let owned_by = FieldName::new(owned_by.as_str());
    match kind {
        Some(InverseKind::ManyHasMany) => RelationKind::ManyHasManyInverse { owned_by, order_by: Vec::new() },
        Some(InverseKind::OneHasMany) | None => RelationKind::OneHasMany { owned_by, order_by: Vec::new() },
    }
}

/// The default order that was written on a relation.
pub(super) fn order_by(draft: &RelationDraft) -> &[OrderDraft] {
    match &draft.side {
        SideDraft::ManyHasManyOwning { order_by, .. } | SideDraft::InverseMany { order_by, .. } => order_by,
        SideDraft::ManyHasOne { .. } | SideDraft::OneHasOneOwning { .. } | SideDraft::InverseOne { .. } => &[],
    }
}

/// Foreign keys need a table on both ends.
fn check_views(entity: &EntityDraft, field: &FieldDraft, draft: &RelationDraft, target: &EntityDraft, errors: &mut Errors) {
    let is_owning = matches!(
        draft.side,
        SideDraft::ManyHasOne { .. } | SideDraft::OneHasOneOwning { .. } | SideDraft::ManyHasManyOwning { .. }
    );
    let mut report = |message: String, hint: &str| {
        errors.add(field.name.at, codes::VIEW_INVALID, message).hint(hint);
    };
    if is_owning && entity.view.is_none() && target.view.is_some() {
        let message = format!("`{}` cannot refer to the view `{}`", field.name.value, target.name.value);
        report(message, "PostgreSQL has no foreign keys to views; let the view refer to this entity and put `@inverse` here");
    }
    if !is_owning && entity.view.is_some() && target.view.is_none() {
        let message = format!(
            "a view's `{}` cannot be the inverse side of a relation of the entity `{}`",
            field.name.value, target.name.value
        );
        report(message, "inverse sides in views point at views");
    }
}

fn has_one(field: &FieldDraft, draft: &JoiningDraft, nullable: bool, errors: &mut Errors) -> JoiningColumn {
    let derived = format!("{}_id", names::snake(field.name.as_str()));
    if let Some(on_delete) = draft.on_delete.as_ref().filter(|on_delete| on_delete.value == OnDelete::SetNull && !nullable) {
        let message = format!("`{}` cannot become null when the row it refers to is deleted: it is not null", field.name.value);
        errors.add(on_delete.at, codes::RELATION_INVALID, message).hint("leave out the `!`, or delete the row too: CASCADE");
    }
    joining_column(draft, &derived, field.name.at, OnDelete::Restrict, "name the column with `@relation(column: …)`", errors)
}

fn joining_column(
    draft: &JoiningDraft,
    derived: &str,
    at: usize,
    on_delete: OnDelete,
    hint: &str,
    errors: &mut Errors,
) -> JoiningColumn {
    JoiningColumn {
        column: names::ident(draft.column.as_ref(), derived, at, hint, errors).unwrap_or_else(entities::placeholder),
        on_delete: draft.on_delete.as_ref().map_or(on_delete, |on_delete| on_delete.value),
    }
}

fn joining_table(
    entity: &EntityDraft,
    field: &FieldDraft,
    target: &EntityDraft,
    draft: &JunctionDraft,
    errors: &mut Errors,
) -> JoiningTable {
    let default = JunctionNames::of(entity.name.as_str(), field.name.as_str(), target.name.as_str());
    let at = field.name.at;
    for on_delete in [&draft.owner.on_delete, &draft.target.on_delete].into_iter().flatten() {
        if on_delete.value == OnDelete::SetNull {
            let message = format!("a link of `{}` cannot lose one of its ends", field.name.value);
            errors.add(on_delete.at, codes::RELATION_INVALID, message).hint("use CASCADE or RESTRICT");
        }
    }
    let table = names::ident(draft.table.as_ref(), &default.table, at, "name the table with `@relation(table: …)`", errors);
    let owner = joining_column(
        &draft.owner,
        &default.owner,
        at,
        OnDelete::Cascade,
        "name the column with `@relation(column: …)`",
        errors,
    );
    let target = joining_column(
        &draft.target,
        &default.target,
        at,
        OnDelete::Cascade,
        "name the column with `@relation(targetColumn: …)`",
        errors,
    );
    if owner.column == target.column && owner.column != entities::placeholder() {
        let message = format!("the links of `{}` have the column `{}` twice", field.name.value, owner.column.as_str());
        errors.add(at, codes::COLUMN_TAKEN, message).hint("name one of them with `@relation(column: …, targetColumn: …)`");
    }
    JoiningTable { table: table.unwrap_or_else(entities::placeholder), owner, target, event_log: draft.event_log }
}

/// Names of a junction that gives none (content API, section 2.2).
pub(crate) struct JunctionNames {
    pub table: String,
    pub owner: String,
    pub target: String,
}

impl JunctionNames {
    pub fn of(entity: &str, field: &str, target: &str) -> Self {
        let second = if entity == target { field } else { target };
        Self {
            table: format!("{}_{}", names::snake(entity), names::snake(field)),
            owner: format!("{}_id", names::snake(entity)),
            target: format!("{}_id", names::snake(second)),
        }
    }
}
