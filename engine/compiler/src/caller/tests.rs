//! Memberships, their errors, and what of a caller changes SQL.

use std::collections::BTreeMap;

use freehold_schema::filter::{Condition, Operator};
use freehold_schema::names::{RoleName, VariableName};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Caller, Membership, VariableValue};
use crate::testing;

const SITE: &str = "00000000-0000-0000-0000-000000000001";

fn membership(role: &str, variables: &[(&str, &[&str])]) -> Membership {
    let variables = variables
        .iter()
        .map(|(name, values)| (VariableName::new(name), values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>()));
    Membership { role: RoleName::new(role), variables: variables.collect::<BTreeMap<_, _>>() }
}

fn resolve(schema: &freehold_schema::Schema, memberships: &[Membership]) -> Result<Caller, Vec<String>> {
    let errors = |errors: Vec<super::MembershipError>| errors.iter().map(ToString::to_string).collect();
    Caller::resolve(schema, Some(Uuid::nil()), memberships).map_err(errors)
}

fn value<'a>(caller: &'a Caller, role: &str, variable: &str) -> &'a VariableValue {
    caller.variable(&RoleName::new(role), &VariableName::new(variable))
}

#[test]
fn recorded_errors_are_reproduced() {
    let scenario: Value = serde_json::from_str(include_str!("../../tests/golden/blog-acl.json")).unwrap();
    let schema = testing::blog();
    let mut compared = 0;
    for step in scenario["steps"].as_array().unwrap() {
        let Some(memberships) = step["request"]["as"].as_array() else { continue };
        let memberships: Vec<Membership> = memberships
            .iter()
            .map(|it| Membership {
                role: RoleName::new(it["role"].as_str().unwrap()),
                variables: it["variables"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|variable| {
                        let values = variable["values"].as_array().unwrap().iter().map(|value| {
                            // Ids that the recording captured earlier stand in it as `$$name`.
                            let text = value.as_str().unwrap();
                            if text.starts_with("$$") { SITE.to_owned() } else { text.to_owned() }
                        });
                        (VariableName::new(variable["name"].as_str().unwrap()), values.collect())
                    })
                    .collect(),
            })
            .collect();
        let message = step["response"]["body"]["errors"][0]["message"].as_str().unwrap_or("");
        let recorded: Vec<String> = match message.strip_prefix("Invalid memberships in x-contember-assume-membership header:\n") {
            Some(lines) => lines.lines().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        assert_eq!(resolve(&schema, &memberships).err().unwrap_or_default(), recorded, "{}", step["name"]);
        compared += usize::from(!recorded.is_empty());
    }
    assert_eq!(compared, 4);
}

#[test]
fn values_and_conditions_are_resolved() {
    let schema = testing::blog();
    let caller = resolve(
        &schema,
        &[
            membership("senior", &[("site", &[SITE])]),
            membership("reader", &[("level", &["{\"gte\":2}", "{\"isNull\":true,\"lt\":null}"])]),
        ],
    )
    .unwrap();
    assert_eq!(caller.role_set().roles(), [RoleName::new("reader"), RoleName::new("senior")]);
    assert_eq!(*value(&caller, "senior", "site"), VariableValue::Values(vec![SITE.to_owned()]));
    assert_eq!(*value(&caller, "senior", "me"), VariableValue::Identity);
    let level = Condition::Or(vec![Condition::Compare(Operator::Gte, json!(2)), Condition::IsNull(true)]);
    assert_eq!(*value(&caller, "reader", "level"), VariableValue::Condition(level));
    assert_eq!(*value(&caller, "reader", "nope"), VariableValue::Never);
    assert_eq!(caller.values(&RoleName::new("senior"), &VariableName::new("site")), [SITE]);
}

#[test]
fn wrong_values_are_refused() {
    let schema = testing::blog();
    let invalid = |role: &str, variable: &str| {
        vec![format!("{{\"role\":\"{role}\",\"error\":\"variableInvalid\",\"variable\":\"{variable}\"}}")]
    };
    assert_eq!(resolve(&schema, &[membership("editor", &[("site", &["one"])])]), Err(invalid("editor", "site")));
    for condition in ["1", "{\"foo\":1}", "{\"in\":1}", "{\"eq\":[1]}", "{\"and\":{}}", "{\"isNull\":1}", "[]", ""] {
        assert_eq!(
            resolve(&schema, &[membership("reader", &[("level", &[condition])])]),
            Err(invalid("reader", "level")),
            "{condition}"
        );
    }
    let deep = format!("{}{{}}{}", "{\"not\":".repeat(100), "}".repeat(100));
    assert_eq!(resolve(&schema, &[membership("reader", &[("level", &[&deep])])]), Err(invalid("reader", "level")));
    let empty = "{\"role\":\"editor\",\"error\":\"variableEmpty\",\"variable\":\"site\"}".to_owned();
    assert_eq!(resolve(&schema, &[membership("editor", &[("site", &[])])]), Err(vec![empty]));
}

#[test]
fn stored_memberships_are_read_leniently() {
    let schema = testing::blog();
    let memberships = [
        membership("ghost", &[]),
        membership("reader", &[("bogus", &["1"]), ("level", &["nonsense"])]),
        membership("editor", &[]),
    ];
    let caller = Caller::resolve_stored(&schema, None, &memberships);
    assert_eq!(caller.role_set().roles(), [RoleName::new("editor"), RoleName::new("reader")]);
    assert_eq!(*value(&caller, "reader", "level"), VariableValue::Never);
    assert_eq!(*value(&caller, "editor", "site"), VariableValue::Never);
}

fn schema_with(role: Value) -> freehold_schema::Schema {
    testing::read(&json!({"model": {"enums": {}, "entities": {}}, "acl": {"roles": {"public": role}}}).to_string())
}

#[test]
fn implicit_roles_and_fallbacks() {
    let public = json!({"implicit": true, "entities": {}, "variables": {
        "level": {"type": "condition", "fallback": {"eq": 1}}, "person": {"type": "predefined", "value": "personID"}}});
    let schema = schema_with(public);
    let anonymous = Caller::resolve_stored(&schema, None, &[]);
    assert_eq!(anonymous.role_set().roles(), [RoleName::new("public")]);
    assert!(resolve(&schema, &[]).unwrap().role_set().is_empty(), "who states his roles has no others");
    let one = VariableValue::Condition(Condition::Compare(Operator::Eq, json!(1)));
    assert_eq!(*value(&anonymous, "public", "level"), one);
    assert_eq!(*value(&anonymous, "public", "person"), VariableValue::Values(Vec::new()));
    let granted = resolve(&schema, &[membership("public", &[("level", &["{\"eq\":2}"])])]).unwrap();
    assert_eq!(*value(&granted, "public", "level"), VariableValue::Condition(Condition::Compare(Operator::Eq, json!(2))));
    assert!(Caller::resolve_stored(&schema_with(json!({"entities": {}})), None, &[]).role_set().is_empty());
}

#[test]
fn the_shape_holds_conditions_and_no_bound_values() {
    let schema = testing::blog();
    let shape = |memberships: &[Membership]| Caller::resolve_stored(&schema, None, memberships).shape().to_owned();
    let editor = |site: &str| membership("editor", &[("site", &[site])]);
    let reader = |level: &str| membership("reader", &[("level", &[level])]);
    assert_eq!(shape(&[editor(SITE)]), shape(&[editor("00000000-0000-0000-0000-000000000002")]));
    assert!(!shape(&[editor(SITE)]).contains(SITE));
    assert_ne!(shape(&[reader("{\"gte\":2}")]), shape(&[reader("{\"gte\":3}")]));
    assert_ne!(shape(&[reader("{\"eq\":\"2\"}")]), shape(&[reader("{\"eq\":2}")]));
    assert_ne!(shape(&[editor(SITE)]), shape(&[membership("editor", &[])]));
}

#[test]
fn a_condition_with_a_text_that_postgresql_cannot_hold_is_invalid() {
    let errors = resolve(&testing::blog(), &[membership("reader", &[("level", &[r#"{"in":["a\u0000"]}"#])])]).unwrap_err();
    assert_eq!(errors, [r#"{"role":"reader","error":"variableInvalid","variable":"level"}"#]);
}

#[test]
fn own_values_are_told_from_others() {
    let schema = testing::blog();
    let level = |values: &[&str]| {
        let memberships = [membership("senior", &[("site", &[SITE])]), membership("reader", &[("level", values)])];
        resolve(&schema, &memberships).unwrap()
    };
    let caller = level(&["{\"gte\":2}", "{\"isNull\":true}"]);
    let has =
        |role: &str, variable: &str, value: &str| caller.has_value(&RoleName::new(role), &VariableName::new(variable), value);
    assert!(has("senior", "site", SITE));
    assert!(!has("senior", "site", "00000000-0000-0000-0000-000000000002"));
    assert!(!has("senior", "level", SITE) && !has("reader", "site", SITE));
    assert!(has("reader", "level", "{\"gte\": 2}") && has("reader", "level", "{\"isNull\":true}"));
    assert!(!has("reader", "level", "{\"gte\":1}") && !has("reader", "level", "{") && !has("reader", "level", "2"));
    let single = level(&["{\"gte\":2}"]);
    assert!(single.has_value(&RoleName::new("reader"), &VariableName::new("level"), "{\"gte\":2}"));
}
