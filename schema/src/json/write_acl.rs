//! Writing roles and permissions.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::acl::{EntityGrants, EntityPermissions, Grant, PredefinedVariable, Role, Variable};
use crate::check::{built_in, plain_role, write_filter};
use crate::json::objects;
use crate::json::write::{Members, texts};
use crate::model::Schema;
use crate::names::{FieldName, RoleName};
use crate::sdl::permissions::OPERATIONS;

pub(super) fn acl(schema: &Schema) -> Value {
    let said = schema.roles.values().filter(|role| built_in(role.name.as_str()).as_ref() != Some(*role));
    let roles = said.map(|item| (item.name.as_str().to_owned(), role(item)));
    Members::new().with_flag("customPrimary", schema.custom_primary).with("roles", Value::Object(roles.collect())).done()
}

/// What differs from a role of which nothing is said.
fn role(role: &Role) -> Value {
    let base = plain_role(role.name.as_str());
    let differs = |value: bool, base: bool| (value != base).then_some(value);
    let variables = role.variables.iter().map(|(name, item)| (name.as_str().to_owned(), variable(item)));
    let membership =
        (role.assume_membership != base.assume_membership).then(|| role.assume_membership.clone().unwrap_or(Value::Bool(false)));
    let content = Members::new().with_some("assumeMembership", membership);
    let system = Members::new()
        .with_some("history", differs(role.history, base.history))
        .with_some("migrate", differs(role.migrate, base.migrate))
        .with_some("assumeIdentity", differs(role.assume_identity, base.assume_identity));
    let members = Members::new()
        .with("stages", "*")
        .with_some("inherits", texts(role.inherits.iter().map(RoleName::as_str)))
        .with_some("implicit", differs(role.implicit, base.implicit))
        .with_some("debug", differs(role.debug, base.debug))
        .with("variables", Value::Object(variables.collect()));
    let members = match (&role.entities, &base.entities) {
        (EntityGrants::Everything, EntityGrants::Everything) => members,
        (EntityGrants::Everything, EntityGrants::Listed(_)) => members.with("everything", true),
        (EntityGrants::Listed(listed), _) => {
            let entities = listed.iter().map(|(name, item)| (name.as_str().to_owned(), permissions(item)));
            members.with("entities", Value::Object(entities.collect()))
        }
    };
    members
        .with_some("content", Some(content).filter(|content| !content.is_empty()).map(Members::done))
        .with_some("system", Some(system).filter(|system| !system.is_empty()).map(Members::done))
        .with_some("s3", (role.objects != base.objects).then(|| objects::write(&role.objects)))
        .done()
}

/// The name of a predefined variable.
pub(crate) fn predefined_name(value: PredefinedVariable) -> &'static str {
    match value {
        PredefinedVariable::IdentityId => "identityID",
        PredefinedVariable::PersonId => "personID",
    }
}

fn variable(variable: &Variable) -> Value {
    match variable {
        Variable::Entity { entity, fallback } => Members::new()
            .with("type", "entity")
            .with("entityName", entity.as_str())
            .with_some("fallback", fallback.clone())
            .done(),
        Variable::Predefined(value) => json!({ "type": "predefined", "value": predefined_name(*value) }),
        Variable::Condition { fallback } => {
            Members::new().with("type", "condition").with_some("fallback", fallback.clone()).done()
        }
    }
}

fn permissions(permissions: &EntityPermissions) -> Value {
    let predicates: Map<String, Value> =
        permissions.predicates.iter().map(|(name, filter)| (name.as_str().to_owned(), write_filter(filter, ""))).collect();
    let no_root = OPERATIONS.iter().filter(|(_, operation)| permissions.no_root.contains(operation)).map(|(name, _)| *name);
    let operations = Members::new()
        .with_some("read", fields(&permissions.read))
        .with_some("create", fields(&permissions.create))
        .with_some("update", fields(&permissions.update))
        .with_some("delete", permissions.delete.as_ref().map(grant))
        .with_some("noRoot", texts(no_root))
        .with_flag("customPrimary", permissions.custom_primary);
    json!({ "predicates": predicates, "operations": operations.done() })
}

fn fields(fields: &IndexMap<FieldName, Grant>) -> Option<Value> {
    let grants = fields.iter().map(|(name, item)| (name.as_str().to_owned(), grant(item)));
    (!fields.is_empty()).then(|| Value::Object(grants.collect()))
}

fn grant(grant: &Grant) -> Value {
    match grant {
        Grant::Always => Value::Bool(true),
        Grant::When(name) => Value::from(name.as_str()),
    }
}
