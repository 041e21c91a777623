//! The content schema as everything else sees it: entities, fields, relations, enums, roles.
//!
//! A [`Schema`] is only made by [`Schema::from_sdl`](crate::sdl) and [`Schema::from_json`](crate::json), which check it; whoever holds one may rely on every
//! name in it being known, every owning side having its inverse, and every predicate fitting its entity.
//! Order is kept everywhere: it is the order of the GraphQL fields.

use indexmap::IndexMap;
use serde_json::Value;

use crate::acl::Role;
use crate::encryption::{self, Encryption};
use crate::ident::Ident;
use crate::names::{EntityName, EnumName, FieldName, RoleName};
use crate::search::Search;
use crate::validation::Rule;

/// One whole content schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Enums by name, in schema order.
    pub enums: IndexMap<EnumName, EnumType>,
    /// Entities by name, in schema order.
    pub entities: IndexMap<EntityName, Entity>,
    /// Roles by name. The built-in roles (content API, section 3.1) are always among them.
    pub roles: IndexMap<RoleName, Role>,
    /// Whether every role may choose primary keys on create.
    pub custom_primary: bool,
    /// Settings that change the answers.
    pub settings: Settings,
}

/// An enum: a PostgreSQL enum type and a GraphQL enum.
#[derive(Debug, Clone, PartialEq)]
pub struct EnumType {
    /// As the schema spells it; the GraphQL name has its first letter in upper case.
    pub name: EnumName,
    /// Name of the PostgreSQL type.
    pub pg_type: Ident,
    /// Becomes API documentation.
    pub description: Option<String>,
    /// In PostgreSQL's enum order, which comparisons use.
    pub values: Vec<EnumValue>,
}

/// One value of an enum.
#[derive(Debug, Clone, PartialEq)]
pub struct EnumValue {
    /// The value, in GraphQL and in PostgreSQL.
    pub name: String,
    /// Becomes API documentation.
    pub description: Option<String>,
    /// Reason, when the value should no longer be used.
    pub deprecated: Option<String>,
}

/// A kind of thing an organisation stores: one table, or one view.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Name in the schema and in GraphQL.
    pub name: EntityName,
    /// Becomes API documentation.
    pub description: Option<String>,
    /// Table or view in the content namespace.
    pub table: Ident,
    /// The primary key; always a not-null column of type Uuid, Integer or String.
    pub primary: FieldName,
    /// Columns and relations in GraphQL order.
    pub fields: IndexMap<FieldName, Field>,
    /// Unique keys besides the primary one and the ones that one-has-one relations imply.
    pub uniques: Vec<Unique>,
    /// Plain indexes.
    pub indexes: Vec<Index>,
    /// Order of lists that ask for none.
    pub order_by: Vec<OrderBy>,
    /// Set for a read-only entity backed by a query.
    pub view: Option<View>,
    /// Whether changes are recorded in the event log.
    pub event_log: bool,
}

/// A column or a relation of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name in the schema and in GraphQL.
    pub name: FieldName,
    /// Becomes API documentation.
    pub description: Option<String>,
    /// Reason, when the field should no longer be used.
    pub deprecated: Option<String>,
    /// Checked before any write (content API, section 13), first failing rule reported.
    pub rules: Vec<Rule>,
    /// What the field is.
    pub kind: FieldKind,
}

/// What a field is.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// A value stored in the entity's own table.
    Column(Column),
    /// A link to rows of an entity.
    Relation(Relation),
}

/// A value stored in the entity's table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Column in the table.
    pub column: Ident,
    /// The value's kind.
    pub kind: ColumnKind,
    /// PostgreSQL's type without `[]`, `numeric(20, 4)`. Differs from [`ColumnKind::default_pg_type`] only by the schema's wish.
    pub pg_type: String,
    /// A list of values: `pg_type[]`, never part of a unique key.
    pub list: bool,
    /// Whether NULL may be stored.
    pub nullable: bool,
    /// Applied by the engine on create when the field is absent; never a database DEFAULT (content API, section 2.2).
    pub default: Option<Value>,
    /// An identity column that PostgreSQL fills; Integer and not null only.
    pub sequence: Option<Sequence>,
    /// Another GraphQL scalar name for the same values.
    pub type_alias: Option<String>,
    /// Collation of text.
    pub collation: Option<Ident>,
    /// JSON Schema that values of a Json column must satisfy on input.
    pub json_schema: Option<Value>,
    /// How the text is searched, when it is; text of tables only, no lists.
    pub search: Option<Search>,
    /// How values are encrypted, when they are; text and JSON of tables only, no lists. [`Column::pg_type`] is then `bytea`.
    pub encryption: Option<Encryption>,
}

/// Kinds of values. Wire forms: content API, sections 2.2 and 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// GraphQL `UUID`
    Uuid,
    /// GraphQL `String`
    String,
    /// GraphQL `Int`, 32 bits
    Integer,
    /// GraphQL `Float`
    Double,
    /// GraphQL `Decimal`, text on the wire
    Numeric,
    /// GraphQL `Boolean`
    Bool,
    /// A GraphQL enum
    Enum(EnumName),
    /// GraphQL `DateTime`
    DateTime,
    /// GraphQL `Date`
    Date,
    /// GraphQL `Time`
    Time,
    /// GraphQL `Json`
    Json,
    /// GraphQL object `StoredImage`: `{key, width, height, contentType, version}` in one jsonb column, see ARCHITECTURE.md "An image".
    StoredImage,
}

