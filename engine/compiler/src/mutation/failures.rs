//! Errors of PostgreSQL in the contract's words (content API, section 11).

use freehold_schema::Schema;
use freehold_schema::model::{Entity, FieldKind, RelationKind};
use freehold_schema::names::FieldName;

use super::{Failure, Fragment};
use crate::plan::{StepKind, WriteErrorKind};

/// What PostgreSQL says about a refused statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseError {
    /// Five characters (PostgreSQL manual, appendix A).
    pub sqlstate: String,
    /// Its text.
    pub message: String,
    /// The constraint, for violations.
    pub constraint: Option<String>,
    /// The table, for violations.
    pub table: Option<String>,
    /// DETAIL: `Key (a, b)=(1, 2) already exists.`
    pub detail: Option<String>,
}

/// The failure that a caller is told when a step fails; None when the error is none of his.
pub(super) fn of_database(schema: &Schema, step: &StepKind, error: &DatabaseError) -> Option<Failure> {
    let (entity, quotable) = match step {
        StepKind::Change { entity, quotable, .. } | StepKind::ChangedNode { entity, quotable, .. } => {
            (schema.entities.get(entity), quotable.as_slice())
        }
        StepKind::Node(_) => (None, &[][..]),
    };
    let table = error.table.as_deref().and_then(|table| schema.entities.values().find(|entity| entity.table.as_str() == table));
    let plain = |kind, message: &str| Some(Failure { paths: Vec::new(), kind, message: Some(message.to_owned()) });
    match error.sqlstate.as_str() {
        "23505" => Some(unique(entity.filter(|entity| table.is_none_or(|table| table.name == entity.name)), quotable, error)),
        "23503" => Some(foreign_key(schema, entity, error)),
        "23502" => plain(WriteErrorKind::NotNullConstraintViolation, &error.message),
        "22P02" | "22008" => plain(WriteErrorKind::InvalidDataInput, &error.message),
        // Class 22 is about data, 23 about constraints: what the caller gave. Everything else is about the statement or the server.
        other if other.starts_with("22") || other.starts_with("23") => plain(WriteErrorKind::SqlError, &error.message),
        _ => None,
    }
}

/// Columns and values of `Key (a, b)=(1, 2) already exists.`, whatever the language of the rest.
fn key(detail: &str) -> Option<(Vec<&str>, &str)> {
    let (columns, rest) = detail.split_once(")=(")?;
    let (_, columns) = columns.split_once('(')?;
    let (values, _) = rest.rsplit_once(')')?;
    Some((columns.split(", ").map(|column| column.trim_matches('"')).collect(), values))
}

/// Another row has these values. Of a key with a field that the caller may not see, neither that field nor any value is told.
fn unique(entity: Option<&Entity>, quotable: &[FieldName], error: &DatabaseError) -> Failure {
    let kind = WriteErrorKind::UniqueConstraintViolation;
    let found = entity.zip(error.detail.as_deref().and_then(key));
    let Some((entity, (columns, values))) = found else { return Failure { paths: Vec::new(), kind, message: None } };
    let fields: Vec<&FieldName> = fields_of(entity, &columns).collect();
    let told: Vec<&str> = fields.iter().filter(|field| quotable.contains(field)).map(|field| field.as_str()).collect();
    let values = if told.len() == fields.len() { format!(" ({values})") } else { String::new() };
    let message = format!("Value{values} already exists in unique columns ({}) on entity {}", told.join(", "), entity.name);
    Failure {
        paths: told.iter().map(|field| vec![Fragment::Field((*field).to_owned())]).collect(),
        kind,
        message: (!told.is_empty()).then_some(message),
    }
}

/// Whether the key that is taken is a foreign key that only one row may hold. Whoever sets one frees its target first, so somebody else has taken it in between.
pub(super) fn is_of_holder(schema: &Schema, error: &DatabaseError) -> bool {
    let entity = schema.entities.values().find(|entity| error.table.as_deref() == Some(entity.table.as_str()));
    let Some((entity, (columns, _))) = entity.zip(error.detail.as_deref().and_then(key)) else { return false };
    let holds_one = |field: &FieldName| {
        let relation = entity.relation(field.as_str());
        relation.is_some_and(|relation| matches!(relation.kind, RelationKind::OneHasOneOwning { .. }))
    };
    columns.len() == 1 && fields_of(entity, &columns).any(holds_one)
}

/// Fields behind columns, in the entity's order.
fn fields_of<'e>(entity: &'e Entity, columns: &[&str]) -> impl Iterator<Item = &'e FieldName> {
    let names = entity.fields.values().filter(|field| {
        let column = match &field.kind {
            FieldKind::Column(column) => Some(&column.column),
            FieldKind::Relation(relation) => relation.joining_column().map(|joining| &joining.column),
        };
        column.is_some_and(|column| columns.contains(&column.as_str()))
    });
    names.map(|field| &field.name)
}

/// The row is still referenced. The table of the error is the one that references.
fn foreign_key(schema: &Schema, entity: Option<&Entity>, error: &DatabaseError) -> Failure {
    let kind = WriteErrorKind::ForeignKeyConstraintViolation;
    let message = entity.zip(error.detail.as_deref().and_then(key)).and_then(|(entity, (_, id))| {
        let owner = schema.entities.values().find(|owner| error.table.as_deref() == Some(owner.table.as_str()))?;
        let relation = owner.fields.values().find(|field| match &field.kind {
            FieldKind::Column(_) => false,
            FieldKind::Relation(relation) => {
                relation.target == entity.name
                    && relation.joining_column().is_some_and(|joining| {
                        let usual = format!("{}_{}_fkey", owner.table.as_str(), joining.column.as_str());
                        error.constraint.as_deref().is_none_or(|constraint| constraint == usual)
                    })
            }
        })?;
        Some(format!(
            "Cannot delete row {id} of entity {}, because it is still referenced from {}::{}. This is possibly caused by ACL denial or by missing \"on delete cascade\"",
            entity.name, owner.name, relation.name
        ))
    });
    Failure { paths: Vec::new(), kind, message }
}
