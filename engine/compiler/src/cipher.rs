//! What the compiler knows of encryption: which cells are encrypted, and that somebody else holds the key.

use std::fmt;

use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, ColumnKind, Entity};
use serde_json::Value;
use uuid::Uuid;

/// A column whose values are stored encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedCell {
    /// The table.
    pub table: Ident,
    /// The column.
    pub column: Ident,
    /// Whether stored values begin with a hash by which rows are found.
    pub lookup: bool,
    /// Whether the plaintext is JSON, and not a text.
    pub is_json: bool,
}

impl EncryptedCell {
    /// The cells of `column`, when they are encrypted.
    #[must_use]
    pub fn of(entity: &Entity, column: &Column) -> Option<Self> {
        let encryption = column.encryption?;
        Some(Self {
            table: entity.table.clone(),
            column: column.column.clone(),
            lookup: encryption.lookup,
            is_json: column.kind == ColumnKind::Json,
        })
    }

    /// The bytes that stand for a value. `value` is of the column's kind and not null.
    pub(crate) fn plaintext(&self, value: &Value) -> String {
        match value {
            Value::String(text) if !self.is_json => text.clone(),
            other => other.to_string(),
        }
    }
}

/// Holds the key of one tenant.
pub trait Cipher: fmt::Debug + Send + Sync {
    /// The bytes to be stored in a cell of the row with this id.
    fn seal(&self, cell: &EncryptedCell, row: Uuid, plaintext: &str) -> Vec<u8>;

    /// The [`freehold_schema::encryption::LOOKUP_BYTES`] with which the stored bytes of equal values begin, in every row.
    fn lookup(&self, cell: &EncryptedCell, plaintext: &str) -> Vec<u8>;
}
