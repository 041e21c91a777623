//! A request's variables, checked against their types (GraphQL October 2021, 6.1.2 "CoerceVariableValues").

pub(crate) mod inspect;
pub(crate) mod scalars;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::api::{Api, InputField, TypeKind, TypeRef};
use crate::error::{ErrorCode, RequestError};
use crate::prepare::Prepared;
use crate::selection::{PathStep, VariablePath};
use crate::suggest::{did_you_mean, suggestions};
use crate::syntax::ast::{Type, Value as Literal, ValueKind, VariableDefinition};
use inspect::inspect;
use scalars::Refusal;
pub(crate) use shape::CHOOSING_MEMBERS;

/// Errors of variables that are reported before the rest is summed up: graphql-js's limit.
const MAX_ERRORS: usize = 50;

/// Coerced variables of one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables {
    pub(crate) values: HashMap<Arc<str>, Value>,
    shape: String,
}

impl Variables {
    /// Everything of the variables that changes SQL text: which are given, null or not, keys of input objects, lengths of lists of them, order directions,
    /// and booleans that choose. Never the value of another scalar.
    #[must_use]
    pub fn shape(&self) -> &str {
        &self.shape
    }

    /// The value of a variable; None when it was not given and has no default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The value at a path; None when it ends where no value is.
    #[must_use]
    pub fn at(&self, path: &VariablePath) -> Option<&Value> {
        path.steps.iter().try_fold(self.get(&path.name)?, |value, step| match step {
            PathStep::Member(name) => value.get(&**name),
            PathStep::Item(index) => value.get(*index),
        })
    }
}

impl Prepared {
    /// Checks the request's variables and applies defaults. Members that the operation does not declare are ignored.
    ///
    /// # Errors
    /// Every value that does not fit, in graphql-js's words.
    pub fn coerce(&self, api: &Api, variables: &Map<String, Value>) -> Result<Variables, Vec<RequestError>> {
        let mut coerced = Variables::default();
        let mut errors = Vec::new();
        for definition in &self.operation().variables {
            let mut state = Coercion { api, definition, path: Vec::new(), errors: &mut errors };
            if let Some(value) = state.variable(variables) {
                coerced.values.insert(Arc::clone(&definition.name.text), value);
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        coerced.shape = shape::of(api, self, &coerced.values);
        Ok(coerced)
    }
}

/// The API's type for one written in the document.
pub(crate) fn type_ref(ty: &Type) -> TypeRef {
    match ty {
        Type::Named(name) => TypeRef::Named(Arc::clone(&name.text)),
        Type::List(inner, _) => TypeRef::List(Box::new(type_ref(inner))),
        Type::NonNull(inner, _) => TypeRef::NonNull(Box::new(type_ref(inner))),
    }
}

/// A constant literal that validation accepted, as the JSON it stands for at a place of this type.
pub(crate) fn constant(api: &Api, ty: &TypeRef, literal: &Literal) -> Value {
    if matches!(literal.kind, ValueKind::Null) {
        return Value::Null;
    }
    match ty {
        TypeRef::NonNull(inner) => constant(api, inner, literal),
        TypeRef::List(inner) => match &literal.kind {
            ValueKind::List(items) => Value::Array(items.iter().map(|item| constant(api, inner, item)).collect()),
            _ => Value::Array(vec![constant(api, inner, literal)]),
        },
        TypeRef::Named(name) => match (api.types.get(&**name).map(|definition| &definition.kind), &literal.kind) {
            (Some(TypeKind::Input(fields)), ValueKind::Object(members)) => constant_object(api, fields, members),
            (Some(TypeKind::Scalar(kind)), _) => scalars::scalar_from_literal(*kind, literal).unwrap_or(Value::Null),
            (Some(TypeKind::Enum(values)), _) => scalars::enum_from_literal(name, values, literal).unwrap_or(Value::Null),
            _ => Value::Null,
        },
    }
}

fn constant_object(api: &Api, fields: &IndexMap<Arc<str>, InputField>, members: &[crate::syntax::ast::Argument]) -> Value {
    let given = members.iter().filter_map(|member| {
        let field = fields.get(&*member.name.text)?;
        Some((member.name.text.to_string(), constant(api, &field.ty, &member.value)))
    });
    let mut object: Map<String, Value> = given.collect();
    for (name, field) in fields {
        if let Some(default) = &field.default {
            object.entry(name.to_string()).or_insert_with(|| default.clone());
        }
    }
    Value::Object(object)
}

/// The coercion of one variable.
struct Coercion<'a> {
    api: &'a Api,
    definition: &'a VariableDefinition,
    path: Vec<PathStep>,
    errors: &'a mut Vec<RequestError>,
}

impl Coercion<'_> {
    fn variable(&mut self, variables: &Map<String, Value>) -> Option<Value> {
        let name = &self.definition.name.text;
        let ty = type_ref(&self.definition.ty);
        match variables.get(&**name) {
            None => match &self.definition.default {
                Some(default) => Some(constant(self.api, &ty, default)),
                None if ty.is_non_null() => {
                    self.error(format!("Variable \"${name}\" of required type \"{ty}\" was not provided."));
                    None
                }
                None => None,
            },
            Some(Value::Null) if ty.is_non_null() => {
                self.error(format!("Variable \"${name}\" of non-null type \"{ty}\" must not be null."));
                None
            }
            Some(value) => Some(self.value(&ty, value)),
        }
    }

