//! The API as SDL, in the layout of graphql-js's `printSchema`.

use std::fmt::Write as _;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Api, EnumValue, InputField, OutputField, TypeDefinition, TypeKind, fixed};
use crate::syntax::{block, quoted};

impl Api {
    /// Canonical SDL: types in the API's order, without GraphQL's own.
    #[must_use]
    pub fn sdl(&self) -> String {
        let own = self.types.values().filter(|definition| {
            let is_built_in = fixed::BUILT_IN_SCALARS.iter().any(|(name, _)| *definition.name == **name);
            !definition.name.starts_with("__") && !is_built_in
        });
        own.map(print_type).collect::<Vec<_>>().join("\n")
    }
}

fn print_type(definition: &TypeDefinition) -> String {
    let mut out = String::new();
    description(&mut out, definition.description.as_deref(), "", true);
    let name = &definition.name;
    match &definition.kind {
        TypeKind::Scalar(_) => out.push_str(&format!("scalar {name}\n")),
        TypeKind::Union(members) => {
            let members: Vec<&str> = members.iter().map(|member| &**member).collect();
            out.push_str(&format!("union {name} = {}\n", members.join(" | ")));
        }
        TypeKind::Enum(values) => {
            out.push_str(&format!("enum {name} {{\n"));
            values.iter().enumerate().for_each(|(index, value)| enum_value(&mut out, value, index == 0));
            out.push_str("}\n");
        }
        TypeKind::Input(fields) => {
            out.push_str(&format!("input {name} {{\n"));
            for (index, field) in fields.values().enumerate() {
                description(&mut out, field.description.as_deref(), "  ", index == 0);
                out.push_str(&format!("  {}\n", input_value(field)));
            }
            out.push_str("}\n");
        }
        TypeKind::Interface { fields } => output_type(&mut out, &format!("interface {name}"), fields),
        TypeKind::Object { implements, fields } if implements.is_empty() => {
            output_type(&mut out, &format!("type {name}"), fields)
        }
        TypeKind::Object { implements, fields } => {
            let interfaces: Vec<&str> = implements.iter().map(|interface| &**interface).collect();
            output_type(&mut out, &format!("type {name} implements {}", interfaces.join(" & ")), fields);
        }
    }
    out
}

fn output_type(out: &mut String, head: &str, fields: &IndexMap<Arc<str>, OutputField>) {
    out.push_str(&format!("{head} {{\n"));
    for (index, field) in fields.values().enumerate() {
        description(out, field.description.as_deref(), "  ", index == 0);
        let arguments: Vec<String> = field.arguments.values().map(input_value).collect();
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        out.push_str(&format!("  {}{arguments}: {}{}\n", field.name, field.ty, deprecated(field.deprecated.as_deref())));
    }
    out.push_str("}\n");
}

fn enum_value(out: &mut String, value: &EnumValue, is_first: bool) {
    description(out, value.description.as_deref(), "  ", is_first);
    out.push_str(&format!("  {}{}\n", value.name, deprecated(value.deprecated.as_deref())));
}

fn input_value(field: &InputField) -> String {
    let default = field.default.as_ref().map_or_else(String::new, |default| format!(" = {}", literal(default)));
    format!("{}: {}{default}{}", field.name, field.ty, deprecated(field.deprecated.as_deref()))
}

/// A default; the API has only scalar ones.
fn literal(value: &Value) -> String {
    value.to_string()
}

fn deprecated(reason: Option<&str>) -> String {
    match reason {
        None => String::new(),
        Some("No longer supported") => " @deprecated".to_owned(),
        Some(reason) => {
            let mut text = String::new();
            // Writing to a String does not fail.
            let _infallible = quoted(&mut text, reason);
            format!(" @deprecated(reason: {text})")
        }
    }
}

fn description(out: &mut String, text: Option<&str>, indent: &str, is_first: bool) {
    let Some(text) = text else { return };
    let mut printed = String::new();
    let _infallible = block(&mut printed, text);
    if !indent.is_empty() && !is_first {
        out.push('\n');
    }
    for line in printed.lines() {
        let _infallible = if line.is_empty() { writeln!(out) } else { writeln!(out, "{indent}{line}") };
    }
}
