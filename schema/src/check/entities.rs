//! Enums and entities: what is common to all their fields.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::check::{World, columns, encryptions, names, relations, searches};
use crate::codes;
use crate::draft::{ColumnDraft, EntityDraft, EnumDraft, FieldDraft, FieldKindDraft, Form, SideDraft};
use crate::ident::Ident;
use crate::model::{ColumnKind, Entity, EnumType, EnumValue, Field, FieldKind};
use crate::names::{EntityName, EnumName, FieldName};
use crate::source::{At, Errors};

pub(super) fn enums(drafts: &[EnumDraft], errors: &mut Errors) -> IndexMap<EnumName, EnumType> {
    let mut enums = IndexMap::new();
    let mut types: HashMap<String, String> = HashMap::new();
    for draft in drafts {
        let name = EnumName::new(draft.name.as_str());
        let Some(pg_type) = names::ident(draft.pg_type.as_ref(), draft.name.as_str(), draft.name.at, "", errors) else {
            continue;
        };
        if let Some(other) = types.insert(pg_type.as_str().to_owned(), draft.name.value.clone()) {
            let at = draft.pg_type.as_ref().map_or(draft.name.at, |name| name.at);
            let message = format!("the enums `{other}` and `{name}` would both be the type `{}`", pg_type.as_str());
            if other != draft.name.value {
                errors.add(at, codes::TABLE_TAKEN, message).hint("name one of them with `@enum(type: …)`");
            }
        }
        let value = |value: &crate::draft::EnumValueDraft| EnumValue {
            name: value.name.value.clone(),
            description: value.description.clone(),
            deprecated: value.deprecated.clone(),
        };
        let values = draft.values.iter().map(value).collect();
        enums.entry(name.clone()).or_insert(EnumType { name, pg_type, description: draft.description.clone(), values });
    }
    enums
}

/// Entities with their fields; keys and orders come later, when all fields are known.
pub(super) fn lower(drafts: &[EntityDraft], world: &mut World, errors: &mut Errors) {
    let relations = relations::Relations::new(drafts);
    for draft in drafts {
        if world.entities.contains_key(draft.name.as_str()) {
            continue;
        }
        let name = EntityName::new(draft.name.as_str());
        let derived = names::snake(draft.name.as_str());
        let table = names::ident(draft.table.as_ref(), &derived, draft.name.at, "name the table with `@table(name: …)`", errors);
        let mut entity = Entity {
            name: name.clone(),
            description: draft.description.clone(),
            table: table.unwrap_or_else(placeholder),
            primary: FieldName::new(draft.primary.as_str()),
            fields: IndexMap::new(),
            uniques: Vec::new(),
            indexes: Vec::new(),
            order_by: Vec::new(),
            view: None,
            event_log: draft.event_log,
        };
        for field in &draft.fields {
            match lower_field(draft, field, world, &relations, errors) {
                Some(kind) if !entity.fields.contains_key(field.name.as_str()) => {
                    let name = FieldName::new(field.name.as_str());
                    let (description, deprecated) = (field.description.clone(), field.deprecated.clone());
                    entity.fields.insert(name.clone(), Field { name, description, deprecated, rules: Vec::new(), kind });
                }
                Some(_) => {}
                None => {
                    world.broken.insert((draft.name.value.clone(), field.name.value.clone()));
                }
            }
        }
        check_primary(draft, &entity, world, errors);
        searches::check(draft, &entity, errors);
        encryptions::check(draft, &entity, errors);
        world.entities.insert(name, entity);
    }
}

/// Stands where a mistake was reported.
pub(super) fn placeholder() -> Ident {
    Ident::new("?").expect("one character is a legal identifier")
}

fn lower_field(
    entity: &EntityDraft,
    field: &FieldDraft,
    world: &World,
    relations: &relations::Relations<'_>,
    errors: &mut Errors,
) -> Option<FieldKind> {
    match field.kind.as_ref()? {
        FieldKindDraft::Column(column) => columns::lower(field, column, world, errors).map(FieldKind::Column),
        FieldKindDraft::Relation(relation) => {
            let lowered = relations.lower(entity, field, relation, world, errors).map(FieldKind::Relation);
            if entity.view.is_some() && matches!(relation.side, SideDraft::ManyHasManyOwning { .. }) {
                let error = errors.add(
                    field.name.at,
                    codes::VIEW_INVALID,
                    format!("a view cannot have the many-has-many relation `{}`", field.name.value),
                );
                error.hint("a view stores nothing, so it has no table of links");
            }
            lowered
        }
    }
}

fn check_primary(draft: &EntityDraft, entity: &Entity, world: &World, errors: &mut Errors) {
    let primary: &At<String> = &draft.primary;
    let Some(field) = entity.fields.get(primary.as_str()) else {
        if !world.is_excused(draft.name.as_str(), primary.as_str()) {
            let message = format!("`{}` has no field `{}`, which should be its primary key", entity.name, primary.value);
            errors.add(primary.at, codes::PRIMARY_INVALID, message);
        }
        return;
    };
    let at = draft.fields.iter().find(|field| field.name.value == primary.value).map_or(primary.at, |field| field.name.at);
    let fits = match &field.kind {
        FieldKind::Column(column) => {
            matches!(column.kind, ColumnKind::Uuid | ColumnKind::Integer | ColumnKind::String) && !column.list && !column.nullable
        }
        FieldKind::Relation(_) => false,
    };
    if !fits {
        let error = errors.add(
            at,
            codes::PRIMARY_INVALID,
            format!("the primary key `{}` is a single `UUID!`, `Int!` or `String!`", primary.value),
        );
        if draft.view.is_none() && world.form == Form::Sdl {
            error.hint("leave the field out for `id: UUID!`, or write `id: Int! @sequence`");
        }
    }
    let has_default = matches!(draft_column(draft, primary.as_str()), Some(column) if column.default.is_some());
    if has_default {
        errors.add(
            at,
            codes::PRIMARY_INVALID,
            format!("the primary key `{}` cannot have a default: it must be unique", primary.value),
        );
    }
}

fn draft_column<'a>(draft: &'a EntityDraft, field: &str) -> Option<&'a ColumnDraft> {
    match draft.fields.iter().find(|candidate| candidate.name.value == field)?.kind.as_ref()? {
        FieldKindDraft::Column(column) => Some(column),
        FieldKindDraft::Relation(_) => None,
    }
}
