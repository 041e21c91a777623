//! The walk over definitions that knows the type at every place. It calls the rules that look at one node, and notes what the rules about whole operations need.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Context, Rule, arguments, directives, fields, fragments, values};
use crate::api::{InputField, TypeDefinition, TypeRef};
use crate::coerce::{CHOOSING_MEMBERS, type_ref};
use crate::selection::Pos;
use crate::suggest::{did_you_mean, suggestions};
use crate::syntax::ast::{
    Argument, Directive, Field, Name, Operation, OperationType, Selection, SelectionSet, Spread, VariableDefinition,
};

/// What every definition uses; in document order of each kind.
pub(super) struct Walked<'a> {
    pub(super) operations: Vec<Uses<'a>>,
    pub(super) fragments: Vec<Uses<'a>>,
}

/// Variables and fragments used by one definition, not counting those of the fragments it spreads.
#[derive(Default)]
pub(super) struct Uses<'a> {
    pub(super) variables: Vec<VariableUse<'a>>,
    pub(super) spreads: Vec<&'a Spread>,
}

/// A variable at a place.
pub(super) struct VariableUse<'a> {
    pub(super) name: &'a Arc<str>,
    pub(super) pos: Pos,
    /// Type of the place; None inside Json, or where something is unknown.
    pub(super) ty: Option<TypeRef>,
    /// Whether the place has a default.
    pub(super) has_default: bool,
    /// Whether the value decides the plan.
    pub(super) chooses: bool,
}

impl Walked<'_> {
    pub(super) fn by_value(&self) -> HashSet<Arc<str>> {
        let uses = self.operations.iter().chain(&self.fragments).flat_map(|uses| &uses.variables);
        uses.filter(|variable| variable.chooses).map(|variable| Arc::clone(variable.name)).collect()
    }
}

pub(super) fn document<'a>(context: &Context<'a>) -> Walked<'a> {
    let operations = context.document.operations.iter().map(|operation| {
        let mut walker = Walker { context, uses: Uses::default() };
        walker.operation(operation);
        walker.uses
    });
    let operations = operations.collect();
    let fragments = context.document.fragments.iter().map(|fragment| {
        let mut walker = Walker { context, uses: Uses::default() };
        known_type(context, &fragment.type_condition);
        fragments::on_composite(context, Some(&fragment.name), &fragment.type_condition);
        walker.directives(&fragment.directives, directives::Location::FragmentDefinition, fragment.pos);
        walker.set(&fragment.selection, context.composite(&fragment.type_condition.text));
        walker.uses
    });
    Walked { operations, fragments: fragments.collect() }
}

/// graphql-js's rule KnownTypeNames.
pub(super) fn known_type(context: &Context<'_>, name: &Name) {
    if !context.api.types.contains_key(&*name.text) {
        context.error(name.pos, Rule::KnownTypeNames, vec![name.pos], || {
            let hint = did_you_mean(&suggestions(&name.text, context.api.types.keys().map(|name| &**name)));
            format!("Unknown type \"{}\".{hint}", name.text)
        });
    }
}

impl<'a> Context<'a> {
    /// The object, interface or union of this name.
    pub(super) fn composite(&self, name: &str) -> Option<&'a TypeDefinition> {
        self.api.types.get(name).filter(|definition| definition.is_composite())
    }
}

struct Walker<'c, 'a> {
    context: &'c Context<'a>,
    uses: Uses<'a>,
}

