//! The checks of a write's data: rules of the schema, then what the database demands (content API, section 13).

use std::collections::BTreeMap;

use freehold_schema::model::{Column, ColumnKind, Entity, FieldKind, RelationKind};
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::input::{Data, Operation, Purpose};
use super::program::Place;
use super::rules::Rule;
use crate::bind::BindSource;
use crate::error::ErrorCode;
use crate::lower::Refused;
use crate::plan::{InputCheck, RowChecks};

/// Adds the checks of the data of a row of `entity`, then those of rows created and updated below. `back` is a field that is filled in from above.
pub(super) fn add(
    entity: &Entity,
    data: &Data<'_>,
    place: &Place,
    back: Option<&FieldName>,
    checks: &mut Vec<RowChecks>,
) -> Result<(), Refused> {
    let own = of_row(entity, data, back)?;
    if !own.is_empty() {
        checks.push(RowChecks { path: place.path.clone(), values: known_values(entity, data, back), checks: own });
    }
    for nested in &data.nested {
        let place = nested.place(place);
        let back = nested.relation.other_side();
        let mut below = |data: &Data<'_>| add(nested.target, data, &place, back, checks);
        match &nested.operation {
            Operation::Create(data) | Operation::ConnectOrCreate(_, data) | Operation::Update(_, data) => below(data)?,
            Operation::Upsert(_, update, create) => {
                below(update)?;
                below(create)?;
            }
            Operation::Connect(_) | Operation::Disconnect(_) | Operation::Delete(_) => {}
        }
    }
    Ok(())
}

/// Columns come before relations.
fn of_row(entity: &Entity, data: &Data<'_>, back: Option<&FieldName>) -> Result<Vec<InputCheck>, Refused> {
    let (columns, relations): (Vec<_>, Vec<_>) =
        entity.fields.values().partition(|field| matches!(field.kind, FieldKind::Column(_)));
    let mut checks = Vec::new();
    for field in columns.into_iter().chain(relations) {
        let given = data.fields().any(|given| *given == field.name);
        if back == Some(&field.name) || (data.purpose == Purpose::Update && !given) {
            continue;
        }
        let mut add = |rule: Rule, message: &str| {
            checks.push(InputCheck { field: field.name.clone(), rule, message: message.into() });
        };
        for rule in &field.rules {
            let judged = Rule::new(&rule.validator).map_err(|pattern| {
                let message =
                    format!("the pattern `{pattern}` of field `{}` cannot be checked; write it without look-around", field.name);
                Refused::new(message, ErrorCode::NotSupported, data.pos)
            })?;
            add(judged, &rule.message);
        }
        if let FieldKind::Column(column) = &field.kind
            && let Some(schema) = &column.json_schema
        {
            let judged = Rule::json_schema(schema).map_err(|problem| {
                let message = format!("the JSON Schema of field `{}` cannot be used: {problem}", field.name);
                Refused::new(message, ErrorCode::NotSupported, data.pos)
            })?;
            add(judged, "");
        }
        if is_required(entity, &field.name, &field.kind) {
            add(Rule::Required, "Field is required");
        }
    }
    Ok(checks)
}

fn is_required(entity: &Entity, name: &FieldName, kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Column(column) => !column.nullable && *name != entity.primary,
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::ManyHasOne { nullable, .. }
            | RelationKind::OneHasOneOwning { nullable, .. }
            | RelationKind::OneHasOneInverse { nullable, .. } => !nullable,
            RelationKind::OneHasMany { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => false,
        },
    }
}

/// What is known of the row to be. Related rows are known to be something.
fn known_values(entity: &Entity, data: &Data<'_>, back: Option<&FieldName>) -> BTreeMap<FieldName, BindSource> {
    let mut values = BTreeMap::new();
    let creates = data.purpose == Purpose::Create;
    for field in entity.fields.values() {
        let value = match &field.kind {
            _ if back == Some(&field.name) => Some(BindSource::Literal(Value::Bool(true))),
            FieldKind::Column(column) => match data.columns.iter().find(|given| *given.field == field.name) {
                Some(given) => Some(given.source.clone()),
                None if creates && column.sequence.is_none() => default(column).or(Some(BindSource::Literal(Value::Null))),
                None => None,
            },
            FieldKind::Relation(relation) => {
                let given = data.nested.iter().find(|nested| *nested.field == field.name);
                match given.map(|nested| (&nested.operation, relation.is_has_many())) {
                    Some((Operation::Disconnect(_), false)) => Some(BindSource::Literal(Value::Null)),
                    Some((Operation::Delete(_), false)) => None,
                    Some((_, false)) => Some(BindSource::Literal(Value::Bool(true))),
                    Some((_, true)) => creates.then_some(BindSource::Literal(Value::Bool(true))),
                    None => creates.then_some(BindSource::Literal(Value::Null)),
                }
            }
        };
        values.extend(value.map(|value| (field.name.clone(), value)));
    }
    values
}

/// What the engine puts into a column that was not given.
pub(super) fn default(column: &Column) -> Option<BindSource> {
    let value = column.default.as_ref()?;
    let is_now = matches!(column.kind, ColumnKind::DateTime | ColumnKind::Date | ColumnKind::Time) && value == "now";
    Some(if is_now { BindSource::Now } else { BindSource::Literal(value.clone()) })
}
