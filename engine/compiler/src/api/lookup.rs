//! Questions about types.

use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;

use super::{Api, InputField, Meaning, OutputField, TypeDefinition, TypeKind, TypeRef};

static TYPENAME: LazyLock<OutputField> =
    LazyLock::new(|| meta_field("__typename", non_null("String"), Meaning::Typename, IndexMap::new()));
static SCHEMA: LazyLock<OutputField> =
    LazyLock::new(|| meta_field("__schema", non_null("__Schema"), Meaning::Introspection, IndexMap::new()));
static TYPE: LazyLock<OutputField> = LazyLock::new(|| {
    let name: Arc<str> = Arc::from("name");
    let argument =
        InputField { name: Arc::clone(&name), description: None, deprecated: None, ty: non_null("String"), default: None };
    meta_field("__type", TypeRef::Named("__Type".into()), Meaning::Introspection, IndexMap::from([(name, argument)]))
});

fn non_null(name: &str) -> TypeRef {
    TypeRef::NonNull(Box::new(TypeRef::Named(name.into())))
}

fn meta_field(name: &str, ty: TypeRef, meaning: Meaning, arguments: IndexMap<Arc<str>, InputField>) -> OutputField {
    OutputField { name: name.into(), description: None, deprecated: None, arguments, ty, meaning }
}

impl Api {
    /// A field of an object, interface or union, `__typename` and, on `Query`, `__schema` and `__type` included.
    #[must_use]
    pub fn output_field(&self, type_name: &str, field: &str) -> Option<&OutputField> {
        let definition = self.types.get(type_name)?;
        match field {
            "__typename" if definition.is_composite() => Some(&TYPENAME),
            "__schema" if type_name == "Query" => Some(&SCHEMA),
            "__type" if type_name == "Query" => Some(&TYPE),
            _ => definition.output_fields()?.get(field),
        }
    }

    /// The objects that a value of this type can be: the object itself, or those of an interface or union.
    pub fn possible_types<'a>(&'a self, type_name: &'a str) -> impl Iterator<Item = &'a TypeDefinition> {
        self.types
            .values()
            .filter(move |object| matches!(object.kind, TypeKind::Object { .. }) && self.is_possible(type_name, &object.name))
    }

    /// Whether a value of the abstract or object type can be this object.
    #[must_use]
    pub fn is_possible(&self, type_name: &str, object: &str) -> bool {
        if type_name == object {
            return true;
        }
        match self.types.get(type_name).map(|definition| &definition.kind) {
            Some(TypeKind::Union(members)) => members.iter().any(|member| **member == *object),
            Some(TypeKind::Interface { .. }) => matches!(
                self.types.get(object).map(|definition| &definition.kind),
                Some(TypeKind::Object { implements, .. }) if implements.iter().any(|interface| **interface == *type_name)
            ),
            Some(TypeKind::Scalar(_) | TypeKind::Enum(_) | TypeKind::Object { .. } | TypeKind::Input(_)) | None => false,
        }
    }
}

impl TypeDefinition {
    /// Whether values have fields.
    #[must_use]
    pub fn is_composite(&self) -> bool {
        matches!(self.kind, TypeKind::Object { .. } | TypeKind::Interface { .. } | TypeKind::Union(_))
    }

    /// Whether variables can have this type.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self.kind, TypeKind::Scalar(_) | TypeKind::Enum(_) | TypeKind::Input(_))
    }

    /// Whether values have no fields.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        matches!(self.kind, TypeKind::Scalar(_) | TypeKind::Enum(_))
    }

    /// Fields of an object or interface.
    #[must_use]
    pub fn output_fields(&self) -> Option<&IndexMap<Arc<str>, OutputField>> {
        match &self.kind {
            TypeKind::Object { fields, .. } | TypeKind::Interface { fields } => Some(fields),
            TypeKind::Scalar(_) | TypeKind::Enum(_) | TypeKind::Union(_) | TypeKind::Input(_) => None,
        }
    }

    /// Fields of an input object.
    #[must_use]
    pub fn input_fields(&self) -> Option<&IndexMap<Arc<str>, InputField>> {
        match &self.kind {
            TypeKind::Input(fields) => Some(fields),
            TypeKind::Scalar(_)
            | TypeKind::Enum(_)
            | TypeKind::Object { .. }
            | TypeKind::Interface { .. }
            | TypeKind::Union(_) => None,
        }
    }
}
