//! `__schema` and `__type`, answered by async-graphql over the types of our own API. No data goes through it.

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, InputObject, InputValue, Interface, InterfaceField, Object, Scalar, Schema, Type,
    TypeRef, Union,
};
use async_graphql::{Name, Request, ValidationMode, Value, Variables};
use freehold_compiler::api::{self, Api, OutputField, TypeDefinition, TypeKind};
use serde_json::Map;

/// The API as async-graphql holds it.
pub struct TypeSystem(Schema);

/// Built into async-graphql.
const BUILT_IN: &[&str] = &["Int", "Float", "String", "Boolean", "ID"];

impl TypeSystem {
    /// Converts an API.
    ///
    /// # Errors
    /// When async-graphql finds the types inconsistent, which is a mistake of ours.
    pub fn build(api: &Api) -> Result<Self, String> {
        let mutation = api.has_mutation.then_some("Mutation");
        let mut builder = Schema::build("Query", mutation, None)
            .introspection_only()
            // The document was validated already, by our own rules and limits.
            .validation_mode(ValidationMode::Fast)
            .limit_recursive_depth(256);
        // Introspection's own types are async-graphql's.
        for definition in api.types.values().filter(|definition| !definition.name.starts_with("__")) {
            if !BUILT_IN.contains(&&*definition.name) {
                builder = builder.register(convert(api, definition));
            }
        }
        builder.finish().map(Self).map_err(|error| error.to_string())
    }

    /// The introspection fields of a document, as JSON by response key; other fields are null here. Blocks for as long as it computes.
    ///
    /// # Errors
    /// What async-graphql finds wrong.
    pub fn answer(
        &self,
        text: &str,
        operation_name: Option<&str>,
        variables: &Map<String, serde_json::Value>,
    ) -> Result<Map<String, serde_json::Value>, String> {
        let mut request = Request::new(text).variables(Variables::from_json(serde_json::Value::Object(variables.clone())));
        if let Some(name) = operation_name {
            request = request.operation_name(name);
        }
        let response =
            futures_util::future::FutureExt::now_or_never(self.0.execute(request)).ok_or("introspection waited for something")?;
        if let Some(error) = response.errors.first() {
            return Err(error.message.clone());
        }
        match response.data.into_json() {
            Ok(serde_json::Value::Object(data)) => Ok(data),
            Ok(_) => Err("introspection has no data".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// async-graphql's builders have the same methods and no common trait.
macro_rules! describe {
    ($made:expr, $description:expr) => {
        match $description {
            Some(description) => $made.description(description),
            None => $made,
        }
    };
}
macro_rules! deprecate {
    ($made:expr, $reason:expr) => {
        match $reason.as_deref() {
            Some(reason) => $made.deprecation(Some(reason)),
            None => $made,
        }
    };
}

fn convert(api: &Api, definition: &TypeDefinition) -> Type {
    let name = &*definition.name;
    let described = definition.description.as_deref();
    match &definition.kind {
        TypeKind::Scalar(_) => describe!(Scalar::new(name), described).into(),
        TypeKind::Enum(values) => {
            let item = |value: &api::EnumValue| {
                let item = describe!(EnumItem::new(&*value.name), value.description.as_deref());
                deprecate!(item, value.deprecated)
            };
            describe!(Enum::new(name).items(values.iter().map(item)), described).into()
        }
        TypeKind::Object { implements, fields } => {
            let object = implements.iter().fold(Object::new(name), |object, interface| object.implement(&**interface));
            describe!(fields.values().fold(object, |object, field| object.field(output(api, field))), described).into()
        }
        TypeKind::Interface { fields } => {
            let interface =
                fields.values().fold(Interface::new(name), |interface, field| interface.field(interface_field(api, field)));
            describe!(interface, described).into()
        }
        TypeKind::Union(types) => {
            describe!(types.iter().fold(Union::new(name), |union, ty| union.possible_type(&**ty)), described).into()
        }
        TypeKind::Input(fields) => {
            describe!(fields.values().fold(InputObject::new(name), |object, field| object.field(input(api, field))), described)
                .into()
        }
    }
}

fn output(api: &Api, field: &OutputField) -> Field {
    let made = Field::new(&*field.name, type_ref(&field.ty), |_| FieldFuture::Value(None));
    let made = field.arguments.values().fold(made, |made, argument| made.argument(input(api, argument)));
    let made = describe!(made, field.description.as_deref());
    deprecate!(made, field.deprecated)
}

fn interface_field(api: &Api, field: &OutputField) -> InterfaceField {
    let made = InterfaceField::new(&*field.name, type_ref(&field.ty));
    let made = field.arguments.values().fold(made, |made, argument| made.argument(input(api, argument)));
    let made = describe!(made, field.description.as_deref());
    deprecate!(made, field.deprecated)
}

fn input(api: &Api, field: &api::InputField) -> InputValue {
    let made = describe!(InputValue::new(&*field.name, type_ref(&field.ty)), field.description.as_deref());
    let made = deprecate!(made, field.deprecated);
    match field.default.clone().map(Value::from_json) {
        // JSON has no enum values; as a string it would be printed in quotes.
        Some(Ok(Value::String(name))) if is_enum(api, &field.ty) => made.default_value(Value::Enum(Name::new(name))),
        Some(Ok(default)) => made.default_value(default),
        Some(Err(_)) | None => made,
    }
}

fn is_enum(api: &Api, ty: &api::TypeRef) -> bool {
    api.types.get(ty.name()).is_some_and(|definition| matches!(definition.kind, TypeKind::Enum(_)))
}

fn type_ref(ty: &api::TypeRef) -> TypeRef {
    match ty {
        api::TypeRef::Named(name) => TypeRef::named(&**name),
        api::TypeRef::List(inner) => TypeRef::List(Box::new(type_ref(inner))),
        api::TypeRef::NonNull(inner) => TypeRef::NonNull(Box::new(type_ref(inner))),
    }
}
