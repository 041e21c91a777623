//! The checks of a write's data: rules of the schema, then what the database demands (content API, section 13).

use std::collections::BTreeMap;

use freehold_schema::model::{Column, ColumnKind, Entity, Field, FieldKind, RelationKind};
use freehold_schema::names::FieldName;
use freehold_schema::validation;
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
        let values = known_values(entity, data, back);
        checks.push(RowChecks { path: place.path.clone(), values, stored: Vec::new(), checks: own });
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

/// The rules of an update that look at fields which it does not give.
#[derive(Debug)]
pub(super) struct Unknown<'a> {
    pub fields: Vec<&'a Field>,
    pub values: BTreeMap<FieldName, BindSource>,
    pub checks: Vec<InputCheck>,
}

impl<'a> Unknown<'a> {
    /// Of the data of an update; None when they give everything that its rules look at.
    pub fn of(entity: &'a Entity, data: &Data<'_>) -> Result<Option<Self>, Refused> {
        let values = known_values(entity, data, None);
        let is_given = |field: &FieldName| data.fields().any(|given| given == field);
        let (mut fields, mut checks) = (Vec::new(), Vec::new());
        for field in in_order(entity) {
            for rule in touched_rules(field, data) {
                let looked_at = rule.validator.own_fields(&field.name).into_iter();
                let missing = looked_at.filter(|field| !values.contains_key(*field) && !is_given(field));
                let missing: Vec<&Field> = missing.filter_map(|field| entity.fields.get(field)).collect();
                if !missing.is_empty() {
                    fields.extend(missing);
                    checks.push(prepared(field, rule, data)?);
                }
            }
        }
        fields.sort_by_key(|field| entity.fields.get_index_of(&field.name));
        fields.dedup_by_key(|field| &field.name);
        Ok((!checks.is_empty()).then_some(Self { fields, values, checks }))
    }
}

/// Columns come before relations.
fn in_order(entity: &Entity) -> impl Iterator<Item = &Field> {
    let (columns, relations): (Vec<_>, Vec<_>) =
        entity.fields.values().partition(|field| matches!(field.kind, FieldKind::Column(_)));
    columns.into_iter().chain(relations)
}

/// The field's rules; of an update, those that look at a given field.
fn touched_rules<'e>(field: &'e Field, data: &Data<'_>) -> impl Iterator<Item = &'e validation::Rule> {
    field.rules.iter().filter(|rule| {
        let looked_at = rule.validator.own_fields(&field.name);
        data.purpose == Purpose::Create || data.fields().any(|given| looked_at.contains(given))
    })
}

fn prepared(field: &Field, rule: &validation::Rule, data: &Data<'_>) -> Result<InputCheck, Refused> {
    let judged = Rule::new(&rule.validator).map_err(|pattern| {
        let message =
            format!("the pattern `{pattern}` of field `{}` cannot be checked; write it without look-around", field.name);
        Refused::new(message, ErrorCode::NotSupported, data.pos)
    })?;
    Ok(InputCheck { field: field.name.clone(), rule: judged, message: rule.message.as_str().into() })
}

/// All checks of a row, those of one field beside each other.
fn of_row(entity: &Entity, data: &Data<'_>, back: Option<&FieldName>) -> Result<Vec<InputCheck>, Refused> {
    let mut checks = Vec::new();
    for field in in_order(entity).filter(|field| back != Some(&field.name)) {
        for rule in touched_rules(field, data) {
            checks.push(prepared(field, rule, data)?);
        }
        // What else is checked looks at the field alone.
        if data.purpose == Purpose::Update && !data.fields().any(|given| *given == field.name) {
            continue;
        }
        let mut add = |rule: Rule, message: &str| {
            checks.push(InputCheck { field: field.name.clone(), rule, message: message.into() });
        };
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
