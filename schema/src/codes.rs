//! Stable names of the rules that a schema file can break. Changing one is a breaking change; ERRORS.md lists them.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident;)*) => {
        $($(#[doc = $doc])+ pub const $name: &str = stringify!($name);)*

        /// Every code with its meaning.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+))),*];
    };
}

codes! {
    /// The text is not GraphQL SDL, or not JSON.
    SYNTAX;
    /// A kind of definition that a schema file cannot have: interfaces, inputs, field arguments and the like.
    DEFINITION_UNSUPPORTED;
    /// No directive has this name.
    UNKNOWN_DIRECTIVE;
    /// The directive cannot stand here.
    DIRECTIVE_LOCATION;
    /// The directive may be given once only.
    DIRECTIVE_REPEATED;
    /// The directive does not fit this field.
    DIRECTIVE_MISPLACED;
    /// The directive has no such argument.
    UNKNOWN_ARGUMENT;
    /// A required argument or key is missing.
    MISSING_ARGUMENT;
    /// An argument or key is given twice.
    ARGUMENT_REPEATED;
    /// A value has the wrong type.
    ARGUMENT_TYPE;
    /// Arguments that exclude each other, or that need another one.
    ARGUMENT_CONFLICT;
    /// A name has characters that names cannot have.
    NAME_INVALID;
    /// A name is longer than the 63 bytes that PostgreSQL keeps.
    NAME_TOO_LONG;
    /// A name that the API needs for itself.
    NAME_RESERVED;
    /// Two things of one kind have the same name.
    NAME_TAKEN;
    /// Two tables, views, links or enum types have the same name in the database.
    TABLE_TAKEN;
    /// Two fields of an entity have the same column.
    COLUMN_TAKEN;
    /// Two constraints or indexes were given the same name.
    CONSTRAINT_TAKEN;
    /// No scalar, enum or entity has this name.
    UNKNOWN_TYPE;
    /// No entity has this name.
    UNKNOWN_ENTITY;
    /// The entity has no such field.
    UNKNOWN_FIELD;
    /// No role has this name.
    UNKNOWN_ROLE;
    /// The role has no such variable.
    UNKNOWN_VARIABLE;
    /// The enum has no such value.
    UNKNOWN_ENUM_VALUE;
    /// No condition has this operator, or not on this kind of column.
    UNKNOWN_OPERATOR;
    /// The JSON form has no such key here.
    UNKNOWN_KEY;
    /// A type without fields or an enum without values.
    TYPE_EMPTY;
    /// Items of a list cannot be null.
    LIST_ITEM_NULLABLE;
    /// The column's PostgreSQL type, collation or JSON Schema does not fit its kind.
    COLUMN_TYPE;
    /// The default value does not fit the column.
    DEFAULT_TYPE;
    /// The field cannot be searched like this.
    SEARCH_INVALID;
    /// The field cannot be encrypted like this.
    ENCRYPTION_INVALID;
    /// PostgreSQL has no text search in this language.
    UNKNOWN_LANGUAGE;
    /// The column cannot be a sequence.
    SEQUENCE_INVALID;
    /// The field cannot be the primary key.
    PRIMARY_INVALID;
    /// The scalar's name cannot be used, or stands for two kinds of values.
    SCALAR_INVALID;
    /// The two sides of a relation do not fit.
    INVERSE_MISMATCH;
    /// The relation cannot be stored like this.
    RELATION_INVALID;
    /// The unique key cannot be kept.
    UNIQUE_INVALID;
    /// The index cannot be made.
    INDEX_INVALID;
    /// Rows cannot be ordered like this.
    ORDER_INVALID;
    /// The view cannot be made.
    VIEW_INVALID;
    /// A role inherits from itself.
    ROLE_CYCLE;
    /// The role cannot be declared like this.
    ROLE_INVALID;
    /// The permission cannot be given like this.
    ALLOW_INVALID;
    /// The pattern of object keys cannot be matched.
    KEY_PATTERN_INVALID;
    /// A predicate restricts nothing at some place, which is hardly ever meant.
    PREDICATE_EMPTY;
    /// A predicate does not fit its entity.
    PREDICATE_INVALID;
    /// The rule does not fit its field.
    RULE_INVALID;
}
