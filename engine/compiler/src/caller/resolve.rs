//! From memberships to values of variables.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use freehold_schema::Schema;
use freehold_schema::acl::{PredefinedVariable, Variable};
use freehold_schema::model::ColumnKind;
use freehold_schema::names::{EntityName, RoleName, VariableName};
use indexmap::IndexMap;
use serde_json::Value;
use uuid::Uuid;

use super::condition;
use super::{Caller, Membership, MembershipError, MembershipErrorKind, RoleSet, VariableValue};
use crate::permissions::with_inherited;

/// Every problem of stated memberships; per membership unknown variables first, then those without a good value, as the content API lists them.
pub(super) fn check(schema: &Schema, memberships: &[Membership]) -> Vec<MembershipError> {
    memberships.iter().flat_map(|membership| check_one(schema, membership)).collect()
}

fn check_one(schema: &Schema, membership: &Membership) -> Vec<MembershipError> {
    let error = |kind, variable: Option<&VariableName>| MembershipError {
        role: membership.role.clone(),
        kind,
        variable: variable.cloned(),
    };
    if !schema.roles.contains_key(&membership.role) {
        return vec![error(MembershipErrorKind::RoleNotFound, None)];
    }
    let declared = variables(schema, &membership.role);
    let mut errors: Vec<MembershipError> = membership
        .variables
        .keys()
        .filter(|name| !declared.contains_key(*name))
        .map(|name| error(MembershipErrorKind::VariableNotFound, Some(name)))
        .collect();
    for (name, variable) in declared {
        let given = membership.variables.get(name).filter(|values| !values.is_empty());
        match given {
            Some(values) if from_values(schema, variable, values).is_none() => {
                errors.push(error(MembershipErrorKind::VariableInvalid, Some(name)));
            }
            None if matches!(fallback(variable), VariableValue::Never) => {
                errors.push(error(MembershipErrorKind::VariableEmpty, Some(name)));
            }
            Some(_) | None => {}
        }
    }
    errors
}

/// The memberships and nothing else.
pub(super) fn stated(schema: &Schema, identity: Option<Uuid>, memberships: &[Membership]) -> Caller {
    resolve(schema, identity, given(schema, memberships))
}

/// The memberships, and the roles that everybody holds.
pub(super) fn stored(schema: &Schema, identity: Option<Uuid>, memberships: &[Membership]) -> Caller {
    let nothing = BTreeMap::new();
    let implicit = schema.roles.values().filter(|role| role.implicit).map(|role| (&role.name, &nothing));
    resolve(schema, identity, given(schema, memberships).chain(implicit))
}

type Given<'a> = (&'a RoleName, &'a BTreeMap<VariableName, Vec<String>>);

fn given<'a>(schema: &'a Schema, memberships: &'a [Membership]) -> impl Iterator<Item = Given<'a>> {
    let known = memberships.iter().filter(|membership| schema.roles.contains_key(&membership.role));
    known.map(|membership| (&membership.role, &membership.variables))
}

fn resolve<'a>(schema: &Schema, identity: Option<Uuid>, memberships: impl Iterator<Item = Given<'a>>) -> Caller {
    let mut resolved: BTreeMap<RoleName, BTreeMap<VariableName, VariableValue>> = BTreeMap::new();
    for (role, given) in memberships {
        // The first membership of a role counts, so that an implicit role never replaces the values of a granted one.
        resolved.entry(role.clone()).or_insert_with(|| resolve_variables(schema, role, given));
    }
    let shape = shape(&resolved);
    Caller { identity, roles: RoleSet::new(resolved.keys().cloned()), variables: resolved, shape }
}

fn resolve_variables(
    schema: &Schema,
    role: &RoleName,
    given: &BTreeMap<VariableName, Vec<String>>,
) -> BTreeMap<VariableName, VariableValue> {
    let value = |name: &VariableName, variable: &Variable| {
        let values = given.get(name)?;
        from_values(schema, variable, values)
    };
    variables(schema, role)
        .into_iter()
        .map(|(name, variable)| (name.clone(), value(name, variable).unwrap_or_else(|| fallback(variable))))
        .collect()
}

