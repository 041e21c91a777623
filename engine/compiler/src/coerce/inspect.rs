//! JSON as graphql-js prints it in messages (its `inspect.ts`).

use serde_json::Value;

const MAX_DEPTH: usize = 2;
const MAX_ITEMS: usize = 10;

/// `{ a: [1, "x"], b: [Object] }`
pub(crate) fn inspect(value: &Value) -> String {
    inspect_at(value, 0)
}

fn inspect_at(value: &Value, depth: usize) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            // JavaScript knows one kind of number and prints whole ones without a point.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => format!("{float:.0}"),
            _ => number.to_string(),
        },
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Array(_) if depth > MAX_DEPTH - 1 => "[Array]".to_owned(),
        Value::Array(items) => {
            let mut printed: Vec<String> = items.iter().take(MAX_ITEMS).map(|item| inspect_at(item, depth + 1)).collect();
            match items.len().saturating_sub(MAX_ITEMS) {
                0 => {}
                1 => printed.push("... 1 more item".to_owned()),
                more => printed.push(format!("... {more} more items")),
            }
            format!("[{}]", printed.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(_) if depth > MAX_DEPTH - 1 => "[Object]".to_owned(),
        Value::Object(members) => {
            let printed: Vec<String> =
                members.iter().map(|(key, value)| format!("{key}: {}", inspect_at(value, depth + 1))).collect();
            format!("{{ {} }}", printed.join(", "))
        }
    }
}
