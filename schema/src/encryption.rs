//! Columns that the database holds encrypted only.
//!
//! The engine encrypts values under the tenant's data key before they are bound and decrypts them when an answer is written (ARCHITECTURE D9). PostgreSQL sees
//! `bytea`: the version of the key, a lookup hash where the column has one, the sealed value. It can therefore do nothing with a column but store it,
//! tell whether it is NULL and, by the hash, whether it equals a value.

use crate::model::{Column, Entity};

/// How a column is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encryption {
    /// Whether rows can be found by the whole value. Who reads the database then sees which rows have equal values.
    pub lookup: bool,
}

/// PostgreSQL's type of an encrypted column.
pub(crate) const PG_TYPE: &str = "bytea";

/// The bytes at the beginning of a stored value that are equal where values are equal: the key's version (1) and an HMAC-SHA256 (32). An index holds them.
pub const LOOKUP_BYTES: usize = 33;

impl Column {
    /// Whether values can be compared for equality; of encrypted columns only those with a lookup can.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.encryption.is_none_or(|encryption| encryption.lookup)
    }
}

impl Entity {
    /// Columns of which values are looked up by their hashes, with the names of their fields.
    pub(crate) fn lookups(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.fields.keys().filter_map(|name| {
            let column = self.column(name.as_str())?;
            column.encryption.filter(|encryption| encryption.lookup).map(|_| (name.as_str(), column))
        })
    }
}