impl ColumnKind {
    /// The PostgreSQL type of a column that asks for no other; None for an enum, whose type is its own.
    #[must_use]
    pub fn default_pg_type(&self) -> Option<&'static str> {
        match self {
            Self::Uuid => Some("uuid"),
            Self::String => Some("text"),
            Self::Integer => Some("integer"),
            Self::Double => Some("double precision"),
            Self::Numeric => Some("numeric"),
            Self::Bool => Some("boolean"),
            Self::Enum(_) => None,
            Self::DateTime => Some("timestamptz"),
            Self::Date => Some("date"),
            Self::Time => Some("time"),
            Self::Json | Self::StoredImage => Some("jsonb"),
        }
    }
}

impl Column {
    /// Whether rows can be ordered by it.
    #[must_use]
    pub fn is_sortable(&self) -> bool {
        !self.list && self.kind != ColumnKind::StoredImage && self.encryption.is_none()
    }

    /// The PostgreSQL type of such a column when the schema asks for no other.
    #[must_use]
    pub fn default_pg_type(&self) -> Option<&'static str> {
        if self.encryption.is_some() { Some(encryption::PG_TYPE) } else { self.kind.default_pg_type() }
    }
}

/// An identity column (PostgreSQL manual, CREATE TABLE, `GENERATED … AS IDENTITY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// `GENERATED ALWAYS` rather than `GENERATED BY DEFAULT`.
    pub always: bool,
    /// First value; 1 when absent.
    pub start: Option<i64>,
}

/// A link to rows of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// The entity on the other side.
    pub target: EntityName,
    /// Which side this is, and of what.
    pub kind: RelationKind,
}

/// The six sides a relation can have. Owning sides hold the foreign key or the junction table.
#[derive(Debug, Clone, PartialEq)]
pub enum RelationKind {
    /// Many rows here point at one row there; this table holds the foreign key.
    ManyHasOne {
        /// The has-many field on the target, if there is one.
        inversed_by: Option<FieldName>,
        /// Whether a row here may point at nothing.
        nullable: bool,
        /// The foreign key.
        joining: JoiningColumn,
    },
    /// The inverse of `ManyHasOne`.
    OneHasMany {
        /// The owning field on the target.
        owned_by: FieldName,
        /// Default order.
        order_by: Vec<OrderBy>,
    },
    /// One row here points at one row there; the foreign key is unique.
    OneHasOneOwning {
        /// The has-one field on the target, if there is one.
        inversed_by: Option<FieldName>,
        /// Whether a row here may point at nothing.
        nullable: bool,
        /// The foreign key.
        joining: JoiningColumn,
        /// Whether the row pointed at is deleted with its owner.
        orphan_removal: bool,
    },
    /// The inverse of `OneHasOneOwning`.
    OneHasOneInverse {
        /// The owning field on the target.
        owned_by: FieldName,
        /// Whether a row here may have no owner.
        nullable: bool,
    },
    /// Many to many; the junction table is named here.
    ManyHasManyOwning {
        /// The has-many field on the target, if there is one.
        inversed_by: Option<FieldName>,
        /// The junction.
        joining_table: JoiningTable,
        /// Default order.
        order_by: Vec<OrderBy>,
    },
    /// The inverse of `ManyHasManyOwning`.
    ManyHasManyInverse {
        /// The owning field on the target.
        owned_by: FieldName,
        /// Default order.
        order_by: Vec<OrderBy>,
    },
}

/// A foreign key column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoiningColumn {
    /// Column in the owning table.
    pub column: Ident,
    /// What happens to the owner when the row it points at is deleted.
    pub on_delete: OnDelete,
}

/// The junction of a many-has-many relation; its primary key is both columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoiningTable {
    /// The table.
    pub table: Ident,
    /// Points at the owning entity.
    pub owner: JoiningColumn,
    /// Points at the target entity.
    pub target: JoiningColumn,
    /// Whether connects and disconnects are recorded in the event log.
    pub event_log: bool,
}

/// What happens to referencing rows when a row is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion is refused.
    Restrict,
    /// Referencing rows are deleted too.
    Cascade,
    /// The reference becomes NULL.
    SetNull,
}

/// A unique key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// Columns and owning has-one relations.
    pub fields: Vec<FieldName>,
    /// Name of the constraint or index, when the schema gives one.
    pub name: Option<Ident>,
    /// Constraint or index, and when it is checked.
    pub kind: UniqueKind,
}

/// How a unique key is enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UniqueKind {
    /// A constraint that is checked at once.
    Immediate,
    /// A constraint that a transaction may defer.
    Deferrable,
    /// A constraint that is checked at commit.
    Deferred,
    /// A unique index.
    Index {
        /// NULLs count as equal.
        nulls_not_distinct: bool,
        /// Access method; `btree` when absent.
        method: Option<String>,
    },
}

