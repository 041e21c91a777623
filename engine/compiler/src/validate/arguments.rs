//! Rules KnownArgumentNames, UniqueArgumentNames and ProvidedRequiredArguments.

use std::sync::Arc;

use indexmap::IndexMap;

use super::directives::Definition;
use super::{Context, Rule};
use crate::api::{InputField, OutputField, TypeDefinition};
use crate::selection::Pos;
use crate::suggest::{did_you_mean, suggestions};
use crate::syntax::ast::{Argument, Directive, Field};

pub(super) fn known_on_field(context: &Context<'_>, field: &Field, parent: Option<&TypeDefinition>, definition: &OutputField) {
    let Some(parent) = parent else { return };
    for argument in field.arguments.iter().filter(|argument| !definition.arguments.contains_key(&*argument.name.text)) {
        unknown(context, argument, || {
            let hint = did_you_mean(&suggestions(&argument.name.text, definition.arguments.keys().map(|name| &**name)));
            format!("Unknown argument \"{}\" on field \"{}.{}\".{hint}", argument.name.text, parent.name, definition.name)
        });
    }
}

pub(super) fn known_on_directive(context: &Context<'_>, directive: &Directive, definition: &Definition) {
    for argument in directive.arguments.iter().filter(|argument| !definition.arguments.contains_key(&*argument.name.text)) {
        unknown(context, argument, || {
            let hint = did_you_mean(&suggestions(&argument.name.text, definition.arguments.keys().map(|name| &**name)));
            format!("Unknown argument \"{}\" on directive \"@{}\".{hint}", argument.name.text, definition.name)
        });
    }
}

fn unknown(context: &Context<'_>, argument: &Argument, message: impl FnOnce() -> String) {
    context.error(argument.name.pos, Rule::KnownArgumentNames, vec![argument.name.pos], message);
}

/// One error per name, listing every place.
pub(super) fn unique(context: &Context<'_>, arguments: &[Argument], event: Pos) {
    if arguments.len() < 2 {
        return;
    }
    let mut places: IndexMap<&str, Vec<Pos>> = IndexMap::new();
    for argument in arguments {
        places.entry(&argument.name.text).or_default().push(argument.name.pos);
    }
    for (name, places) in places.into_iter().filter(|(_, places)| places.len() > 1) {
        context.error(event, Rule::UniqueArgumentNames, places, || format!("There can be only one argument named \"{name}\"."));
    }
}

pub(super) fn required_on_field(context: &Context<'_>, field: &Field, definition: &OutputField) {
    for argument in missing(&definition.arguments, &field.arguments) {
        context.error(field.end, Rule::ProvidedRequiredArguments, vec![field.pos], || {
            format!(
                "Field \"{}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                definition.name, argument.name, argument.ty
            )
        });
    }
}

pub(super) fn required_on_directive(context: &Context<'_>, directive: &Directive, definition: &Definition) {
    for argument in missing(&definition.arguments, &directive.arguments) {
        context.error(directive.end, Rule::ProvidedRequiredArguments, vec![directive.pos], || {
            format!(
                "Directive \"@{}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                definition.name, argument.name, argument.ty
            )
        });
    }
}

fn missing<'a>(defined: &'a IndexMap<Arc<str>, InputField>, given: &'a [Argument]) -> impl Iterator<Item = &'a InputField> {
    let required = defined.values().filter(|argument| argument.ty.is_non_null() && argument.default.is_none());
    required.filter(move |argument| !given.iter().any(|given| given.name.text == argument.name))
}
