//! Compiled operations: what to send to the database and how to write the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_schema::ident::Ident;
use freehold_schema::names::{EntityName, FieldName};
use serde_json::Value;

use crate::bind::{Bind, BindSource, StepOutputs};
use crate::cipher::EncryptedCell;
use crate::coerce::Variables;
use crate::error::ErrorCode;
use crate::mutation::rules::Rule;
use crate::objects::ObjectRequest;
use crate::output::Output;
use crate::selection::{Input, Leaf, Pos, Selected, Source};

/// A compiled operation. Shared by every tenant on the same release; holds no value of a request.
#[derive(Debug, Clone)]
pub enum Plan {
    /// A query: at most one statement.
    Query(QueryPlan),
    /// A mutation: root fields run one after the other, each in its own transaction.
    Mutation(MutationPlan),
}

impl Plan {
    /// Everything that may be sent to the database.
    #[must_use]
    pub fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Query(query) => query.statement.iter().collect(),
            Self::Mutation(mutation) => mutation.roots.iter().flat_map(MutationRoot::statements).collect(),
        }
    }

    /// Whether it encrypts or decrypts: its statements are bound, and its answer is written, with the tenant's data key.
    #[must_use]
    pub fn needs_cipher(&self) -> bool {
        let has_cells = |slots: &[Slot]| slots.iter().any(|slot| matches!(slot, Slot::Cell(_)));
        let reads = match self {
            Self::Query(query) => has_cells(&query.slots),
            Self::Mutation(mutation) => mutation.roots.iter().any(|root| root.slots().iter().any(|slots| has_cells(slots))),
        };
        reads || self.statements().iter().flat_map(|statement| &statement.binds).any(|bind| bind.source.needs_cipher())
    }
}

/// SQL text cut at its binds: `segments[0] $1 segments[1] $2 … segments[n]`. Deterministic; each bind appears once, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// One more than binds.
    pub segments: Vec<String>,
    /// In the order of their `$n`.
    pub binds: Vec<Bind>,
}

impl Statement {
    /// The text, with `$1`, `$2`, … at the binds.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut sql = String::with_capacity(self.segments.iter().map(|segment| segment.len() + 4).sum());
        for (index, segment) in self.segments.iter().enumerate() {
            if index > 0 {
                sql.push('$');
                sql.push_str(&index.to_string());
            }
            sql.push_str(segment);
        }
        sql
    }
}

/// A compiled query. Its statement returns, for each [`RootValue::Row`], one row `(ordinal int4, value record)` in ascending order of `ordinal`; the record has
/// one value, the root field's. When [`RootValue::Items`] is among the root fields, all rows are its items.
#[derive(Debug, Clone)]
pub struct QueryPlan {
    /// Root fields in answer order.
    pub roots: Vec<Root>,
    /// Absent when no root field needs the database.
    pub statement: Option<Statement>,
    /// What is put in when the answer is written.
    pub slots: Vec<Slot>,
}

impl QueryPlan {
    /// Whether a root field is answered with an error, which names its place in the document.
    #[must_use]
    pub fn fails(&self) -> bool {
        fn fail(roots: &[Root]) -> bool {
            roots.iter().any(|root| match &root.value {
                RootValue::Failed(_) => true,
                RootValue::Object(roots) => fail(roots),
                RootValue::Row(..)
                | RootValue::Items(_)
                | RootValue::Constant(_)
                | RootValue::Introspection
                | RootValue::Validation(..) => false,
            })
        }
        fail(&self.roots)
    }
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
    /// The row with this ordinal, and what its value is.
    Row(i32, Output),
    /// A list of all rows of the statement, and what each one's value is.
    Items(Output),
    /// Fixed JSON text: `__typename`, `_info`, the model.
    Constant(String),
    /// `__schema` or `__type`: answered by the type system.
    Introspection,
    /// `validateCreateX` or `validateUpdateX`, see [`Validation::answer`].
    Validation(Box<Validation>),
    /// An object of further roots: `transaction { … }`.
    Object(Vec<Root>),
    /// Null, with an error beside it: `getX` by an incomplete key.
    Failed(RootError),
}

