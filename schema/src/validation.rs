//! Rules that values must satisfy before they are written (content API, section 13).

use serde_json::Value;

use crate::names::FieldName;

/// A rule of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Fails only on a definite *false*; undecided passes.
    pub validator: Validator,
    /// Shown to the author of the content.
    pub message: String,
}

/// The operators of content API, section 13.
#[derive(Debug, Clone, PartialEq)]
pub enum Validator {
    /// Not null and given.
    Defined,
    /// Null, the empty text or an empty list.
    Empty,
    /// Matches the regular expression with these flags.
    Pattern {
        /// JavaScript syntax.
        regex: String,
        /// JavaScript flags.
        flags: String,
    },
    /// Characters or items between the bounds, inclusive.
    LengthRange {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// Numbers between the bounds, inclusive.
    Range {
        /// At least.
        min: Option<f64>,
        /// At most.
        max: Option<f64>,
    },
    /// Equal to a literal.
    Equals(Value),
    /// The opposite; undecided stays undecided.
    Not(Box<Validator>),
    /// All hold.
    And(Vec<Validator>),
    /// One holds.
    Or(Vec<Validator>),
    /// If the first holds, the second must.
    Conditional(Box<Validator>, Box<Validator>),
    /// The rule in the context of another field.
    InContext(Vec<FieldName>, Box<Validator>),
    /// Every related row satisfies it.
    Every(Box<Validator>),
    /// Some related row satisfies it.
    Any(Box<Validator>),
    /// Rows that satisfy the first, judged by the second.
    Filter(Box<Validator>, Box<Validator>),
}
