//! Arguments of a request as filters, binds and plain values.

use freehold_schema::Schema;
use freehold_schema::filter::{Condition, Filter, Operator};
use freehold_schema::model::Entity;
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::Refused;
use crate::api::SEARCH;
use crate::bind::BindSource;
use crate::error::ErrorCode;
use crate::selection::{Input, Leaf, Selected, Source};

/// Members of an input object that were given and are not null.
pub(crate) fn members(input: &Input) -> impl Iterator<Item = (&str, &Input)> {
    let object = match input {
        Input::Object(members) => Some(members),
        Input::Null | Input::Leaf(_) | Input::List(_) => None,
    };
    object.into_iter().flatten().filter(|(_, input)| **input != Input::Null).map(|(name, input)| (&**name, input))
}

/// A member of an input object that was given and is not null.
pub(crate) fn member<'i>(input: &'i Input, name: &str) -> Option<&'i Input> {
    match input {
        Input::Object(members) => members.get(name).filter(|input| **input != Input::Null),
        Input::Null | Input::Leaf(_) | Input::List(_) => None,
    }
}

/// An argument of a field that was given and is not null.
pub(crate) fn argument<'f>(field: &'f Selected, name: &str) -> Option<&'f Input> {
    field.arguments.get(name).filter(|input| **input != Input::Null)
}

/// Items of a list; a single value stands for a list of one.
pub(crate) fn items(input: &Input) -> &[Input] {
    match input {
        Input::List(items) => items,
        Input::Null => &[],
        Input::Leaf(_) | Input::Object(_) => std::slice::from_ref(input),
    }
}

/// The value of a leaf that changes SQL text, and is therefore part of the plan.
pub(crate) fn constant(input: &Input) -> Option<&Value> {
    match input {
        Input::Leaf(leaf) => Some(&leaf.value),
        Input::Null | Input::List(_) | Input::Object(_) => None,
    }
}

/// A value to bind.
pub(crate) fn source(input: &Input) -> BindSource {
    match input {
        Input::Leaf(Leaf { value, source: Source::Literal }) => BindSource::Literal(value.clone()),
        Input::Leaf(Leaf { source: Source::Variable(path), .. }) => BindSource::Variable(path.clone()),
        Input::Null => BindSource::Literal(Value::Null),
        Input::List(items) => {
            let sources: Vec<BindSource> = items.iter().map(source).collect();
            let literals = sources.iter().map(|source| match source {
                BindSource::Literal(value) => Some(value.clone()),
                _ => None,
            });
            match literals.collect::<Option<Vec<Value>>>() {
                Some(values) => BindSource::Literal(Value::Array(values)),
                None => BindSource::List(sources),
            }
        }
        Input::Object(members) => {
            let members = members.iter().map(|(name, input)| (name.clone(), source(input)));
            BindSource::Object(members.collect())
        }
    }
}

/// Relations inside each other that a filter may go through. Below `not`, PostgreSQL plans each existence test twice, and so the inner ones twice as often as the
/// outer: 20 relations took 0.5 s to plan, 40 did not end.
const MAX_HOPS: usize = 10;

/// The `filter` argument of a field; None when it restricts nothing.
///
/// # Errors
/// When it goes through too many relations.
pub(crate) fn filter_of(schema: &Schema, entity: &Entity, field: &Selected) -> Result<Option<Filter<BindSource>>, Refused> {
    let filter = field.arguments.get("filter").and_then(|input| filter(schema, entity, input));
    match filter.as_ref().map_or(0, hops) {
        0..=MAX_HOPS => Ok(filter),
        found => {
            let message = format!("The filter goes through {found} relations inside each other, allowed are {MAX_HOPS}.");
            Err(Refused::new(message, ErrorCode::TooDeep, field.pos))
        }
    }
}

fn hops(filter: &Filter<BindSource>) -> usize {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().map(hops).max().unwrap_or_default(),
        Filter::Not(filter) => hops(filter),
        Filter::Column(..) | Filter::Search(_) => 0,
        Filter::Relation(_, filter) => 1 + hops(filter),
    }
}

/// An `XWhere`; None when it restricts nothing.
fn filter(schema: &Schema, entity: &Entity, input: &Input) -> Option<Filter<BindSource>> {
    let parts = members(input).filter_map(|(name, input)| match name {
        "and" => all(items(input).iter().filter_map(|item| filter(schema, entity, item)).collect()),
        "or" => any(items(input).iter().filter_map(|item| filter(schema, entity, item)).collect()),
        "not" => filter(schema, entity, input).map(|filter| Filter::Not(Box::new(filter))),
        SEARCH if !entity.fields.contains_key(SEARCH) => Some(Filter::Search(source(input))),
        name => match entity.relation(name) {
            Some(relation) => {
                let target = &schema.entities[relation.target.as_str()];
                filter(schema, target, input).map(|filter| Filter::Relation(FieldName::new(name), Box::new(filter)))
            }
            None => condition(input).map(|condition| Filter::Column(FieldName::new(name), condition)),
        },
    });
    all(parts.collect())
}

fn all(mut filters: Vec<Filter<BindSource>>) -> Option<Filter<BindSource>> {
    if filters.len() > 1 { Some(Filter::And(filters)) } else { filters.pop() }
}

fn any(mut filters: Vec<Filter<BindSource>>) -> Option<Filter<BindSource>> {
    if filters.len() > 1 { Some(Filter::Or(filters)) } else { filters.pop() }
}

fn condition(input: &Input) -> Option<Condition<BindSource>> {
    let parts = members(input).filter_map(|(name, input)| match name {
        "and" => {
            Some(items(input).iter().filter_map(condition).collect::<Vec<_>>()).filter(|c| !c.is_empty()).map(Condition::And)
        }
        "or" => Some(items(input).iter().filter_map(condition).collect::<Vec<_>>()).filter(|c| !c.is_empty()).map(Condition::Or),
        "not" => condition(input).map(|condition| Condition::Not(Box::new(condition))),
        "null" | "isNull" => constant(input).and_then(Value::as_bool).map(Condition::IsNull),
        name => Operator::from_name(name).map(|operator| Condition::Compare(operator, source(input))),
    });
    let mut parts: Vec<_> = parts.collect();
    if parts.len() > 1 { Some(Condition::And(parts)) } else { parts.pop() }
}

/// An `XUniqueWhere` as a filter: every given member must match.
pub(super) fn unique_filter(entity: &Entity, by: &Input, schema: &Schema) -> Filter<BindSource> {
    let parts = members(by).map(|(name, input)| match entity.relation(name) {
        Some(relation) => {
            let target = &schema.entities[relation.target.as_str()];
            Filter::Relation(FieldName::new(name), Box::new(unique_filter(target, input, schema)))
        }
        None => Filter::Column(FieldName::new(name), Condition::Compare(Operator::Eq, source(input))),
    });
    Filter::And(parts.collect())
}
