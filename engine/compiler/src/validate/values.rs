//! Rules ValuesOfCorrectType and UniqueInputFieldNames, and where variables stand inside values.

use std::sync::Arc;

use super::{Context, Rule};
use crate::api::{Api, TypeDefinition, TypeKind, TypeRef};
use crate::coerce::scalars::{self, Refusal};
use crate::selection::Pos;
use crate::suggest::{did_you_mean, suggestions};
use crate::syntax::ast::{Argument, Value, ValueKind};

/// Checks a literal. `ty` is None where the place is unknown; then only repeated members are found.
pub(super) fn check(context: &Context<'_>, ty: Option<&TypeRef>, value: &Value) {
    match (ty, &value.kind) {
        (None, _) => untyped(context, value),
        (Some(_), ValueKind::Variable(_)) => {}
        (Some(ty), ValueKind::Null) => {
            if ty.is_non_null() {
                wrong(context, value.pos, || format!("Expected value of type \"{ty}\", found null."));
            }
        }
        (Some(ty), _) => typed(context, ty, ty, value),
    }
}

/// `whole` is the type with its wrapper, as messages name it; `ty` is what is left of it.
fn typed(context: &Context<'_>, whole: &TypeRef, ty: &TypeRef, value: &Value) {
    match (ty, &value.kind) {
        (TypeRef::NonNull(inner), _) => typed(context, whole, inner, value),
        (TypeRef::List(inner), ValueKind::List(items)) => items.iter().for_each(|item| check(context, Some(inner), item)),
        // A single value stands for a list of one.
        (TypeRef::List(inner), _) => check(context, Some(inner), value),
        (TypeRef::Named(name), _) => {
            if let Some(definition) = context.api.types.get(name) {
                named(context, whole, definition, value);
            }
        }
    }
}

fn named(context: &Context<'_>, whole: &TypeRef, definition: &TypeDefinition, value: &Value) {
    let refused = match (&definition.kind, &value.kind) {
        (TypeKind::Input(_), ValueKind::Object(members)) => return object(context, definition, members, value.pos),
        (TypeKind::Scalar(_) | TypeKind::Enum(_), ValueKind::List(_) | ValueKind::Object(_)) => {
            untyped(context, value);
            leaf(definition, value)
        }
        (TypeKind::Scalar(_) | TypeKind::Enum(_), _) => leaf(definition, value),
        _ => Some(Refusal::WrongType(None)),
    };
    let found = || format!("Expected value of type \"{whole}\", found {value}");
    match refused {
        None => {}
        Some(Refusal::Message(message)) => wrong(context, value.pos, || message),
        Some(Refusal::WrongType(None)) => wrong(context, value.pos, || format!("{}.", found())),
        Some(Refusal::WrongType(Some(reason))) => wrong(context, value.pos, || format!("{}; {reason}", found())),
    }
}

fn leaf(definition: &TypeDefinition, value: &Value) -> Option<Refusal> {
    match &definition.kind {
        // Any literal is Json; variables inside are filled in later.
        TypeKind::Scalar(crate::api::ScalarKind::Json) => None,
        TypeKind::Scalar(kind) => scalars::scalar_from_literal(*kind, value).err(),
        TypeKind::Enum(values) => scalars::enum_from_literal(&definition.name, values, value).err(),
        TypeKind::Object { .. } | TypeKind::Interface { .. } | TypeKind::Union(_) | TypeKind::Input(_) => None,
    }
}

fn wrong(context: &Context<'_>, pos: Pos, message: impl FnOnce() -> String) {
    context.error(pos, Rule::ValuesOfCorrectType, vec![pos], message);
}

