//! Everything a request can be refused for, and what the caller is told.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use freehold_compiler::error::{ErrorCode, RequestError};
use freehold_compiler::selection::Pos;
use freehold_executor::{ExecuteError, RouteError};
use serde::Serialize;

use super::accept::Style;
use crate::objects::ObjectError;

/// Why a request has no data to answer with.
#[derive(Debug, Clone)]
pub enum Failure {
    /// No `Authorization`.
    Unauthenticated,
    /// `Authorization` is no bearer token.
    AuthorizationMalformed,
    /// The token is not ours.
    TokenRefused,
    /// The token was good.
    TokenExpired,
    /// No such tenant, or not this caller's.
    TenantNotFound(String),
    /// The caller's own tenant, which is not served now.
    TenantSuspended(String),
    /// Only `live` exists.
    StageNotFound(String),
    /// No such address.
    RouteNotFound,
    /// Another method is needed.
    MethodNotAllowed {
        /// For the `Allow` header.
        allow: &'static str,
        /// What is not possible by this one.
        message: &'static str,
    },
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The body is too long.
    PayloadTooLarge {
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The body is no JSON object.
    BadRequest,
    /// A parameter has the wrong type.
    InvalidParameter(&'static str),
    /// There is nothing to run.
    MissingQuery,
    /// The hash is of no document that is remembered or registered.
    PersistedQueryNotFound,
    /// The hash is not that of the document beside it.
    PersistedQueryMismatch,
    /// Another version of the protocol.
    PersistedQueryVersion,
    /// No registered document has the id.
    DocumentNotFound,
    /// The tenant runs registered documents only.
    DocumentNotTrusted,
    /// The assumed memberships are not written as they must be.
    AssumeMembershipFormat(String),
    /// The assumed memberships do not fit the schema; a line for each problem.
    AssumeMembershipInvalid(String),
    /// The caller may not take this place.
    AssumeMembershipForbidden(String),
    /// None of the caller's roles may read the event log.
    HistoryForbidden,
    /// The idempotency key is no key.
    IdempotencyKeyMalformed,
    /// A request with the same idempotency key is running.
    IdempotencyKeyInUse,
    /// The idempotency key came with another request before.
    IdempotencyKeyReused,
    /// The catalogue does not answer.
    CatalogUnavailable,
    /// The document or its variables are refused.
    Document(Vec<RequestError>),
    /// The operation was understood and cannot be carried out.
    Operation(Vec<RequestError>),
    /// A signed URL was refused.
    Object(ObjectError),
    /// The database did not answer with rows.
    Execute(ExecuteError),
    /// A mistake of ours.
    Internal,
}

/// One entry of `errors`.
#[derive(Debug, Serialize)]
pub struct ErrorEntry<'a> {
    #[serde(rename = "code", skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    locations: Option<Vec<Location>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Debug, Serialize)]
struct Location {
    line: usize,
    column: usize,
}

/// Where a stable code stands.
#[derive(Debug, Serialize)]
pub struct Extensions {
    code: &'static str,
}

impl Extensions {
    /// With a code of ERRORS.md.
    pub fn new(code: &'static str) -> Self {
        Self { code }
    }
}

impl<'a> ErrorEntry<'a> {
    /// An error found before anything ran.
    pub fn of_request(error: &'a RequestError, style: Style) -> Self {
        let locations: Vec<Location> = error.locations.iter().map(location).collect();
        Self {
            status: None,
            message: &error.message,
            locations: (!locations.is_empty()).then_some(locations),
            path: None,
            extensions: extensions(style, error.code.as_str()),
        }
    }

    /// An error of the operation as a whole, or of the root field `key`.
    pub fn of_operation(message: &'a str, pos: &[Pos], key: Option<&'a str>, code: &'static str, style: Style) -> Self {
        // The contract's own form is an empty path and no locations (content API, 14.2); others get what helps them.
        let (locations, path) = match style {
            Style::Plain => (None, Some(Vec::new())),
            Style::Any | Style::Json | Style::GraphqlResponse => {
                ((!pos.is_empty()).then(|| pos.iter().map(location).collect()), key.map(|key| vec![key]))
            }
        };
        Self { status: None, message, locations, path, extensions: extensions(style, code) }
    }

    fn bare(message: &'a str, extensions: Option<Extensions>) -> Self {
        Self { status: None, message, locations: None, path: None, extensions }
    }

    fn of_http(status: u16, message: &'a str, code: &'static str, style: Style) -> Self {
        Self { status: Some(status), message, locations: None, path: None, extensions: extensions(style, code) }
    }
}

fn location(pos: &Pos) -> Location {
    Location { line: pos.line, column: pos.column }
}

fn extensions(style: Style, code: &'static str) -> Option<Extensions> {
    style.has_error_codes().then_some(Extensions { code })
}

/// An answer without data.
#[derive(Serialize)]
struct Refusal<'a> {
    errors: Vec<ErrorEntry<'a>>,
    extensions: Extensions,
}

/// `data: null`, which a plain `None` would leave out.
#[derive(Serialize)]
struct RefusalWithNull<'a> {
    errors: Vec<ErrorEntry<'a>>,
    data: (),
    extensions: Extensions,
}