/// The verdict on the data of a write (content API, section 13).
#[derive(Debug, Clone)]
pub struct Validation {
    /// Rules that the data alone may break.
    pub checks: Vec<RowChecks>,
    /// Rules that look at rows as they are, too.
    pub rules: Vec<RowChecks>,
    /// The row of the statement that tells of these, see [`Validation::told`]; absent when there is nothing to be told.
    pub row: Option<i32>,
    /// The root field.
    pub field: Selected,
}

/// An error of one root field whose type is nullable.
#[derive(Debug, Clone, PartialEq)]
pub struct RootError {
    /// For the caller.
    pub message: Message,
    /// Stable code.
    pub code: ErrorCode,
    /// Place in the document.
    pub pos: Pos,
}

/// A text for the caller that may quote what he gave. A plan is shared between requests, so the values are put in when the text is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Message(pub Vec<MessagePart>);

/// A part of a [`Message`].
#[derive(Debug, Clone, PartialEq)]
pub enum MessagePart {
    /// Fixed.
    Text(String),
    /// An input, as JSON.
    Input(Input),
    /// The members of an input object, as JSON without the braces.
    Members(Input),
    /// A text that a step returned.
    Step(Arc<str>),
}

impl Message {
    /// A text that quotes nothing.
    #[must_use]
    pub fn fixed(text: impl Into<String>) -> Self {
        Self(vec![MessagePart::Text(text.into())])
    }

    /// The text for one request.
    #[must_use]
    pub fn render(&self, variables: &Variables, steps: &StepOutputs) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                MessagePart::Text(part) => text.push_str(part),
                MessagePart::Input(input) => text.push_str(&input.to_json(variables).to_string()),
                MessagePart::Members(input) => {
                    let json = input.to_json(variables).to_string();
                    text.push_str(json.trim_start_matches('{').trim_end_matches('}'));
                }
                MessagePart::Step(name) => text.push_str(steps.get(name).and_then(Option::as_deref).unwrap_or_default()),
            }
        }
        text
    }
}

impl Input {
    /// The value in one request. Members that are null are kept.
    #[must_use]
    pub fn to_json(&self, variables: &Variables) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Leaf(Leaf { value, source: Source::Literal }) => value.clone(),
            Self::Leaf(Leaf { source: Source::Variable(path), .. }) => variables.at(path).cloned().unwrap_or(Value::Null),
            Self::List(items) => Value::Array(items.iter().map(|item| item.to_json(variables)).collect()),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, item)| (name.to_string(), item.to_json(variables))).collect())
            }
        }
    }
}

/// A value of the answer that only the engine can make.
///
/// SQL can neither sign nor decrypt, and the answer is not parsed: the statement writes `"<marker>.<slot>.<what the value is made of>"` where the value belongs, with a
/// marker that is random per request, so that stored content cannot imitate it; the engine replaces each such text.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot {
    /// A signed URL, made of `<version>.<key>`.
    Image(Box<ImageSlot>),
    /// A decrypted value, made of `<id of the row>.<stored bytes as hexadecimal digits>`.
    Cell(Arc<EncryptedCell>),
}

/// The arguments of an image's URL.
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
    /// Root fields in document order; each its own transaction.
    pub roots: Vec<MutationRoot>,
    /// How many new primary keys one run needs.
    pub n_new_ids: usize,
    /// New primary keys are UUIDs of version 7 rather than 4.
    pub uuid_v7: bool,
    /// URLs that are signed before anything is changed: a refused one then undoes nothing.
    pub objects: Vec<ObjectRequest>,
}