    fn error(&mut self, message: String) {
        let (message, locations) = match self.errors.len() {
            0..MAX_ERRORS => (message, vec![self.definition.name.pos]),
            MAX_ERRORS => {
                ("Too many errors processing variables, error limit reached. Execution aborted.".to_owned(), Vec::new())
            }
            _ => return,
        };
        self.errors.push(RequestError { message, locations, code: ErrorCode::BadUserInput });
    }

    /// Whether nothing more is reported. Messages quote values and suggest names: beyond the limit they are not even made.
    fn is_full(&self) -> bool {
        self.errors.len() > MAX_ERRORS
    }

    /// Reports a value at the current path.
    fn invalid(&mut self, value: &Value, reason: &str) {
        if self.is_full() {
            return;
        }
        let name = &self.definition.name.text;
        let mut message = format!("Variable \"${name}\" got invalid value {}", inspect(value));
        if !self.path.is_empty() {
            let path: String = self.path.iter().map(print_step).collect();
            message.push_str(&format!(" at \"{name}{path}\""));
        }
        self.error(format!("{message}; {reason}"));
    }

    fn value(&mut self, ty: &TypeRef, value: &Value) -> Value {
        match (ty, value) {
            (TypeRef::NonNull(inner), Value::Null) => {
                self.invalid(
                    value,
                    &format!("Expected non-nullable type \"{}\" not to be null.", TypeRef::NonNull(inner.clone())),
                );
                Value::Null
            }
            (TypeRef::NonNull(inner), _) => self.value(inner, value),
            (_, Value::Null) => Value::Null,
            (TypeRef::List(inner), Value::Array(items)) => {
                let coerced = items.iter().enumerate().map(|(index, item)| {
                    self.path.push(PathStep::Item(index));
                    let item = self.value(inner, item);
                    self.path.pop();
                    item
                });
                Value::Array(coerced.collect())
            }
            (TypeRef::List(inner), _) => Value::Array(vec![self.value(inner, value)]),
            (TypeRef::Named(name), _) => self.named(name, value),
        }
    }

    fn named(&mut self, name: &str, value: &Value) -> Value {
        let api = self.api;
        let coerced = match api.types.get(name).map(|definition| &definition.kind) {
            Some(TypeKind::Scalar(kind)) => scalars::scalar_from_json(*kind, value),
            Some(TypeKind::Enum(values)) => scalars::enum_from_json(name, values, value),
            Some(TypeKind::Input(fields)) => return self.object(name, fields, value),
            Some(TypeKind::Object { .. } | TypeKind::Interface { .. } | TypeKind::Union(_)) | None => {
                Err(Refusal::WrongType(None))
            }
        };
        coerced.unwrap_or_else(|refusal| {
            let reason = match refusal {
                Refusal::Message(message) => message,
                Refusal::WrongType(None) => format!("Expected type \"{name}\"."),
                Refusal::WrongType(Some(reason)) => format!("Expected type \"{name}\". {reason}"),
            };
            self.invalid(value, &reason);
            Value::Null
        })
    }

    fn object(&mut self, name: &str, fields: &IndexMap<Arc<str>, InputField>, value: &Value) -> Value {
        let Value::Object(members) = value else {
            self.invalid(value, &format!("Expected type \"{name}\" to be an object."));
            return Value::Null;
        };
        let mut coerced = Map::new();
        // In the order in which they were given: a mutation works through its data in that order.
        for (key, member) in members {
            let Some(field) = fields.get(key.as_str()) else { continue };
            self.path.push(PathStep::Member(Arc::clone(&field.name)));
            coerced.insert(key.clone(), self.value(&field.ty, member));
            self.path.pop();
        }
        for (key, field) in fields.iter().filter(|(key, _)| !members.contains_key(&***key)) {
            if let Some(default) = &field.default {
                coerced.insert(key.to_string(), default.clone());
            } else if field.ty.is_non_null() {
                self.invalid(value, &format!("Field \"{key}\" of required type \"{}\" was not provided.", field.ty));
            }
        }
        for key in members.keys().filter(|key| !fields.contains_key(key.as_str())) {
            if self.is_full() {
                break;
            }
            let hint = did_you_mean(&suggestions(key, fields.keys().map(|name| &**name)));
            self.invalid(value, &format!("Field \"{key}\" is not defined by type \"{name}\".{hint}"));
        }
        Value::Object(coerced)
    }
}

/// graphql-js's `printPathArray`.
pub(crate) fn print_step(step: &PathStep) -> String {
    match step {
        PathStep::Member(name) => format!(".{name}"),
        PathStep::Item(index) => format!("[{index}]"),
    }
}

/// Whether values of this type are whole leaves: scalars, enums, and lists of them.
pub(crate) fn is_leaf(api: &Api, ty: &TypeRef) -> bool {
    matches!(api.types.get(&**ty.name()).map(|definition| &definition.kind), Some(TypeKind::Scalar(_) | TypeKind::Enum(_)))
}
