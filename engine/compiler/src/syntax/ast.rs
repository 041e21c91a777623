//! The syntax tree of an executable document (GraphQL October 2021, section 2). Names are shared, positions are those that graphql-js reports.

use std::sync::Arc;

use crate::selection::Pos;

/// A name and its place.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name.
    pub text: Arc<str>,
    /// Its first character.
    pub pos: Pos,
}

/// A whole document.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Operations in document order.
    pub operations: Vec<Operation>,
    /// Fragments in document order.
    pub fragments: Vec<Fragment>,
}

/// The three kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationType {
    /// Reads.
    Query,
    /// Writes.
    Mutation,
    /// Streams; not offered.
    Subscription,
}

/// `query Q($a: Int) { … }`
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its kind.
    pub ty: OperationType,
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// Its variables.
    pub variables: Vec<VariableDefinition>,
    /// Its directives.
    pub directives: Vec<Directive>,
    /// What it asks for.
    pub selection: SelectionSet,
    /// First token.
    pub pos: Pos,
    /// Last token.
    pub end: Pos,
}

/// `$a: Int = 1`
#[derive(Debug, Clone)]
pub struct VariableDefinition {
    /// Name without `$`; its position is the `$`.
    pub name: Name,
    /// Declared type.
    pub ty: Type,
    /// Default, a value without variables.
    pub default: Option<Value>,
    /// Directives.
    pub directives: Vec<Directive>,
}

/// A type as written.
#[derive(Debug, Clone)]
pub enum Type {
    /// `Int`
    Named(Name),
    /// `[Int]`
    List(Box<Type>, Pos),
    /// `Int!`
    NonNull(Box<Type>, Pos),
}

/// `fragment F on T { … }`
#[derive(Debug, Clone)]
pub struct Fragment {
    /// Name.
    pub name: Name,
    /// The type it applies to.
    pub type_condition: Name,
    /// Directives.
    pub directives: Vec<Directive>,
    /// What it asks for.
    pub selection: SelectionSet,
    /// First token.
    pub pos: Pos,
}

/// `{ … }`
#[derive(Debug, Clone)]
pub struct SelectionSet {
    /// At least one.
    pub items: Vec<Selection>,
    /// The brace.
    pub pos: Pos,
}

/// One item of a selection set.
#[derive(Debug, Clone)]
pub enum Selection {
    /// `alias: name(arguments) @directives { … }`
    Field(Field),
    /// `...F`
    Spread(Spread),
    /// `... on T { … }`
    Inline(Inline),
}

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Alias.
    pub alias: Option<Name>,
    /// Name.
    pub name: Name,
    /// Arguments.
    pub arguments: Vec<Argument>,
    /// Directives.
    pub directives: Vec<Directive>,
    /// Fields below.
    pub selection: Option<SelectionSet>,
    /// First token: the alias if there is one.
    pub pos: Pos,
    /// Last token.
    pub end: Pos,
}

/// A fragment's use.
#[derive(Debug, Clone)]
pub struct Spread {
    /// The fragment.
    pub name: Name,
    /// Directives.
    pub directives: Vec<Directive>,
    /// The dots.
    pub pos: Pos,
}

/// An inline fragment.
#[derive(Debug, Clone)]
pub struct Inline {
    /// The type it applies to.
    pub type_condition: Option<Name>,
    /// Directives.
    pub directives: Vec<Directive>,
    /// What it asks for.
    pub selection: SelectionSet,
    /// The dots.
    pub pos: Pos,
}

/// `@name(arguments)`
#[derive(Debug, Clone)]
pub struct Directive {
    /// Name without `@`.
    pub name: Name,
    /// Arguments.
    pub arguments: Vec<Argument>,
    /// The `@`.
    pub pos: Pos,
    /// Last token.
    pub end: Pos,
}

/// `name: value`, in arguments and in input objects.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Name; its position is that of the whole.
    pub name: Name,
    /// Value.
    pub value: Value,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Value {
    /// The value.
    pub kind: ValueKind,
    /// First token.
    pub pos: Pos,
}

/// A value as written.
#[derive(Debug, Clone)]
pub enum ValueKind {
    /// `$name`
    Variable(Arc<str>),
    /// Digits as written.
    Int(Arc<str>),
    /// Digits as written.
    Float(Arc<str>),
    /// Text, escapes resolved.
    String {
        /// The text.
        text: Arc<str>,
        /// Written between `"""`.
        block: bool,
    },
    /// `true` or `false`
    Boolean(bool),
    /// `null`
    Null,
    /// Any other name.
    Enum(Arc<str>),
    /// `[…]`
    List(Vec<Value>),
    /// `{…}`
    Object(Vec<Argument>),
}

impl Field {
    /// The key in the answer.
    #[must_use]
    pub fn response_key(&self) -> &Arc<str> {
        &self.alias.as_ref().unwrap_or(&self.name).text
    }
}

impl Selection {
    /// Directives.
    #[must_use]
    pub fn directives(&self) -> &[Directive] {
        match self {
            Self::Field(field) => &field.directives,
            Self::Spread(spread) => &spread.directives,
            Self::Inline(inline) => &inline.directives,
        }
    }
}

impl Type {
    /// The name inside all wrappers.
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Self::Named(name) => name,
            Self::List(inner, _) | Self::NonNull(inner, _) => inner.name(),
        }
    }

    /// First token.
    #[must_use]
    pub fn pos(&self) -> Pos {
        match self {
            Self::Named(name) => name.pos,
            Self::List(_, pos) | Self::NonNull(_, pos) => *pos,
        }
    }
}

impl Value {
    /// The variable's name, if the value is one.
    #[must_use]
    pub fn variable(&self) -> Option<&Arc<str>> {
        match &self.kind {
            ValueKind::Variable(name) => Some(name),
            ValueKind::Int(_)
            | ValueKind::Float(_)
            | ValueKind::String { .. }
            | ValueKind::Boolean(_)
            | ValueKind::Null
            | ValueKind::Enum(_)
            | ValueKind::List(_)
            | ValueKind::Object(_) => None,
        }
    }
}