fn object(context: &Context<'_>, definition: &TypeDefinition, members: &[Argument], pos: Pos) {
    let Some(fields) = definition.input_fields() else { return };
    let name = &definition.name;
    for field in fields.values().filter(|field| field.ty.is_non_null() && field.default.is_none()) {
        if !members.iter().any(|member| member.name.text == field.name) {
            wrong(context, pos, || {
                format!("Field \"{name}.{}\" of required type \"{}\" was not provided.", field.name, field.ty)
            });
        }
    }
    unique_members(context, members);
    for member in members {
        let field = fields.get(&*member.name.text);
        if field.is_none() {
            wrong(context, member.name.pos, || {
                let hint = did_you_mean(&suggestions(&member.name.text, fields.keys().map(|name| &**name)));
                format!("Field \"{}\" is not defined by type \"{name}\".{hint}", member.name.text)
            });
        }
        check(context, field.map(|field| &field.ty), &member.value);
    }
}

fn untyped(context: &Context<'_>, value: &Value) {
    match &value.kind {
        ValueKind::List(items) => items.iter().for_each(|item| untyped(context, item)),
        ValueKind::Object(members) => {
            unique_members(context, members);
            members.iter().for_each(|member| untyped(context, &member.value));
        }
        ValueKind::Variable(_)
        | ValueKind::Int(_)
        | ValueKind::Float(_)
        | ValueKind::String { .. }
        | ValueKind::Boolean(_)
        | ValueKind::Null
        | ValueKind::Enum(_) => {}
    }
}

fn unique_members(context: &Context<'_>, members: &[Argument]) {
    let mut seen = std::collections::HashMap::new();
    for member in members {
        let first = *seen.entry(&member.name.text).or_insert(member.name.pos);
        if first != member.name.pos {
            context.error(member.name.pos, Rule::UniqueInputFieldNames, vec![first, member.name.pos], || {
                format!("There can be only one input field named \"{}\".", member.name.text)
            });
        }
    }
}

/// A variable inside a value.
pub(super) struct Place<'t, 'a> {
    pub(super) name: &'a Arc<str>,
    pub(super) pos: Pos,
    pub(super) ty: Option<&'t TypeRef>,
    pub(super) has_default: bool,
    /// The member of an input object whose whole value it is.
    pub(super) member: Option<&'a str>,
}

/// Finds the variables of a value. `at` is the type of the place and whether it has a default.
pub(super) fn variables<'t, 'a>(
    api: &'t Api,
    at: Option<(&'t TypeRef, bool)>,
    value: &'a Value,
    found: &mut impl FnMut(Place<'t, 'a>),
) {
    variables_of(api, at, value, None, found);
}

fn variables_of<'t, 'a>(
    api: &'t Api,
    at: Option<(&'t TypeRef, bool)>,
    value: &'a Value,
    member: Option<&'a str>,
    found: &mut impl FnMut(Place<'t, 'a>),
) {
    let inner = at.map(|(ty, _)| ty);
    match &value.kind {
        ValueKind::Variable(name) => {
            found(Place { name, pos: value.pos, ty: inner, has_default: at.is_some_and(|(_, default)| default), member });
        }
        ValueKind::List(items) => {
            let item_type = inner.and_then(item_of).map(|ty| (ty, false));
            items.iter().for_each(|item| variables_of(api, item_type, item, None, found));
        }
        ValueKind::Object(members) => {
            let fields = inner.and_then(|ty| api.types.get(ty.name())).and_then(TypeDefinition::input_fields);
            for member in members {
                let field = fields.and_then(|fields| fields.get(&*member.name.text));
                let place = field.map(|field| (&field.ty, field.default.is_some()));
                variables_of(api, place, &member.value, Some(&member.name.text), found);
            }
        }
        ValueKind::Int(_)
        | ValueKind::Float(_)
        | ValueKind::String { .. }
        | ValueKind::Boolean(_)
        | ValueKind::Null
        | ValueKind::Enum(_) => {}
    }
}

/// The type of a list's items.
fn item_of(ty: &TypeRef) -> Option<&TypeRef> {
    match ty {
        TypeRef::NonNull(inner) => item_of(inner),
        TypeRef::List(inner) => Some(inner),
        TypeRef::Named(_) => None,
    }
}
