//! Unique keys: which there are, whether an input names one (content API, section 6), and which filters find rows by one.

use freehold_schema::filter::{Condition, Filter, Operator};
use freehold_schema::model::{Entity, FieldKind, RelationKind, UniqueKind};
use freehold_schema::names::FieldName;

use super::{Env, Refused, inputs};
use crate::api::unique_keys;
use crate::bind::BindSource;
use crate::error::ErrorCode;
use crate::permissions::Access;
use crate::plan::{Message, MessagePart};
use crate::selection::{Input, Pos};

/// How many rows a filter by a unique key finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// At most one.
    One,
    /// A few: one per listed value.
    Some,
}

/// Turns a `by` argument into a filter.
///
/// `known` is the relation whose other side is already fixed: the children of one parent are told apart by the rest of a key.
///
/// # Errors
/// When no unique key is complete.
pub(crate) fn unique_filter(
    env: &Env<'_>,
    entity: &Entity,
    by: &Input,
    known: Option<&FieldName>,
    pos: Pos,
) -> Result<Filter<BindSource>, Refused> {
    check(env, entity, by, known, &mut vec!["$".to_owned()], pos)?;
    Ok(inputs::unique_filter(entity, by, env.schema))
}

fn check(
    env: &Env<'_>,
    entity: &Entity,
    by: &Input,
    known: Option<&FieldName>,
    path: &mut Vec<String>,
    pos: Pos,
) -> Result<(), Refused> {
    let given = |field: &FieldName| known == Some(field) || inputs::member(by, field.as_str()).is_some();
    let known_alone = |key: &Vec<FieldName>| known.is_some_and(|known| key.as_slice() == std::slice::from_ref(known));
    let keys: Vec<_> = keys(env, entity).into_iter().filter(|key| !known_alone(key)).collect();
    if !keys.iter().any(|key| key.iter().all(&given)) {
        return Err(not_unique(env, entity, by, &keys, path, pos));
    }
    for (name, input) in inputs::members(by) {
        if let Some(relation) = entity.relation(name) {
            path.push(name.to_owned());
            check(env, env.entity(relation.target.as_str()), input, None, path, pos)?;
            path.pop();
        }
    }
    Ok(())
}

/// Keys of an entity, as far as the caller may read all their members.
fn keys(env: &Env<'_>, entity: &Entity) -> Vec<Vec<FieldName>> {
    unique_keys(entity).into_iter().filter(|key| key.iter().all(|field| is_offered(env, entity, field))).collect()
}

fn is_offered(env: &Env<'_>, entity: &Entity, field: &FieldName) -> bool {
    match entity.relation(field.as_str()) {
        Some(relation) => env.permissions.is_readable(relation.target.as_str()),
        None => env.read_rule(Access::Relation, entity, field.as_str()).is_granted(),
    }
}

fn not_unique(env: &Env<'_>, entity: &Entity, by: &Input, keys: &[Vec<FieldName>], path: &[String], pos: Pos) -> Refused {
    let place = if path.len() > 1 { format!(" in path {}", path.join(".")) } else { String::new() };
    let mut keys: Vec<&Vec<FieldName>> = keys.iter().collect();
    keys.sort_by_key(|key| creation(env, entity, key));
    let keys: Vec<String> = keys.iter().map(|key| key.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", ")).collect();
    let message = Message(vec![
        MessagePart::Text(format!("Provided where is not unique for entity {}:\nProvided value{place}: ", entity.name)),
        MessagePart::Input(by.clone()),
        MessagePart::Text(format!("\nKnown unique key combinations:\n\t - {}", keys.join("\n\t - "))),
    ]);
    Refused { message, code: ErrorCode::NonUniqueWhere, pos }
}

