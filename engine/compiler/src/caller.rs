//! Who asks, as far as the compiler cares: roles and their variables (content API, sections 3.2 and 14.3).

mod condition;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_schema::Schema;
use freehold_schema::filter::Condition;
use freehold_schema::names::{RoleName, VariableName};
use serde_json::Value;
use uuid::Uuid;

/// A role that the caller was given, with values for its variables, as a token carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The role.
    pub role: RoleName,
    /// Values by variable: ids for entity variables, JSON conditions for condition variables.
    pub variables: BTreeMap<VariableName, Vec<String>>,
}

/// Roles, sorted and without repetition: the key of [`crate::permissions::Permissions`] and of [`crate::api::Api`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleSet(Arc<[RoleName]>);

impl RoleSet {
    /// Sorts and removes repetitions.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = RoleName>) -> Self {
        let mut roles: Vec<RoleName> = roles.into_iter().collect();
        roles.sort();
        roles.dedup();
        Self(roles.into())
    }

    /// The roles, sorted.
    #[must_use]
    pub fn roles(&self) -> &[RoleName] {
        &self.0
    }

    /// Whether there is no role at all: such a caller does not even learn that the tenant exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    identity: Option<Uuid>,
    roles: RoleSet,
    variables: BTreeMap<RoleName, BTreeMap<VariableName, VariableValue>>,
    shape: String,
}

/// What a variable of the caller stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableValue {
    /// `{in: values}`; bound anew for each caller ([`crate::bind::BindSource::Session`]).
    Values(Vec<String>),
    /// `{in: [the caller's identity]}`; bound anew for each caller ([`crate::bind::BindSource::Identity`]).
    Identity,
    /// A condition of its own: part of the plan, and therefore of [`Caller::shape`].
    Condition(Condition<Value>),
    /// Nothing satisfies it: no value was given and the schema has no fallback.
    Never,
}

impl Caller {
    /// Resolves memberships, refusing what the schema does not know: for memberships that the caller states himself. They are all that he has then: implicit roles
    /// are not added.
    ///
    /// # Errors
    /// Every problem of every membership, in the order of content API, section 14.3.
    pub fn resolve(schema: &Schema, identity: Option<Uuid>, memberships: &[Membership]) -> Result<Self, Vec<MembershipError>> {
        let errors = resolve::check(schema, memberships);
        if errors.is_empty() { Ok(resolve::stated(schema, identity, memberships)) } else { Err(errors) }
    }

    /// Resolves memberships that were stored or signed earlier, perhaps under another release: unknown roles and variables, and values that cannot be
    /// read, are ignored; a variable without a value falls back, or is satisfied by nothing.
    #[must_use]
    pub fn resolve_stored(schema: &Schema, identity: Option<Uuid>, memberships: &[Membership]) -> Self {
        resolve::stored(schema, identity, memberships)
    }

    /// The caller's identity.
    #[must_use]
    pub fn identity(&self) -> Option<Uuid> {
        self.identity
    }

    /// All roles, implicit ones included; not those that they inherit.
    #[must_use]
    pub fn role_set(&self) -> &RoleSet {
        &self.roles
    }

    /// What a variable stands for. Unknown ones are satisfied by nothing.
    #[must_use]
    pub fn variable(&self, role: &RoleName, variable: &VariableName) -> &VariableValue {
        self.variables.get(role).and_then(|variables| variables.get(variable)).unwrap_or(&VariableValue::Never)
    }

    /// The ids to bind for [`crate::bind::BindSource::Session`].
    #[must_use]
    pub fn values(&self, role: &RoleName, variable: &VariableName) -> &[String] {
        match self.variable(role, variable) {
            VariableValue::Values(values) => values,
            VariableValue::Identity | VariableValue::Condition(_) | VariableValue::Never => &[],
        }
    }

    /// Whether `value` is among the values of one of the caller's own variables, so that he may hand it on (content API, section 14.3).
    #[must_use]
    pub fn has_value(&self, role: &RoleName, variable: &VariableName, value: &str) -> bool {
        match self.variable(role, variable) {
            VariableValue::Values(values) => values.iter().any(|own| resolve::is_same(own, value)),
            VariableValue::Identity => self.identity.is_some_and(|own| Uuid::try_parse(value) == Ok(own)),
            VariableValue::Condition(own) => condition::is_part(own, value),
            VariableValue::Never => false,
        }
    }

    /// Everything of the caller, besides the role set, that changes SQL text. Part of the plan cache's key.
    #[must_use]
    pub fn shape(&self) -> &str {
        &self.shape
    }
}

/// A problem of a stated membership. Prints as the JSON line of content API, section 14.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipError {
    /// The membership's role.
    pub role: RoleName,
    /// What is wrong.
    pub kind: MembershipErrorKind,
    /// The variable concerned; none for an unknown role.
    pub variable: Option<VariableName>,
}

/// What is wrong with a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipErrorKind {
    /// The schema has no such role.
    RoleNotFound,
    /// The role has no such variable.
    VariableNotFound,
    /// A variable without fallback got no value.
    VariableEmpty,
    /// A value is neither an id of the variable's entity nor a condition.
    VariableInvalid,
}
