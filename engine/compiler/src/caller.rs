//! Who asks, as far as the compiler cares: roles and their variables.

use std::collections::BTreeMap;

use freehold_schema::names::{RoleName, VariableName};

/// A role that the caller was given, with values for its variables, as a token carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The role.
    pub role: RoleName,
    /// Values by variable: ids for entity variables, JSON conditions for condition variables.
    pub variables: BTreeMap<VariableName, Vec<String>>,
}
