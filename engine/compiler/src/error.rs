//! Errors of a request that the compiler found; all of them the caller's fault.

use crate::selection::Pos;

/// An entry of the response's `errors`, before anything was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// For the caller; wording of graphql-js where it has one, because clients match on it.
    pub message: String,
    /// Places in the document; empty for errors that have none.
    pub locations: Vec<Pos>,
    /// Published in `extensions.code`.
    pub code: ErrorCode,
}

/// Stable codes of refused requests. Changing one is a breaking change; the table is ERRORS.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document does not fit the API of the caller's roles.
    GraphqlValidationFailed,
    /// A variable or argument has a wrong value.
    BadUserInput,
    /// `by` names no complete unique key.
    NonUniqueWhere,
    /// The document or a filter is deeper than allowed.
    TooDeep,
    /// The document has more fields or aliases than allowed, an order too many items, or a statement too many values.
    TooComplex,
    /// The operation is valid but not offered yet.
    NotSupported,
    /// The API of the caller's roles has no such kind of operation. graphql-js finds this when it executes, so the answer has `data: null` beside the error.
    OperationNotOffered,
}

impl ErrorCode {
    /// The published text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NonUniqueWhere => "NON_UNIQUE_WHERE",
            Self::TooDeep => "TOO_DEEP",
            Self::TooComplex => "TOO_COMPLEX",
            Self::NotSupported => "NOT_SUPPORTED",
            Self::OperationNotOffered => "OPERATION_NOT_OFFERED",
        }
    }
}
