//! Building the API of a role set (content API, sections 3.3, 4, 6, 10.2, 11 and 21).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use freehold_schema::Schema;
use freehold_schema::acl::OperationKind;
use freehold_schema::model::{Column, ColumnKind, Entity, Field, FieldKind};
use freehold_schema::names::FieldName;
use indexmap::IndexMap;

use super::definitions::{input, ty};
use super::{Api, EnumValue, InputField, OutputField, ScalarKind, TypeDefinition, TypeKind, TypeRef};
use super::{fixed, introspection, objects};
use crate::permissions::{Access, Permissions, Rule};

impl Api {
    /// The API that `permissions` leave of `schema`, for a server without a store of objects.
    #[must_use]
    pub fn build(schema: &Schema, permissions: &Permissions) -> Self {
        Builder::new(schema, permissions).build()
    }

    /// The same for a server that has a store of objects: with fields for signed URLs, when a rule on objects gives the roles a use for them and the model does
    /// not need the names of their types.
    #[must_use]
    pub fn build_with_objects(schema: &Schema, permissions: &Permissions) -> Self {
        let mut builder = Builder::new(schema, permissions);
        let is_taken = objects::TYPES.iter().any(|name| builder.model_types.contains(*name));
        builder.has_objects = !permissions.objects().is_empty() && !is_taken;
        builder.build()
    }
}

impl<'a> Builder<'a> {
    fn new(schema: &'a Schema, permissions: &'a Permissions) -> Self {
        Self { schema, permissions, model_types: model_types(schema), has_objects: false, types: HashMap::new() }
    }

    fn build(mut self) -> Api {
        let (schema, permissions) = (self.schema, self.permissions);
        let builder = &mut self;
        builder.add_all(fixed::types());
        if builder.has_objects {
            builder.add_all(objects::types());
        }
        for entity in schema.entities.values() {
            if permissions.is_readable(entity.name.as_str()) {
                builder.entity(entity);
            }
            builder.inputs(entity);
        }
        let has_mutation = builder.roots();
        self.finish(has_mutation)
    }
}

/// Types made so far. More are made than are used: only those that a root reaches are kept.
pub(super) struct Builder<'a> {
    pub(super) schema: &'a Schema,
    pub(super) permissions: &'a Permissions,
    /// Names of types that the model gives.
    pub(super) model_types: HashSet<String>,
    /// There are fields for signed URLs of objects.
    pub(super) has_objects: bool,
    types: HashMap<Arc<str>, TypeDefinition>,
}

/// Names of the types that the model gives to entities, enums and aliases, whether or not the role sees them.
fn model_types(schema: &Schema) -> HashSet<String> {
    let aliases = schema.entities.values().flat_map(|entity| entity.fields.values()).filter_map(|field| match &field.kind {
        FieldKind::Column(column) => column.type_alias.clone(),
        FieldKind::Relation(_) => None,
    });
    let entities = schema.entities.keys().map(ToString::to_string);
    let enums = schema.enums.keys().map(|name| capital(name.as_str()));
    aliases.chain(entities).chain(enums).collect()
}

/// `s` with its first letter in upper case.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

impl<'a> Builder<'a> {
    pub(super) fn add(&mut self, definition: TypeDefinition) {
        self.types.insert(Arc::clone(&definition.name), definition);
    }

    pub(super) fn add_all(&mut self, definitions: impl IntoIterator<Item = TypeDefinition>) {
        definitions.into_iter().for_each(|definition| self.add(definition));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// Whether the field is part of the entity's type, filter, order and keys. A relation is as soon as its target is: its value is then empty where the field
    /// itself is not granted (content API, section 3.3).
    pub(super) fn is_visible(&self, entity: &Entity, field: &Field) -> bool {
        match &field.kind {
            FieldKind::Column(_) => self.reading(entity, &field.name).is_granted(),
            FieldKind::Relation(relation) => self.permissions.is_readable(relation.target.as_str()),
        }
    }

    pub(super) fn reading(&self, entity: &Entity, field: &FieldName) -> &'a Rule {
        self.permissions.field(Access::Relation, entity.name.as_str(), OperationKind::Read, field.as_str())
    }

