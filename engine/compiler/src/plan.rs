//! Compiled operations: what to send to the database and how to write the answer.

use std::sync::Arc;

use crate::bind::Bind;
use crate::selection::{Input, Pos};

/// A compiled operation. Shared by every tenant on the same release; holds no value of a request.
#[derive(Debug, Clone)]
pub enum Plan {
    /// A query: at most one statement.
    Query(QueryPlan),
    /// A mutation: root fields run one after the other, each in its own transaction.
    Mutation(MutationPlan),
}

/// SQL text cut at its binds: `segments[0] $1 segments[1] $2 … segments[n]`. Deterministic; each bind appears once, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// One more than binds.
    pub segments: Vec<String>,
    /// In the order of their `$n`.
    pub binds: Vec<Bind>,
}

/// A compiled query. Its statement returns, for each [`RootValue::Row`], one row `(ordinal int4, json text)` in ascending order of `ordinal`.
#[derive(Debug, Clone)]
pub struct QueryPlan {
    /// Root fields in answer order.
    pub roots: Vec<Root>,
    /// Absent when no root field needs the database.
    pub statement: Option<Statement>,
    /// Images whose URLs are signed when the answer is written.
    pub images: Vec<ImageSlot>,
}

/// One root field of the answer.
#[derive(Debug, Clone)]
pub struct Root {
    /// Response key.
    pub key: Arc<str>,
    /// Where its JSON comes from.
    pub value: RootValue,
}

/// Where a root field's JSON comes from.
#[derive(Debug, Clone)]
pub enum RootValue {
    /// The row with this ordinal.
    Row(i32),
    /// Fixed JSON text: `__typename`, `_info`, the model.
    Constant(String),
    /// `__schema` or `__type`: answered by the type system.
    Introspection,
    /// An object of further roots: `transaction { … }`.
    Object(Vec<Root>),
    /// Null, with an error beside it: `getX` by an incomplete key.
    Failed(RootError),
}

/// An error of one root field whose type is nullable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootError {
    /// For the caller.
    pub message: String,
    /// Stable code.
    pub code: &'static str,
    /// Place in the document.
    pub pos: Pos,
}

/// A signed URL to be written into the answer.
///
/// SQL cannot sign, and the answer is not parsed: the statement writes `"<marker>.<slot>.<version>.<key>"` where the URL belongs, with a marker that is random per
/// request, so that stored content cannot imitate it; the engine replaces each such text by the URL.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSlot {
    /// `width`, `height`, `fit`, `format` as given; [`Input::Null`] when absent.
    pub width: Input,
    /// See `width`.
    pub height: Input,
    /// See `width`.
    pub fit: Input,
    /// See `width`.
    pub format: Input,
}

/// A compiled mutation.
#[derive(Debug, Clone)]
pub struct MutationPlan {
    /// Root fields in document order.
    pub roots: Vec<MutationRoot>,
    /// Images whose URLs are signed when the answer is written.
    pub images: Vec<ImageSlot>,
}

/// One root field of a mutation.
#[derive(Debug, Clone)]
pub struct MutationRoot {
    /// Response key.
    pub key: Arc<str>,
    /// What it does.
    pub value: MutationRootValue,
}

/// What a root field of a mutation does.
#[derive(Debug, Clone)]
pub enum MutationRootValue {
    /// Changes rows, in a transaction of its own.
    Write(Box<crate::plan::Write>),
    /// `query { … }`
    Query(QueryPlan),
    /// Fixed JSON text.
    Constant(String),
}

/// Steps of one transaction and how their outcome is answered. See the mutation module of this crate.
#[derive(Debug, Clone)]
pub struct Write {
    /// Run in order; the first whose check fails rolls the transaction back.
    pub steps: Vec<Step>,
    /// Reads the node: before the steps for a deletion, after them otherwise; returns one row with its JSON text, or none.
    pub node: Option<NodeRead>,
    /// The selected fields of the result type.
    pub result: Vec<crate::selection::Selected>,
}

/// Reads the node of a mutation's result.
#[derive(Debug, Clone)]
pub struct NodeRead {
    /// Returns `(0, json text)` or nothing.
    pub statement: Statement,
    /// Whether it runs before the steps.
    pub before: bool,
}

/// One statement of a transaction and what its answer must be.
#[derive(Debug, Clone)]
pub struct Step {
    /// Returns one row `(0, json text)`, a JSON object of named texts and booleans.
    pub statement: Statement,
    /// Names that must be `true` in the answer, in order; the first that is not decides the error.
    pub checks: Vec<Check>,
    /// Names of texts that later steps bind.
    pub outputs: Vec<String>,
    /// Paths of the fields written, for mapping database errors.
    pub entity: freehold_schema::names::EntityName,
}

/// A named condition and the error when it does not hold.
#[derive(Debug, Clone)]
pub struct Check {
    /// Member of the step's answer.
    pub name: String,
    /// The error.
    pub error: WriteError,
}

/// An entry of a result's `errors` (content API, section 11).
#[derive(Debug, Clone, PartialEq)]
pub struct WriteError {
    /// Each the path of one field concerned.
    pub paths: Vec<Vec<PathFragment>>,
    /// `_MutationErrorType`
    pub kind: WriteErrorKind,
    /// Text for the caller.
    pub message: Option<String>,
}

/// `_PathFragment`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFragment {
    /// A field.
    Field(String),
    /// An item of a list, with the alias the caller gave it.
    Index(usize, Option<String>),
}

/// `_MutationErrorType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteErrorKind {
    /// A not-null field would become null.
    NotNullConstraintViolation,
    /// A unique key is taken.
    UniqueConstraintViolation,
    /// A row is still referenced.
    ForeignKeyConstraintViolation,
    /// Missing, or not permitted; the two cannot be told apart.
    NotFoundOrDenied,
    /// An incomplete unique key.
    NonUniqueWhereInput,
    /// A value PostgreSQL cannot read.
    InvalidDataInput,
    /// Any other SQL error.
    SqlError,
}
