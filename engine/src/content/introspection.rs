//! `__schema` and `__type`, answered by async-graphql over the types of our own API. No data goes through it.

use std::sync::Arc;

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
            let output = |field: &OutputField| output(api, field, promised(api, implements, field));
            describe!(fields.values().fold(object, |object, field| object.field(output(field))), described).into()
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

/// The type of an object's field as async-graphql takes it.
///
/// Its check of interfaces (7.2.1, dynamic/check.rs) has the two types of a field the wrong way round, and refuses `Boolean!` where the interface
/// promises `Boolean`. So the object shows the interface's type there: true, and less precise by one `!` on `_Column.nullable`.
fn promised<'a>(api: &'a Api, implements: &[Arc<str>], field: &'a OutputField) -> &'a api::TypeRef {
    let interfaces = implements.iter().filter_map(|name| api.types.get(name));
    let mut promises = interfaces.filter_map(|interface| match &interface.kind {
        TypeKind::Interface { fields } => fields.get(&field.name),
        TypeKind::Scalar(_) | TypeKind::Enum(_) | TypeKind::Object { .. } | TypeKind::Union(_) | TypeKind::Input(_) => None,
    });
    promises.next().map_or(&field.ty, |promise| &promise.ty)
}

fn output(api: &Api, field: &OutputField, ty: &api::TypeRef) -> Field {
    let made = Field::new(&*field.name, type_ref(ty), |_| FieldFuture::Value(None));
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

#[cfg(test)]
mod tests {
    use freehold_compiler::caller::RoleSet;
    use freehold_compiler::permissions::Permissions;
    use freehold_schema::Schema;
    use freehold_schema::names::RoleName;
    use serde_json::json;

    use super::*;

    fn system() -> TypeSystem {
        let sdl = r#"
            enum State { draft live }
            "A thing to read."
            type Note { "Its name." title: String! old: String @deprecated(reason: "use title") state: State! @default(value: draft) next: Note }
        "#;
        let schema = Schema::from_sdl("schema.graphql", sdl).unwrap();
        let permissions = Permissions::new(&schema, &RoleSet::new([RoleName::new("admin")]));
        TypeSystem::build(&Api::build(&schema, &permissions)).unwrap()
    }

    #[test]
    fn types_keep_their_texts() {
        let query = "query($name: String!) { a: __type(name: $name) { description fields(includeDeprecated: true) { name description isDeprecated deprecationReason type { kind ofType { name } } } } listNote { title } }";
        let data = system().answer(query, None, json!({ "name": "Note" }).as_object().unwrap()).unwrap();
        assert_eq!(data["a"]["description"], "A thing to read.");
        let fields = data["a"]["fields"].as_array().unwrap();
        let field = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap();
        assert_eq!(field("title")["description"], "Its name.");
        assert_eq!(field("title")["type"], json!({ "kind": "NON_NULL", "ofType": { "name": "String" } }));
        assert_eq!((&field("old")["isDeprecated"], &field("old")["deprecationReason"]), (&json!(true), &json!("use title")));
    }

    #[test]
    fn the_standard_query_is_answered() {
        let query = "query IntrospectionQuery { __schema { description queryType { name kind } mutationType { name kind } subscriptionType { name kind }
            types { ...FullType } directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
            fragment FullType on __Type { kind name description specifiedByURL isOneOf
              fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
              inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
              possibleTypes { ...TypeRef } }
            fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
            fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";
        let data = system().answer(query, Some("IntrospectionQuery"), &Map::new()).unwrap();
        let types = data["__schema"]["types"].as_array().unwrap();
        let twice = types.iter().find(|ty| types.iter().filter(|other| other["name"] == ty["name"]).count() > 1);
        assert!(twice.is_none(), "{twice:?}");
        assert!(types.iter().any(|ty| ty["name"] == "NoteCreateInput"));
    }
}
