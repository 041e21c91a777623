//! Roles and permissions in the JSON form.

use regex::Regex;

use crate::acl::OperationKind;
use crate::check::built_in;
use crate::codes;
use crate::draft::{AllowDraft, Draft, FieldsDraft, RoleDraft, ThroughDraft, VariableDraft, VariableKindDraft};
use crate::json::object::{Object, text, wrong};
use crate::json::objects;
use crate::node::{Node, NodeValue};
use crate::sdl::permissions::{OPERATIONS, predefined};
use crate::source::{At, Errors};

/// The stage that Freehold's content counts as.
const STAGE: &str = "live";

pub(super) fn read(mut acl: Object<'_>, draft: &mut Draft, errors: &mut Errors) {
    draft.custom_primary = acl.flag("customPrimary", errors).unwrap_or(false);
    for (name, node) in acl.map("roles", errors) {
        if let Some(object) = Object::new(node, format!("role `{}`", name.value), errors) {
            let role = role(name, object, &mut draft.allows, errors);
            draft.roles.push(role);
        }
    }
    acl.finish_strictly(errors);
}

fn role(name: &At<String>, mut object: Object<'_>, allows: &mut Vec<AllowDraft>, errors: &mut Errors) -> RoleDraft {
    let n_allows = allows.len();
    let mut role = RoleDraft::new(name.clone());
    let is_offstage = object.take("stages").is_some_and(|stages| !matches_stage(stages, errors));
    role.inherits = Some(object.texts("inherits", errors)).filter(|inherits| !inherits.is_empty());
    role.implicit = object.flag("implicit", errors);
    role.debug = object.flag("debug", errors);
    let variables = object.map("variables", errors);
    role.variables = Some(variables.into_iter().filter_map(|(name, node)| variable(name, node, errors)).collect());
    let everything = object.take("everything");
    role.everything = everything.and_then(|node| node.as_bool().map(|value| At::new(value, node.at)));
    if let (Some(node), None) = (everything, &role.everything) {
        wrong(node, "everything", "`true` or `false`", errors);
    }
    if let Some(node) = object.take("entities") {
        if built_in(name.as_str()).is_some() && role.everything.is_none() {
            role.everything = Some(At::new(false, node.at));
        }
        entities(name, node, allows, errors);
    }
    if let Some(mut content) = object.object("content", errors) {
        role.assume_membership = content.take("assumeMembership").cloned();
        content.ignore(&["export", "import", "refreshMaterializedView"]);
        content.finish_strictly(errors);
    }
    if let Some(mut system) = object.object("system", errors) {
        role.history = system.flag("history", errors);
        role.migrate = system.flag("migrate", errors);
        role.assume_identity = system.flag("assumeIdentity", errors);
        system.ignore(&["export", "import"]);
        system.finish_strictly(errors);
    }
    if let Some(node) = object.take("s3") {
        role.objects = Some(objects::read(node, errors));
    }
    object.ignore(&["tenant"]);
    object.finish_strictly(errors);
    if is_offstage {
        allows.truncate(n_allows);
        without_rights(&mut role);
    }
    role
}

/// A role of other stages only: it can be held, and means nothing here, also where it is inherited (content API, section 3.2).
fn without_rights(role: &mut RoleDraft) {
    role.everything = Some(At::new(false, role.name.at));
    role.inherits = None;
    role.assume_membership = None;
    role.objects = Some(Vec::new());
    (role.debug, role.history, role.migrate, role.assume_identity) = (Some(false), Some(false), Some(false), Some(false));
}

/// Whether `"*"` or one of several regular expressions matches the only stage.
fn matches_stage(stages: &Node, errors: &mut Errors) -> bool {
    let mut found = false;
    for node in stages.items() {
        let Some(pattern) = text(node, "stages", errors) else { continue };
        match Regex::new(&pattern.value) {
            _ if pattern.value == "*" => found = true,
            Ok(regex) => found |= regex.is_match(STAGE),
            Err(_) => {
                let error = errors.add(
                    node.at,
                    codes::ROLE_INVALID,
                    format!("`{}` is not a regular expression that we understand", pattern.value),
                );
                error.hint("write `\"*\"` for every stage");
            }
        }
    }
    found
}

fn variable(name: &At<String>, node: &Node, errors: &mut Errors) -> Option<VariableDraft> {
    let mut object = Object::new(node, format!("variable `{}`", name.value), errors)?;
    let ty = object.need_text("type", errors)?;
    let kind = match ty.as_str() {
        "entity" => VariableKindDraft::Entity(object.need_text("entityName", errors)?),
        "condition" => VariableKindDraft::Condition,
        "predefined" => {
            let value = object.need_text("value", errors)?;
            let Some(found) = predefined(value.as_str()) else {
                let error = errors.add(value.at, codes::ROLE_INVALID, format!("unknown predefined variable `{}`", value.value));
                error.suggest(value.as_str(), ["identityID", "personID"]);
                return None;
            };
            VariableKindDraft::Predefined(found)
        }
        other => {
            let error = errors.add(ty.at, codes::ROLE_INVALID, format!("unknown type of variable `{other}`"));
            error.suggest(other, ["entity", "condition", "predefined"]);
            return None;
        }
    };
    let fallback = match &kind {
        VariableKindDraft::Predefined(_) => None,
        VariableKindDraft::Entity(_) | VariableKindDraft::Condition => object.take("fallback").cloned(),
    };
    object.finish_strictly(errors);
    Some(VariableDraft { name: name.clone(), kind, fallback })
}

