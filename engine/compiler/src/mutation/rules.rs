//! Rules of the schema on values of an input (content API, section 13), judged before anything is sent.
//!
//! A rule can hold, fail, or be undecided because a value is not known; only a definite failure counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_schema::names::FieldName;
use freehold_schema::validation::Validator;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::lower::clauses::{and, or};

/// A rule ready to be judged.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    /// The value must not be null: a column or relation that the database does not let be empty.
    Required,
    Empty,
    Pattern(Regex),
    LengthRange(Option<u64>, Option<u64>),
    Range(Option<f64>, Option<f64>),
    Equals(Value),
    Not(Box<Rule>),
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Conditional(Box<Rule>, Box<Rule>),
    /// The rule on another field of the same row.
    Of(FieldName, Box<Rule>),
    /// Needs other rows, which are not read here.
    Undecided,
    /// A JSON value must satisfy the column's JSON Schema; each error is told by itself.
    JsonSchema(Arc<jsonschema::Validator>),
}

impl Rule {
    /// Prepares a rule of the schema; the pattern that cannot be judged when it has one.
    pub fn new(validator: &Validator) -> Result<Self, String> {
        let all = |validators: &[Validator]| validators.iter().map(Self::new).collect::<Result<Vec<_>, _>>();
        Ok(match validator {
            Validator::Defined => Self::Required,
            Validator::Empty => Self::Empty,
            Validator::Pattern { regex, flags } => Self::Pattern(pattern(regex, flags).ok_or_else(|| regex.clone())?),
            Validator::LengthRange { min, max } => Self::LengthRange(*min, *max),
            Validator::Range { min, max } => Self::Range(*min, *max),
            Validator::Equals(value) => Self::Equals(value.clone()),
            Validator::Not(validator) => Self::Not(Box::new(Self::new(validator)?)),
            Validator::And(validators) => Self::And(all(validators)?),
            Validator::Or(validators) => Self::Or(all(validators)?),
            Validator::Conditional(condition, rule) => {
                Self::Conditional(Box::new(Self::new(condition)?), Box::new(Self::new(rule)?))
            }
            Validator::InContext(path, rule) => match path.as_slice() {
                [field] => Self::Of(field.clone(), Box::new(Self::new(rule)?)),
                _ => Self::Undecided,
            },
            Validator::Every(_) | Validator::Any(_) | Validator::Filter(..) => Self::Undecided,
        })
    }

    /// Whether the rule holds for `field` of a row of which `values` are known.
    pub fn judge(&self, field: &FieldName, values: &BTreeMap<&FieldName, Value>) -> Option<bool> {
        let judge = |rule: &Rule| rule.judge(field, values);
        match self {
            Self::Undecided => None,
            Self::JsonSchema(schema) => match values.get(field)? {
                Value::Null => None,
                value => Some(schema.is_valid(value)),
            },
            Self::Of(field, rule) => rule.judge(field, values),
            Self::Not(rule) => judge(rule).map(|holds| !holds),
            Self::And(rules) => and(rules.iter().map(judge)),
            Self::Or(rules) => or(rules.iter().map(judge)),
            Self::Conditional(condition, rule) => match judge(condition) {
                Some(true) => judge(rule),
                Some(false) => Some(true),
                None => None,
            },
            Self::Required => Some(!values.get(field)?.is_null()),
            Self::Empty => Some(is_empty(values.get(field)?)),
            Self::Pattern(regex) => Some(regex.is_match(values.get(field)?.as_str()?)),
            Self::LengthRange(min, max) => {
                let length = length(values.get(field)?)?;
                Some(min.is_none_or(|min| length >= min) && max.is_none_or(|max| length <= max))
            }
            Self::Range(min, max) => {
                let number = number(values.get(field)?)?;
                Some(min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max))
            }
            Self::Equals(expected) => match values.get(field)? {
                Value::Null => None,
                value => Some(value == expected || number(value).is_some() && number(value) == number(expected)),
            },
        }
    }
}

impl Rule {
    /// Prepares a column's JSON Schema; what is wrong with it when it is none.
    pub fn json_schema(schema: &Value) -> Result<Self, String> {
        jsonschema::validator_for(schema).map(|schema| Self::JsonSchema(Arc::new(schema))).map_err(|error| error.to_string())
    }

    /// What is to be told when it fails: the rule's text, or a line for each error of a JSON value.
    pub fn messages(&self, text: &str, value: Option<&Value>) -> Vec<String> {
        match (self, value) {
            (Self::JsonSchema(schema), Some(value)) => {
                let line = |error: jsonschema::ValidationError<'_>| match error.instance_path().as_str() {
                    "" => error.to_string(),
                    pointer => format!("{pointer}: {error}"),
                };
                schema.iter_errors(value).map(line).collect()
            }
            _ => vec![text.to_owned()],
        }
    }
}

/// JavaScript's flags as this engine's. `g`, `u` and `y` make no difference to whether a text matches; patterns with look-around are not understood.
fn pattern(regex: &str, flags: &str) -> Option<Regex> {
    let has = |flag: char| flags.contains(flag);
    RegexBuilder::new(regex).case_insensitive(has('i')).multi_line(has('m')).dot_matches_new_line(has('s')).build().ok()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    u64::try_from(length).ok()
}

/// Decimals come as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(validator: &Validator, value: Option<Value>) -> Option<bool> {
        let field = FieldName::new("f");
        let values = value.into_iter().map(|value| (&field, value)).collect();
        Rule::new(validator).expect("a simple pattern").judge(&field, &values)
    }

    #[test]
    fn null_decides_only_what_asks_for_it() {
        let pattern = Validator::Pattern { regex: "^a+$".to_owned(), flags: "i".to_owned() };
        let range = Validator::Range { min: Some(1.0), max: None };
        let length = Validator::LengthRange { min: None, max: Some(2) };
        for (validator, null, good, bad) in [
            (&Validator::Defined, Some(false), json!("x"), None),
            (&Validator::Empty, Some(true), json!(""), Some(json!("x"))),
            (&pattern, None, json!("aA"), Some(json!("b"))),
            (&range, None, json!(1), Some(json!("0.5"))),
            (&length, None, json!("čř"), Some(json!(["a", "b", "c"]))),
            (&Validator::Equals(json!(3)), None, json!(3.0), Some(json!(4))),
        ] {
            assert_eq!(judge(validator, Some(Value::Null)), null, "{validator:?}");
            assert_eq!(judge(validator, Some(good)), Some(true), "{validator:?}");
            assert_eq!(
                bad.and_then(|bad| judge(validator, Some(bad))),
                (*validator != Validator::Defined).then_some(false),
                "{validator:?}"
            );
            assert_eq!(judge(validator, None), None, "{validator:?}");
        }
    }

    #[test]
    fn undecided_stays_undecided_through_logic() {
        let undecided = Validator::Equals(json!(1));
        let not = Validator::Not(Box::new(undecided.clone()));
        assert_eq!(judge(&not, Some(Value::Null)), None);
        let or = Validator::Or(vec![undecided.clone(), Validator::Empty]);
        assert_eq!(judge(&or, Some(Value::Null)), Some(true));
        let conditional = Validator::Conditional(Box::new(Validator::Empty), Box::new(Validator::Defined));
        assert_eq!(judge(&conditional, Some(json!("x"))), Some(true));
        assert_eq!(judge(&conditional, Some(Value::Null)), Some(false));
    }
}