impl MutationPlan {
    /// As [`QueryPlan::fails`], of the queries in it. What goes wrong with a write is named by paths of its input.
    #[must_use]
    pub fn fails(&self) -> bool {
        fn fail(roots: &[MutationRoot]) -> bool {
            roots.iter().any(|root| match &root.value {
                MutationRootValue::Query(query) => query.fails(),
                MutationRootValue::Transaction(transaction) => fail(&transaction.roots),
                MutationRootValue::Write(_)
                | MutationRootValue::Object(_)
                | MutationRootValue::Constant(_)
                | MutationRootValue::Result(_) => false,
            })
        }
        fail(&self.roots)
    }
}

/// One root field of a mutation.
#[derive(Debug, Clone)]
pub struct MutationRoot {
    /// Response key.
    pub key: Arc<str>,
    /// What it does.
    pub value: MutationRootValue,
}

impl MutationRoot {
    /// What is put into its answer.
    fn slots(&self) -> Vec<&[Slot]> {
        match &self.value {
            MutationRootValue::Write(write) => vec![&write.slots],
            MutationRootValue::Query(query) => vec![&query.slots],
            MutationRootValue::Transaction(transaction) => transaction.roots.iter().flat_map(Self::slots).collect(),
            MutationRootValue::Object(_) | MutationRootValue::Constant(_) | MutationRootValue::Result(_) => Vec::new(),
        }
    }

    /// Everything that it may send to the database, in order.
    #[must_use]
    pub fn statements(&self) -> Vec<&Statement> {
        match &self.value {
            MutationRootValue::Write(write) => write.statements().collect(),
            MutationRootValue::Query(query) => query.statement.iter().collect(),
            MutationRootValue::Transaction(transaction) => {
                transaction.defer.iter().chain(transaction.roots.iter().flat_map(Self::statements)).collect()
            }
            MutationRootValue::Object(_) | MutationRootValue::Constant(_) | MutationRootValue::Result(_) => Vec::new(),
        }
    }
}

/// What a root field of a mutation does.
#[derive(Debug, Clone)]
pub enum MutationRootValue {
    /// Changes rows, in a transaction of its own unless it is in one: [`Write::run`].
    Write(Box<Write>),
    /// `query { … }`
    Query(QueryPlan),
    /// Several of these in one transaction.
    Transaction(Transaction),
    /// The answer of the request at this index of [`MutationPlan::objects`].
    Object(usize),
    /// In a transaction: a member of its own result.
    Result(Selected),
    /// Fixed JSON text.
    Constant(String),
}

/// `transaction { … }` of a mutation (content API, section 12).
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Its fields in document order.
    pub roots: Vec<MutationRoot>,
    /// Sent first; returns no row.
    pub defer: Option<Statement>,
}

/// One change: what is checked first, the steps of its transaction, and how its outcome is answered.
#[derive(Debug, Clone)]
pub struct Write {
    /// Checked before anything is sent; a failing one ends the write.
    pub checks: Vec<RowChecks>,
    /// Run in order; the first whose answer is not as it must be rolls the transaction back.
    pub steps: Vec<Step>,
    /// Name of the result's type.
    pub result_type: Arc<str>,
    /// The selected fields of the result.
    pub result: Vec<Selected>,
    /// What is put in when the answer is written.
    pub slots: Vec<Slot>,
    /// Rows that it creates, when it is one of many rows.
    pub n_created: usize,
}

impl Write {
    /// Whether it needs no transaction around it: it is one statement, which changes everything or nothing.
    #[must_use]
    pub fn is_single(&self) -> bool {
        match self.steps.as_slice() {
            [Step { action: Action::Send(_, StepKind::Change { is_whole, .. }), .. }] => *is_whole,
            [Step { action: Action::Send(_, StepKind::ChangedNode { .. }), .. }] => true,
            _ => false,
        }
    }

    /// Its statements, in the order of its steps.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Send(statement, _) => Some(statement),
            Action::Judge(_) | Action::Refuse(_) => None,
        })
    }
}

