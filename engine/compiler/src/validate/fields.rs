//! Rules FieldsOnCorrectType and ScalarLeafs.

use std::cmp::Ordering;

use super::{Context, Rule};
use crate::api::{OutputField, TypeDefinition, TypeKind};
use crate::suggest::{did_you_mean, did_you_mean_the, natural_order, suggestions};
use crate::syntax::ast::Field;

/// A field that the type does not have.
pub(super) fn unknown(context: &Context<'_>, parent: &TypeDefinition, field: &Field) {
    context.error(field.pos, Rule::FieldsOnCorrectType, vec![field.pos], || {
        let name = &field.name.text;
        let types = suggested_types(context, parent, name);
        let hint = if types.is_empty() {
            let options = parent.output_fields().into_iter().flat_map(|fields| fields.keys()).map(|name| &**name);
            did_you_mean(&suggestions(name, options))
        } else {
            let types: Vec<&str> = types.iter().map(|definition| &*definition.name).collect();
            did_you_mean_types(&types)
        };
        format!("Cannot query field \"{name}\" on type \"{}\".{hint}", parent.name)
    });
}

fn did_you_mean_types(types: &[&str]) -> String {
    did_you_mean_the("to use an inline fragment on ", types)
}

/// Types that have the field and that a value of the interface or union may be: interfaces first, the most common one leading.
fn suggested_types<'a>(context: &Context<'a>, parent: &TypeDefinition, field: &str) -> Vec<&'a TypeDefinition> {
    if !matches!(parent.kind, TypeKind::Interface { .. } | TypeKind::Union(_)) {
        return Vec::new();
    }
    let has_field = |definition: &TypeDefinition| definition.output_fields().is_some_and(|fields| fields.contains_key(field));
    let mut found: Vec<(&TypeDefinition, usize)> = Vec::new();
    for object in context.api.types.values().filter(|object| matches!(object.kind, TypeKind::Object { .. })) {
        if !context.api.is_possible(&parent.name, &object.name) || !has_field(object) {
            continue;
        }
        found.push((object, 0));
        let TypeKind::Object { implements, .. } = &object.kind else { continue };
        for interface in implements.iter().filter_map(|name| context.api.types.get(name)).filter(|interface| has_field(interface))
        {
            match found.iter_mut().find(|(known, _)| known.name == interface.name) {
                Some((_, uses)) => *uses += 1,
                None => found.push((interface, 1)),
            }
        }
    }
    found.sort_by(|(a, uses_a), (b, uses_b)| match uses_b.cmp(uses_a) {
        Ordering::Equal => natural_order(&a.name, &b.name),
        order @ (Ordering::Less | Ordering::Greater) => order,
    });
    found.into_iter().map(|(definition, _)| definition).collect()
}

/// Leaves select nothing, everything else must select something.
pub(super) fn leaf(context: &Context<'_>, field: &Field, definition: &OutputField) {
    let Some(ty) = context.api.types.get(definition.ty.name()) else { return };
    let (name, printed) = (&field.name.text, &definition.ty);
    match &field.selection {
        Some(set) if ty.is_leaf() => context.error(field.pos, Rule::ScalarLeafs, vec![set.pos], || {
            format!("Field \"{name}\" must not have a selection since type \"{printed}\" has no subfields.")
        }),
        None if !ty.is_leaf() => context.error(field.pos, Rule::ScalarLeafs, vec![field.pos], || {
            format!(
                "Field \"{name}\" of type \"{printed}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?"
            )
        }),
        Some(_) | None => {}
    }
}
