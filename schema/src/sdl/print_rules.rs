//! Writing rules on values.

use serde_json::{Value, json};

use crate::node::write;
use crate::sdl::print::Written;
use crate::sdl::validators::default_message;
use crate::validation::{Rule, Validator};

pub(super) fn rule(rule: &Rule) -> String {
    let own = |directive: &str| Some(rule.message.as_str()).filter(|message| *message != default_message(directive));
    let number = |value: &Option<f64>| value.map(|value| write(&json!(value)));
    match &rule.validator {
        Validator::Defined => Written::new("required").text("message", own("required")),
        Validator::Pattern { regex, flags } => Written::new("pattern")
            .text("regex", Some(regex))
            .text("flags", Some(flags.as_str()).filter(|flags| !flags.is_empty()))
            .text("message", own("pattern")),
        Validator::LengthRange { min, max } => Written::new("length")
            .raw_some("min", min.map(|min| min.to_string()))
            .raw_some("max", max.map(|max| max.to_string()))
            .text("message", own("length")),
        Validator::Range { min, max } => {
            Written::new("range").raw_some("min", number(min)).raw_some("max", number(max)).text("message", own("range"))
        }
        other => Written::new("rule").raw("check", write(&check(other))).text("message", Some(&rule.message)),
    }
    .done()
}

/// A rule as the object that `@rule` takes.
fn check(rule: &Validator) -> Value {
    let all = |rules: &[Validator]| Value::Array(rules.iter().map(check).collect());
    match rule {
        Validator::Defined => json!({ "defined": true }),
        Validator::Empty => json!({ "empty": true }),
        Validator::Pattern { regex, flags } if flags.is_empty() => json!({ "pattern": regex }),
        Validator::Pattern { regex, flags } => json!({ "pattern": regex, "flags": flags }),
        Validator::LengthRange { min, max } => json!({ "length": bounds(min.map(Value::from), max.map(Value::from)) }),
        Validator::Range { min, max } => json!({ "range": bounds(min.map(Value::from), max.map(Value::from)) }),
        Validator::Equals(value) => json!({ "equals": value }),
        Validator::Not(inner) => json!({ "not": check(inner) }),
        Validator::And(inner) => json!({ "and": all(inner) }),
        Validator::Or(inner) => json!({ "or": all(inner) }),
        Validator::Conditional(test, then) => json!({ "if": check(test), "then": check(then) }),
        Validator::InContext(path, inner) => {
            let path: Vec<&str> = path.iter().map(|step| step.as_str()).collect();
            json!({ "field": path.join("."), "is": check(inner) })
        }
        Validator::Every(inner) => json!({ "every": check(inner) }),
        Validator::Any(inner) => json!({ "any": check(inner) }),
        Validator::Filter(which, inner) => json!({ "filter": check(which), "is": check(inner) }),
    }
}

fn bounds(min: Option<Value>, max: Option<Value>) -> Value {
    Value::Object([("min", min), ("max", max)].into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
