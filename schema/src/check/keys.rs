//! Unique keys, indexes, default orders and views: their fields must exist and be of a fitting kind.

use crate::check::{World, names, relations};
use crate::codes;
use crate::draft::{EntityDraft, FieldKindDraft, IndexDraft, OrderDraft, UniqueDraft, ViewDraft};
use crate::ident::Ident;
use crate::model::{ColumnKind, Entity, Field, FieldKind, Index, IndexField, OrderBy, RelationKind, Unique, UniqueKind, View};
use crate::names::{EntityName, FieldName};
use crate::source::{At, Errors};

const METHODS: [&str; 6] = ["btree", "hash", "gin", "gist", "spgist", "brin"];

pub(super) fn lower(drafts: &[EntityDraft], world: &mut World, errors: &mut Errors) {
    for draft in drafts {
        let Some(entity) = world.entities.get(draft.name.as_str()) else { continue };
        let uniques = uniques(draft, entity, world, errors);
        let indexes = indexes(draft, entity, world, errors);
        let order = order_by(&draft.order_by, entity, world, errors);
        let view = draft.view.as_ref().map(|view| lower_view(view, entity, world, errors));
        let mut orders: Vec<(FieldName, Vec<OrderBy>)> = Vec::new();
        for field in &draft.fields {
            let Some(FieldKindDraft::Relation(relation)) = &field.kind else { continue };
            let written = relations::order_by(relation);
            if let Some(target) = world.entities.get(relation.target.as_str()).filter(|_| !written.is_empty()) {
                orders.push((FieldName::new(field.name.as_str()), order_by(written, target, world, errors)));
            }
        }
        let entity = world.entities.get_mut(draft.name.as_str()).expect("it was just found");
        entity.uniques = uniques;
        entity.indexes = indexes;
        entity.order_by = order;
        entity.view = view;
        for (name, order) in orders {
            set_order(entity, &name, order);
        }
    }
    view_cycles(drafts, world, errors);
}

fn set_order(entity: &mut Entity, field: &FieldName, order: Vec<OrderBy>) {
    let Some(Field { kind: FieldKind::Relation(relation), .. }) = entity.fields.get_mut(field) else { return };
    match &mut relation.kind {
        RelationKind::OneHasMany { order_by, .. }
        | RelationKind::ManyHasManyOwning { order_by, .. }
        | RelationKind::ManyHasManyInverse { order_by, .. } => *order_by = order,
        RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. } | RelationKind::OneHasOneInverse { .. } => {}
    }
}

fn method(given: Option<&At<String>>, code: &'static str, errors: &mut Errors) -> Option<String> {
    let given = given?;
    if !METHODS.contains(&given.as_str()) {
        errors.add(given.at, code, format!("unknown access method `{}`", given.value)).suggest(given.as_str(), METHODS);
        return None;
    }
    Some(given.value.clone())
}

/// Looks a key's fields up; each must have a column here. Returns nothing when one was a mistake.
fn key_fields<'w>(
    fields: &[&At<String>],
    what: &str,
    code: &'static str,
    entity: &'w Entity,
    world: &'w World,
    errors: &mut Errors,
) -> Option<Vec<&'w Field>> {
    let mut found = Vec::new();
    for (index, name) in fields.iter().enumerate() {
        if fields[..index].iter().any(|earlier| earlier.value == name.value) {
            errors.add(name.at, code, format!("{what} names `{}` twice", name.value));
            continue;
        }
        let Some(field) = world.field(entity, name, errors) else { continue };
        let has_column = match &field.kind {
            FieldKind::Column(column) => column.kind != ColumnKind::StoredImage && column.encryption.is_none(),
            FieldKind::Relation(relation) => relation.joining_column().is_some(),
        };
        if has_column {
            found.push(field);
        } else {
            let error = errors.add(name.at, code, format!("`{}` cannot be part of {what}", name.value));
            error.hint("columns and relations to a single row that are stored here can");
        }
    }
    (found.len() == fields.len()).then_some(found)
}

fn uniques(draft: &EntityDraft, entity: &Entity, world: &World, errors: &mut Errors) -> Vec<Unique> {
    let mut uniques: Vec<Unique> = Vec::new();
    for unique in &draft.uniques {
        let Some(lowered) = lower_unique(unique, entity, draft.view.as_ref(), world, errors) else { continue };
        if uniques.iter().any(|earlier| same_fields(&earlier.fields, &lowered.fields)) {
            errors.add(unique.at, codes::UNIQUE_INVALID, "this unique key is given twice");
        }
        uniques.push(lowered);
    }
    uniques
}

