//! The directive set, read from `directives.graphql`, and the check of every use against it.
//!
//! What is printed for IDEs and what the reader accepts are the same text, so they cannot differ.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::codes;
use crate::node::{Node, NodeValue};
use crate::sdl::syntax::{self, Definition, Directive, DirectiveDef, InputValueDef, TypeRef};
use crate::source::{At, Errors, Found};

/// SDL definitions of the directives that a schema file may use, for people and for IDEs.
#[must_use]
pub fn directives() -> &'static str {
    include_str!("directives.graphql")
}

pub(crate) struct Definitions {
    pub directives: Vec<DirectiveDef>,
    enums: HashMap<String, Vec<String>>,
    inputs: HashMap<String, Vec<InputValueDef>>,
}

pub(crate) static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(|| {
    let mut errors = Errors::default();
    let document = syntax::parse(directives(), &mut errors);
    assert!(errors.is_empty(), "directives.graphql is part of this crate and tested to be sound");
    let mut definitions = Definitions { directives: Vec::new(), enums: HashMap::new(), inputs: HashMap::new() };
    for definition in document.definitions {
        match definition {
            Definition::Directive(directive) => definitions.directives.push(directive),
            Definition::Enum(item) => {
                definitions.enums.insert(item.name.value, item.values.into_iter().map(|value| value.name.value).collect());
            }
            Definition::Input(input) => {
                definitions.inputs.insert(input.name.value, input.fields);
            }
            Definition::Schema(_) | Definition::Object(_) | Definition::Other { .. } => {}
        }
    }
    // Built into GraphQL (October 2021, 3.13.3), so it must not be defined again.
    definitions.directives.push(DirectiveDef {
        name: At::new("deprecated".to_owned(), 0),
        arguments: vec![InputValueDef { name: "reason".to_owned(), ty: TypeRef::Named(At::new("String".to_owned(), 0)) }],
        repeatable: false,
        locations: vec!["FIELD_DEFINITION".to_owned(), "ENUM_VALUE".to_owned()],
    });
    definitions
});

/// A directive that stands where it may, with arguments of the right types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'a>(&'a Directive);

/// Checks all directives at one place. Those that are unknown or misplaced are left out; of the others, wrong arguments are.
pub(crate) fn check<'a>(directives: &'a [Directive], location: &str, errors: &mut Errors) -> Vec<Checked<'a>> {
    let mut checked: Vec<Checked<'a>> = Vec::new();
    for directive in directives {
        let at = directive.name.at.saturating_sub(1);
        let name = directive.name.as_str();
        let Some(definition) = DEFINITIONS.directives.iter().find(|definition| definition.name.value == name) else {
            let known = DEFINITIONS.directives.iter().filter(|known| known.locations.iter().any(|known| known == location));
            let known: Vec<String> = known.map(|known| format!("@{}", known.name.value)).collect();
            let error = errors.add(at, codes::UNKNOWN_DIRECTIVE, format!("unknown directive `@{name}`"));
            error.suggest(&format!("@{name}"), known.iter().map(String::as_str));
            continue;
        };
        if !definition.locations.iter().any(|allowed| allowed == location) {
            let places: Vec<&str> = definition.locations.iter().map(|location| place(location)).collect();
            errors
                .add(at, codes::DIRECTIVE_LOCATION, format!("`@{name}` cannot stand on {}", place(location)))
                .hint(format!("it belongs on {}", places.join(" or ")));
            continue;
        }
        if !definition.repeatable && checked.iter().any(|earlier| earlier.name() == name) {
            errors.add(at, codes::DIRECTIVE_REPEATED, format!("`@{name}` is given twice"));
            continue;
        }
        check_members(&directive.arguments, &definition.arguments, &format!("`@{name}`"), at, errors);
        checked.push(Checked(directive));
    }
    checked
}

fn place(location: &str) -> &'static str {
    match location {
        "SCHEMA" => "`extend schema`",
        "OBJECT" => "a type",
        "FIELD_DEFINITION" => "a field",
        "ENUM" => "an enum",
        "ENUM_VALUE" => "a value of an enum",
        _ => "anything in a schema file",
    }
}

/// Checks arguments or members of an input object.
fn check_members(given: &[(At<String>, Node)], defined: &[InputValueDef], owner: &str, at: usize, errors: &mut Errors) {
    for (index, (name, value)) in given.iter().enumerate() {
        if given[..index].iter().any(|(earlier, _)| earlier.value == name.value) {
            errors.add(name.at, codes::ARGUMENT_REPEATED, format!("`{}` is given twice", name.value));
            continue;
        }
        match defined.iter().find(|defined| defined.name == name.value) {
            Some(defined) => check_value(value, &defined.ty, &name.value, errors),
            None => {
                let error = errors.add(name.at, codes::UNKNOWN_ARGUMENT, format!("{owner} has no argument `{}`", name.value));
                error.suggest(&name.value, defined.iter().map(|defined| defined.name.as_str()));
            }
        }
    }
    for missing in defined.iter().filter(|defined| matches!(defined.ty, TypeRef::NonNull(_))) {
        if !given.iter().any(|(name, _)| name.value == missing.name) {
            errors.add(at, codes::MISSING_ARGUMENT, format!("{owner} needs the argument `{}`", missing.name));
        }
    }
}

