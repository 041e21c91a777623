//! Heads of answers, and errors as JSON.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use freehold_tokens::image::ImageRequest;
use serde_json::json;

use crate::error::Failure;

/// An image opened in a tab of its own can run nothing and load nothing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// How long everybody may keep an image: until its URL ends, but not longer than configured.
pub(super) fn cache_control(expires_at: DateTime<Utc>, now: DateTime<Utc>, max_age_seconds: i64) -> String {
    let seconds = (expires_at - now).num_seconds().clamp(0, max_age_seconds);
    format!("public, max-age={seconds}, immutable")
}

/// What every answer with, or about, an image says.
pub(super) fn image_head(builder: &mut HttpResponseBuilder, request: &ImageRequest, etag: Option<&str>, cache_control: &str) {
    let name = request.object.own().rsplit('/').next().unwrap_or_default();
    if let Some(etag) = etag {
        builder.insert_header((header::ETAG, etag));
    }
    builder
        .insert_header((header::CACHE_CONTROL, cache_control))
        // Keys hold no character that would need quoting.
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Whoever has the URL may have the image: there are no cookies and no other standing that a foreign page could abuse.
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"));
}

/// Marks an answer for logs and metrics.
#[derive(Clone, Copy)]
pub(super) struct Code(pub &'static str);

/// Errors are never kept by anybody.
pub(super) fn failure(failure: &Failure) -> HttpResponse {
    let status = failure.status();
    let mut builder = HttpResponse::build(status);
    builder.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if let Some(seconds) = failure.retry_after() {
        builder.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    match failure {
        Failure::Range { size } => {
            builder.insert_header((header::CONTENT_RANGE, format!("bytes */{size}")));
        }
        Failure::Method => {
            builder.insert_header((header::ALLOW, "GET, HEAD"));
        }
        _ => {}
    }
    let mut response = builder.json(json!({
        "errors": [{ "code": status.as_u16(), "message": failure.to_string(), "extensions": { "code": failure.code() } }]
    }));
    response.extensions_mut().insert(Code(failure.code()));
    response
}
