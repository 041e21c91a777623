//! Rules UniqueVariableNames, NoUndefinedVariables, NoUnusedVariables and VariablesInAllowedPosition.

use std::collections::{HashMap, HashSet};

use super::walk::{Uses, VariableUse, Walked};
use super::{Context, Rule};
use crate::api::TypeRef;
use crate::coerce::type_ref;
use crate::selection::Pos;
use crate::syntax::ast::{Operation, ValueKind, VariableDefinition};

pub(super) fn check(context: &Context<'_>, walked: &Walked<'_>) {
    let mut fragments: HashMap<&str, &Uses<'_>> = HashMap::new();
    for (fragment, uses) in context.document.fragments.iter().zip(&walked.fragments) {
        fragments.entry(&fragment.name.text).or_insert(uses);
    }
    for (operation, uses) in context.document.operations.iter().zip(&walked.operations) {
        unique(context, operation);
        uses_of(context, operation, &all_uses(uses, &fragments));
    }
}

/// Uses in the operation and in every fragment it reaches.
fn all_uses<'w, 'a>(own: &'w Uses<'a>, fragments: &HashMap<&str, &'w Uses<'a>>) -> Vec<&'w VariableUse<'a>> {
    let mut found: Vec<&VariableUse<'_>> = own.variables.iter().collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut open: Vec<&Uses<'_>> = vec![own];
    while let Some(uses) = open.pop() {
        for spread in &uses.spreads {
            if let Some(fragment) = fragments.get(&*spread.name.text)
                && seen.insert(&spread.name.text)
            {
                found.extend(&fragment.variables);
                open.push(fragment);
            }
        }
    }
    found
}

fn unique(context: &Context<'_>, operation: &Operation) {
    let mut places: indexmap::IndexMap<&str, Vec<Pos>> = indexmap::IndexMap::new();
    for variable in &operation.variables {
        // graphql-js points at the name, behind the `$`.
        let pos = Pos { column: variable.name.pos.column + 1, ..variable.name.pos };
        places.entry(&variable.name.text).or_default().push(pos);
    }
    for (name, places) in places.into_iter().filter(|(_, places)| places.len() > 1) {
        context.error(operation.pos, Rule::UniqueVariableNames, places, || {
            format!("There can be only one variable named \"${name}\".")
        });
    }
}

fn uses_of(context: &Context<'_>, operation: &Operation, uses: &[&VariableUse<'_>]) {
    let defined: HashMap<&str, &VariableDefinition> =
        operation.variables.iter().map(|variable| (&*variable.name.text, variable)).collect();
    let mut used: HashSet<&str> = HashSet::new();
    for variable in uses {
        used.insert(variable.name);
        match defined.get(&**variable.name) {
            Some(definition) => position(context, operation, definition, variable),
            None => {
                context.error(operation.end, Rule::NoUndefinedVariables, vec![variable.pos, operation.pos], || match &operation
                    .name
                {
                    Some(name) => format!("Variable \"${}\" is not defined by operation \"{}\".", variable.name, name.text),
                    None => format!("Variable \"${}\" is not defined.", variable.name),
                });
            }
        }
    }
    for definition in operation.variables.iter().filter(|definition| !used.contains(&*definition.name.text)) {
        context.error(operation.end, Rule::NoUnusedVariables, vec![definition.name.pos], || match &operation.name {
            Some(name) => format!("Variable \"${}\" is never used in operation \"{}\".", definition.name.text, name.text),
            None => format!("Variable \"${}\" is never used.", definition.name.text),
        });
    }
}

fn position(context: &Context<'_>, operation: &Operation, definition: &VariableDefinition, variable: &VariableUse<'_>) {
    let Some(expected) = &variable.ty else { return };
    if !context.api.types.contains_key(&*definition.ty.name().text) {
        return;
    }
    let declared = type_ref(&definition.ty);
    let has_default = definition.default.as_ref().is_some_and(|default| !matches!(default.kind, ValueKind::Null));
    let allowed = match expected {
        TypeRef::NonNull(inner) if !declared.is_non_null() => (has_default || variable.has_default) && fits(&declared, inner),
        TypeRef::NonNull(_) | TypeRef::List(_) | TypeRef::Named(_) => fits(&declared, expected),
    };
    if !allowed {
        context.error(operation.end, Rule::VariablesInAllowedPosition, vec![definition.name.pos, variable.pos], || {
            format!("Variable \"${}\" of type \"{declared}\" used in position expecting type \"{expected}\".", variable.name)
        });
    }
}

/// Whether every value of `declared` is one of `expected` (graphql-js's `isTypeSubTypeOf`, for input types).
fn fits(declared: &TypeRef, expected: &TypeRef) -> bool {
    match (declared, expected) {
        (TypeRef::NonNull(declared), TypeRef::NonNull(expected)) => fits(declared, expected),
        (_, TypeRef::NonNull(_)) => false,
        (TypeRef::NonNull(declared), _) => fits(declared, expected),
        (TypeRef::List(declared), TypeRef::List(expected)) => fits(declared, expected),
        (TypeRef::Named(declared), TypeRef::Named(expected)) => declared == expected,
        (TypeRef::List(_), TypeRef::Named(_)) | (TypeRef::Named(_), TypeRef::List(_)) => false,
    }
}