fn check_value(node: &Node, ty: &TypeRef, argument: &str, errors: &mut Errors) {
    match ty {
        TypeRef::NonNull(inner) if node.is_null() => {
            let error = errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{argument}` cannot be null"));
            error.hint(format!("it is {}", expected(inner)));
        }
        TypeRef::NonNull(inner) => check_value(node, inner, argument, errors),
        // An argument that is null is one that was not given (GraphQL October 2021, 6.4.1), except where null is a value itself.
        _ if node.is_null() => {}
        TypeRef::List(inner) => {
            for item in node.items() {
                check_value(item, inner, argument, errors);
            }
        }
        TypeRef::Named(name) => check_named(node, &name.value, argument, errors),
    }
}

fn check_named(node: &Node, ty: &str, argument: &str, errors: &mut Errors) {
    let definitions = &*DEFINITIONS;
    if let Some(values) = definitions.enums.get(ty) {
        check_enum(node, values, argument, errors);
        return;
    }
    if let (Some(fields), NodeValue::Object(members)) = (definitions.inputs.get(ty), &node.value) {
        check_members(members, fields, &format!("`{argument}`"), node.at, errors);
        return;
    }
    let fits = match (ty, &node.value) {
        (_, NodeValue::Variable(_)) => false,
        ("String", value) => matches!(value, NodeValue::String(_)),
        ("Boolean", value) => matches!(value, NodeValue::Bool(_)),
        ("Int", NodeValue::Number(number)) => number.is_i64() || number.is_u64(),
        ("Float", value) => matches!(value, NodeValue::Number(_)),
        ("Int", _) => false,
        _ => !definitions.inputs.contains_key(ty),
    };
    if !fits {
        wrong_type(node, ty, argument, errors);
    }
}

fn wrong_type<'e>(node: &Node, ty: &str, argument: &str, errors: &'e mut Errors) -> &'e mut Found {
    let article = expected(&TypeRef::Named(At::new(ty.to_owned(), 0)));
    let error = errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{argument}` is {article}, not {}", node.describe()));
    if let (NodeValue::Name(name), "String") = (&node.value, ty) {
        error.hint(format!("write it in quotes: `\"{name}\"`"));
    }
    error
}

fn check_enum(node: &Node, values: &[String], argument: &str, errors: &mut Errors) {
    let known = || values.iter().map(String::as_str);
    match &node.value {
        NodeValue::Name(name) if values.contains(name) => {}
        NodeValue::Name(name) => {
            let error = errors.add(node.at, codes::UNKNOWN_ENUM_VALUE, format!("`{argument}` cannot be `{name}`"));
            error.suggest(name, known());
        }
        NodeValue::String(text) if values.contains(text) => {
            let error = errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{argument}` is a bare name, not a text"));
            error.hint(format!("write it without quotes: `{text}`"));
        }
        _ => {
            let message = format!("`{argument}` is one of {}, not {}", values.join(", "), node.describe());
            errors.add(node.at, codes::ARGUMENT_TYPE, message);
        }
    }
}

fn expected(ty: &TypeRef) -> String {
    match ty {
        TypeRef::NonNull(inner) => expected(inner),
        TypeRef::List(inner) => format!("a list of {}", expected(inner)),
        TypeRef::Named(name) => match name.as_str() {
            "String" => "a text".to_owned(),
            "Boolean" => "`true` or `false`".to_owned(),
            "Int" => "a whole number".to_owned(),
            "Float" => "a number".to_owned(),
            "Fields" => "`true` or a list of fields".to_owned(),
            other if DEFINITIONS.inputs.contains_key(other) => "an object".to_owned(),
            other => format!("a {other}"),
        },
    }
}

impl<'a> Checked<'a> {
    pub fn name(self) -> &'a str {
        self.0.name.as_str()
    }

    /// Where the directive starts, at its `@`.
    pub fn at(self) -> usize {
        self.0.name.at.saturating_sub(1)
    }

    /// Where the argument's name stands.
    pub fn argument_at(self, name: &str) -> usize {
        self.0.arguments.iter().find(|(argument, _)| argument.value == name).map_or(self.at(), |(argument, _)| argument.at)
    }

    /// The argument, unless it is absent or null.
    pub fn node(self, name: &str) -> Option<&'a Node> {
        self.0
            .arguments
            .iter()
            .find(|(argument, _)| argument.value == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    pub fn has(self, name: &str) -> bool {
        self.node(name).is_some()
    }

    pub fn text(self, name: &str) -> Option<At<String>> {
        self.node(name).and_then(Node::as_text)
    }

    pub fn flag(self, name: &str) -> Option<bool> {
        self.node(name).and_then(Node::as_bool)
    }

    pub fn int(self, name: &str) -> Option<i64> {
        match &self.node(name)?.value {
            NodeValue::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    pub fn float(self, name: &str) -> Option<f64> {
        match &self.node(name)?.value {
            NodeValue::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// A bare name, one of an enum's.
    pub fn word(self, name: &str) -> Option<At<String>> {
        match self.node(name) {
            Some(Node { at, value: NodeValue::Name(word) }) => Some(At::new(word.clone(), *at)),
            _ => None,
        }
    }

    pub fn texts(self, name: &str) -> Vec<At<String>> {
        self.node(name).map(|node| node.items().iter().filter_map(Node::as_text).collect()).unwrap_or_default()
    }
}
