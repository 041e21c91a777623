//! From a document's text to an operation that is known to fit the API.

use std::collections::HashSet;
use std::sync::Arc;

use crate::api::Api;
use crate::error::{ErrorCode, RequestError};
use crate::literals::Hole;
use crate::syntax::ast::{Document, Operation, OperationType};
use crate::syntax::{self, ParseLimits};
use crate::validate::{check_limits as check, validate};

/// Bounds on what one request may ask for, checked before work that could grow with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document. Default 256 KiB.
    pub bytes: usize,
    /// Tokens of the document. Default 20,000.
    pub tokens: usize,
    /// Braces, brackets and list types inside each other. Default 100: protects the stack, whatever the document means.
    pub nesting: usize,
    /// Operations of the document. Default 100.
    pub operations: usize,
    /// Fields inside each other, fragments expanded. Default 24. Introspection has its own limit.
    pub depth: usize,
    /// Fields inside each other below `__schema` and `__type`. Default 20: the standard query needs 13 to 15.
    pub introspection_depth: usize,
    /// Fields of an operation, fragments expanded. Default 5,000.
    pub fields: usize,
    /// Fields with an alias, fragments expanded. Default 500.
    pub aliases: usize,
    /// Validation errors that are reported; the rest is summed up. Default 100.
    pub errors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 * 1024,
            tokens: 20_000,
            nesting: 100,
            operations: 100,
            depth: 24,
            introspection_depth: 20,
            fields: 5_000,
            aliases: 500,
            errors: 100,
        }
    }
}

/// An operation that fits the API it was prepared for. Depends on the text only, so it is made once and kept.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) document: Arc<Document>,
    operation: usize,
    by_value: HashSet<Arc<str>>,
    /// Where literals were taken out, in document order; see [`crate::literals`].
    pub(crate) holes: Vec<Hole>,
}

impl Prepared {
    /// Whether the operation writes.
    #[must_use]
    pub fn is_mutation(&self) -> bool {
        self.operation().ty == OperationType::Mutation
    }

    /// Name of the operation, when it has one.
    #[must_use]
    pub fn operation_name(&self) -> Option<&str> {
        self.operation().name.as_ref().map(|name| &*name.text)
    }

    /// Whether the value of a variable, not only its presence, decides the plan.
    pub(crate) fn is_by_value(&self, variable: &str) -> bool {
        self.by_value.contains(variable)
    }

    /// The same operation of a document whose literals were taken out.
    pub(crate) fn with_document(&self, document: Document, holes: Vec<Hole>) -> Self {
        Self { document: Arc::new(document), operation: self.operation, by_value: self.by_value.clone(), holes }
    }

    pub(crate) fn operation(&self) -> &Operation {
        &self.document.operations[self.operation]
    }
}

/// Parses and validates a document and chooses the operation to run.
///
/// # Errors
/// All problems of the document, worded and placed as graphql-js does it (version 16).
pub fn prepare(api: &Api, text: &str, operation_name: Option<&str>, limits: &Limits) -> Result<Prepared, Vec<RequestError>> {
    let document = parse(text, limits).map_err(|error| vec![error])?;
    let validated = validate(api, &document, limits)?;
    let operation = choose(&document, operation_name).map_err(|error| vec![error])?;
    refuse_missing_root(api, &document.operations[operation]).map_err(|error| vec![error])?;
    Ok(Prepared { document: Arc::new(document), operation, by_value: validated.by_value, holes: Vec::new() })
}

/// Names of a document's operations, `None` for an anonymous one: what can be said about a text before it is known for which API it is.
///
/// # Errors
/// The first mistake of syntax.
pub fn operation_names(text: &str, limits: &Limits) -> Result<Vec<Option<String>>, RequestError> {
    let document = syntax::parse(text, ParseLimits { tokens: limits.tokens, nesting: limits.nesting })?;
    let name = |operation: &Operation| operation.name.as_ref().map(|name| name.text.to_string());
    Ok(document.operations.iter().map(name).collect())
}

/// Whether a document is within bounds, for one that is run by somebody else's executor.
///
/// # Errors
/// The first mistake of syntax, or the bound that it exceeds.
pub fn check_bounds(text: &str, limits: &Limits) -> Result<(), RequestError> {
    let document = parse(text, limits)?;
    check(&document, limits).map_err(|error| *error)
}

fn parse(text: &str, limits: &Limits) -> Result<Document, RequestError> {
    if text.len() > limits.bytes {
        let message = format!("The document is longer than {} bytes.", limits.bytes);
        return Err(RequestError { message, locations: Vec::new(), code: ErrorCode::TooComplex });
    }
    syntax::parse(text, ParseLimits { tokens: limits.tokens, nesting: limits.nesting })
}

fn choose(document: &Document, operation_name: Option<&str>) -> Result<usize, RequestError> {
    // A name that no operation has is answered like a document without operations: so does the recorded peer, where graphql-js itself names the name.
    let fail = |message: &str| RequestError {
        message: message.to_owned(),
        locations: Vec::new(),
        code: ErrorCode::GraphqlValidationFailed,
    };
    match (operation_name, document.operations.as_slice()) {
        (_, []) => Err(fail("Must provide an operation.")),
        (None, [_]) => Ok(0),
        (None, _) => Err(fail("Must provide operation name if query contains multiple operations.")),
        (Some(wanted), operations) => operations
            .iter()
            .position(|operation| operation.name.as_ref().is_some_and(|name| *name.text == *wanted))
            .ok_or_else(|| fail("Must provide an operation.")),
    }
}

fn refuse_missing_root(api: &Api, operation: &Operation) -> Result<(), RequestError> {
    let kind = match operation.ty {
        OperationType::Query => return Ok(()),
        OperationType::Mutation if api.has_mutation => return Ok(()),
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    };
    Err(RequestError {
        message: format!("Schema is not configured to execute {kind} operation."),
        locations: vec![operation.pos],
        code: ErrorCode::OperationNotOffered,
    })
}