/// The rules of the schema on one row of an input (content API, section 13).
#[derive(Debug, Clone)]
pub struct RowChecks {
    /// Where the row is in the input.
    pub(crate) path: Vec<PathFragment>,
    /// What is known of the row to be, by field: given values and defaults.
    pub(crate) values: BTreeMap<FieldName, BindSource>,
    /// What a step returned of the row as it is, by field: names of texts with JSON. Of a field without text nothing is known.
    pub(crate) stored: Vec<(FieldName, Arc<str>)>,
    /// The rules, those of one field beside each other.
    pub(crate) checks: Vec<InputCheck>,
}

impl RowChecks {
    /// How many rules there are; at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.checks.len()
    }
}

/// A rule on one field of a row.
#[derive(Debug, Clone)]
pub(crate) struct InputCheck {
    pub field: FieldName,
    pub rule: Rule,
    pub message: Arc<str>,
}

/// One step of a write.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// All must hold, or else the step is left out.
    pub guards: Vec<Guard>,
    /// Where in the input that is which it carries out: its errors are told there.
    pub path: Vec<PathFragment>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Sends a statement, which returns a row `(0, value)`.
    Send(Statement, StepKind),
    /// Ends the write when a rule is broken that looks at the row as it is.
    Judge(RowChecks),
    /// Ends the write with an error.
    Refuse(WriteError),
}

/// A condition on what earlier steps returned.
#[derive(Debug, Clone, PartialEq)]
pub enum Guard {
    /// There is such a row.
    Found(BindSource),
    /// There is no such row.
    Missing(BindSource),
    /// These are two rows.
    Differ(BindSource, BindSource),
}

/// What a step's answer is for.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// The value is the text of a JSON object of booleans and texts. The booleans that `checks` name must be true, in this order; the texts are for later steps to bind.
    Change {
        /// What must be true.
        checks: Vec<Check>,
        /// The entity written, for putting database errors into words.
        entity: EntityName,
        /// Its fields whose values those words may quote: given by the caller, or readable on every row he sees.
        quotable: Vec<FieldName>,
        /// A condition that does not hold means that nothing was changed.
        is_whole: bool,
        /// The object has a member `node`, too: the result's node.
        has_node: bool,
        /// It writes many rows of the input, and cannot tell which one is at fault: [`crate::mutation::RunError::Unclear`].
        is_of_many: bool,
    },
    /// The value is the result's node; no row means that nothing was changed.
    ChangedNode {
        /// What it is.
        output: Output,
        /// The only reason for that.
        unchanged: WriteError,
        /// As in [`StepKind::Change`].
        entity: EntityName,
        /// As in [`StepKind::Change`].
        quotable: Vec<FieldName>,
    },
    /// The value is the result's node, and this is what it is.
    Node(Output),
}

/// A named condition and the error when it does not hold.
#[derive(Debug, Clone)]
pub struct Check {
    /// Member of the step's answer.
    pub name: Ident,
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
    pub message: Option<Message>,
}

/// A step into an input; [`crate::mutation::Fragment`] is what the caller is told of it.
#[derive(Debug, Clone, PartialEq)]
pub enum PathFragment {
    /// A field.
    Field(FieldName),
    /// An item of a list, with the alias that the caller gave it.
    Index(usize, Option<Input>),
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
    /// More rows than the caller's limit allows to change.
    TooManyRows,
}

impl WriteErrorKind {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotNullConstraintViolation => "NotNullConstraintViolation",
            Self::UniqueConstraintViolation => "UniqueConstraintViolation",
            Self::ForeignKeyConstraintViolation => "ForeignKeyConstraintViolation",
            Self::NotFoundOrDenied => "NotFoundOrDenied",
            Self::NonUniqueWhereInput => "NonUniqueWhereInput",
            Self::InvalidDataInput => "InvalidDataInput",
            Self::SqlError => "SqlError",
            Self::TooManyRows => "TooManyRows",
        }
    }
}
