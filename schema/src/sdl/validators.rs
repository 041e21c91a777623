//! Rules on values in SDL: `@required`, `@pattern`, `@length`, `@range` and `@rule`.

use crate::codes;
use crate::draft::{RuleDraft, ValidatorDraft};
use crate::node::{Node, NodeValue};
use crate::sdl::definitions::Checked;
use crate::source::{At, Errors};

/// The message of a rule that gives none.
pub(crate) fn default_message(directive: &str) -> &'static str {
    match directive {
        "required" => "Field is required",
        "pattern" => "Value has a wrong format",
        "length" => "Value has a wrong length",
        _ => "Value is out of range",
    }
}

pub(crate) fn rule(directive: Checked<'_>, errors: &mut Errors) -> Option<RuleDraft> {
    let at = directive.at();
    let validator = match directive.name() {
        "required" => ValidatorDraft::Defined,
        "pattern" => {
            let flags = directive.text("flags").unwrap_or_else(|| At::new(String::new(), at));
            ValidatorDraft::Pattern { regex: directive.text("regex")?.value, flags }
        }
        "length" => {
            let bound = |name, errors: &mut Errors| match directive.node(name) {
                Some(node) => natural(node, name, errors),
                None => None,
            };
            ValidatorDraft::LengthRange { min: bound("min", errors), max: bound("max", errors), at }
        }
        "range" => ValidatorDraft::Range { min: directive.float("min"), max: directive.float("max"), at },
        _ => validator(directive.node("check")?, errors)?,
    };
    let message = directive.text("message").map_or_else(|| default_message(directive.name()).to_owned(), |text| text.value);
    Some(RuleDraft { at, validator, message })
}

fn natural(node: &Node, name: &str, errors: &mut Errors) -> Option<u64> {
    let value = match &node.value {
        NodeValue::Number(number) => number.as_u64(),
        _ => None,
    };
    if value.is_none() {
        errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{name}` is a whole number from 0"));
    }
    value
}

fn float(node: &Node, name: &str, errors: &mut Errors) -> Option<f64> {
    match &node.value {
        NodeValue::Number(number) => number.as_f64(),
        _ => {
            errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{name}` is a number"));
            None
        }
    }
}

const KEYS: [&str; 14] =
    ["defined", "empty", "pattern", "length", "range", "equals", "not", "and", "or", "if", "field", "every", "any", "filter"];

/// A rule as an object with one of [`KEYS`] and what belongs to it.
fn validator(node: &Node, errors: &mut Errors) -> Option<ValidatorDraft> {
    let NodeValue::Object(members) = &node.value else {
        errors
            .add(node.at, codes::RULE_INVALID, format!("a rule is an object, not {}", node.describe()))
            .hint("for example `{ defined: true }`");
        return None;
    };
    let Some((key, value)) = members.iter().find(|(name, _)| KEYS.contains(&name.as_str())) else {
        let error = errors.add(members.first().map_or(node.at, |(name, _)| name.at), codes::RULE_INVALID, "this is no rule");
        match members.first() {
            Some((name, _)) => error.suggest(&name.value, KEYS),
            None => error.hint("for example `{ defined: true }`"),
        }
        return None;
    };
    let companion = match key.as_str() {
        "pattern" => Some("flags"),
        "if" => Some("then"),
        "field" | "filter" => Some("is"),
        _ => None,
    };
    for (name, _) in members.iter().filter(|(name, _)| name.value != key.value && Some(name.as_str()) != companion) {
        let error = errors.add(name.at, codes::RULE_INVALID, format!("`{}` does not belong beside `{}`", name.value, key.value));
        error.hint("several rules are joined by `and: [ … ]`");
    }
    let second = members.iter().find(|(name, _)| Some(name.as_str()) == companion).map(|(_, value)| value);
    one(key, value, second, errors)
}

fn one(key: &At<String>, value: &Node, second: Option<&Node>, errors: &mut Errors) -> Option<ValidatorDraft> {
    let at = key.at;
    let boxed = |node: &Node, errors: &mut Errors| validator(node, errors).map(Box::new);
    let needs = |name: &str, errors: &mut Errors| match second {
        Some(node) => validator(node, errors).map(Box::new),
        None => {
            errors.add(at, codes::MISSING_ARGUMENT, format!("`{}` needs `{name}` beside it", key.value));
            None
        }
    };
    Some(match key.as_str() {
        "defined" => ValidatorDraft::Defined,
        "empty" => ValidatorDraft::Empty,
        "pattern" => {
            let regex = text(value, "pattern", errors)?.value;
            let flags = match second {
                Some(node) => text(node, "flags", errors)?,
                None => At::new(String::new(), at),
            };
            ValidatorDraft::Pattern { regex, flags }
        }
        "length" => {
            let (min, max) = bounds(value, "length", errors)?;
            let min = min.and_then(|node| natural(node, "min", errors));
            ValidatorDraft::LengthRange { min, max: max.and_then(|node| natural(node, "max", errors)), at }
        }
        "range" => {
            let (min, max) = bounds(value, "range", errors)?;
            let min = min.and_then(|node| float(node, "min", errors));
            ValidatorDraft::Range { min, max: max.and_then(|node| float(node, "max", errors)), at }
        }
        "equals" => ValidatorDraft::Equals(value.clone()),
        "not" => ValidatorDraft::Not(boxed(value, errors)?),
        "and" => ValidatorDraft::And(list(value, errors)),
        "or" => ValidatorDraft::Or(list(value, errors)),
        "if" => ValidatorDraft::Conditional(boxed(value, errors)?, needs("then", errors)?),
        "field" => {
            let path = text(value, "field", errors)?;
            let steps = path.value.split('.').map(|step| At::new(step.to_owned(), path.at)).collect();
            ValidatorDraft::InContext(steps, needs("is", errors)?)
        }
        "every" => ValidatorDraft::Every(boxed(value, errors)?, at),
        "any" => ValidatorDraft::Any(boxed(value, errors)?, at),
        _ => ValidatorDraft::Filter(boxed(value, errors)?, needs("is", errors)?, at),
    })
}

fn text(node: &Node, name: &str, errors: &mut Errors) -> Option<At<String>> {
    let text = node.as_text();
    if text.is_none() {
        errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{name}` is a text, not {}", node.describe()));
    }
    text
}

fn list(node: &Node, errors: &mut Errors) -> Vec<ValidatorDraft> {
    node.items().iter().filter_map(|node| validator(node, errors)).collect()
}

/// `{ min: …, max: … }`
fn bounds<'a>(node: &'a Node, name: &str, errors: &mut Errors) -> Option<(Option<&'a Node>, Option<&'a Node>)> {
    let NodeValue::Object(members) = &node.value else {
        errors
            .add(node.at, codes::ARGUMENT_TYPE, format!("`{name}` is an object, not {}", node.describe()))
            .hint("for example `{ min: 1, max: 9 }`");
        return None;
    };
    for (member, _) in members.iter().filter(|(member, _)| !["min", "max"].contains(&member.as_str())) {
        errors
            .add(member.at, codes::UNKNOWN_ARGUMENT, format!("`{name}` has no `{}`", member.value))
            .suggest(&member.value, ["min", "max"]);
    }
    let find = |wanted: &str| {
        members.iter().find(|(member, _)| member.value == wanted).map(|(_, value)| value).filter(|value| !value.is_null())
    };
    Some((find("min"), find("max")))
}
