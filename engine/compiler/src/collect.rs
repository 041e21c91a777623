//! The selection tree of an operation (GraphQL October 2021, 6.3.2 "CollectFields" and 6.4.1 "CoerceArgumentValues").

mod arguments;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use crate::api::{Api, Meaning, OutputField, TypeDefinition, TypeKind};
use crate::coerce::Variables;
use crate::error::{ErrorCode, RequestError};
use crate::prepare::Prepared;
use crate::selection::{Selected, Selections};
use crate::syntax::ast::{Directive, Field, Fragment, OperationType, Selection, SelectionSet, ValueKind};

/// The fields that the operation's root selects.
///
/// # Errors
/// An argument whose variable has a value that the argument refuses: null for a type without null.
pub(crate) fn select(api: &Api, prepared: &Prepared, variables: &Variables) -> Result<Vec<Selected>, Vec<RequestError>> {
    let operation = prepared.operation();
    let root = match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    let Some(root) = api.types.get(root) else { return Ok(Vec::new()) };
    let fragments = prepared.document.fragments.iter().map(|fragment| (&*fragment.name.text, fragment)).collect();
    let collector = Collector { api, fragments, variables };
    collector.object(root, &[&operation.selection]).map_err(|error| vec![*error])
}

struct Collector<'a> {
    api: &'a Api,
    fragments: HashMap<&'a str, &'a Fragment>,
    variables: &'a Variables,
}

/// Fields with the same response key, in document order.
type Groups<'a> = IndexMap<&'a Arc<str>, Vec<&'a Field>>;

impl<'a> Collector<'a> {
    fn object(&self, object: &TypeDefinition, sets: &[&'a SelectionSet]) -> Result<Vec<Selected>, Box<RequestError>> {
        let mut groups = Groups::new();
        let mut visited = IndexSet::new();
        for set in sets {
            self.collect(object, set, &mut groups, &mut visited);
        }
        let fields = groups.into_iter().filter_map(|(key, fields)| {
            let definition = self.api.output_field(&object.name, &fields[0].name.text)?;
            Some(self.field(key, &fields, definition))
        });
        fields.collect()
    }

    fn collect(&self, object: &TypeDefinition, set: &'a SelectionSet, groups: &mut Groups<'a>, visited: &mut IndexSet<&'a str>) {
        for selection in set.items.iter().filter(|selection| self.is_included(selection.directives())) {
            match selection {
                Selection::Field(field) => groups.entry(field.response_key()).or_default().push(field),
                Selection::Spread(spread) => {
                    if !visited.insert(&spread.name.text) {
                        continue;
                    }
                    let Some(fragment) = self.fragments.get(&*spread.name.text) else { continue };
                    if self.api.is_possible(&fragment.type_condition.text, &object.name) {
                        self.collect(object, &fragment.selection, groups, visited);
                    }
                }
                Selection::Inline(inline) => {
                    let applies = inline.type_condition.as_ref().is_none_or(|on| self.api.is_possible(&on.text, &object.name));
                    if applies {
                        self.collect(object, &inline.selection, groups, visited);
                    }
                }
            }
        }
    }

    /// `@skip` and `@include`. Validation made sure that `if` is there and a boolean.
    fn is_included(&self, directives: &[Directive]) -> bool {
        let condition = |directive: &Directive| {
            let argument = directive.arguments.iter().find(|argument| *argument.name.text == *"if")?;
            match &argument.value.kind {
                ValueKind::Boolean(value) => Some(*value),
                ValueKind::Variable(name) => self.variables.get(name)?.as_bool(),
                _ => None,
            }
        };
        directives.iter().all(|directive| match &*directive.name.text {
            "skip" => condition(directive) != Some(true),
            "include" => condition(directive) != Some(false),
            _ => true,
        })
    }

    fn field(&self, key: &Arc<str>, fields: &[&'a Field], definition: &OutputField) -> Result<Selected, Box<RequestError>> {
        let first = fields[0];
        let arguments = arguments::coerce(self.api, self.variables, first, definition)?;
        let type_name = Arc::clone(definition.ty.name());
        let sets: Vec<&SelectionSet> = fields.iter().filter_map(|field| field.selection.as_ref()).collect();
        let selections = if definition.meaning == Meaning::Introspection {
            // Answered by the type system, from the document itself.
            Selections::None
        } else {
            self.below(&type_name, &sets)?
        };
        Ok(Selected {
            key: Arc::clone(key),
            name: Arc::clone(&definition.name),
            meaning: definition.meaning.clone(),
            type_name,
            arguments,
            selections,
            pos: first.pos,
        })
    }

    fn below(&self, type_name: &str, sets: &[&'a SelectionSet]) -> Result<Selections, Box<RequestError>> {
        let Some(definition) = self.api.types.get(type_name) else { return Ok(Selections::None) };
        Ok(match &definition.kind {
            TypeKind::Object { .. } => Selections::Object(self.object(definition, sets)?),
            TypeKind::Interface { .. } | TypeKind::Union(_) => {
                let possible =
                    self.api.possible_types(type_name).map(|object| Ok((Arc::clone(&object.name), self.object(object, sets)?)));
                Selections::Abstract(possible.collect::<Result<_, Box<RequestError>>>()?)
            }
            TypeKind::Scalar(_) | TypeKind::Enum(_) | TypeKind::Input(_) => Selections::None,
        })
    }
}

/// An argument that got null through a variable, or nothing, where something is required.
fn argument_error(message: String, pos: crate::selection::Pos) -> Box<RequestError> {
    Box::new(RequestError { message, locations: vec![pos], code: ErrorCode::BadUserInput })
}
