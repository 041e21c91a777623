//! PostgreSQL DDL of a schema.

use crate::Schema;
use crate::ident::Ident;

/// Statements that make an empty database hold `schema` in the namespace, in order, to be run by the owner.
#[must_use]
pub fn create(_schema: &Schema, _namespace: &Ident) -> Vec<String> {
    unimplemented!("work in progress")
}
