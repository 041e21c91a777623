//! The content API's own headers (content API, section 14.3). Each has two names of one meaning: ours, and the one that existing clients know.

use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// A header by its two names, in lower case.
#[derive(Debug)]
pub struct Header([HeaderName; 2]);

/// Memberships to assume, as JSON.
pub static ASSUME_MEMBERSHIP: Header = Header::new("x-freehold-assume-membership", "x-contember-assume-membership");
/// Whom to record as the author of writes.
pub static ASSUME_IDENTITY: Header = Header::new("x-freehold-assume-identity", "x-contember-assume-identity");
/// What the client has already; and what it was given.
pub static REF: Header = Header::new("x-freehold-ref", "x-contember-ref");
/// Names a mutation that may be sent again (draft-ietf-httpapi-idempotency-key-header).
pub static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `1`: show the statements.
pub static DEBUG: Header = Header::new("x-freehold-debug", "x-contember-debug");
/// Never another status than 200.
pub static FORCE_OK: Header = Header::new("x-freehold-force-ok", "x-contember-force-ok");
/// The status that was not sent because of [`FORCE_OK`].
pub static ORIGINAL_STATUS: Header = Header::new("x-freehold-original-status", "x-contember-original-status");

static OF_REQUESTS: [&Header; 5] = [&ASSUME_MEMBERSHIP, &ASSUME_IDENTITY, &REF, &DEBUG, &FORCE_OK];
static OF_ANSWERS: [&Header; 2] = [&REF, &ORIGINAL_STATUS];

/// What a page of another site may send.
pub static ALLOWED: LazyLock<HeaderValue> = LazyLock::new(|| {
    list("authorization, content-type, accept, x-request-id, idempotency-key, apollo-require-preflight", &OF_REQUESTS)
});
/// What it may read.
pub static EXPOSED: LazyLock<HeaderValue> = LazyLock::new(|| list("x-request-id, retry-after, server-timing", &OF_ANSWERS));

fn list(others: &str, headers: &[&Header]) -> HeaderValue {
    let names = headers.iter().flat_map(|header| &header.0).map(HeaderName::as_str);
    let list = std::iter::once(others).chain(names).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(list).expect("names of headers are visible ASCII")
}

impl Header {
    const fn new(ours: &'static str, known: &'static str) -> Self {
        Self([HeaderName::from_static(ours), HeaderName::from_static(known)])
    }

    /// Its value in a request; of both names, ours counts.
    pub fn of<'r>(&self, request: &'r HttpRequest) -> Option<&'r HeaderValue> {
        self.0.iter().find_map(|name| request.headers().get(name))
    }

    /// Its value as text, without blanks around it. What is no text is empty.
    pub fn text<'r>(&self, request: &'r HttpRequest) -> Option<&'r str> {
        self.of(request).map(|value| value.to_str().unwrap_or_default().trim())
    }

    /// Gives it to an answer, under both names.
    pub fn set(&self, headers: &mut HeaderMap, value: &HeaderValue) {
        for name in &self.0 {
            headers.insert(name.clone(), value.clone());
        }
    }
}
