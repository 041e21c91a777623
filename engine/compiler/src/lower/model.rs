//! Constants: `_info`, and `schema`, the content schema as the caller's roles see it.

use serde_json::{Map, Value, json};

use super::Env;
use crate::api::Meaning;
use crate::selection::Selected;

/// `_info { description }`: the contract's literal.
pub(crate) fn info(field: &Selected) -> String {
    project(&json!({ "__typename": "Info", "description": "TODO" }), field).to_string()
}

/// `schema { … }`
pub(crate) fn schema(_env: &Env<'_>, field: &Selected) -> String {
    project(&json!({}), field).to_string()
}

/// The selected members of a value.
pub(crate) fn project(value: &Value, field: &Selected) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| project(item, field)).collect()),
        Value::Object(members) => {
            let type_name = members.get("__typename").and_then(Value::as_str).unwrap_or_default();
            let fields = match &field.selections {
                crate::selection::Selections::Abstract(types) => types.get(type_name).map(Vec::as_slice).unwrap_or_default(),
                other => other.fields(),
            };
            let selected = fields.iter().map(|part| {
                let name = if part.meaning == Meaning::Typename { "__typename" } else { &*part.name };
                let member = members.get(name).unwrap_or(&Value::Null);
                (part.key.to_string(), project(member, part))
            });
            Value::Object(selected.collect::<Map<_, _>>())
        }
        leaf => leaf.clone(),
    }
}
