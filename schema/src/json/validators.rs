//! Rules on values in the JSON form: `{ operation, args }`, each argument a literal, a path or a rule.

use crate::codes;
use crate::draft::{EntityDraft, RuleDraft, ValidatorDraft};
use crate::json::object::{Object, text, wrong};
use crate::node::{Node, NodeValue};
use crate::source::{At, Errors};

const OPERATIONS: [&str; 14] = [
    "defined",
    "empty",
    "pattern",
    "lengthRange",
    "range",
    "equals",
    "not",
    "and",
    "or",
    "conditional",
    "inContext",
    "every",
    "any",
    "filter",
];

pub(super) fn read(name: &At<String>, node: &Node, entities: &mut [EntityDraft], errors: &mut Errors) {
    let Some(entity) = entities.iter_mut().find(|entity| entity.name.value == name.value) else {
        errors.add(name.at, codes::UNKNOWN_ENTITY, format!("unknown entity `{}`", name.value));
        return;
    };
    let NodeValue::Object(fields) = &node.value else {
        wrong(node, &name.value, "an object", errors);
        return;
    };
    for (name, node) in fields {
        let known: Vec<String> = entity.fields.iter().map(|field| field.name.value.clone()).collect();
        let Some(field) = entity.fields.iter_mut().find(|field| field.name.value == name.value) else {
            let error =
                errors.add(name.at, codes::UNKNOWN_FIELD, format!("`{}` has no field `{}`", entity.name.value, name.value));
            error.suggest(&name.value, known.iter().map(String::as_str));
            continue;
        };
        match &node.value {
            NodeValue::List(items) => field.rules.extend(items.iter().filter_map(|item| rule(item, errors))),
            _ => wrong(node, &name.value, "a list of rules", errors),
        }
    }
}

fn rule(node: &Node, errors: &mut Errors) -> Option<RuleDraft> {
    let mut object = Object::new(node, "a rule", errors)?;
    let validator = object.need("validator", errors).and_then(|node| validator(node, errors));
    let message =
        object.need("message", errors).and_then(|node| Object::new(node, "`message`", errors)).and_then(|mut message| {
            let text = message.need_text("text", errors);
            message.finish(errors);
            text
        });
    object.finish(errors);
    Some(RuleDraft { at: node.at, validator: validator?, message: message?.value })
}

enum Argument<'n> {
    Literal(&'n Node),
    Path(Vec<At<String>>),
    Validator(Box<ValidatorDraft>),
}

fn argument<'n>(node: &'n Node, errors: &mut Errors) -> Option<Argument<'n>> {
    let mut object = Object::new(node, "an argument", errors)?;
    let ty = object.need_text("type", errors)?;
    let argument = match ty.as_str() {
        "literal" => {
            const NULL: &Node = &Node { at: 0, value: NodeValue::Null };
            Argument::Literal(object.take("value").unwrap_or(NULL))
        }
        "path" => Argument::Path(object.texts("path", errors)),
        "validator" => Argument::Validator(Box::new(object.need("validator", errors).and_then(|node| validator(node, errors))?)),
        other => {
            errors
                .add(ty.at, codes::RULE_INVALID, format!("unknown type of argument `{other}`"))
                .suggest(other, ["literal", "path", "validator"]);
            return None;
        }
    };
    object.finish(errors);
    Some(argument)
}

