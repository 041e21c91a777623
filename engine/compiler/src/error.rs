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

/// Stable codes of refused requests. Changing one is a breaking change; the table is in docs/errors.md.
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
    /// The document is deeper than allowed.
    TooDeep,
    /// The document has more fields or aliases than allowed.
    TooComplex,
    /// The operation is valid but not offered yet.
    NotSupported,
}