fn entities(role: &At<String>, node: &Node, allows: &mut Vec<AllowDraft>, errors: &mut Errors) {
    let NodeValue::Object(members) = &node.value else {
        wrong(node, "entities", "an object", errors);
        return;
    };
    for (entity, node) in members {
        let Some(mut object) = Object::new(node, format!("permissions of `{}`", entity.value), errors) else { continue };
        let predicates = object.map("predicates", errors);
        if let Some(operations) = object.object("operations", errors) {
            allows.extend(Sorter::new(role, entity, &predicates).read(operations, errors));
        }
        object.finish_strictly(errors);
    }
}

/// Sorts the grants of one role on one entity by predicate: each predicate becomes one `@allow`.
struct Sorter<'n> {
    /// The first is without a predicate.
    allows: Vec<AllowDraft>,
    predicates: &'n [(&'n At<String>, &'n Node)],
}

impl<'n> Sorter<'n> {
    fn new(role: &At<String>, entity: &At<String>, predicates: &'n [(&'n At<String>, &'n Node)]) -> Self {
        let allow = |when: Option<&Node>, predicate: Option<&At<String>>| AllowDraft {
            at: entity.at,
            role: role.clone(),
            entity: entity.clone(),
            read: FieldsDraft::None,
            create: FieldsDraft::None,
            update: FieldsDraft::None,
            delete: false,
            when: when.cloned(),
            predicate: predicate.cloned(),
            through: ThroughDraft::None,
            custom_primary: false,
        };
        let named = predicates.iter().map(|(name, node)| allow(Some(node), Some(name)));
        Self { allows: std::iter::once(allow(None, None)).chain(named).collect(), predicates }
    }

    fn read(mut self, mut operations: Object<'n>, errors: &mut Errors) -> Vec<AllowDraft> {
        for key in ["read", "create", "update"] {
            for (field, node) in operations.map(key, errors) {
                if let Some(index) = self.place(node, errors) {
                    let allow = &mut self.allows[index];
                    let fields = match key {
                        "read" => &mut allow.read,
                        "create" => &mut allow.create,
                        _ => &mut allow.update,
                    };
                    match fields {
                        FieldsDraft::Listed(names) => names.push(field.clone()),
                        FieldsDraft::None | FieldsDraft::All => *fields = FieldsDraft::Listed(vec![field.clone()]),
                    }
                }
            }
        }
        if let Some(index) = operations.take("delete").and_then(|node| self.place(node, errors)) {
            self.allows[index].delete = true;
        }
        let through = no_root(&mut operations, errors);
        let custom_primary = operations.flag("customPrimary", errors).unwrap_or(false);
        operations.ignore(&["refreshMaterializedView"]);
        operations.finish_strictly(errors);
        for allow in &mut self.allows {
            allow.through = ThroughDraft::Listed(through.clone());
            allow.custom_primary = custom_primary;
        }
        self.allows
    }

    /// Which of the permissions a grant belongs to; none if nothing is granted.
    fn place(&self, grant: &Node, errors: &mut Errors) -> Option<usize> {
        match (&grant.value, grant.as_text()) {
            (NodeValue::Bool(granted), _) => granted.then_some(0),
            (_, Some(name)) => {
                let found = self.predicates.iter().position(|(known, _)| known.value == name.value);
                if found.is_none() {
                    let error = errors.add(name.at, codes::PREDICATE_INVALID, format!("unknown predicate `{}`", name.value));
                    error.suggest(name.as_str(), self.predicates.iter().map(|(known, _)| known.as_str()));
                }
                found.map(|index| index + 1)
            }
            _ => {
                errors.add(
                    grant.at,
                    codes::ARGUMENT_TYPE,
                    format!("a grant is `true`, `false` or a predicate's name, not {}", grant.describe()),
                );
                None
            }
        }
    }
}

fn no_root(operations: &mut Object<'_>, errors: &mut Errors) -> Vec<OperationKind> {
    let mut found = Vec::new();
    for node in operations.list("noRoot", errors) {
        let Some(word) = text(node, "noRoot", errors) else { continue };
        match OPERATIONS.iter().find(|(name, _)| *name == word.value) {
            Some((_, operation)) => found.push(*operation),
            None => {
                let error = errors.add(word.at, codes::ARGUMENT_TYPE, format!("unknown operation `{}`", word.value));
                error.suggest(word.as_str(), OPERATIONS.iter().map(|(name, _)| *name));
            }
        }
    }
    found
}
