//! Bind slots of a statement, and the values that fill them at run time.

use freehold_schema::names::{RoleName, VariableName};

use crate::selection::VariablePath;

/// One `$n` of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Bind {
    /// Where its value comes from.
    pub source: BindSource,
    /// Its PostgreSQL type. Kinds that PostgreSQL reads from text (timestamps, numerics, enums) are [`BindType::Text`] with a cast in the SQL.
    pub ty: BindType,
}

/// Where a bind's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum BindSource {
    /// Known when the plan is made.
    Literal(serde_json::Value),
    /// From the request's variables.
    Variable(VariablePath),
    /// An array whose items come from different places.
    List(Vec<BindSource>),
    /// LIKE pattern: the source with `%`, `_` and `\` escaped, and `%` put before or after it.
    Pattern {
        /// The text to look for.
        source: Box<BindSource>,
        /// Anything may stand before it.
        open_start: bool,
        /// Anything may follow it.
        open_end: bool,
    },
    /// Values of the caller's variable, an array of text or uuid.
    Session(RoleName, VariableName),
    /// The caller's identity, an array with at most one item.
    Identity,
    /// A new primary key; the same slot gives the same key within one run of a plan.
    NewId(usize),
    /// The instant of the request, as ISO text.
    Now,
    /// The request's image marker: 32 random hexadecimal digits, see [`crate::plan::ImageSlot`].
    ImageMarker,
    /// Text that an earlier step of the same mutation returned under this name.
    Step(String),
}

/// PostgreSQL types that are bound. Lists are arrays of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindType {
    /// `uuid`
    Uuid,
    /// `text`
    Text,
    /// `int4`
    Int,
    /// `int8`
    BigInt,
    /// `float8`
    Double,
    /// `bool`
    Bool,
    /// `jsonb`
    Json,
    /// `uuid[]`
    Uuids,
    /// `text[]`
    Texts,
    /// `int4[]`
    Ints,
    /// `float8[]`
    Doubles,
    /// `bool[]`
    Bools,
}

/// A value ready to be sent; `None` is NULL. Items of arrays may be NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum BindValue {
    /// `uuid`
    Uuid(Option<uuid::Uuid>),
    /// `text`
    Text(Option<String>),
    /// `int4`
    Int(Option<i32>),
    /// `int8`
    BigInt(Option<i64>),
    /// `float8`
    Double(Option<f64>),
    /// `bool`
    Bool(Option<bool>),
    /// `jsonb`, as JSON text
    Json(Option<String>),
    /// `uuid[]`
    Uuids(Option<Vec<Option<uuid::Uuid>>>),
    /// `text[]`
    Texts(Option<Vec<Option<String>>>),
    /// `int4[]`
    Ints(Option<Vec<Option<i32>>>),
    /// `float8[]`
    Doubles(Option<Vec<Option<f64>>>),
    /// `bool[]`
    Bools(Option<Vec<Option<bool>>>),
}
