//! Filters: the shape shared by permission predicates in a schema and by `filter` arguments in a request.
//!
//! The leaf type `V` is what a comparison is made with: a JSON literal in a schema ([`serde_json::Value`]), a bind in the compiler.

use crate::names::{FieldName, VariableName};

/// A condition on the rows of one entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter<V> {
    /// All must hold; an empty list restricts nothing.
    And(Vec<Filter<V>>),
    /// One must hold; an empty list restricts nothing (content API, section 7).
    Or(Vec<Filter<V>>),
    /// SQL's three-valued negation.
    Not(Box<Filter<V>>),
    /// A condition on a column of this entity.
    Column(FieldName, Condition<V>),
    /// Words of this entity's searchable columns, as far as they may be read, satisfy the text in web-search syntax. In requests only: a permission would
    /// depend on how PostgreSQL understands a language.
    Search(V),
    /// Through a relation: has-one compares the related row, has-many asks whether a related row satisfies it.
    Relation(FieldName, Box<Filter<V>>),
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<V> {
    /// All must hold; an empty list restricts nothing.
    And(Vec<Condition<V>>),
    /// One must hold; an empty list restricts nothing.
    Or(Vec<Condition<V>>),
    /// SQL's three-valued negation.
    Not(Box<Condition<V>>),
    /// `IS NULL` when true, `IS NOT NULL` when false.
    IsNull(bool),
    /// An operator and what it compares with. Absent and null operands restrict nothing and are never built.
    Compare(Operator, V),
    /// A variable of the role, only in predicates. Its value is a condition of its own (content API, section 3.2).
    Variable(VariableName),
}

impl<V> Filter<V> {
    /// The filter that every row satisfies.
    #[must_use]
    pub fn always() -> Self {
        Self::And(Vec::new())
    }

    /// The filter that no row satisfies.
    #[must_use]
    pub fn never() -> Self {
        Self::Or(vec![Self::Not(Box::new(Self::always()))])
    }

    /// The same conditions, made with other values.
    #[must_use]
    pub fn map<W>(&self, value: &mut impl FnMut(&V) -> W) -> Filter<W> {
        match self {
            Self::And(filters) => Filter::And(filters.iter().map(|filter| filter.map(value)).collect()),
            Self::Or(filters) => Filter::Or(filters.iter().map(|filter| filter.map(value)).collect()),
            Self::Not(filter) => Filter::Not(Box::new(filter.map(value))),
            Self::Column(field, condition) => Filter::Column(field.clone(), condition.map(value)),
            Self::Search(text) => Filter::Search(value(text)),
            Self::Relation(field, filter) => Filter::Relation(field.clone(), Box::new(filter.map(value))),
        }
    }
}

impl<V> Condition<V> {
    fn map<W>(&self, value: &mut impl FnMut(&V) -> W) -> Condition<W> {
        match self {
            Self::And(conditions) => Condition::And(conditions.iter().map(|condition| condition.map(value)).collect()),
            Self::Or(conditions) => Condition::Or(conditions.iter().map(|condition| condition.map(value)).collect()),
            Self::Not(condition) => Condition::Not(Box::new(condition.map(value))),
            Self::IsNull(is_null) => Condition::IsNull(*is_null),
            Self::Compare(operator, operand) => Condition::Compare(*operator, value(operand)),
            Self::Variable(name) => Condition::Variable(name.clone()),
        }
    }
}

/// Operators of the content API, section 7. Names on the wire are those of [`Operator::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// `=`
    Eq,
    /// `<>`: NULL rows do not match
    NotEq,
    /// One of a list; an empty list matches nothing.
    In,
    /// None of a list; an empty list matches everything.
    NotIn,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// Substring, case-sensitive; `%`, `_` and `\` are ordinary characters.
    Contains,
    /// Prefix, case-sensitive.
    StartsWith,
    /// Suffix, case-sensitive.
    EndsWith,
    /// Substring, case-insensitive.
    ContainsCI,
    /// Prefix, case-insensitive.
    StartsWithCI,
    /// Suffix, case-insensitive.
    EndsWithCI,
    /// `pg_trgm`: `column % value`
    Similar,
    /// `pg_trgm`: `value <% column`
    WordSimilar,
    /// List column: `array_length(column, 1) >= n`; an empty list never matches.
    MinLength,
    /// List column: `array_length(column, 1) <= n`; an empty list never matches.
    MaxLength,
    /// List column: contains the element. Json column: contains the document.
    Includes,
}

/// All operators in the order in which the GraphQL condition types list them.
pub const OPERATORS: [Operator; 19] = [
    Operator::Eq,
    Operator::NotEq,
    Operator::In,
    Operator::NotIn,
    Operator::Lt,
    Operator::Lte,
    Operator::Gt,
    Operator::Gte,
    Operator::Contains,
    Operator::StartsWith,
    Operator::EndsWith,
    Operator::ContainsCI,
    Operator::StartsWithCI,
    Operator::EndsWithCI,
    Operator::Similar,
    Operator::WordSimilar,
    Operator::MinLength,
    Operator::MaxLength,
    Operator::Includes,
];

impl Operator {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::NotEq => "notEq",
            Self::In => "in",
            Self::NotIn => "notIn",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::ContainsCI => "containsCI",
            Self::StartsWithCI => "startsWithCI",
            Self::EndsWithCI => "endsWithCI",
            Self::Similar => "similar",
            Self::WordSimilar => "wordSimilar",
            Self::MinLength => "minLength",
            Self::MaxLength => "maxLength",
            Self::Includes => "includes",
        }
    }

    /// The operator with this name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        OPERATORS.into_iter().find(|operator| operator.name() == name)
    }
}