    pub(super) fn visible_fields(&self, entity: &'a Entity) -> Vec<&'a Field> {
        entity.fields.values().filter(|field| self.is_visible(entity, field)).collect()
    }

    /// Name of a column's GraphQL type for input; registers enums and aliases.
    pub(super) fn column_type(&mut self, column: &Column) -> String {
        if let ColumnKind::Enum(name) = &column.kind {
            let capital = capital(name.as_str());
            if !self.has(&capital) {
                self.add_enum(name.as_str(), &capital);
            }
            return capital;
        }
        if let (Some(alias), Some(kind)) = (&column.type_alias, scalar_kind(&column.kind)) {
            self.add(TypeDefinition { name: alias.as_str().into(), description: None, kind: TypeKind::Scalar(kind) });
            return alias.clone();
        }
        type_name(&column.kind).to_owned()
    }

    fn add_enum(&mut self, name: &str, capital: &str) {
        let Some(definition) = self.schema.enums.get(name) else { return };
        let values = definition.values.iter().map(|value| EnumValue {
            name: value.name.as_str().into(),
            description: value.description.clone(),
            deprecated: value.deprecated.clone(),
        });
        self.add(TypeDefinition {
            name: capital.into(),
            description: definition.description.clone(),
            kind: TypeKind::Enum(values.collect()),
        });
    }

    /// Name of the condition on a column; registers it.
    pub(super) fn condition(&mut self, column: &Column) -> String {
        let base = self.column_type(column);
        let is_enum = matches!(column.kind, ColumnKind::Enum(_));
        let base_name = match column.encryption {
            None => base.clone(),
            Some(encryption) if encryption.lookup => format!("Encrypted{base}"),
            Some(_) => "Encrypted".to_owned(),
        };
        let name = format!("{base_name}{}{}Condition", if is_enum { "Enum" } else { "" }, if column.list { "List" } else { "" });
        if !self.has(&name) {
            let fields = condition_fields(&name, &base, column);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(field, ty)| (*field, ty.as_str())).collect();
            self.add(input(&name, &fields));
        }
        name
    }

    /// Keeps what is reached from the roots, in the order in which graphql-js's schema finds it: depth first, a field's type before its arguments. What only
    /// additions to the contract reach comes last.
    fn finish(mut self, has_mutation: bool) -> Api {
        let mut types = IndexMap::new();
        for root in ["_Column", "_Relation", "Query", "Mutation"] {
            self.keep(root, &mut types, |field| !field.meaning.is_addition());
        }
        let mut index = 0;
        while let Some((_, definition)) = types.get_index(index) {
            for reference in references(definition, |_| true) {
                self.keep(&reference, &mut types, |_| true);
            }
            index += 1;
        }
        for definition in introspection::types() {
            types.insert(Arc::clone(&definition.name), definition);
        }
        for (name, kind) in fixed::BUILT_IN_SCALARS {
            types.entry(name.into()).or_insert_with(|| TypeDefinition {
                name: name.into(),
                description: None,
                kind: TypeKind::Scalar(kind),
            });
        }
        Api { types, has_mutation }
    }

    fn keep(&mut self, name: &str, kept: &mut IndexMap<Arc<str>, TypeDefinition>, follows: fn(&OutputField) -> bool) {
        let Some(definition) = self.types.remove(name) else { return };
        let references = references(&definition, follows);
        kept.insert(Arc::clone(&definition.name), definition);
        for reference in references {
            self.keep(&reference, kept, follows);
        }
    }
}