impl Failure {
    /// Published; changing one is a breaking change. ERRORS.md lists them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::AuthorizationMalformed => "AUTHORIZATION_MALFORMED",
            Self::TokenRefused => "TOKEN_REFUSED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TenantNotFound(_) => "TENANT_NOT_FOUND",
            Self::TenantSuspended(_) => "TENANT_SUSPENDED",
            Self::StageNotFound(_) => "STAGE_NOT_FOUND",
            Self::RouteNotFound => "ROUTE_NOT_FOUND",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::PayloadTooLarge { .. } => "PAYLOAD_TOO_LARGE",
            Self::BadRequest => "BAD_REQUEST",
            Self::InvalidParameter(_) => "INVALID_PARAMETER",
            Self::MissingQuery => "MISSING_QUERY",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryMismatch => "PERSISTED_QUERY_MISMATCH",
            Self::PersistedQueryVersion => "PERSISTED_QUERY_VERSION",
            Self::DocumentNotFound => "DOCUMENT_NOT_FOUND",
            Self::DocumentNotTrusted => "DOCUMENT_NOT_TRUSTED",
            Self::AssumeMembershipFormat(_) | Self::AssumeMembershipInvalid(_) => "ASSUME_MEMBERSHIP_INVALID",
            Self::AssumeMembershipForbidden(_) => "ASSUME_MEMBERSHIP_FORBIDDEN",
            Self::HistoryForbidden => "HISTORY_FORBIDDEN",
            Self::IdempotencyKeyMalformed => "IDEMPOTENCY_KEY_MALFORMED",
            Self::IdempotencyKeyInUse => "IDEMPOTENCY_KEY_IN_USE",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::CatalogUnavailable => "CATALOG_UNAVAILABLE",
            Self::Document(errors) | Self::Operation(errors) => {
                errors.first().map_or("INTERNAL_SERVER_ERROR", |error| error.code.as_str())
            }
            Self::Object(error) => error.code(),
            Self::Execute(error) => error.code(),
            Self::Internal => "INTERNAL_SERVER_ERROR",
        }
    }

    /// The status for clients that read statuses.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated | Self::AuthorizationMalformed | Self::TokenRefused | Self::TokenExpired => 401,
            Self::TenantSuspended(_) | Self::AssumeMembershipForbidden(_) | Self::DocumentNotTrusted | Self::HistoryForbidden => {
                403
            }
            Self::TenantNotFound(_) | Self::StageNotFound(_) | Self::RouteNotFound => 404,
            Self::IdempotencyKeyInUse => 409,
            Self::IdempotencyKeyReused => 422,
            Self::MethodNotAllowed { .. } => 405,
            Self::PayloadTooLarge { .. } => 413,
            Self::UnsupportedMediaType => 415,
            Self::BadRequest
            | Self::InvalidParameter(_)
            | Self::MissingQuery
            | Self::PersistedQueryMismatch
            | Self::PersistedQueryVersion
            | Self::DocumentNotFound
            | Self::IdempotencyKeyMalformed
            | Self::AssumeMembershipFormat(_)
            | Self::AssumeMembershipInvalid(_)
            | Self::Document(_)
            | Self::Operation(_) => 400,
            // Clients that speak of hashes expect to be told in a GraphQL response.
            Self::PersistedQueryNotFound => 200,
            Self::CatalogUnavailable => 503,
            Self::Object(error) => error.status(),
            Self::Execute(error) => match error.code() {
                "BAD_USER_INPUT" => 400,
                "TRANSACTION_CONFLICT" => 409,
                "TENANT_OVERLOADED" => 429,
                "SERVER_OVERLOADED" | "SERVER_UNAVAILABLE" | "DATABASE_UNAVAILABLE" | "CREDENTIAL_UNAVAILABLE" => 503,
                "DEADLINE_EXCEEDED" => 504,
                _ => 500,
            },
            Self::Internal => 500,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "Authentication required".to_owned(),
            Self::AuthorizationMalformed => "Authorization failure: invalid Authorization header format".to_owned(),
            Self::TokenRefused => "Authorization failure: API key was not found".to_owned(),
            Self::TokenExpired => "Authorization failure: the token has expired".to_owned(),
            Self::TenantNotFound(slug) => format!("Project {slug} NOT found"),
            Self::TenantSuspended(slug) => format!("Project {slug} is suspended"),
            Self::StageNotFound(stage) => format!("Stage {stage} NOT found"),
            Self::RouteNotFound => "Route not found".to_owned(),
            Self::MethodNotAllowed { message, .. } => (*message).to_owned(),
            Self::UnsupportedMediaType => "the body must be sent as Content-Type: application/json".to_owned(),
            Self::PayloadTooLarge { limit } => format!("the body is longer than {limit} bytes"),
            Self::BadRequest => "Bad Request".to_owned(),
            Self::InvalidParameter(name) => format!("`{name}` has the wrong type"),
            Self::MissingQuery => "Missing request query".to_owned(),
            // Clients match on the first two texts.
            Self::PersistedQueryNotFound => "PersistedQueryNotFound".to_owned(),
            Self::PersistedQueryMismatch => "provided sha does not match query".to_owned(),
            Self::PersistedQueryVersion => "Unsupported persisted query version: it must be 1".to_owned(),
            Self::DocumentNotFound => "No document is registered under this `documentId`".to_owned(),
            Self::DocumentNotTrusted => "Only registered documents are accepted here".to_owned(),
            Self::AssumeMembershipFormat(problem) => format!("Invalid format of \"assume membership\": {problem}"),
            Self::AssumeMembershipInvalid(lines) => {
                format!("Invalid memberships in x-contember-assume-membership header:\n{lines}")
            }
            Self::AssumeMembershipForbidden(what) => format!("You are not allow to assume membership {what}"),
            Self::IdempotencyKeyMalformed => "`Idempotency-Key` must be 1 to 255 printable ASCII characters".to_owned(),
            Self::IdempotencyKeyInUse => "a request with this `Idempotency-Key` is running; try again shortly".to_owned(),
            Self::IdempotencyKeyReused => "this `Idempotency-Key` was sent with another request before".to_owned(),
            Self::HistoryForbidden => "Access denied: none of your roles may read the event log".to_owned(),
            Self::CatalogUnavailable => "the service cannot look up tenants at the moment; try again shortly".to_owned(),
            Self::Object(error) => error.to_string(),
            Self::Execute(error) => error.public_message().to_owned(),
            Self::Document(_) | Self::Operation(_) | Self::Internal => "Internal server error".to_owned(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Execute(error) => error.retry_after(),
            Self::CatalogUnavailable | Self::Object(ObjectError::Unavailable) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// The answer.
    pub fn respond(&self, style: Style) -> HttpResponse {
        let (status, body) = match self {
            Self::BadRequest if style == Style::Plain => {
                return HttpResponse::BadRequest().content_type("text/plain; charset=utf-8").body("Bad Request");
            }
            Self::Document(errors) => {
                let entries = errors.iter().map(|error| ErrorEntry::of_request(error, style)).collect();
                // graphql-js only finds out while it executes, and then there is data.
                let has_null = errors.iter().any(|error| error.code == ErrorCode::OperationNotOffered);
                (style.graphql_status(400), self.body(entries, has_null))
            }
            Self::Operation(errors) => {
                let entry = |error: &'_ RequestError| (error.message.clone(), error.locations.clone(), error.code.as_str());
                let owned: Vec<_> = errors.iter().map(entry).collect();
                let entries =
                    owned.iter().map(|(message, pos, code)| ErrorEntry::of_operation(message, pos, None, code, style)).collect();
                (style.graphql_status(400), self.body(entries, true))
            }
            Self::Execute(error) if error.code() == "BAD_USER_INPUT" => {
                let entry = ErrorEntry::of_operation(error.public_message(), &[], None, error.code(), style);
                (style.graphql_status(400), self.body(vec![entry], true))
            }
            Self::HistoryForbidden | Self::Object(_) => {
                let message = self.message();
                let entry = ErrorEntry::of_operation(&message, &[], None, self.code(), style);
                (style.graphql_status(self.status()), self.body(vec![entry], true))
            }
            Self::MissingQuery => {
                (self.status(), self.body(vec![ErrorEntry::bare(&self.message(), extensions(style, self.code()))], false))
            }
            // No client of the contract names documents, so these carry the code that those who do look for.
            Self::PersistedQueryNotFound
            | Self::PersistedQueryMismatch
            | Self::PersistedQueryVersion
            | Self::DocumentNotFound => {
                let message = self.message();
                let entry = ErrorEntry::bare(&message, Some(Extensions::new(self.code())));
                let status = if matches!(self, Self::DocumentNotFound) { style.graphql_status(400) } else { self.status() };
                (status, self.body(vec![entry], false))
            }
            _ => {
                let message = self.message();
                (self.status(), self.body(vec![ErrorEntry::of_http(self.status(), &message, self.code(), style)], false))
            }
        };
        let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        response.content_type(style.content_type());
        if let Some(after) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, after.as_secs_f64().ceil().max(1.0).to_string()));
        }
        if let Self::MethodNotAllowed { allow, .. } = self {
            response.insert_header((header::ALLOW, *allow));
        }
        if status == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(body)
    }

    fn body(&self, errors: Vec<ErrorEntry<'_>>, has_null: bool) -> Vec<u8> {
        let extensions = Extensions::new(self.code());
        let written = if has_null {
            serde_json::to_vec(&RefusalWithNull { errors, data: (), extensions })
        } else {
            serde_json::to_vec(&Refusal { errors, extensions })
        };
        written.expect("texts and numbers serialise")
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        Self::Execute(error)
    }
}

impl Failure {
    /// A route that was not found, for the tenant called `slug`.
    pub fn of_route(error: &RouteError, slug: &str) -> Self {
        match error {
            RouteError::NotFound => Self::TenantNotFound(slug.to_owned()),
            RouteError::NotActive { state } if state == "suspended" => Self::TenantSuspended(slug.to_owned()),
            RouteError::NotActive { .. } => Self::TenantNotFound(slug.to_owned()),
            RouteError::CatalogUnavailable { .. } => Self::CatalogUnavailable,
        }
    }
}
