//! Conditions as JSON: values and fallbacks of condition variables (content API, sections 3.2 and 7).

use freehold_schema::filter::{Condition, Operator};
use serde_json::Value;

/// How deep conditions may be nested; what PostgreSQL and our own recursion bear easily.
const MAX_DEPTH: usize = 32;

/// Reads `{"gte": 2}`; None when it is no condition.
pub(super) fn read(value: &Value) -> Option<Condition<Value>> {
    read_at(value, 0)
}

/// One of several conditions holds; a single one stands for itself.
pub(super) fn any_of(mut conditions: Vec<Condition<Value>>) -> Condition<Value> {
    if conditions.len() == 1 { conditions.remove(0) } else { Condition::Or(conditions) }
}

/// Whether `text` is the condition, or one of those that [`any_of`] put together to it.
pub(super) fn is_part(whole: &Condition<Value>, text: &str) -> bool {
    let Some(part) = serde_json::from_str(text).ok().as_ref().and_then(read) else { return false };
    part == *whole || matches!(whole, Condition::Or(parts) if parts.contains(&part))
}

/// The condition that nothing satisfies.
pub(super) fn never() -> Condition<Value> {
    Condition::Or(vec![Condition::Not(Box::new(Condition::And(Vec::new())))])
}

fn read_at(value: &Value, depth: usize) -> Option<Condition<Value>> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut all = Vec::new();
    for (key, operand) in value.as_object()? {
        // An operator that compares with null restricts nothing (content API, section 7).
        if operand.is_null() {
            continue;
        }
        all.push(read_member(key, operand, depth)?);
    }
    Some(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
}

fn read_member(key: &str, operand: &Value, depth: usize) -> Option<Condition<Value>> {
    let list = || {
        operand.as_array()?.iter().filter(|item| !item.is_null()).map(|item| read_at(item, depth + 1)).collect::<Option<Vec<_>>>()
    };
    Some(match key {
        "and" => Condition::And(list()?),
        "or" => Condition::Or(list()?),
        "not" => Condition::Not(Box::new(read_at(operand, depth + 1)?)),
        "null" | "isNull" => Condition::IsNull(operand.as_bool()?),
        "always" => {
            if operand.as_bool()? {
                Condition::And(Vec::new())
            } else {
                never()
            }
        }
        "never" => {
            if operand.as_bool()? {
                never()
            } else {
                Condition::And(Vec::new())
            }
        }
        _ => {
            let operator = Operator::from_name(key)?;
            let takes_list = matches!(operator, Operator::In | Operator::NotIn);
            if takes_list != operand.is_array() || has_nul(operand) {
                return None;
            }
            Condition::Compare(operator, operand.clone())
        }
    })
}

/// Whether a text contains what no text of PostgreSQL can.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