/// Variables of a role and of all that it inherits; its own declaration wins.
fn variables<'a>(schema: &'a Schema, role: &RoleName) -> IndexMap<&'a VariableName, &'a Variable> {
    with_inherited(schema, role.as_str()).into_iter().flat_map(|role| &role.variables).collect()
}

/// None when a value cannot be read: an entity's id of the wrong type, or text that is no condition.
fn from_values(schema: &Schema, variable: &Variable, values: &[String]) -> Option<VariableValue> {
    match variable {
        Variable::Entity { entity, .. } => {
            values.iter().all(|value| is_key(schema, entity, value)).then(|| VariableValue::Values(values.to_vec()))
        }
        Variable::Predefined(_) => {
            values.iter().all(|value| Uuid::try_parse(value).is_ok()).then(|| VariableValue::Values(values.to_vec()))
        }
        Variable::Condition { .. } => {
            let conditions = values
                .iter()
                .map(|value| condition::read(&serde_json::from_str::<Value>(value).ok()?))
                .collect::<Option<Vec<_>>>()?;
            Some(if conditions.is_empty() {
                VariableValue::Never
            } else {
                VariableValue::Condition(condition::any_of(conditions))
            })
        }
    }
}

/// Whether two texts name one row: ids may be spelled in two ways.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a == b || matches!((Uuid::try_parse(a), Uuid::try_parse(b)), (Ok(a), Ok(b)) if a == b)
}

fn is_key(schema: &Schema, entity: &EntityName, value: &str) -> bool {
    let Some(entity) = schema.entities.get(entity) else { return false };
    match entity.primary_column().kind {
        ColumnKind::Uuid => Uuid::try_parse(value).is_ok(),
        ColumnKind::Integer => value.parse::<i32>().is_ok(),
        ColumnKind::String
        | ColumnKind::Double
        | ColumnKind::Numeric
        | ColumnKind::Bool
        | ColumnKind::Enum(_)
        | ColumnKind::DateTime
        | ColumnKind::Date
        | ColumnKind::Time
        | ColumnKind::Json
        | ColumnKind::StoredImage => !value.contains('\0'),
    }
}

fn fallback(variable: &Variable) -> VariableValue {
    match variable {
        Variable::Entity { fallback, .. } | Variable::Condition { fallback } => {
            fallback.as_ref().and_then(condition::read).map_or(VariableValue::Never, VariableValue::Condition)
        }
        Variable::Predefined(PredefinedVariable::IdentityId) => VariableValue::Identity,
        // People are not part of this version: nobody is a person, `{in: []}`.
        Variable::Predefined(PredefinedVariable::PersonId) => VariableValue::Values(Vec::new()),
    }
}

/// One line per variable that is no list of bound values.
fn shape(variables: &BTreeMap<RoleName, BTreeMap<VariableName, VariableValue>>) -> String {
    let mut shape = String::new();
    for (role, variables) in variables {
        for (name, value) in variables {
            let _infallible = match value {
                VariableValue::Values(_) => write!(shape, "{role}.{name}=values;"),
                VariableValue::Identity => write!(shape, "{role}.{name}=identity;"),
                VariableValue::Never => write!(shape, "{role}.{name}=never;"),
                // Debug output of strings is escaped, so two conditions with equal text are equal.
                VariableValue::Condition(condition) => write!(shape, "{role}.{name}={condition:?};"),
            };
        }
    }
    shape
}

impl MembershipErrorKind {
    /// The name in the JSON line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoleNotFound => "roleNotFound",
            Self::VariableNotFound => "variableNotFound",
            Self::VariableEmpty => "variableEmpty",
            Self::VariableInvalid => "variableInvalid",
        }
    }
}

impl fmt::Display for MembershipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = Value::from(self.role.as_str());
        write!(f, r#"{{"role":{role},"error":"{}""#, self.kind.name())?;
        if let Some(variable) = &self.variable {
            write!(f, r#","variable":{}"#, Value::from(variable.as_str()))?;
        }
        f.write_str("}")
    }
}

impl std::error::Error for MembershipError {}
