//! What a request asks for, after fragments, directives, aliases and variables were resolved: the input of lowering.

use indexmap::IndexMap;
use std::sync::Arc;

use crate::api::Meaning;

/// A place in the document, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pos {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// One field of the answer. Fields with the same response key were merged (GraphQL October 2021, 6.3.2 CollectFields).
#[derive(Debug, Clone)]
pub struct Selected {
    /// Alias, or else the field's name.
    pub key: Arc<str>,
    /// The field's name in the schema.
    pub name: Arc<str>,
    /// What it means.
    pub meaning: Meaning,
    /// Name of the field's type inside all wrappers.
    pub type_name: Arc<str>,
    /// Arguments that were given, by name. An absent optional argument is absent here, an explicit null is [`Input::Null`].
    pub arguments: IndexMap<Arc<str>, Input>,
    /// Fields below, when the type has any.
    pub selections: Selections,
    /// First place in the document.
    pub pos: Pos,
}

/// Fields below a field.
#[derive(Debug, Clone)]
pub enum Selections {
    /// A leaf.
    None,
    /// Of an object type.
    Object(Vec<Selected>),
    /// Of an interface or union: per possible object type.
    Abstract(IndexMap<Arc<str>, Vec<Selected>>),
}

impl Selections {
    /// The fields below an object; nothing for a leaf.
    #[must_use]
    pub fn fields(&self) -> &[Selected] {
        match self {
            Self::Object(fields) => fields,
            Self::None | Self::Abstract(_) => &[],
        }
    }
}

/// A coerced argument value that still knows where each leaf came from, so that a plan can be reused with other variables.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Explicit null.
    Null,
    /// A scalar or enum value; or a whole list of scalars that came from one variable; or a whole Json value.
    Leaf(Leaf),
    /// A list. Lists of scalars written in the document are of this kind too; their items are leaves.
    List(Vec<Input>),
    /// An input object; absent members are absent.
    Object(IndexMap<Arc<str>, Input>),
}

/// A value and its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Coerced: integers as numbers, enums as their name, decimals as text, lists as arrays.
    pub value: serde_json::Value,
    /// Where the value comes from at run time.
    pub source: Source,
}

/// Where a value comes from at run time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// Written in the document (or a default): part of the plan.
    Literal,
    /// From a variable: bound anew for each request.
    Variable(VariablePath),
}

/// A place within the request's variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VariablePath {
    /// The variable's name without `$`.
    pub name: Arc<str>,
    /// Steps into its value.
    pub steps: Vec<PathStep>,
}

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathStep {
    /// Member of an object.
    Member(Arc<str>),
    /// Item of a list.
    Item(usize),
}
