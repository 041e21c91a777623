//! `@role` and `@allow`.

use crate::acl::{OperationKind, PredefinedVariable};
use crate::codes;
use crate::draft::{AllowDraft, FieldsDraft, RoleDraft, ThroughDraft, VariableDraft, VariableKindDraft};
use crate::node::{Node, NodeValue};
use crate::sdl::definitions::Checked;
use crate::sdl::objects;
use crate::source::{At, Errors};

/// The words for operations, in SDL and in JSON.
pub(crate) const OPERATIONS: [(&str, OperationKind); 4] = [
    ("read", OperationKind::Read),
    ("create", OperationKind::Create),
    ("update", OperationKind::Update),
    ("delete", OperationKind::Delete),
];

pub(crate) fn role(directive: Checked<'_>, errors: &mut Errors) -> Option<RoleDraft> {
    let mut role = RoleDraft::new(directive.text("name")?);
    role.inherits = directive.has("inherits").then(|| directive.texts("inherits"));
    role.implicit = directive.flag("implicit");
    role.debug = directive.flag("debug");
    role.everything = directive.flag("everything").map(|value| At::new(value, directive.argument_at("everything")));
    role.assume_membership = directive.node("assumeMembership").cloned();
    role.assume_identity = directive.flag("assumeIdentity");
    role.history = directive.flag("history");
    role.migrate = directive.flag("migrate");
    role.objects = directive.node("s3").map(|node| node.items().iter().filter_map(objects::read).collect());
    role.variables =
        directive.node("variables").map(|node| node.items().iter().filter_map(|node| variable(node, errors)).collect());
    Some(role)
}

fn variable(node: &Node, errors: &mut Errors) -> Option<VariableDraft> {
    let NodeValue::Object(members) = &node.value else { return None };
    let member = |name: &str| {
        members.iter().find(|(member, _)| member.value == name).map(|(_, value)| value).filter(|value| !value.is_null())
    };
    let name = member("name").and_then(Node::as_text)?;
    let mut kinds: Vec<VariableKindDraft> = Vec::new();
    kinds.extend(member("entity").and_then(Node::as_text).map(VariableKindDraft::Entity));
    kinds.extend(member("condition").and_then(Node::as_bool).filter(|given| *given).map(|_| VariableKindDraft::Condition));
    kinds.extend(member("caller").and_then(|node| match &node.value {
        NodeValue::Name(word) => predefined(word).map(VariableKindDraft::Predefined),
        _ => None,
    }));
    if kinds.len() != 1 {
        let error = errors.add(
            node.at,
            codes::ROLE_INVALID,
            format!("variable `{}` needs exactly one of `entity`, `condition` and `caller`", name.value),
        );
        error.hint("for example `{ name: \"site\", entity: \"Site\" }`");
    }
    let kind = kinds.pop()?;
    let fallback = member("fallback").cloned();
    if let (VariableKindDraft::Predefined(_), Some(fallback)) = (&kind, &fallback) {
        errors.add(fallback.at, codes::ROLE_INVALID, "what the server knows of the caller has no fallback");
    }
    Some(VariableDraft { name, kind, fallback })
}

pub(crate) fn predefined(word: &str) -> Option<PredefinedVariable> {
    match word {
        "identityID" => Some(PredefinedVariable::IdentityId),
        "personID" => Some(PredefinedVariable::PersonId),
        _ => None,
    }
}

/// One permission per role that is named.
pub(crate) fn allow(directive: Checked<'_>, entity: &At<String>, errors: &mut Errors) -> Vec<AllowDraft> {
    let read = fields(directive, "read", errors);
    let create = fields(directive, "create", errors);
    let update = fields(directive, "update", errors);
    let delete = directive.flag("delete").unwrap_or(false);
    if ["read", "create", "update", "delete"].iter().all(|name| !directive.has(name)) {
        let error = errors.add(directive.at(), codes::ALLOW_INVALID, "this `@allow` allows nothing");
        error.hint("add `read: true`, or leave it out: what is not allowed is denied");
    }
    if directive.has("predicate") && !directive.has("when") {
        errors.add(
            directive.argument_at("predicate"),
            codes::ARGUMENT_CONFLICT,
            "`predicate` names the predicate of `when`, which is missing",
        );
    }
    let roles = directive.texts("roles");
    if let (Some(node), true) = (directive.node("roles"), roles.is_empty())
        && matches!(&node.value, NodeValue::List(items) if items.is_empty())
    {
        errors.add(node.at, codes::ALLOW_INVALID, "this `@allow` names no role");
    }
    let draft = AllowDraft {
        at: directive.at(),
        role: At::new(String::new(), 0),
        entity: entity.clone(),
        read,
        create,
        update,
        delete,
        when: directive.node("when").cloned(),
        predicate: directive.text("predicate"),
        through: through(directive, errors),
        custom_primary: directive.flag("customPrimary").unwrap_or(false),
    };
    roles.into_iter().map(|role| AllowDraft { role, ..draft.clone() }).collect()
}

fn fields(directive: Checked<'_>, name: &str, errors: &mut Errors) -> FieldsDraft {
    let Some(node) = directive.node(name) else { return FieldsDraft::None };
    match &node.value {
        NodeValue::Bool(true) => return FieldsDraft::All,
        NodeValue::Bool(false) => return FieldsDraft::None,
        NodeValue::List(items) => {
            let texts: Vec<At<String>> = items.iter().filter_map(Node::as_text).collect();
            if texts.len() == items.len() && !items.is_empty() {
                return FieldsDraft::Listed(texts);
            }
        }
        _ => {}
    }
    let error = errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{name}` is `true` or a list of fields as text"));
    error.hint(format!("for example `{name}: [\"title\"]`"));
    FieldsDraft::None
}

fn through(directive: Checked<'_>, errors: &mut Errors) -> ThroughDraft {
    let Some(node) = directive.node("through") else { return ThroughDraft::None };
    match &node.value {
        NodeValue::Bool(true) => ThroughDraft::All,
        NodeValue::Bool(false) => ThroughDraft::None,
        NodeValue::List(items) => {
            let mut operations = Vec::new();
            for item in items {
                let word = item.as_text().map(|text| text.value).unwrap_or_default();
                match OPERATIONS.iter().find(|(name, _)| *name == word) {
                    Some((_, operation)) => operations.push(*operation),
                    None => {
                        let error = errors.add(
                            item.at,
                            codes::ARGUMENT_TYPE,
                            "`through` lists `read`, `create`, `update` and `delete` as text",
                        );
                        error.suggest(&word, OPERATIONS.iter().map(|(name, _)| *name));
                    }
                }
            }
            ThroughDraft::Listed(operations)
        }
        _ => {
            errors.add(
                node.at,
                codes::ARGUMENT_TYPE,
                format!("`through` is `true` or a list of operations, not {}", node.describe()),
            );
            ThroughDraft::None
        }
    }
}
