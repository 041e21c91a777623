//! Selections become SQL: one sub-module per concept.
//!
//! The shapes were chosen by measurement (ARCHITECTURE.md, "A query"): the row that a row points at is a scalar sub-select by primary key, JSON is made by
//! `row_to_json` over a sub-select, nothing is joined that a selection does not need. Permissions are part of the text: there is no later check that could be forgotten.

mod aggregating;
pub(crate) mod clauses;
pub(crate) mod columns;
mod cursors;
mod encrypted;
mod filtering;
mod grouping;
mod images;
pub(crate) mod inputs;
pub(crate) mod links;
mod meta;
pub(crate) mod model;
mod ordering;
mod paginating;
mod predicates;
pub(crate) mod reading;
mod relations;
mod rows;
mod searching;
#[cfg(test)]
mod tests;
pub(crate) mod uniques;
mod windows;

use freehold_schema::Schema;
use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, FieldKind, RelationKind};

use crate::caller::Caller;
use crate::error::ErrorCode;
use crate::permissions::{Access, Permissions, Rule};
use crate::plan::{Message, Slot};
use crate::selection::{Pos, Selected};
use crate::sql::{Alias, SqlWriter};

pub(crate) use filtering::{write_and, write_conjunct, write_where};
pub(crate) use ordering::write_masked;
pub(crate) use rows::write_only;

/// What lowering reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Env<'a> {
    pub schema: &'a Schema,
    pub permissions: &'a Permissions,
    pub caller: &'a Caller,
    /// Rows that a mutation creates are written one after the other, also those that one statement could write.
    pub one_by_one: bool,
}

impl<'a> Env<'a> {
    /// The entity of this name.
    pub fn entity(&self, name: &str) -> &'a Entity {
        &self.schema.entities[name]
    }

    /// The rule of reading a field of `entity`.
    pub fn read_rule(&self, access: Access, entity: &Entity, field: &str) -> &'a Rule {
        self.permissions.field(access, entity.name.as_str(), OperationKind::Read, field)
    }

    /// The rule of seeing a row of `entity` at all.
    pub fn row_rule(&self, access: Access, entity: &Entity) -> &'a Rule {
        self.permissions.rows(access, entity.name.as_str())
    }
}

/// What lowering writes.
#[derive(Debug)]
pub(crate) struct State {
    pub sql: SqlWriter,
    pub slots: Vec<Slot>,
    /// When the statement creates a row that it also reads: that row, and its links by junction, which are not in the tables yet.
    pub new_row: Option<Alias>,
    pub new_links: Vec<(Ident, Alias)>,
}

impl State {
    /// Of a statement whose answer has these fields.
    pub fn new(env: &Env<'_>, fields: &[Selected]) -> Self {
        let mut names = Vec::new();
        response_keys(fields, &mut names);
        for entity in env.schema.entities.values() {
            entity.fields.values().for_each(|field| columns(&field.kind, &mut names));
        }
        Self { sql: SqlWriter::avoiding(names), slots: Vec::new(), new_row: None, new_links: Vec::new() }
    }
}

impl State {
    /// Writes the links of a row.
    fn write_links(&mut self, junction: &Ident, parent: Alias) -> &mut SqlWriter {
        let new = self.new_links.iter().find(|(table, _)| table == junction).filter(|_| self.new_row == Some(parent));
        match new {
            Some((_, links)) => self.sql.alias(*links),
            None => self.sql.content(junction),
        }
    }
}

/// Columns that hold a field: in the entity's table, or in a junction.
fn columns<'f>(field: &'f FieldKind, names: &mut Vec<&'f str>) {
    match field {
        FieldKind::Column(column) => names.push(column.column.as_str()),
        FieldKind::Relation(relation) => {
            names.extend(relation.joining_column().map(|joining| joining.column.as_str()));
            if let RelationKind::ManyHasManyOwning { joining_table, .. } = &relation.kind {
                names.extend([joining_table.owner.column.as_str(), joining_table.target.column.as_str()]);
            }
        }
    }
}

fn response_keys<'f>(fields: &'f [Selected], keys: &mut Vec<&'f str>) {
    for field in fields {
        keys.push(&field.key);
        response_keys(field.selections.fields(), keys);
    }
}

/// Rows of an entity that a statement has under a name, and how they were reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub entity: &'a Entity,
    pub alias: Alias,
    pub access: Access,
}

/// Why a field cannot be answered; the caller's fault.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    pub message: Message,
    pub code: ErrorCode,
    pub pos: Pos,
}

impl Refused {
    /// With a text that holds no value of the request.
    pub fn new(message: impl Into<String>, code: ErrorCode, pos: Pos) -> Self {
        Self { message: Message::fixed(message), code, pos }
    }
}

/// The column of an answer that a response key names.
fn response_column(key: &str, pos: Pos) -> Result<Ident, Refused> {
    Ident::new(key).map_err(|_| {
        let message = format!("response key `{key}` is longer than 63 bytes; give the field a shorter alias");
        Refused::new(message, ErrorCode::BadUserInput, pos)
    })
}
