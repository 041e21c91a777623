//! The text of an SDL file as a plain tree: what apollo-parser found, with the place of every part.
//!
//! The parser goes on after mistakes. What it says after the first one in a definition is often noise, so [`parse`] keeps one per line.

use std::ops::Range;

use apollo_parser::cst::{self, CstNode, Definition as Cst};
use apollo_parser::{Parser, SyntaxNode};
use serde_json::Number;

use crate::codes;
use crate::node::{Node, NodeValue};
use crate::source::{At, Errors};

pub(crate) struct Document {
    pub definitions: Vec<Definition>,
    /// Definitions with mistakes in their syntax, each up to where the next one begins.
    pub broken: Vec<Range<usize>>,
    /// Whether text was skipped, so that whole definitions may be unknown.
    pub lost: bool,
}

pub(crate) enum Definition {
    Schema(SchemaDef),
    Object(ObjectDef),
    Enum(EnumDef),
    Directive(DirectiveDef),
    Input(InputDef),
    Other { at: usize, what: &'static str },
}

pub(crate) struct SchemaDef {
    pub at: usize,
    pub directives: Vec<Directive>,
    pub has_roots: bool,
}

pub(crate) struct ObjectDef {
    pub name: At<String>,
    pub description: Option<String>,
    pub has_interfaces: bool,
    pub directives: Vec<Directive>,
    pub fields: Vec<FieldDef>,
    /// Has a mistake in its syntax; fields may be missing.
    pub incomplete: bool,
}

pub(crate) struct FieldDef {
    pub name: At<String>,
    pub description: Option<String>,
    pub has_arguments: bool,
    pub ty: TypeRef,
    pub directives: Vec<Directive>,
}

pub(crate) struct EnumDef {
    pub name: At<String>,
    pub description: Option<String>,
    pub directives: Vec<Directive>,
    pub values: Vec<EnumValueDef>,
    pub incomplete: bool,
}

pub(crate) struct EnumValueDef {
    pub name: At<String>,
    pub description: Option<String>,
    pub directives: Vec<Directive>,
}

/// `directive @name(arguments) repeatable on LOCATIONS`: only in our own definitions.
pub(crate) struct DirectiveDef {
    pub name: At<String>,
    pub arguments: Vec<InputValueDef>,
    pub repeatable: bool,
    pub locations: Vec<String>,
}

pub(crate) struct InputDef {
    pub name: At<String>,
    pub fields: Vec<InputValueDef>,
}

pub(crate) struct InputValueDef {
    pub name: String,
    pub ty: TypeRef,
}

/// `@name(arguments)`, used.
#[derive(Debug)]
pub(crate) struct Directive {
    pub name: At<String>,
    pub arguments: Vec<(At<String>, Node)>,
}

#[derive(Debug, Clone)]
pub(crate) enum TypeRef {
    Named(At<String>),
    List(Box<TypeRef>),
    NonNull(Box<TypeRef>),
}

/// Parses a file. Mistakes in the syntax go to `errors`.
pub(crate) fn parse(text: &str, errors: &mut Errors) -> Document {
    let tree = Parser::new(text).recursion_limit(200).parse();
    let cst: Vec<Cst> = tree.document().definitions().filter(|definition| !definition.is_executable_definition()).collect();
    let starts: Vec<usize> = cst.iter().map(|definition| start(definition.syntax())).collect();
    let (broken, lost) = report(text, tree.errors(), &starts, errors);
    let is_broken = |at: usize| broken.iter().any(|range| range.contains(&at));
    let mut definitions: Vec<Definition> = cst.iter().filter_map(|definition| lower(definition, &is_broken)).collect();
    for operation in tree.document().definitions().filter(Cst::is_executable_definition) {
        let at = start(operation.syntax());
        if !is_broken(at) {
            definitions.push(Definition::Other { at, what: "operations and fragments" });
        }
    }
    Document { definitions, broken, lost }
}

/// Keeps one mistake per line, and after skipped text none before the next definition.
fn report<'a>(
    text: &str,
    found: impl Iterator<Item = &'a apollo_parser::Error>,
    starts: &[usize],
    errors: &mut Errors,
) -> (Vec<Range<usize>>, bool) {
    let mut found: Vec<&apollo_parser::Error> = found.collect();
    found.sort_by_key(|error| error.index());
    let mut broken: Vec<Range<usize>> = Vec::new();
    let mut lost = false;
    let mut last: Option<usize> = None;
    for error in found {
        let at = error.index().min(text.len());
        let begin = starts.iter().rev().find(|&&start| start <= at).copied();
        let new_definition = begin.is_some_and(|begin| last.is_none_or(|last| begin > last));
        let skipping = error.message().contains("efinition");
        lost |= skipping;
        let new_line = last.is_none_or(|last| text[last..at].contains('\n'));
        if last.is_none() || new_definition || (new_line && !skipping) {
            let hint = error.message().contains("variable").then_some("a role's variable is written as text: `\"$name\"`");
            let added = errors.add(at, codes::SYNTAX, wording(error));
            if let Some(hint) = hint {
                added.hint(hint);
            }
        }
        last = Some(at);
        let end = starts.iter().find(|&&start| start > at).copied().unwrap_or(text.len() + 1);
        broken.push(begin.unwrap_or(0)..end);
    }
    (broken, lost)
}

