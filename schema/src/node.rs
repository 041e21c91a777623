//! Values as they stand in a file, SDL or JSON: with the place of every part.

use serde_json::{Map, Number, Value};

use crate::names::is_name;
use crate::source::At;

/// A value and the byte where it starts.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub at: usize,
    pub value: NodeValue,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeValue {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    /// A bare name; only in SDL.
    Name(String),
    /// A variable without quotes; only in SDL, where it is a mistake.
    Variable(String),
    List(Vec<Node>),
    /// Members in file order; a name may stand twice.
    Object(Vec<(At<String>, Node)>),
}

impl Node {
    /// The value as plain JSON. Bare names become text.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(value) => Value::Number(value.clone()),
            NodeValue::String(value) | NodeValue::Name(value) => Value::String(value.clone()),
            NodeValue::Variable(name) => Value::String(format!("${name}")),
            NodeValue::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.value.clone(), value.to_json())).collect::<Map<_, _>>())
            }
        }
    }

    /// Text in quotes.
    pub fn as_text(&self) -> Option<At<String>> {
        match &self.value {
            NodeValue::String(text) => Some(At::new(text.clone(), self.at)),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            NodeValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// The items of a list; a single value counts as a list of one, as in GraphQL.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            NodeValue::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// What kind of value it is, for messages.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "null",
            NodeValue::Bool(_) => "a boolean",
            NodeValue::Number(_) => "a number",
            NodeValue::String(_) => "a text",
            NodeValue::Name(_) => "a bare name",
            NodeValue::Variable(_) => "a variable",
            NodeValue::List(_) => "a list",
            NodeValue::Object(_) => "an object",
        }
    }
}

/// Whether GraphQL's syntax can write the value: keys of objects must be names.
pub(crate) fn is_writable(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_writable),
        Value::Object(members) => members.iter().all(|(name, value)| is_name(name) && is_writable(value)),
        _ => true,
    }
}

/// Writes a value in GraphQL's syntax.
pub(crate) fn write(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}: {}", write(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
    }
}

/// A GraphQL string. JSON's escapes are all GraphQL's too (GraphQL October 2021, 2.9.4).
pub(crate) fn quote(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
