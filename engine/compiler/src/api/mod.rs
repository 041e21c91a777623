//! The GraphQL API of one role set: its types, and what each field of them means to the compiler.

mod aggregates;
mod build;
mod definitions;
mod entity;
mod fixed;
mod inputs;
mod introspection;
mod keys;
mod lookup;
mod objects;
mod roots;
mod sdl;
#[cfg(test)]
mod tests;

pub use aggregates::AggregateFunction;
pub use keys::{DatePart, GroupKey, group_keys, unique_keys};

/// Member of an entity's filter that searches its texts, unless the entity has a field of this name.
pub(crate) const SEARCH: &str = "_search";
/// Member of an entity's order that ranks by how well its texts satisfy a search, unless the entity has a field of this name.
pub(crate) const RELEVANCE: &str = "_relevance";

use indexmap::IndexMap;
use std::fmt;
use std::sync::Arc;

use freehold_schema::names::{EntityName, FieldName};

/// The GraphQL API of one (release, role set). Never differs between tenants.
#[derive(Debug, Clone)]
pub struct Api {
    /// Types by name, in the order in which they are printed.
    pub types: IndexMap<Arc<str>, TypeDefinition>,
    /// Whether there is a `Mutation` type; `Query` always is.
    pub has_mutation: bool,
}

/// One named type.
#[derive(Debug, Clone)]
pub struct TypeDefinition {
    /// Name.
    pub name: Arc<str>,
    /// Documentation.
    pub description: Option<String>,
    /// Kind and members.
    pub kind: TypeKind,
}

/// Kinds of named types.
#[derive(Debug, Clone)]
pub enum TypeKind {
    /// A leaf whose values are checked as `scalar` says.
    Scalar(ScalarKind),
    /// A leaf with listed values.
    Enum(Vec<EnumValue>),
    /// An object and the interfaces it implements.
    Object {
        /// Interfaces.
        implements: Vec<Arc<str>>,
        /// Fields in order.
        fields: IndexMap<Arc<str>, OutputField>,
    },
    /// An interface; its possible types are the objects that implement it.
    Interface {
        /// Fields in order.
        fields: IndexMap<Arc<str>, OutputField>,
    },
    /// A union of objects.
    Union(Vec<Arc<str>>),
    /// An input object.
    Input(IndexMap<Arc<str>, InputField>),
}

/// How the values of a scalar are checked and bound (content API, section 5). An alias (`Url`) has its base type's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// Text.
    String,
    /// 32-bit signed integer.
    Int,
    /// Finite double.
    Float,
    /// True or false.
    Boolean,
    /// Built-in `ID`; no field of ours has this type, GraphQL demands that it exists.
    Id,
    /// Hexadecimal digits, dashes optional.
    Uuid,
    /// Decimal number as text or number.
    Decimal,
    /// Timestamp text, read by PostgreSQL.
    DateTime,
    /// Date text, read by PostgreSQL.
    Date,
    /// `HH:MM[:SS[.frac]]`
    Time,
    /// Any JSON.
    Json,
}

/// A value of an enum type.
#[derive(Debug, Clone)]
pub struct EnumValue {
    /// The value.
    pub name: Arc<str>,
    /// Documentation.
    pub description: Option<String>,
    /// Reason, when it should no longer be used.
    pub deprecated: Option<String>,
}

/// A field of an object or interface.
#[derive(Debug, Clone)]
pub struct OutputField {
    /// Name.
    pub name: Arc<str>,
    /// Documentation.
    pub description: Option<String>,
    /// Reason, when it should no longer be used.
    pub deprecated: Option<String>,
    /// Arguments in order.
    pub arguments: IndexMap<Arc<str>, InputField>,
    /// Type of the value.
    pub ty: TypeRef,
    /// What the compiler does for it.
    pub meaning: Meaning,
}

/// An argument, or a field of an input object.
#[derive(Debug, Clone)]
pub struct InputField {
    /// Name.
    pub name: Arc<str>,
    /// Documentation.
    pub description: Option<String>,
    /// Reason, when it should no longer be used.
    pub deprecated: Option<String>,
    /// Type of the value.
    pub ty: TypeRef,
    /// Used when the caller gives nothing; GraphQL literal.
    pub default: Option<serde_json::Value>,
}

/// A reference to a type, with its wrappers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypeRef {
    /// The type itself, nullable.
    Named(Arc<str>),
    /// A list, nullable.
    List(Box<TypeRef>),
    /// The same without null.
    NonNull(Box<TypeRef>),
}

impl TypeRef {
    /// The name inside all wrappers.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Named(name) => name,
            Self::List(inner) | Self::NonNull(inner) => inner.name(),
        }
    }

    /// Whether null is refused.
    #[must_use]
    pub fn is_non_null(&self) -> bool {
        matches!(self, Self::NonNull(_))
    }
}

impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(inner) => write!(f, "[{inner}]"),
            Self::NonNull(inner) => write!(f, "{inner}!"),
        }
    }
}

/// What a field means to the compiler: decided when the API is built, so that lowering never looks at names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// `getX(by, filter)`
    Get(EntityName),
    /// `listX(filter, orderBy, offset, limit)`
    List(EntityName),
    /// `paginateX(filter, orderBy, skip, first, after, before, last)`
    Paginate(EntityName),
    /// `validateCreateX(data)`
    ValidateCreate(EntityName),
    /// `validateUpdateX(by, data)`
    ValidateUpdate(EntityName),
    /// `transaction { … }` in a query: the same fields again, one level deeper.
    QueryTransaction,
    /// `schema`: the model as this role sees it.
    ModelSchema,
    /// `_info`
    Info,
    /// `createX(data)`
    Create(EntityName),
    /// `updateX(by, filter, data)`
    Update(EntityName),
    /// `upsertX(by, filter, update, create)`
    Upsert(EntityName),
    /// `deleteX(by, filter)`
    Delete(EntityName),
    /// `createManyX(data)`
    CreateMany(EntityName),
    /// `updateManyX(filter, data, limit)`
    UpdateMany(EntityName),
    /// `deleteManyX(filter, limit)`
    DeleteMany(EntityName),
    /// `transaction(options) { … }` in a mutation.
    MutationTransaction,
    /// `query { … }` in a mutation.
    MutationQuery,

    /// `generateUploadUrl(input)`
    GenerateUploadUrl,
    /// `generateReadUrl(objectKey, expiration)`
    GenerateReadUrl,
    /// `s3DummyQuery`: null.
    S3Dummy,

    /// A column of an entity's object.
    Column(FieldName),
    /// A has-one relation: `r(filter)`.
    HasOne(FieldName),
    /// A has-many relation: `r(filter, orderBy, offset, limit)`.
    HasMany(FieldName),
    /// `paginateR(filter, orderBy, skip, first, after, before, last)`
    PaginateHasMany(FieldName),
    /// `rByF(by, filter)` and `rBy(by, filter)`: the one related row with this key.
    ReducedHasMany(FieldName),
    /// `_meta` of an entity's object.
    Meta,
    /// A field of `XMeta`.
    MetaOf(FieldName),
    /// `readable` of `FieldMeta`.
    MetaReadable,
    /// `updatable` of `FieldMeta`.
    MetaUpdatable,

    /// `pageInfo` of a connection.
    PageInfo,
    /// `totalCount` of `PageInfo`.
    TotalCount,
    /// `hasNextPage` of `PageInfo`.
    HasNextPage,
    /// `hasPreviousPage` of `PageInfo`.
    HasPreviousPage,
    /// `startCursor` of `PageInfo`.
    StartCursor,
    /// `endCursor` of `PageInfo`.
    EndCursor,
    /// `edges` of a connection.
    Edges,
    /// `cursor` of an edge.
    Cursor,
    /// `node` of an edge or of a mutation's result.
    Node,

    /// `aggregateX(filter)`
    Aggregate(EntityName),
    /// `groupX(by, filter, orderBy, offset, limit)`
    Group(EntityName),
    /// `aggregateR(filter)` of a has-many relation.
    AggregateHasMany(FieldName),
    /// `groupR(by, filter, orderBy, offset, limit)` of a has-many relation.
    GroupHasMany(FieldName),
    /// `count` of an aggregate or group.
    Count,
    /// `countOf`, `sum` and their like: an object with a member per field.
    Function(AggregateFunction),
    /// A member of such an object; which function it is for, the object knows.
    FunctionOf(FieldName),
    /// `key` of a group.
    GroupKey,
    /// A member of `key`.
    GroupKeyOf(FieldName, Option<DatePart>),

    /// A member of a `StoredImage` that is stored: `key`, `width`, `height`, `contentType`.
    ImageMember,
    /// `url(width, height, fit, format)` of a `StoredImage`: signed when the answer is written.
    ImageUrl,

    /// A field of an object that the engine fills itself, not the database: results, errors, validation, model introspection.
    Plain,
    /// `__typename`; the name is the object's.
    Typename,
    /// `__schema` and `__type`, which async-graphql answers.
    Introspection,
}

impl Meaning {
    /// Whether a field of an entity or root goes beyond the recorded contract. The types that only such fields lead to come after all others.
    fn is_addition(&self) -> bool {
        matches!(self, Self::Aggregate(_) | Self::Group(_) | Self::AggregateHasMany(_) | Self::GroupHasMany(_))
    }
}