/// The parser's message with its names of tokens replaced by the tokens.
fn wording(error: &apollo_parser::Error) -> String {
    let tokens = [
        ("R_PAREN", "`)`"),
        ("L_PAREN", "`(`"),
        ("R_CURLY", "`}`"),
        ("L_CURLY", "`{`"),
        ("R_BRACK", "`]`"),
        ("L_BRACK", "`[`"),
        ("COLON", "`:`"),
        ("EOF", "the end of the file"),
        ("StringValue, Name or OperationDefinition", "definition: `type`, `enum` or `extend schema`"),
        ("expected definition", "expected a definition: `type`, `enum` or `extend schema`"),
    ];
    let mut message = error.message().to_owned();
    for (name, token) in tokens {
        message = message.replace(name, token);
    }
    let got = error.data();
    if !got.is_empty() && !message.contains("got ") && got.len() <= 40 && !got.contains('\n') && !message.contains(got) {
        message = format!("{message}, got `{got}`");
    }
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn start(node: &SyntaxNode) -> usize {
    node.text_range().start().into()
}

fn name(node: Option<cst::Name>) -> Option<At<String>> {
    node.map(|node| At::new(node.text().to_string(), start(node.syntax())))
}

fn description(node: Option<cst::Description>) -> Option<String> {
    node.and_then(|node| node.string_value()).map(String::from)
}

fn lower(definition: &Cst, is_broken: &impl Fn(usize) -> bool) -> Option<Definition> {
    let at = start(definition.syntax());
    let other = |what| Some(Definition::Other { at, what });
    match definition {
        Cst::SchemaDefinition(schema) => Some(Definition::Schema(SchemaDef {
            at,
            directives: directives(schema.directives()),
            has_roots: schema.root_operation_type_definitions().next().is_some(),
        })),
        Cst::SchemaExtension(schema) => Some(Definition::Schema(SchemaDef {
            at,
            directives: directives(schema.directives()),
            has_roots: schema.root_operation_type_definitions().next().is_some(),
        })),
        Cst::ObjectTypeDefinition(object) => Some(Definition::Object(ObjectDef {
            name: name(object.name())?,
            description: description(object.description()),
            has_interfaces: object.implements_interfaces().is_some(),
            directives: directives(object.directives()),
            fields: object
                .fields_definition()
                .map(|fields| fields.field_definitions().filter_map(field).collect())
                .unwrap_or_default(),
            incomplete: is_broken(at),
        })),
        Cst::EnumTypeDefinition(item) => Some(Definition::Enum(EnumDef {
            name: name(item.name())?,
            description: description(item.description()),
            directives: directives(item.directives()),
            values: item.enum_values_definition().map(enum_values).unwrap_or_default(),
            incomplete: is_broken(at),
        })),
        Cst::DirectiveDefinition(directive) => Some(Definition::Directive(DirectiveDef {
            name: name(directive.name())?,
            arguments: directive
                .arguments_definition()
                .map(|list| input_values(list.input_value_definitions()))
                .unwrap_or_default(),
            repeatable: directive.repeatable_token().is_some(),
            locations: directive.directive_locations().map(locations).unwrap_or_default(),
        })),
        Cst::InputObjectTypeDefinition(input) => Some(Definition::Input(InputDef {
            name: name(input.name())?,
            fields: input.input_fields_definition().map(|list| input_values(list.input_value_definitions())).unwrap_or_default(),
        })),
        Cst::OperationDefinition(_) | Cst::FragmentDefinition(_) => None,
        Cst::ScalarTypeDefinition(_) => other("scalars"),
        Cst::InterfaceTypeDefinition(_) => other("interfaces"),
        Cst::UnionTypeDefinition(_) => other("unions"),
        Cst::ScalarTypeExtension(_)
        | Cst::ObjectTypeExtension(_)
        | Cst::InterfaceTypeExtension(_)
        | Cst::UnionTypeExtension(_)
        | Cst::EnumTypeExtension(_)
        | Cst::InputObjectTypeExtension(_) => other("extensions of types"),
    }
}

fn field(field: cst::FieldDefinition) -> Option<FieldDef> {
    Some(FieldDef {
        name: name(field.name())?,
        description: description(field.description()),
        has_arguments: field.arguments_definition().is_some(),
        ty: field.ty().and_then(type_ref)?,
        directives: directives(field.directives()),
    })
}

fn enum_values(values: cst::EnumValuesDefinition) -> Vec<EnumValueDef> {
    let value = |value: cst::EnumValueDefinition| {
        Some(EnumValueDef {
            name: name(value.enum_value()?.name())?,
            description: description(value.description()),
            directives: directives(value.directives()),
        })
    };
    values.enum_value_definitions().filter_map(value).collect()
}

fn input_values(values: impl Iterator<Item = cst::InputValueDefinition>) -> Vec<InputValueDef> {
    let value = |value: cst::InputValueDefinition| {
        Some(InputValueDef { name: value.name()?.text().to_string(), ty: value.ty().and_then(type_ref)? })
    };
    values.filter_map(value).collect()
}

fn locations(locations: cst::DirectiveLocations) -> Vec<String> {
    locations.directive_locations().filter_map(|location| location.text().map(|text| text.to_string())).collect()
}

fn type_ref(ty: cst::Type) -> Option<TypeRef> {
    match ty {
        cst::Type::NamedType(ty) => name(ty.name()).map(TypeRef::Named),
        cst::Type::ListType(ty) => Some(TypeRef::List(Box::new(type_ref(ty.ty()?)?))),
        cst::Type::NonNullType(ty) => {
            let inner = match (ty.named_type(), ty.list_type()) {
                (Some(named), _) => TypeRef::Named(name(named.name())?),
                (None, Some(list)) => TypeRef::List(Box::new(type_ref(list.ty()?)?)),
                (None, None) => return None,
            };
            Some(TypeRef::NonNull(Box::new(inner)))
        }
    }
}

fn directives(directives: Option<cst::Directives>) -> Vec<Directive> {
    let argument = |argument: cst::Argument| Some((name(argument.name())?, node(argument.value()?)?));
    let directive = |directive: cst::Directive| {
        let arguments = directive.arguments().map(|list| list.arguments().filter_map(argument).collect()).unwrap_or_default();
        Some(Directive { name: name(directive.name())?, arguments })
    };
    directives.map(|list| list.directives().filter_map(directive).collect()).unwrap_or_default()
}

fn node(value: cst::Value) -> Option<Node> {
    let at = start(value.syntax());
    let value = match value {
        cst::Value::StringValue(value) => NodeValue::String(value.into()),
        cst::Value::IntValue(value) => number(value.int_token()?.text())?,
        cst::Value::FloatValue(value) => number(value.float_token()?.text())?,
        cst::Value::BooleanValue(value) => NodeValue::Bool(value.true_token().is_some()),
        cst::Value::NullValue(_) => NodeValue::Null,
        cst::Value::EnumValue(value) => NodeValue::Name(name(value.name())?.value),
        cst::Value::Variable(value) => NodeValue::Variable(name(value.name())?.value),
        cst::Value::ListValue(value) => NodeValue::List(value.values().filter_map(node).collect()),
        cst::Value::ObjectValue(value) => {
            let member = |member: cst::ObjectField| Some((name(member.name())?, node(member.value()?)?));
            NodeValue::Object(value.object_fields().filter_map(member).collect())
        }
    };
    Some(Node { at, value })
}

fn number(text: &str) -> Option<NodeValue> {
    let whole = text.parse::<i64>().map(Number::from).ok().or_else(|| text.parse::<u64>().map(Number::from).ok());
    let whole = whole.filter(|_| !text.contains(['.', 'e', 'E']));
    whole.or_else(|| text.parse().ok().and_then(Number::from_f64)).map(NodeValue::Number)
}
