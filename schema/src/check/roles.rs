//! Roles: built-in and declared ones, what they inherit, their variables.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::acl::{ADMIN_ROLE, CONTENT_ADMIN_ROLE, DEPLOYER_ROLE, EntityGrants, EntityPermissions, Grant, Role, Variable};
use crate::check::predicates::Reader;
use crate::check::{World, grants, names, objects};
use crate::codes;
use crate::draft::{AllowDraft, RoleDraft, VariableDraft, VariableKindDraft};
use crate::names::{EntityName, RoleName, VariableName};
use crate::node::{Node, NodeValue, is_writable};
use crate::source::{At, Errors};

/// A role that exists without being declared (content API, section 3.1).
pub(crate) fn built_in(name: &str) -> Option<Role> {
    let role = |everything: bool, debug: bool, history: bool, migrate: bool| Role {
        name: RoleName::new(name),
        inherits: Vec::new(),
        implicit: false,
        debug,
        variables: IndexMap::new(),
        entities: if everything { EntityGrants::Everything } else { EntityGrants::Listed(IndexMap::new()) },
        assume_membership: Some(Value::Bool(true)),
        history,
        assume_identity: everything,
        migrate,
        objects: if everything { objects::everything() } else { IndexMap::new() },
    };
    match name {
        ADMIN_ROLE => Some(role(true, true, true, true)),
        CONTENT_ADMIN_ROLE => Some(role(true, false, true, false)),
        DEPLOYER_ROLE => Some(role(false, false, false, true)),
        _ => None,
    }
}

/// A role of which nothing was said but its name.
pub(crate) fn plain(name: &str) -> Role {
    built_in(name).unwrap_or_else(|| Role {
        name: RoleName::new(name),
        inherits: Vec::new(),
        implicit: false,
        debug: false,
        variables: IndexMap::new(),
        entities: EntityGrants::Listed(IndexMap::new()),
        assume_membership: None,
        history: false,
        assume_identity: false,
        migrate: false,
        objects: IndexMap::new(),
    })
}

pub(super) fn lower(drafts: &[RoleDraft], allows: &[AllowDraft], world: &World, errors: &mut Errors) -> IndexMap<RoleName, Role> {
    let mut roles: IndexMap<RoleName, Role> = IndexMap::new();
    let mut known: HashMap<&str, &RoleDraft> = HashMap::new();
    for draft in drafts {
        let name = draft.name.as_str();
        names::labelled(&draft.name, "role", errors);
        if known.insert(name, draft).is_some() {
            errors.add(draft.name.at, codes::NAME_TAKEN, format!("role `{name}` is declared twice"));
            continue;
        }
        roles.insert(RoleName::new(name), lower_role(draft, world, errors));
    }
    for name in [ADMIN_ROLE, CONTENT_ADMIN_ROLE, DEPLOYER_ROLE] {
        roles.entry(RoleName::new(name)).or_insert_with(|| plain(name));
    }
    for draft in drafts {
        check_inherits(draft, &roles, world, errors);
        check_membership_rule(draft, &roles, world, errors);
    }
    grants::lower(allows, &known, &mut roles, world, errors);
    for name in [ADMIN_ROLE, CONTENT_ADMIN_ROLE] {
        let role = roles.get_mut(name).expect("built-in roles were added");
        if is_everything(&role.entities, world) {
            role.entities = EntityGrants::Everything;
        }
    }
    // Built-in roles of which nothing is said stand last: they are not printed, so their place must not matter.
    roles.sort_by_cached_key(|name, role| built_in(name.as_str()).is_some_and(|built_in| built_in == *role));
    roles
}

/// Other tools write out what an administrator may do. Everything that there is stays everything when there is more.
fn is_everything(grants: &EntityGrants, world: &World) -> bool {
    let EntityGrants::Listed(listed) = grants else { return false };
    let is_whole = |(name, entity): (&EntityName, &crate::model::Entity)| {
        let Some(granted) = listed.get(name) else { return false };
        let all = |fields: &IndexMap<_, Grant>| entity.fields.keys().all(|field| fields.get(field) == Some(&Grant::Always));
        let writes =
            entity.view.is_some() || (all(&granted.create) && all(&granted.update) && granted.delete == Some(Grant::Always));
        all(&granted.read) && writes && granted.no_root.is_empty() && !granted.custom_primary
    };
    !listed.is_empty() && world.entities.iter().all(is_whole)
}

fn lower_role(draft: &RoleDraft, world: &World, errors: &mut Errors) -> Role {
    let base = plain(draft.name.as_str());
    let entities = match &draft.everything {
        Some(At { value: true, .. }) => EntityGrants::Everything,
        Some(At { value: false, .. }) => EntityGrants::Listed(IndexMap::new()),
        None => base.entities,
    };
    let mut role = Role {
        inherits: draft
            .inherits
            .as_ref()
            .map_or(base.inherits, |names| names.iter().map(|name| RoleName::new(name.as_str())).collect()),
        implicit: draft.implicit.unwrap_or(base.implicit),
        debug: draft.debug.unwrap_or(base.debug),
        variables: base.variables,
        entities,
        assume_membership: base.assume_membership,
        history: draft.history.unwrap_or(base.history),
        assume_identity: draft.assume_identity.unwrap_or(base.assume_identity),
        migrate: draft.migrate.unwrap_or(base.migrate),
        objects: draft.objects.as_ref().map_or(base.objects, |drafts| objects::lower(drafts, errors)),
        name: base.name,
    };
    if let Some(rule) = &draft.assume_membership {
        role.assume_membership = Some(rule.to_json()).filter(|rule| *rule != Value::Bool(false));
    }
    for variable in draft.variables.iter().flatten() {
        names::labelled(&variable.name, "variable", errors);
        let name = VariableName::new(variable.name.as_str());
        if role.variables.contains_key(&name) {
            errors.add(
                variable.name.at,
                codes::NAME_TAKEN,
                format!("role `{}` has the variable `{name}` twice", draft.name.value),
            );
        }
        role.variables.insert(name, lower_variable(variable, world, errors));
    }
    role
}

