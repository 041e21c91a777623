//! Memberships that a caller takes on for one request (content API, section 14.3).

use std::collections::BTreeMap;

use freehold_compiler::caller::{Caller, Membership};
use freehold_schema::Schema;
use freehold_schema::acl::ADMIN_ROLE;
use freehold_schema::names::{RoleName, VariableName};
use serde_json::{Map, Value};

use crate::http::failure::Failure;

/// The memberships of an `{"memberships": […]}` value.
pub fn parse(value: &Value) -> Result<Vec<Membership>, Failure> {
    let object = value.as_object().ok_or_else(|| wrong("", "must be object", value))?;
    let memberships = member(object, "", "memberships")?;
    let list = memberships.as_array().ok_or_else(|| wrong("/memberships", "must be array", memberships))?;
    list.iter().enumerate().map(|(index, value)| membership(&format!("/memberships/{index}"), value)).collect()
}

fn membership(path: &str, value: &Value) -> Result<Membership, Failure> {
    let object = value.as_object().ok_or_else(|| wrong(path, "must be object", value))?;
    let role = text(&format!("{path}/role"), member(object, path, "role")?)?;
    let path = format!("{path}/variables");
    let given = match object.get("variables") {
        None => &[][..],
        Some(value) => value.as_array().ok_or_else(|| wrong(&path, "must be array", value))?,
    };
    let mut variables = BTreeMap::new();
    for (index, value) in given.iter().enumerate() {
        let path = format!("{path}/{index}");
        let object = value.as_object().ok_or_else(|| wrong(&path, "must be object", value))?;
        let name = text(&format!("{path}/name"), member(object, &path, "name")?)?;
        let path = format!("{path}/values");
        let values = member(object, &path, "values")?;
        let values = values.as_array().ok_or_else(|| wrong(&path, "must be array", values))?;
        let values = values.iter().enumerate().map(|(index, value)| text(&format!("{path}/{index}"), value).map(str::to_owned));
        variables.insert(VariableName::new(name), values.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Membership { role: RoleName::new(role), variables })
}

fn member<'a>(object: &'a Map<String, Value>, path: &str, name: &str) -> Result<&'a Value, Failure> {
    object
        .get(name)
        .ok_or_else(|| Failure::AssumeMembershipFormat(format!("value at path {}: missing property {name}", root(path))))
}

fn text<'a>(path: &str, value: &'a Value) -> Result<&'a str, Failure> {
    value.as_str().ok_or_else(|| wrong(path, "must be string", value))
}

fn wrong(path: &str, expected: &str, given: &Value) -> Failure {
    Failure::AssumeMembershipFormat(format!("value at path {}: {expected}, {given} given", root(path)))
}

fn root(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// The caller with assumed memberships, when one of the roles held allows each of them.
pub fn assume(schema: &Schema, caller: &Caller, assumed: &[Membership]) -> Result<Caller, Failure> {
    let resolved = Caller::resolve(schema, caller.identity(), assumed).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::AssumeMembershipInvalid(lines.join("\n"))
    })?;
    match assumed.iter().find(|membership| !may_assume(schema, caller, membership)) {
        Some(membership) => Err(Failure::AssumeMembershipForbidden(describe(membership))),
        None => Ok(resolved),
    }
}

fn may_assume(schema: &Schema, caller: &Caller, wanted: &Membership) -> bool {
    caller.role_set().roles().iter().filter_map(|name| schema.roles.get(name)).any(|held| match &held.assume_membership {
        Some(rule) => rule_allows(rule, wanted, |source, values| {
            let source = VariableName::new(source);
            values.iter().all(|value| caller.has_value(&held.name, &source, value))
        }),
        // Who may do everything may also do less.
        None => held.name == ADMIN_ROLE,
    })
}

/// `true`, or by role `true` or `{variables: true | {variable: true | "source"}}`, where `source` is a variable of the role that has the rule: only its values
/// may be handed on, which `has_values` tells.
fn rule_allows(rule: &Value, wanted: &Membership, has_values: impl Fn(&str, &[String]) -> bool) -> bool {
    let role = match rule {
        Value::Bool(all) => return *all,
        rule => rule.get(wanted.role.as_str()),
    };
    let variables = match role {
        Some(Value::Bool(all)) => return *all,
        Some(role) => role.get("variables"),
        None => return false,
    };
    match variables {
        Some(Value::Bool(all)) => *all || wanted.variables.is_empty(),
        Some(Value::Object(rules)) => wanted.variables.iter().all(|(name, values)| match rules.get(name.as_str()) {
            Some(Value::Bool(all)) => *all,
            Some(Value::String(source)) => has_values(source, values),
            _ => false,
        }),
        _ => wanted.variables.is_empty(),
    }
}

fn describe(membership: &Membership) -> String {
    let variables: Vec<Value> = membership
        .variables
        .iter()
        .map(|(name, values)| serde_json::json!({ "name": name.as_str(), "values": values }))
        .collect();
    serde_json::json!({ "role": membership.role.as_str(), "variables": variables }).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_form_is_named_by_its_place() {
        for (value, message) in [
            (json!({"memberships": [{"role": 1}]}), "value at path /memberships/0/role: must be string, 1 given"),
            (json!({"memberships": 1}), "value at path /memberships: must be array, 1 given"),
            (json!({}), "value at path /: missing property memberships"),
            (json!([]), "value at path /: must be object, [] given"),
            (
                json!({"memberships": [{"role": "a", "variables": [{"name": "x", "values": [1]}]}]}),
                "value at path /memberships/0/variables/0/values/0: must be string, 1 given",
            ),
        ] {
            let Err(Failure::AssumeMembershipFormat(found)) = parse(&value) else { panic!("{value}") };
            assert_eq!(found, message);
        }
    }

    #[test]
    fn rules_allow_what_they_name() {
        let wanted = |role: &str, variables: &[&str]| Membership {
            role: RoleName::new(role),
            variables: variables.iter().map(|name| (VariableName::new(name), vec!["1".to_owned()])).collect(),
        };
        let has_values = |source: &str, values: &[String]| source == "own" && values == ["1"];
        for (rule, role, variables, allowed) in [
            (json!(true), "any", &["x"][..], true),
            (json!(false), "any", &[], false),
            (json!({"reader": true}), "reader", &["x"], true),
            (json!({"reader": true}), "editor", &[], false),
            (json!({"reader": {"variables": true}}), "reader", &["x"], true),
            (json!({"reader": {"variables": {"x": true}}}), "reader", &["x"], true),
            (json!({"reader": {"variables": {"x": true}}}), "reader", &["x", "y"], false),
            (json!({"reader": {"variables": {"x": "own"}}}), "reader", &["x"], true),
            (json!({"reader": {"variables": {"x": "other"}}}), "reader", &["x"], false),
            (json!({"reader": {"variables": {"x": "own", "y": false}}}), "reader", &["x", "y"], false),
            (json!({"reader": {}}), "reader", &["x"], false),
        ] {
            assert_eq!(rule_allows(&rule, &wanted(role, variables), has_values), allowed, "{rule} {role}");
        }
    }
}