fn same_fields(a: &[FieldName], b: &[FieldName]) -> bool {
    a.len() == b.len() && a.iter().all(|field| b.contains(field))
}

fn lower_unique(
    draft: &UniqueDraft,
    entity: &Entity,
    view: Option<&ViewDraft>,
    world: &World,
    errors: &mut Errors,
) -> Option<Unique> {
    let code = codes::UNIQUE_INVALID;
    if draft.fields.is_empty() {
        errors.add(draft.at, code, "a unique key needs a field");
        return None;
    }
    let names: Vec<&At<String>> = draft.fields.iter().collect();
    let fields = key_fields(&names, "a unique key", code, entity, world, errors)?;
    for (field, name) in fields.iter().zip(&names) {
        if matches!(&field.kind, FieldKind::Column(column) if column.list) {
            errors.add(name.at, code, format!("the list `{}` cannot be part of a unique key", name.value));
        }
    }
    let method = method(draft.method.as_ref(), code, errors);
    if let Some(given) = draft.method.as_ref().filter(|given| method.is_some() && given.value != "btree") {
        errors.add(given.at, code, format!("`{}` cannot enforce uniqueness", given.value)).hint("leave `method` out");
    }
    if !draft.index {
        let needs_index = [("nullsNotDistinct", draft.nulls_not_distinct), ("method", draft.method.is_some())];
        for (name, _) in needs_index.iter().filter(|(_, given)| *given) {
            errors.add(draft.at, codes::ARGUMENT_CONFLICT, format!("`{name}` needs `index: true`"));
        }
    }
    if let Some(timing) = draft.deferred.as_ref().filter(|_| draft.index) {
        errors
            .add(timing.at, codes::ARGUMENT_CONFLICT, "a unique index cannot be deferred")
            .hint("leave out `index` or `timing`");
    }
    match view {
        Some(view) if view.materialized && !draft.index => {
            errors.add(draft.at, code, "a materialised view has unique indexes only").hint("add `index: true`");
        }
        Some(view) if !view.materialized && (draft.index || draft.deferred.is_some()) => {
            errors
                .add(draft.at, code, "a view stores nothing, so its unique key is a promise of its query only")
                .hint("leave out `index` and `timing`");
        }
        _ => {}
    }
    let kind = match (draft.index, &draft.deferred) {
        (true, _) => UniqueKind::Index { nulls_not_distinct: draft.nulls_not_distinct, method },
        (false, Some(deferred)) if deferred.value => UniqueKind::Deferred,
        (false, Some(_)) => UniqueKind::Deferrable,
        (false, None) => UniqueKind::Immediate,
    };
    let name = key_name(draft.name.as_ref(), errors);
    Some(Unique { fields: fields.iter().map(|field| field.name.clone()).collect(), name, kind })
}

fn key_name(given: Option<&At<String>>, errors: &mut Errors) -> Option<Ident> {
    given.and_then(|name| names::ident(Some(name), "", name.at, "", errors))
}

fn indexes(draft: &EntityDraft, entity: &Entity, world: &World, errors: &mut Errors) -> Vec<Index> {
    if let Some(index) = draft.indexes.first().filter(|_| draft.view.as_ref().is_some_and(|view| !view.materialized)) {
        errors.add(index.at, codes::INDEX_INVALID, "a view stores nothing, so it has no index").hint("make it `materialized`");
    }
    draft.indexes.iter().filter_map(|index| lower_index(index, entity, world, errors)).collect()
}

fn lower_index(draft: &IndexDraft, entity: &Entity, world: &World, errors: &mut Errors) -> Option<Index> {
    let code = codes::INDEX_INVALID;
    if draft.fields.is_empty() {
        errors.add(draft.at, code, "an index needs a field");
        return None;
    }
    let method = method(draft.method.as_ref(), code, errors);
    let names: Vec<&At<String>> = draft.fields.iter().map(|field| &field.field).collect();
    let fields = key_fields(&names, "an index", code, entity, world, errors)?;
    let include: Vec<&At<String>> = draft.include.iter().collect();
    let include = key_fields(&include, "an index's stored columns", code, entity, world, errors)?;
    let is_ordered = method.as_deref().is_none_or(|method| method == "btree");
    let mut keys = Vec::new();
    for (field, written) in fields.iter().zip(&draft.fields) {
        if let Some(class) = written.op_class.as_ref().filter(|class| !crate::names::is_name(class.as_str())) {
            errors.add(class.at, code, format!("`{}` is not the name of an operator class", class.value));
        }
        if written.direction.is_some() && !is_ordered {
            errors
                .add(written.field.at, code, "only a btree index has a direction")
                .hint("leave out the direction or the method");
        }
        let op_class = written.op_class.as_ref().map(|class| class.value.clone());
        keys.push(IndexField { field: field.name.clone(), direction: written.direction, op_class });
    }
    let predicate = draft.predicate.as_ref().map(|sql| {
        if sql.value.trim().is_empty() {
            errors.add(sql.at, code, "the condition of a partial index is empty");
        }
        sql.value.clone()
    });
    let include = include.iter().map(|field| field.name.clone()).collect();
    Some(Index { fields: keys, name: key_name(draft.name.as_ref(), errors), method, predicate, include })
}