/// When the peer came to know a key. Declared keys were there first; relations followed in the order of their owning sides, those of views last: its migrations add both
/// sides of a relation at once, after all columns.
fn creation(env: &Env<'_>, entity: &Entity, key: &[FieldName]) -> Option<(bool, Option<usize>, Option<usize>)> {
    let [field] = key else { return None };
    if entity.uniques.iter().any(|unique| unique.fields == key) {
        return None;
    }
    let relation = entity.relation(field.as_str())?;
    let (owner, field) = match &relation.kind {
        RelationKind::OneHasMany { owned_by, .. } | RelationKind::OneHasOneInverse { owned_by, .. } => {
            (env.entity(relation.target.as_str()), owned_by)
        }
        RelationKind::ManyHasOne { .. }
        | RelationKind::OneHasOneOwning { .. }
        | RelationKind::ManyHasManyOwning { .. }
        | RelationKind::ManyHasManyInverse { .. } => (entity, field),
    };
    Some((owner.view.is_some(), env.schema.entities.get_index_of(&owner.name), owner.fields.get_index_of(field)))
}

/// Whether `filter` finds rows of `entity` by a unique key, alone or among other conditions.
pub(crate) fn lookup(env: &Env<'_>, entity: &Entity, filter: &Filter<BindSource>) -> Option<Lookup> {
    // Nothing enforces the keys of a view.
    if entity.view.is_some() {
        return None;
    }
    let mut conditions = Vec::new();
    conjuncts(filter, &mut conditions);
    let primary = ([&entity.primary].to_vec(), true);
    let declared = entity.uniques.iter().map(|unique| {
        let immediate = matches!(unique.kind, UniqueKind::Immediate | UniqueKind::Index { .. });
        (unique.fields.iter().collect::<Vec<_>>(), immediate)
    });
    let implied = entity.fields.values().filter_map(|field| match &field.kind {
        FieldKind::Relation(relation) if matches!(relation.kind, RelationKind::OneHasOneOwning { .. }) => {
            Some((vec![&field.name], true))
        }
        FieldKind::Relation(_) | FieldKind::Column(_) => None,
    });
    let found = [primary].into_iter().chain(declared).chain(implied).filter_map(|(fields, immediate)| {
        let all = fields.iter().map(|field| fixed(env, entity, field, &conditions)).collect::<Option<Vec<_>>>()?;
        Some(if immediate && all.iter().all(|lookup| *lookup == Lookup::One) { Lookup::One } else { Lookup::Some })
    });
    found.min_by_key(|lookup| *lookup == Lookup::Some)
}

/// The conditions that must all hold.
fn conjuncts<'f>(filter: &'f Filter<BindSource>, conditions: &mut Vec<&'f Filter<BindSource>>) {
    match filter {
        Filter::And(filters) => filters.iter().for_each(|filter| conjuncts(filter, conditions)),
        Filter::Or(_) | Filter::Not(_) | Filter::Search(_) => {}
        Filter::Column(..) | Filter::Relation(..) => conditions.push(filter),
    }
}

/// Whether the conditions fix a member of a key to one value, or to a few.
fn fixed(env: &Env<'_>, entity: &Entity, field: &FieldName, conditions: &[&Filter<BindSource>]) -> Option<Lookup> {
    let found = conditions.iter().filter_map(|filter| match filter {
        Filter::Column(name, condition) if name == field => fixed_column(condition),
        Filter::Relation(name, filter) if name == field => {
            let relation = entity.relation(name.as_str())?;
            relation.joining_column()?;
            lookup(env, env.entity(relation.target.as_str()), filter)
        }
        Filter::Column(..) | Filter::Relation(..) | Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::Search(_) => None,
    });
    found.min_by_key(|lookup| *lookup == Lookup::Some)
}

fn fixed_column(condition: &Condition<BindSource>) -> Option<Lookup> {
    match condition {
        Condition::Compare(Operator::Eq, _) => Some(Lookup::One),
        Condition::Compare(Operator::In, _) => Some(Lookup::Some),
        Condition::And(conditions) => conditions.iter().filter_map(fixed_column).min_by_key(|lookup| *lookup == Lookup::Some),
        Condition::Compare(..) | Condition::Or(_) | Condition::Not(_) | Condition::IsNull(_) | Condition::Variable(_) => None,
    }
}