/// A plain index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Columns and owning has-one relations with their options.
    pub fields: Vec<IndexField>,
    /// Name, when the schema gives one.
    pub name: Option<Ident>,
    /// Access method; `btree` when absent.
    pub method: Option<String>,
    /// A partial index's condition, SQL.
    pub predicate: Option<String>,
    /// Columns stored besides the key.
    pub include: Vec<FieldName>,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexField {
    /// Column or owning has-one relation.
    pub field: FieldName,
    /// Direction, when given.
    pub direction: Option<Direction>,
    /// Operator class, when given.
    pub op_class: Option<String>,
}

/// One item of a default order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// Has-one relations, then a column.
    pub path: Vec<FieldName>,
    /// Direction.
    pub direction: Direction,
}

/// Order directions of the content API, section 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `ASC NULLS LAST`
    Asc,
    /// `DESC NULLS FIRST`
    Desc,
    /// `ASC NULLS FIRST`
    AscNullsFirst,
    /// `DESC NULLS LAST`
    DescNullsLast,
}

/// A read-only entity's query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The query; `{{system_schema}}` and `{{project_slug}}` are replaced.
    pub sql: String,
    /// Entities the query reads.
    pub dependencies: Vec<EntityName>,
    /// Fields from which the id is derived where the query gives none.
    pub id_source: Vec<FieldName>,
    /// A materialised view.
    pub materialized: bool,
}

/// Settings that change the content API (content API, section 2.5). `Default` is what an absent setting means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Dates as `YYYY-MM-DD` instead of midnight UTC in ISO form.
    pub short_date_response: bool,
    /// Whole timestamps instead of milliseconds.
    pub full_date_time_response: bool,
    /// How whole timestamps are printed.
    pub date_time_response_format: DateTimeFormat,
    /// UUIDv7 instead of v4 for new rows.
    pub uuid_v7: bool,
    /// Kept for the JSON form; Freehold always uses EXISTS.
    pub use_exists_in_has_many_filter: bool,
}

/// How whole timestamps are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DateTimeFormat {
    /// PostgreSQL's text.
    #[default]
    Legacy,
    /// `YYYY-MM-DDTHH:MM:SS.ffffffZ`
    Iso8601,
}

impl Entity {
    /// The column behind `field`, if it is one.
    #[must_use]
    pub fn column(&self, field: &str) -> Option<&Column> {
        match &self.fields.get(field)?.kind {
            FieldKind::Column(column) => Some(column),
            FieldKind::Relation(_) => None,
        }
    }

    /// The relation behind `field`, if it is one.
    #[must_use]
    pub fn relation(&self, field: &str) -> Option<&Relation> {
        match &self.fields.get(field)?.kind {
            FieldKind::Relation(relation) => Some(relation),
            FieldKind::Column(_) => None,
        }
    }

    /// The primary key's column.
    ///
    /// # Panics
    /// Never for an entity of a checked schema.
    #[must_use]
    pub fn primary_column(&self) -> &Column {
        self.column(self.primary.as_str()).expect("a checked schema's primary is a column")
    }

    /// Whether rows may be without an id, so that a reader makes one up: those of a view that says nothing about its ids.
    #[must_use]
    pub fn has_random_ids(&self) -> bool {
        let is_silent = self.view.as_ref().is_some_and(|view| view.id_source.is_empty());
        is_silent && self.primary_column().kind == ColumnKind::Uuid
    }
}

impl Relation {
    /// The foreign key in this entity's own table, for the two owning has-one kinds.
    #[must_use]
    pub fn joining_column(&self) -> Option<&JoiningColumn> {
        match &self.kind {
            RelationKind::ManyHasOne { joining, .. } | RelationKind::OneHasOneOwning { joining, .. } => Some(joining),
            RelationKind::OneHasMany { .. }
            | RelationKind::OneHasOneInverse { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => None,
        }
    }

    /// Whether the foreign key in this entity's own table may be NULL. False for kinds without one.
    #[must_use]
    pub fn has_nullable_key(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::ManyHasOne { nullable: true, .. } | RelationKind::OneHasOneOwning { nullable: true, .. }
        )
    }

    /// Whether the field's value is a list.
    #[must_use]
    pub fn is_has_many(&self) -> bool {
        match &self.kind {
            RelationKind::OneHasMany { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => true,
            RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. } | RelationKind::OneHasOneInverse { .. } => {
                false
            }
        }
    }

    /// The field on the target that is the other side of this relation, if there is one.
    #[must_use]
    pub fn other_side(&self) -> Option<&FieldName> {
        match &self.kind {
            RelationKind::ManyHasOne { inversed_by, .. }
            | RelationKind::OneHasOneOwning { inversed_by, .. }
            | RelationKind::ManyHasManyOwning { inversed_by, .. } => inversed_by.as_ref(),
            RelationKind::OneHasMany { owned_by, .. }
            | RelationKind::OneHasOneInverse { owned_by, .. }
            | RelationKind::ManyHasManyInverse { owned_by, .. } => Some(owned_by),
        }
    }
}