pub(super) fn order_by(drafts: &[OrderDraft], entity: &Entity, world: &World, errors: &mut Errors) -> Vec<OrderBy> {
    drafts.iter().filter_map(|draft| lower_order(draft, entity, world, errors)).collect()
}

fn lower_order(draft: &OrderDraft, entity: &Entity, world: &World, errors: &mut Errors) -> Option<OrderBy> {
    let mut current = entity;
    let mut path = Vec::new();
    for (index, step) in draft.path.iter().enumerate() {
        let is_last = index + 1 == draft.path.len();
        let field = world.field(current, step, errors)?;
        match &field.kind {
            FieldKind::Column(column) if is_last => {
                if !column.is_sortable() {
                    errors.add(step.at, codes::ORDER_INVALID, format!("rows cannot be ordered by `{}`", step.value));
                }
            }
            FieldKind::Column(_) => {
                errors.add(step.at, codes::ORDER_INVALID, format!("`{}` is not a relation", step.value));
                return None;
            }
            FieldKind::Relation(relation) if relation.is_has_many() => {
                errors.add(step.at, codes::ORDER_INVALID, format!("rows cannot be ordered by the list `{}`", step.value));
                return None;
            }
            FieldKind::Relation(_) if is_last => {
                let error = errors.add(
                    step.at,
                    codes::ORDER_INVALID,
                    format!("rows cannot be ordered by the relation `{}` itself", step.value),
                );
                error.hint(format!("name a field of `{}`", field_target(field)));
                return None;
            }
            FieldKind::Relation(relation) => current = world.entities.get(&relation.target)?,
        }
        path.push(field.name.clone());
    }
    Some(OrderBy { path, direction: draft.direction })
}

fn field_target(field: &Field) -> &str {
    match &field.kind {
        FieldKind::Relation(relation) => relation.target.as_str(),
        FieldKind::Column(_) => "",
    }
}

fn lower_view(draft: &ViewDraft, entity: &Entity, world: &World, errors: &mut Errors) -> View {
    if draft.sql.value.trim().is_empty() {
        errors.add(draft.sql.at, codes::VIEW_INVALID, "the query of a view is empty");
    }
    let mut dependencies = Vec::new();
    for name in &draft.dependencies {
        if name.value == entity.name.as_str() {
            errors.add(name.at, codes::VIEW_INVALID, format!("the view `{}` cannot read itself", name.value));
        } else if world.entity(name, errors).is_some() {
            dependencies.push(EntityName::new(name.as_str()));
        }
    }
    let sources: Vec<&At<String>> = draft.id_source.iter().collect();
    let sources = key_fields(&sources, "an id's source", codes::VIEW_INVALID, entity, world, errors).unwrap_or_default();
    View {
        sql: draft.sql.value.clone(),
        dependencies,
        id_source: sources.iter().map(|field| field.name.clone()).collect(),
        materialized: draft.materialized,
    }
}

/// Views are made in the order of their dependencies, so there must be one.
fn view_cycles(drafts: &[EntityDraft], world: &World, errors: &mut Errors) {
    for draft in drafts {
        let Some(view) = &draft.view else { continue };
        for dependency in view.dependencies.iter().filter(|dependency| dependency.value != draft.name.value) {
            if reads(world, dependency.as_str(), draft.name.as_str(), world.entities.len()) {
                let message = format!("the views `{}` and `{}` read each other", draft.name.value, dependency.value);
                errors.add(dependency.at, codes::VIEW_INVALID, message);
            }
        }
    }
}

fn reads(world: &World, view: &str, wanted: &str, depth: usize) -> bool {
    let dependencies = world.entities.get(view).and_then(|entity| entity.view.as_ref()).map(|view| view.dependencies.as_slice());
    depth > 0
        && dependencies
            .unwrap_or_default()
            .iter()
            .any(|next| next.as_str() == wanted || reads(world, next.as_str(), wanted, depth - 1))
}
