//! What of the variables changes SQL text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use super::type_ref;
use crate::api::{Api, ScalarKind, TypeKind, TypeRef};
use crate::prepare::Prepared;

/// Boolean members of input objects that choose rather than compare or store. A column that happens to have such a name costs plans, nothing else.
pub(crate) const CHOOSING_MEMBERS: [&str; 9] = [
    "null",
    "isNull",
    "_random",
    "_dummy_field_",
    "disconnect",
    "delete",
    "deferForeignKeyConstraints",
    "deferUniqueConstraints",
    "concurrently",
];
/// Whether values of an enum are written into SQL rather than bound. An enum of the model that happens to have such a name costs plans, nothing else.
fn is_choosing_enum(name: &str) -> bool {
    name == "OrderDirection" || name.ends_with("GroupKey")
}

/// The shape of all variables that the operation declares, in the order of their declaration.
pub(super) fn of(api: &Api, prepared: &Prepared, values: &HashMap<Arc<str>, Value>) -> String {
    let mut shape = String::new();
    for definition in &prepared.operation().variables {
        let name = &definition.name.text;
        match values.get(name) {
            None => shape.push('-'),
            Some(value) if prepared.is_by_value(name) => by_value(&mut shape, value),
            Some(value) => add(&mut shape, api, &type_ref(&definition.ty), value, false),
        }
        shape.push(';');
    }
    shape
}

fn by_value(shape: &mut String, value: &Value) {
    // Writing to a String does not fail; JSON text is unambiguous.
    let _infallible = write!(shape, "={value}");
}

fn add(shape: &mut String, api: &Api, ty: &TypeRef, value: &Value, chooses: bool) {
    if value.is_null() {
        return shape.push('n');
    }
    match ty {
        TypeRef::NonNull(inner) => add(shape, api, inner, value, chooses),
        TypeRef::List(inner) => match value.as_array() {
            Some(items) if !super::is_leaf(api, inner) || is_choosing_enum(inner.name()) => {
                shape.push('[');
                for item in items {
                    add(shape, api, inner, item, chooses);
                }
                shape.push(']');
            }
            Some(items) if items.iter().any(Value::is_null) => shape.push('q'),
            _ => shape.push('p'),
        },
        TypeRef::Named(name) => match api.types.get(&**name).map(|definition| &definition.kind) {
            Some(TypeKind::Input(fields)) => {
                shape.push('{');
                for (key, member) in value.as_object().into_iter().flatten() {
                    let Some(field) = fields.get(key.as_str()) else { continue };
                    shape.push_str(key);
                    shape.push(':');
                    add(shape, api, &field.ty, member, CHOOSING_MEMBERS.contains(&key.as_str()));
                    shape.push(',');
                }
                shape.push('}');
            }
            Some(TypeKind::Enum(_)) if is_choosing_enum(name) => by_value(shape, value),
            Some(TypeKind::Scalar(ScalarKind::Boolean)) if chooses => by_value(shape, value),
            _ => shape.push('p'),
        },
    }
}
