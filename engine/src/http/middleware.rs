//! Around every request: its id, its line in the log, its place in the metrics; compression, and CORS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use freehold_telemetry::RequestId;

use super::compression::compressed;
use super::headers::{ALLOWED, EXPOSED};
use crate::content::trace::Trace;
use crate::state::State;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the log says about a request, noted by whoever knows it.
#[derive(Default)]
pub struct Facts {
    /// Id of the tenant.
    pub tenant: Option<String>,
    /// Name of the operation, as the client gave it.
    pub operation: Option<String>,
    /// Who is recorded as the author of what it wrote.
    pub author: Option<String>,
    /// Stable code of the refusal.
    pub code: Option<&'static str>,
    /// For the operator; never sent.
    pub problem: Option<String>,
    /// What ran. It holds values of the request: it is for the answer alone, and taken out before the log gets the facts.
    pub trace: Option<Arc<Trace>>,
}

/// Gives the request an id, which the answer carries, compresses the answer, lets any site read it, and records how it went.
///
/// One middleware rather than several: each is another future around all that follows, entered anew whenever the request is woken.
pub async fn around(
    state: web::Data<Arc<State>>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let start = Instant::now();
    let inbound = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = RequestId::accept(inbound);
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let mut response = if is_preflight(&request) {
        request.into_response(preflight()).map_into_right_body()
    } else {
        let mut response = compressed(next.call(request).await?).map_into_left_body();
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.clone());
        response
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    let (status, time) = (response.status(), start.elapsed());
    state.telemetry.answered(status.as_u16(), time);
    let facts = response.request().extensions_mut().remove::<Facts>().unwrap_or_default();
    let route = response.request().match_pattern();
    log(&id, &method, route.as_deref().unwrap_or("none"), status, time, &facts);
    Ok(response)
}

/// Whether a browser asks if a page of another site may send a request (Fetch standard, CORS protocol).
fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Any site may, with a token of its own in a header. Cookies are never looked at, so credentials are not allowed.
fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED.clone()))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

/// One line a request. The path is left out: it is a template here, and the rest of it is in the facts.
fn log(id: &RequestId, method: &Method, route: &str, status: StatusCode, time: Duration, facts: &Facts) {
    let (status, micros) = (status.as_u16(), u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    let (tenant, operation, author) = (facts.tenant.as_deref(), facts.operation.as_deref(), facts.author.as_deref());
    let (code, problem) = (facts.code, facts.problem.as_deref());
    if status == 500 {
        // Other statuses above are known conditions that metrics count; this one is a mistake of ours. Nothing happens without a DSN.
        sentry::capture_message(&format!("{}: {}", route, problem.unwrap_or("internal error")), sentry::Level::Error);
    }
    if status >= 500 {
        tracing::event!(target: "freehold_engine::access", tracing::Level::ERROR, request.id = id.as_str(), tenant.id = tenant, method = method.as_str(), route = route, status = status, micros = micros, operation = operation, author = author, code = code, problem = problem, "request failed");
    } else {
        tracing::event!(target: "freehold_engine::access", tracing::Level::INFO, request.id = id.as_str(), tenant.id = tenant, method = method.as_str(), route = route, status = status, micros = micros, operation = operation, author = author, code = code, problem = problem, "request");
    }
}