fn lower_variable(draft: &VariableDraft, world: &World, errors: &mut Errors) -> Variable {
    let fallback = draft.fallback.as_ref().map(|node| {
        let reader = Reader { world, role: "", variables: &IndexMap::new() };
        reader.plain_condition(node, None, errors);
        let value = node.to_json();
        if !is_writable(&value) {
            errors.add(node.at, codes::ROLE_INVALID, "keys of JSON in a fallback must be names");
        }
        value
    });
    match &draft.kind {
        VariableKindDraft::Entity(entity) => {
            world.entity(entity, errors);
            Variable::Entity { entity: EntityName::new(entity.as_str()), fallback }
        }
        VariableKindDraft::Condition => Variable::Condition { fallback },
        VariableKindDraft::Predefined(value) => Variable::Predefined(*value),
    }
}

pub(super) fn unknown_role(name: &At<String>, roles: &IndexMap<RoleName, Role>, world: &World, errors: &mut Errors) {
    if !world.lost {
        let error = errors.add(name.at, codes::UNKNOWN_ROLE, format!("unknown role `{}`", name.value));
        error.suggest(name.as_str(), roles.keys().map(RoleName::as_str));
    }
}

fn check_inherits(draft: &RoleDraft, roles: &IndexMap<RoleName, Role>, world: &World, errors: &mut Errors) {
    for inherited in draft.inherits.iter().flatten() {
        if !roles.contains_key(inherited.as_str()) {
            unknown_role(inherited, roles, world, errors);
        } else if reaches(roles, inherited.as_str(), draft.name.as_str(), roles.len() + 1) {
            let message = format!("role `{}` inherits from itself through `{}`", draft.name.value, inherited.value);
            errors.add(inherited.at, codes::ROLE_CYCLE, message).hint("leave out one of the two");
        }
    }
}

fn reaches(roles: &IndexMap<RoleName, Role>, from: &str, wanted: &str, depth: usize) -> bool {
    let next = || roles.get(from).map(|role| role.inherits.as_slice()).unwrap_or_default();
    from == wanted || (depth > 0 && next().iter().any(|next| reaches(roles, next.as_str(), wanted, depth - 1)))
}

/// `true`, or per role `true` or `{ variables: true | { name: true | "name of a variable of this role" } }`.
fn check_membership_rule(draft: &RoleDraft, roles: &IndexMap<RoleName, Role>, world: &World, errors: &mut Errors) {
    let Some(rule) = &draft.assume_membership else { return };
    let own: Vec<&str> = draft.variables.iter().flatten().map(|variable| variable.name.as_str()).collect();
    let NodeValue::Object(members) = &rule.value else {
        if rule.as_bool().is_none() {
            membership_mistake(rule, errors);
        }
        return;
    };
    for (name, value) in members {
        let Some(target) = roles.get(name.as_str()) else {
            unknown_role(name, roles, world, errors);
            continue;
        };
        let NodeValue::Object(parts) = &value.value else {
            if value.as_bool().is_none() {
                membership_mistake(value, errors);
            }
            continue;
        };
        for (key, variables) in parts {
            if key.value != "variables" {
                errors
                    .add(key.at, codes::ROLE_INVALID, format!("`{}` is not part of such a rule", key.value))
                    .suggest(&key.value, ["variables"]);
                continue;
            }
            match &variables.value {
                NodeValue::Object(members) => check_sources(members, target, &own, errors),
                _ if variables.as_bool().is_some() => {}
                _ => membership_mistake(variables, errors),
            }
        }
    }
}

fn check_sources(members: &[(At<String>, Node)], target: &Role, own: &[&str], errors: &mut Errors) {
    for (name, source) in members {
        if !target.variables.contains_key(name.as_str()) {
            let error =
                errors.add(name.at, codes::UNKNOWN_VARIABLE, format!("role `{}` has no variable `{}`", target.name, name.value));
            error.suggest(name.as_str(), target.variables.keys().map(VariableName::as_str));
        }
        match source.as_text() {
            Some(source) if !own.contains(&source.as_str()) => {
                let error =
                    errors.add(source.at, codes::UNKNOWN_VARIABLE, format!("this role has no variable `{}`", source.value));
                error.suggest(source.as_str(), own.iter().copied());
            }
            None if source.as_bool().is_none() => membership_mistake(source, errors),
            _ => {}
        }
    }
}

fn membership_mistake(node: &Node, errors: &mut Errors) {
    let error =
        errors.add(node.at, codes::ROLE_INVALID, format!("the rule of `assumeMembership` cannot be {} here", node.describe()));
    error.hint("write `true`, `{ editor: true }` or `{ editor: { variables: { site: true } } }`");
}

/// Permissions with nothing in them.
pub(super) fn is_nothing(permissions: &EntityPermissions) -> bool {
    permissions.read.is_empty() && permissions.create.is_empty() && permissions.update.is_empty() && permissions.delete.is_none()
}
