//! Shorthand for writing type definitions as tables.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{EnumValue, InputField, Meaning, OutputField, ScalarKind, TypeDefinition, TypeKind, TypeRef};

/// Reads `[Name!]!`. Only ever given text that this crate writes.
pub(super) fn ty(text: &str) -> TypeRef {
    if let Some(inner) = text.strip_suffix('!') {
        return TypeRef::NonNull(Box::new(ty(inner)));
    }
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => TypeRef::List(Box::new(ty(inner))),
        None => TypeRef::Named(text.into()),
    }
}

pub(super) fn non_null(ty: TypeRef) -> TypeRef {
    TypeRef::NonNull(Box::new(ty))
}

/// A field without arguments.
pub(super) fn field(name: &str, ty: TypeRef, meaning: Meaning) -> OutputField {
    OutputField { name: name.into(), description: None, deprecated: None, arguments: IndexMap::new(), ty, meaning }
}

/// A field with arguments, given as names and types.
pub(super) fn field_with(name: &str, arguments: &[(&str, &str)], ty: TypeRef, meaning: Meaning) -> OutputField {
    OutputField { arguments: input_fields(arguments), ..field(name, ty, meaning) }
}

pub(super) fn by_name(fields: impl IntoIterator<Item = OutputField>) -> IndexMap<Arc<str>, OutputField> {
    fields.into_iter().map(|field| (Arc::clone(&field.name), field)).collect()
}

pub(super) fn inputs_by_name(fields: impl IntoIterator<Item = InputField>) -> IndexMap<Arc<str>, InputField> {
    fields.into_iter().map(|field| (Arc::clone(&field.name), field)).collect()
}

fn input_fields(fields: &[(&str, &str)]) -> IndexMap<Arc<str>, InputField> {
    inputs_by_name(fields.iter().map(|(name, text)| input_field(name, ty(text))))
}

pub(super) fn input_field(name: &str, ty: TypeRef) -> InputField {
    InputField { name: name.into(), description: None, deprecated: None, ty, default: None }
}

pub(super) fn object(name: &str, fields: impl IntoIterator<Item = OutputField>) -> TypeDefinition {
    implementing(name, &[], fields)
}

pub(super) fn implementing(name: &str, interfaces: &[&str], fields: impl IntoIterator<Item = OutputField>) -> TypeDefinition {
    let implements = interfaces.iter().map(|&interface| interface.into()).collect();
    definition(name, TypeKind::Object { implements, fields: by_name(fields) })
}

/// An object that the engine fills itself.
pub(super) fn plain(name: &str, fields: &[(&str, &str)]) -> TypeDefinition {
    object(name, plain_fields(fields))
}

pub(super) fn plain_fields(fields: &[(&str, &str)]) -> Vec<OutputField> {
    fields.iter().map(|(name, text)| field(name, ty(text), Meaning::Plain)).collect()
}

pub(super) fn input(name: &str, fields: &[(&str, &str)]) -> TypeDefinition {
    definition(name, TypeKind::Input(input_fields(fields)))
}

pub(super) fn input_of(name: &str, fields: impl IntoIterator<Item = InputField>) -> TypeDefinition {
    definition(name, TypeKind::Input(inputs_by_name(fields)))
}

pub(super) fn enumeration(name: &str, values: &[&str]) -> TypeDefinition {
    let values = values.iter().map(|&value| EnumValue { name: value.into(), description: None, deprecated: None });
    definition(name, TypeKind::Enum(values.collect()))
}

pub(super) fn union(name: &str, members: &[&str]) -> TypeDefinition {
    definition(name, TypeKind::Union(members.iter().map(|&member| member.into()).collect()))
}

pub(super) fn scalar(name: &str, kind: ScalarKind, description: Option<&str>) -> TypeDefinition {
    TypeDefinition { description: description.map(str::to_owned), ..definition(name, TypeKind::Scalar(kind)) }
}

pub(super) fn definition(name: &str, kind: TypeKind) -> TypeDefinition {
    TypeDefinition { name: name.into(), description: None, kind }
}
