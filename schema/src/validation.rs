//! Rules that values must satisfy before they are written (content API, section 13).

use std::collections::BTreeSet;

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

impl Validator {
    /// The fields of the row itself that the rule looks at when it stands on `field`. What it looks at in other rows is not among them.
    #[must_use]
    pub fn own_fields<'v>(&'v self, field: &'v FieldName) -> BTreeSet<&'v FieldName> {
        let mut found = BTreeSet::new();
        self.collect_own_fields(field, &mut found);
        found
    }

    fn collect_own_fields<'v>(&'v self, field: &'v FieldName, found: &mut BTreeSet<&'v FieldName>) {
        match self {
            Self::Defined
            | Self::Empty
            | Self::Pattern { .. }
            | Self::LengthRange { .. }
            | Self::Range { .. }
            | Self::Equals(_) => drop(found.insert(field)),
            Self::Not(rule) => rule.collect_own_fields(field, found),
            Self::And(rules) | Self::Or(rules) => rules.iter().for_each(|rule| rule.collect_own_fields(field, found)),
            Self::Conditional(condition, rule) => {
                condition.collect_own_fields(field, found);
                rule.collect_own_fields(field, found);
            }
            Self::InContext(path, rule) => {
                if let [only] = path.as_slice() {
                    rule.collect_own_fields(only, found);
                }
            }
            Self::Every(_) | Self::Any(_) | Self::Filter(..) => {}
        }
    }
}