impl<'a> Walker<'_, 'a> {
    fn operation(&mut self, operation: &'a Operation) {
        let (root, location) = match operation.ty {
            OperationType::Query => ("Query", directives::Location::Query),
            OperationType::Mutation => ("Mutation", directives::Location::Mutation),
            OperationType::Subscription => ("Subscription", directives::Location::Subscription),
        };
        for variable in &operation.variables {
            self.variable_definition(variable);
        }
        self.directives(&operation.directives, location, operation.pos);
        self.set(&operation.selection, self.context.composite(root));
    }

    fn variable_definition(&mut self, variable: &'a VariableDefinition) {
        let context = self.context;
        known_type(context, variable.ty.name());
        let definition = context.api.types.get(&*variable.ty.name().text);
        if definition.is_some_and(|definition| !definition.is_input()) {
            context.error(variable.name.pos, Rule::VariablesAreInputTypes, vec![variable.ty.pos()], || {
                format!("Variable \"${}\" cannot be non-input type \"{}\".", variable.name.text, variable.ty)
            });
        }
        if let Some(default) = &variable.default {
            let ty = definition.filter(|definition| definition.is_input()).map(|_| type_ref(&variable.ty));
            values::check(context, ty.as_ref(), default);
        }
        self.directives(&variable.directives, directives::Location::VariableDefinition, variable.name.pos);
    }

    fn set(&mut self, set: &'a SelectionSet, parent: Option<&'a TypeDefinition>) {
        let context = self.context;
        for selection in &set.items {
            match selection {
                Selection::Field(field) => self.field(field, parent),
                Selection::Spread(spread) => {
                    self.uses.spreads.push(spread);
                    fragments::spread(context, parent, spread);
                    self.directives(&spread.directives, directives::Location::FragmentSpread, spread.pos);
                }
                Selection::Inline(inline) => {
                    if let Some(on) = &inline.type_condition {
                        known_type(context, on);
                        fragments::on_composite(context, None, on);
                        fragments::inline(context, parent, on, inline.pos);
                    }
                    let inner = inline.type_condition.as_ref().map_or(parent, |on| context.composite(&on.text));
                    self.directives(&inline.directives, directives::Location::InlineFragment, inline.pos);
                    self.set(&inline.selection, inner);
                }
            }
        }
    }

    fn field(&mut self, field: &'a Field, parent: Option<&'a TypeDefinition>) {
        let context = self.context;
        let definition = parent.and_then(|parent| context.api.output_field(&parent.name, &field.name.text));
        match (parent, definition) {
            (Some(parent), None) => fields::unknown(context, parent, field),
            (_, Some(definition)) => {
                fields::leaf(context, field, definition);
                arguments::known_on_field(context, field, parent, definition);
                arguments::required_on_field(context, field, definition);
            }
            (None, None) => {}
        }
        arguments::unique(context, &field.arguments, field.pos);
        for argument in &field.arguments {
            self.argument(argument, definition.and_then(|definition| definition.arguments.get(&*argument.name.text)), false);
        }
        self.directives(&field.directives, directives::Location::Field, field.pos);
        if let Some(set) = &field.selection {
            self.set(set, definition.and_then(|definition| context.composite(definition.ty.name())));
        }
    }

    fn directives(&mut self, directives: &'a [Directive], location: directives::Location, event: Pos) {
        directives::check(self.context, directives, location, event);
        for directive in directives {
            arguments::unique(self.context, &directive.arguments, directive.pos);
            let definition = directives::definition(&directive.name.text);
            for argument in &directive.arguments {
                let known = definition.and_then(|definition| definition.arguments.get(&*argument.name.text));
                self.argument(argument, known, true);
            }
        }
    }

    fn argument(&mut self, argument: &'a Argument, definition: Option<&InputField>, chooses: bool) {
        values::check(self.context, definition.map(|definition| &definition.ty), &argument.value);
        values::variables(
            self.context.api,
            definition.map(|definition| (&definition.ty, definition.default.is_some())),
            &argument.value,
            &mut |place| {
                let chooses =
                    chooses || place.ty.is_none() || place.member.is_some_and(|member| CHOOSING_MEMBERS.contains(&member));
                self.uses.variables.push(VariableUse {
                    name: place.name,
                    pos: place.pos,
                    ty: place.ty.cloned(),
                    has_default: place.has_default,
                    chooses,
                });
            },
        );
    }
}
