//! Arguments as [`Input`] trees whose leaves know where they came from.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::argument_error;
use crate::api::{Api, InputField, OutputField, TypeKind, TypeRef};
use crate::coerce::{self, Variables, scalars};
use crate::error::RequestError;
use crate::selection::{Input, Leaf, PathStep, Source, VariablePath};
use crate::syntax::ast::{Argument, Field, Value, ValueKind};

/// The arguments of a field. Absent ones are absent, unless the API has a default for them.
pub(super) fn coerce(
    api: &Api,
    variables: &Variables,
    field: &Field,
    definition: &OutputField,
) -> Result<IndexMap<Arc<str>, Input>, Box<RequestError>> {
    let reader = Reader { api, variables };
    let mut coerced = IndexMap::new();
    for (name, argument) in &definition.arguments {
        let given = field.arguments.iter().find(|given| given.name.text == *name);
        let value = given.and_then(|given| reader.input(&argument.ty, &given.value));
        match value.or_else(|| argument.default.as_ref().map(|default| reader.coerced(&argument.ty, default, None))) {
            Some(Input::Null) if argument.ty.is_non_null() => {
                let message = format!("Argument \"{name}\" of non-null type \"{}\" must not be null.", argument.ty);
                return Err(argument_error(message, given.map_or(field.pos, |given| given.value.pos)));
            }
            Some(value) => {
                coerced.insert(Arc::clone(name), value);
            }
            None if argument.ty.is_non_null() => {
                return Err(argument_error(missing(name, &argument.ty, given), given.map_or(field.pos, |given| given.value.pos)));
            }
            None => {}
        }
    }
    Ok(coerced)
}

/// graphql-js's words in `getArgumentValues`.
fn missing(name: &str, ty: &TypeRef, given: Option<&Argument>) -> String {
    match given.and_then(|given| given.value.variable()) {
        Some(variable) => format!(
            "Argument \"{name}\" of required type \"{ty}\" was provided the variable \"${variable}\" which was not provided a runtime value."
        ),
        None => format!("Argument \"{name}\" of required type \"{ty}\" was not provided."),
    }
}

struct Reader<'a> {
    api: &'a Api,
    variables: &'a Variables,
}

impl Reader<'_> {
    /// None when the value is a variable without a value.
    fn input(&self, ty: &TypeRef, value: &Value) -> Option<Input> {
        match (&value.kind, ty) {
            (ValueKind::Variable(name), _) => {
                let path = VariablePath { name: Arc::clone(name), steps: Vec::new() };
                Some(self.coerced(ty, self.variables.get(name)?, Some(path)))
            }
            (ValueKind::Null, _) => Some(Input::Null),
            (_, TypeRef::NonNull(inner)) => self.input(inner, value),
            (ValueKind::List(items), TypeRef::List(inner)) => {
                // A variable without a value leaves null in a list (GraphQL October 2021, 3.11 "Input Coercion").
                Some(Input::List(items.iter().map(|item| self.input(inner, item).unwrap_or(Input::Null)).collect()))
            }
            (_, TypeRef::List(inner)) => Some(Input::List(vec![self.input(inner, value)?])),
            (_, TypeRef::Named(name)) => Some(self.named(name, value)),
        }
    }

    fn named(&self, name: &str, value: &Value) -> Input {
        let literal = |value: Json| Input::Leaf(Leaf { value, source: Source::Literal });
        match (self.api.types.get(name).map(|definition| &definition.kind), &value.kind) {
            (Some(TypeKind::Input(fields)), ValueKind::Object(members)) => self.object(fields, members),
            // Validation refused every literal that these refuse, except Json with variables in it.
            (Some(TypeKind::Scalar(kind)), _) => literal(scalars::scalar_from_literal(*kind, value).unwrap_or_else(|_| {
                let variable = |name: &str| Some(self.variables.get(name).cloned().unwrap_or(Json::Null));
                scalars::json_with_variables(value, &variable).unwrap_or(Json::Null)
            })),
            (Some(TypeKind::Enum(values)), _) => literal(scalars::enum_from_literal(name, values, value).unwrap_or(Json::Null)),
            _ => Input::Null,
        }
    }

    fn object(&self, fields: &IndexMap<Arc<str>, InputField>, members: &[Argument]) -> Input {
        let mut object = IndexMap::with_capacity(members.len());
        for member in members {
            let Some(field) = fields.get(&*member.name.text) else { continue };
            if let Some(value) = self.input(&field.ty, &member.value) {
                object.insert(Arc::clone(&field.name), value);
            }
        }
        for (name, field) in fields {
            if let Some(default) = &field.default
                && !object.contains_key(name)
            {
                object.insert(Arc::clone(name), self.coerced(&field.ty, default, None));
            }
        }
        Input::Object(object)
    }

    /// A JSON value that was coerced before: a variable's, at `path`, or a default.
    fn coerced(&self, ty: &TypeRef, value: &Json, path: Option<VariablePath>) -> Input {
        let deeper = |step: PathStep| {
            path.clone().map(|mut path| {
                path.steps.push(step);
                path
            })
        };
        if value.is_null() {
            return Input::Null;
        }
        if coerce::is_leaf(self.api, ty) {
            let source = path.map_or(Source::Literal, Source::Variable);
            return Input::Leaf(Leaf { value: value.clone(), source });
        }
        match (ty, value) {
            (TypeRef::NonNull(inner), _) => self.coerced(inner, value, path),
            (TypeRef::List(inner), Json::Array(items)) => {
                let items = items.iter().enumerate();
                Input::List(items.map(|(index, item)| self.coerced(inner, item, deeper(PathStep::Item(index)))).collect())
            }
            (TypeRef::Named(name), Json::Object(members)) => {
                let Some(TypeKind::Input(fields)) = self.api.types.get(&**name).map(|definition| &definition.kind) else {
                    return Input::Null;
                };
                let members = members.iter().filter_map(|(key, member)| {
                    let field = fields.get(key.as_str())?;
                    let step = PathStep::Member(Arc::clone(&field.name));
                    Some((Arc::clone(&field.name), self.coerced(&field.ty, member, deeper(step))))
                });
                Input::Object(members.collect())
            }
            _ => Input::Null,
        }
    }
}