/// Names of the types that a type mentions in the fields to follow, in graphql-js's order.
fn references(definition: &TypeDefinition, follows: fn(&OutputField) -> bool) -> Vec<Arc<str>> {
    let of_fields = |fields: &IndexMap<Arc<str>, OutputField>| {
        let types = fields.values().filter(|field| follows(field)).flat_map(|field| {
            let arguments = field.arguments.values().map(|argument| &argument.ty);
            std::iter::once(&field.ty).chain(arguments)
        });
        types.map(|ty| Arc::clone(ty.name())).collect::<Vec<_>>()
    };
    match &definition.kind {
        TypeKind::Scalar(_) | TypeKind::Enum(_) => Vec::new(),
        TypeKind::Object { implements, fields } => implements.iter().cloned().chain(of_fields(fields)).collect(),
        TypeKind::Interface { fields } => of_fields(fields),
        TypeKind::Union(members) => members.clone(),
        TypeKind::Input(fields) => fields.values().map(|field| Arc::clone(field.ty.name())).collect(),
    }
}

fn condition_fields(name: &str, base: &str, column: &Column) -> Vec<(&'static str, String)> {
    let one = || base.to_owned();
    let many = || format!("[{base}!]");
    let mut fields = vec![
        ("and", format!("[{name}!]")),
        ("or", format!("[{name}!]")),
        ("not", name.to_owned()),
        ("null", "Boolean".to_owned()),
        ("isNull", "Boolean".to_owned()),
    ];
    match (&column.kind, column.list) {
        _ if !column.is_comparable() => {}
        _ if column.encryption.is_some() => fields.extend([("eq", one()), ("notEq", one()), ("in", many()), ("notIn", many())]),
        (_, true) => fields.extend([("minLength", "Int".to_owned()), ("maxLength", "Int".to_owned()), ("includes", one())]),
        (ColumnKind::Json, false) => fields.push(("includes", one())),
        // What an image is cannot be searched; whether there is one can.
        (ColumnKind::StoredImage, false) => {}
        (kind, false) => {
            fields.extend([("eq", one()), ("notEq", one()), ("in", many()), ("notIn", many())]);
            fields.extend([("lt", one()), ("lte", one()), ("gt", one()), ("gte", one())]);
            if *kind == ColumnKind::String {
                let text =
                    ["contains", "startsWith", "endsWith", "containsCI", "startsWithCI", "endsWithCI", "similar", "wordSimilar"];
                // Text also where the column has an alias: a part of a URL is no URL.
                fields.extend(text.map(|operator| (operator, "String".to_owned())));
            }
        }
    }
    fields
}

/// The scalar that carries a column's values; None for enums and images.
fn scalar_kind(kind: &ColumnKind) -> Option<ScalarKind> {
    match kind {
        ColumnKind::Uuid => Some(ScalarKind::Uuid),
        ColumnKind::String => Some(ScalarKind::String),
        ColumnKind::Integer => Some(ScalarKind::Int),
        ColumnKind::Double => Some(ScalarKind::Float),
        ColumnKind::Numeric => Some(ScalarKind::Decimal),
        ColumnKind::Bool => Some(ScalarKind::Boolean),
        ColumnKind::DateTime => Some(ScalarKind::DateTime),
        ColumnKind::Date => Some(ScalarKind::Date),
        ColumnKind::Time => Some(ScalarKind::Time),
        ColumnKind::Json => Some(ScalarKind::Json),
        ColumnKind::Enum(_) | ColumnKind::StoredImage => None,
    }
}

fn type_name(kind: &ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Uuid => "UUID",
        ColumnKind::String | ColumnKind::Enum(_) => "String",
        ColumnKind::Integer => "Int",
        ColumnKind::Double => "Float",
        ColumnKind::Numeric => "Decimal",
        ColumnKind::Bool => "Boolean",
        ColumnKind::DateTime => "DateTime",
        ColumnKind::Date => "Date",
        ColumnKind::Time => "Time",
        ColumnKind::Json => "Json",
        ColumnKind::StoredImage => "StoredImage",
    }
}

/// A value of this column: the bare name, or a list of it.
pub(super) fn column_ref(name: &str, column: &Column) -> TypeRef {
    if column.list { ty(&format!("[{name}!]")) } else { ty(name) }
}

/// An input field that carries the documentation of a schema field.
pub(super) fn documented(field: &Field, ty: TypeRef) -> InputField {
    InputField { name: field.name.as_str().into(), description: field.description.clone(), deprecated: None, ty, default: None }
}
