//! Errors of PostgreSQL in the contract's words (content API, section 11).

use freehold_schema::Schema;
use freehold_schema::model::{Entity, FieldKind};

use super::Failure;
use crate::plan::{PathFragment, WriteErrorKind};

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

/// The failure that a caller is told; None when the error is none of his.
pub(super) fn of_database(schema: &Schema, entity: Option<&Entity>, error: &DatabaseError) -> Option<Failure> {
    let table = error.table.as_deref().and_then(|table| schema.entities.values().find(|entity| entity.table.as_str() == table));
    let plain = |kind, message: &str| Some(Failure { paths: Vec::new(), kind, message: Some(message.to_owned()) });
    match error.sqlstate.as_str() {
        "23505" => Some(unique(table.or(entity), error)),
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

fn unique(entity: Option<&Entity>, error: &DatabaseError) -> Failure {
    let kind = WriteErrorKind::UniqueConstraintViolation;
    let found = entity.zip(error.detail.as_deref().and_then(key));
    let Some((entity, (columns, values))) = found else { return Failure { paths: Vec::new(), kind, message: None } };
    let fields: Vec<&str> = fields_of(entity, &columns).collect();
    Failure {
        paths: fields.iter().map(|field| vec![PathFragment::Field((*field).to_owned())]).collect(),
        kind,
        message: Some(format!(
            "Value ({values}) already exists in unique columns ({}) on entity {}",
            fields.join(", "),
            entity.name
        )),
    }
}

/// Fields behind columns, in the entity's order.
fn fields_of<'e>(entity: &'e Entity, columns: &[&str]) -> impl Iterator<Item = &'e str> {
    let names = entity.fields.values().filter(|field| {
        let column = match &field.kind {
            FieldKind::Column(column) => Some(&column.column),
            FieldKind::Relation(relation) => relation.joining_column().map(|joining| &joining.column),
        };
        column.is_some_and(|column| columns.contains(&column.as_str()))
    });
    names.map(|field| field.name.as_str())
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