fn validator(node: &Node, errors: &mut Errors) -> Option<ValidatorDraft> {
    let mut object = Object::new(node, "a rule", errors)?;
    let operation = object.need_text("operation", errors)?;
    let written = object.list("args", errors);
    let arguments: Vec<Argument<'_>> = written.iter().filter_map(|node| argument(node, errors)).collect();
    object.finish(errors);
    if arguments.len() != written.len() {
        return None;
    }
    let at = node.at;
    let mut arguments = Arguments { at, operation: &operation, rest: arguments.into_iter() };
    Some(match operation.as_str() {
        "defined" => ValidatorDraft::Defined,
        "empty" => ValidatorDraft::Empty,
        "pattern" => {
            let (regex, flags) = arguments.pair(errors)?;
            let regex = text(regex?, "pattern", errors)?.value;
            let flags = match flags {
                Some(node) => text(node, "flags", errors)?,
                None => At::new(String::new(), at),
            };
            ValidatorDraft::Pattern { regex, flags }
        }
        "lengthRange" => {
            let (min, max) = arguments.pair(errors)?;
            let bound = |node: &Node| node.to_json().as_u64();
            ValidatorDraft::LengthRange { min: number(min, bound, errors)?, max: number(max, bound, errors)?, at }
        }
        "range" => {
            let (min, max) = arguments.pair(errors)?;
            let bound = |node: &Node| node.to_json().as_f64();
            ValidatorDraft::Range { min: number(min, bound, errors)?, max: number(max, bound, errors)?, at }
        }
        "equals" => ValidatorDraft::Equals(arguments.literal(errors)?.clone()),
        "not" => ValidatorDraft::Not(arguments.validator(errors)?),
        "and" => ValidatorDraft::And(arguments.validators(errors)?),
        "or" => ValidatorDraft::Or(arguments.validators(errors)?),
        "conditional" => ValidatorDraft::Conditional(arguments.validator(errors)?, arguments.validator(errors)?),
        "inContext" => ValidatorDraft::InContext(arguments.path(errors)?, arguments.validator(errors)?),
        "every" => ValidatorDraft::Every(arguments.validator(errors)?, at),
        "any" => ValidatorDraft::Any(arguments.validator(errors)?, at),
        "filter" => ValidatorDraft::Filter(arguments.validator(errors)?, arguments.validator(errors)?, at),
        other => {
            errors.add(operation.at, codes::RULE_INVALID, format!("unknown rule `{other}`")).suggest(other, OPERATIONS);
            return None;
        }
    })
}

/// An optional bound: outer `None` after a mistake.
fn number<T>(node: Option<&Node>, read: impl Fn(&Node) -> Option<T>, errors: &mut Errors) -> Option<Option<T>> {
    let Some(node) = node else { return Some(None) };
    let value = read(node);
    if value.is_none() {
        wrong(node, "bound", "a number that fits", errors);
    }
    value.map(Some)
}

struct Arguments<'n, 'o, I: Iterator<Item = Argument<'n>>> {
    at: usize,
    operation: &'o At<String>,
    rest: I,
}

impl<'n, I: Iterator<Item = Argument<'n>>> Arguments<'n, '_, I> {
    fn mistake<T>(&self, expected: &str, errors: &mut Errors) -> Option<T> {
        errors.add(self.at, codes::RULE_INVALID, format!("the rule `{}` needs {expected} as its argument", self.operation.value));
        None
    }

    fn literal(&mut self, errors: &mut Errors) -> Option<&'n Node> {
        match self.rest.next() {
            Some(Argument::Literal(node)) => Some(node),
            _ => self.mistake("a literal", errors),
        }
    }

    fn path(&mut self, errors: &mut Errors) -> Option<Vec<At<String>>> {
        match self.rest.next() {
            Some(Argument::Path(path)) => Some(path),
            _ => self.mistake("a path", errors),
        }
    }

    fn validator(&mut self, errors: &mut Errors) -> Option<Box<ValidatorDraft>> {
        match self.rest.next() {
            Some(Argument::Validator(validator)) => Some(validator),
            _ => self.mistake("a rule", errors),
        }
    }

    fn validators(&mut self, errors: &mut Errors) -> Option<Vec<ValidatorDraft>> {
        let mut all = Vec::new();
        loop {
            match self.rest.next() {
                Some(Argument::Validator(validator)) => all.push(*validator),
                Some(_) => return self.mistake("rules", errors),
                None => return Some(all),
            }
        }
    }

    /// Two values: one literal with a list of two, or two literals. Null is an absent value.
    fn pair(&mut self, errors: &mut Errors) -> Option<(Option<&'n Node>, Option<&'n Node>)> {
        let first = self.literal(errors)?;
        let given = |node: &'n Node| Some(node).filter(|node| !node.is_null());
        match &first.value {
            NodeValue::List(items) => Some((items.first().and_then(given), items.get(1).and_then(given))),
            _ => {
                let second = match self.rest.next() {
                    Some(Argument::Literal(node)) => given(node),
                    Some(_) => return self.mistake("two literals", errors),
                    None => None,
                };
                Some((given(first), second))
            }
        }
    }
}
