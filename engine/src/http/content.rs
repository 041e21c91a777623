//! `/content/{tenant}`: from an HTTP request to an operation, and from its outcome to a response.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use freehold_compiler::caller::Caller;
use freehold_executor::ExecuteError;
use freehold_executor::answers::AnswerKey;
use freehold_ids::TenantId;
use freehold_schema::Schema;
use freehold_schema::acl::Role;
use freehold_telemetry::RequestId;
use freehold_tokens::TokenError;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use uuid::Uuid;

use super::accept::{Style, wants_html};
use super::failure::Failure;
use super::middleware::Facts;
use super::request::GraphqlRequest;
use super::{accept, graphiql, headers, reply, style};
use crate::content::assume;
use crate::content::execute::Setting;
use crate::content::reference::{self, Reply};
use crate::content::releases::ReleaseError;
use crate::content::sessions::Session;
use crate::content::trace::Trace;
use crate::state::State;

/// The one stage there is.
const STAGE: &str = "live";
/// Longest operation name that is logged.
pub(super) const LOGGED_NAME: usize = 100;

pub async fn without_stage(
    state: web::Data<Arc<State>>,
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&state, request, payload, &path, STAGE).await
}

pub async fn with_stage(
    state: web::Data<Arc<State>>,
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let (tenant, stage) = path.into_inner();
    answer(&state, request, payload, &tenant, &stage).await
}

async fn answer(state: &Arc<State>, request: HttpRequest, payload: web::Payload, slug: &str, stage: &str) -> HttpResponse {
    let style = style(&request);
    let is_read = request.method() == Method::GET;
    if is_read
        && stage == STAGE
        && state.config.graphiql.enabled
        && wants_html(accept(&request))
        && request.query_string().is_empty()
    {
        // The same page for every slug, existing or not.
        return graphiql::page(state);
    }
    let mut facts = Facts::default();
    // A panic is a mistake of ours and must not cost anybody else their connection.
    let outcome = AssertUnwindSafe(carry_out(state, &request, payload, slug, stage, style, &mut facts)).catch_unwind().await;
    let response = match noted(outcome, &mut facts) {
        Ok(reply) => reply::respond(reply, style),
        Err(failure) => failure.respond(style),
    };
    let response = match facts.trace.take() {
        Some(trace) => reply::with_trace(response, &trace),
        None => response,
    };
    request.extensions_mut().insert(facts);
    force_ok(&request, private(response))
}

/// Notes why a request failed, for the operator.
pub(super) fn noted<T>(outcome: std::thread::Result<Result<T, Failure>>, facts: &mut Facts) -> Result<T, Failure> {
    let outcome = outcome.unwrap_or_else(|_| {
        facts.problem = Some("panicked".to_owned());
        Err(Failure::Internal)
    });
    if let Err(failure) = &outcome {
        facts.code = Some(failure.code());
        if let Failure::Execute(error) = failure {
            facts.problem = Some(error.to_string());
        }
    }
    outcome
}

/// What one caller may see is no cache's business.
pub(super) fn private(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn carry_out(
    state: &Arc<State>,
    request: &HttpRequest,
    payload: web::Payload,
    slug: &str,
    stage: &str,
    style: Style,
    facts: &mut Facts,
) -> Result<Reply, Failure> {
    let start = Instant::now();
    let deadline = start + state.config.request_timeout();
    if request.method() != Method::POST && request.method() != Method::GET {
        return Err(Failure::MethodNotAllowed { allow: "GET, POST, OPTIONS", message: "only GET and POST are answered here" });
    }
    let session = authenticate(state, request)?;
    let tenant = state.registry.route(slug, session.claims.tenant).await.map_err(|error| Failure::of_route(&error, slug))?;
    facts.tenant = Some(tenant.id().to_string());
    if stage != STAGE {
        return Err(Failure::StageNotFound(stage.to_owned()));
    }
    let mut asked = read(state, request, payload, deadline).await?;
    facts.operation = asked.operation_name.as_ref().map(|name| name.chars().take(LOGGED_NAME).collect());

    let release = state.releases.get(&state.registry, tenant.release_id()).await.map_err(|error| release_failure(&error))?;
    let held = member(session.caller(&release.id, &release.schema), slug)?;
    let caller = match assumed(request, &mut asked)? {
        Some(assumed) => member(Arc::new(assume::assume(&release.schema, &held, &assume::parse(&assumed)?)?), slug)?,
        None => Arc::clone(&held),
    };
    let role_api = release.api(caller.role_set()).await.map_err(|error| release_failure(&error))?;
    if headers::DEBUG.text(request) == Some("1") && holds(&release.schema, &held, |role| role.debug) {
        facts.trace = Some(Arc::new(Trace::new(start)));
    }
    let taught = state.persisted.find(&state.registry, &tenant, &mut asked, deadline).await?;
    let author = author(request, &release.schema, &caller).unwrap_or(session.claims.subject);
    let (state, trace) = (Arc::clone(state), facts.trace.clone());
    let request_id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.as_str().to_owned());
    let answer_key = answer_key(request, session.claims.subject, &asked)?;
    let setting =
        Arc::new(Setting { state, tenant, release, role_api, caller, author, request_id, answer_key, deadline, style, trace });
    let given = headers::REF.text(request).map(|reference| setting.given(reference, &asked));
    let wanted = setting.document(&mut asked).await?;
    if let Some(name) = wanted.document.prepared.operation_name() {
        facts.operation = Some(name.chars().take(LOGGED_NAME).collect());
    }
    if request.method() == Method::GET && wanted.document.prepared.is_mutation() {
        return Err(Failure::MethodNotAllowed { allow: "POST", message: "a mutation must be sent by POST" });
    }
    if wanted.document.prepared.is_mutation() {
        facts.author = Some(author.to_string());
    }
    let claimed = session.claims.tenant;
    let outcome = setting.reply(wanted, asked.variables, given).await;
    if let Some(taught) = taught.filter(|_| outcome.is_ok()) {
        setting.state.persisted.remember(setting.tenant.id(), taught);
    }
    match outcome {
        Err(Failure::Execute(error @ ExecuteError::DatabaseUnavailable { .. })) => {
            Err(turned_away(&setting.state, slug, claimed, error).await)
        }
        outcome => outcome,
    }
}

/// The key of a mutation that may be sent again, with or without the quotes of a structured header.
fn answer_key(request: &HttpRequest, identity: Uuid, asked: &GraphqlRequest) -> Result<Option<AnswerKey>, Failure> {
    let Some(value) = request.headers().get(&headers::IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().map_err(|_| Failure::IdempotencyKeyMalformed)?.trim();
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if key.is_empty() || key.len() > 255 {
        return Err(Failure::IdempotencyKeyMalformed);
    }
    Ok(Some(AnswerKey { identity, key: key.to_owned(), fingerprint: reference::fingerprint(asked) }))
}

/// Why the database turned us away: a tenant that was just suspended or deleted is told so at once, not when the catalogue's last answer has aged.
pub(super) async fn turned_away(state: &State, slug: &str, claimed: TenantId, error: ExecuteError) -> Failure {
    match state.registry.route_again(slug, claimed).await {
        Err(reason) => Failure::of_route(&reason, slug),
        Ok(_) => Failure::Execute(error),
    }
}

pub(super) fn authenticate(state: &State, request: &HttpRequest) -> Result<Arc<Session>, Failure> {
    let header = request.headers().get(header::AUTHORIZATION).ok_or(Failure::Unauthenticated)?;
    let token = header.to_str().ok().and_then(bearer).ok_or(Failure::AuthorizationMalformed)?;
    state.sessions.verify(token).map_err(|error| match error {
        TokenError::Expired => Failure::TokenExpired,
        // Asked only now: a token that is known need not be looked at byte by byte.
        _ if !is_token(token) => Failure::AuthorizationMalformed,
        _ => Failure::TokenRefused,
    })
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Whether a text has the form of a token.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

pub(super) async fn read(
    state: &State,
    request: &HttpRequest,
    payload: web::Payload,
    deadline: Instant,
) -> Result<GraphqlRequest, Failure> {
    if request.method() == Method::GET {
        return GraphqlRequest::from_query_string(request.query_string());
    }
    let body = tokio::time::timeout_at(deadline.into(), body(state, request, payload)).await;
    let body = body.unwrap_or(Err(Failure::Execute(ExecuteError::DeadlineExceeded)))?;
    GraphqlRequest::from_body(request, &body)
}

/// The body, up to the limit: the declared length is looked at first, the bytes are counted all the same.
pub(super) async fn body(state: &State, request: &HttpRequest, mut payload: web::Payload) -> Result<Vec<u8>, Failure> {
    let limit = state.config.http.max_body_bytes;
    let too_large = Failure::PayloadTooLarge { limit };
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large);
    }
    let mut body = Vec::with_capacity(declared.unwrap_or(1024).min(limit));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::BadRequest)?;
        if body.len() + chunk.len() > limit {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Somebody without any role at the tenant is not told that it exists, whatever he asks for.
pub(super) fn member(caller: Arc<Caller>, slug: &str) -> Result<Arc<Caller>, Failure> {
    if caller.role_set().is_empty() { Err(Failure::TenantNotFound(slug.to_owned())) } else { Ok(caller) }
}

/// Memberships to assume: the body's win over the header's.
fn assumed(request: &HttpRequest, asked: &mut GraphqlRequest) -> Result<Option<Value>, Failure> {
    if let Some(value) = asked.assume_membership.take() {
        return Ok(Some(value));
    }
    // As bytes: values may hold letters that header texts do not know.
    let header = headers::ASSUME_MEMBERSHIP.of(request).map(HeaderValue::as_bytes).filter(|value| !value.trim_ascii().is_empty());
    let value = header.map(serde_json::from_slice).transpose();
    value.map_err(|_| Failure::AssumeMembershipFormat("not JSON".to_owned()))
}

/// Whom the caller wants to be recorded as, if one of his roles lets him. What is no UUID counts as nothing: the contract knows no refusal here.
fn author(request: &HttpRequest, schema: &Schema, caller: &Caller) -> Option<Uuid> {
    let author = headers::ASSUME_IDENTITY.text(request).and_then(|text| Uuid::try_parse(text).ok())?;
    holds(schema, caller, |role| role.assume_identity).then_some(author)
}

/// Whether one of the caller's roles is such a one.
pub(super) fn holds(schema: &Schema, caller: &Caller, is_such: impl Fn(&Role) -> bool) -> bool {
    caller.role_set().roles().iter().filter_map(|name| schema.roles.get(name)).any(is_such)
}

pub(super) fn release_failure(error: &ReleaseError) -> Failure {
    match error {
        ReleaseError::Catalog(freehold_executor::RouteError::CatalogUnavailable { .. }) => Failure::CatalogUnavailable,
        ReleaseError::Catalog(_) | ReleaseError::Unreadable { .. } | ReleaseError::Panicked(_) => {
            tracing::error!(error = %error, "a schema release cannot be served");
            Failure::Internal
        }
    }
}

/// For clients that cannot read the body of an error status: 200, with the status in a header (content API, 14.3).
pub(super) fn force_ok(request: &HttpRequest, mut response: HttpResponse) -> HttpResponse {
    let wanted = headers::FORCE_OK.text(request).unwrap_or_default().to_ascii_lowercase();
    // Where there is no body, the status is all that the client has.
    let has_body = !matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    if matches!(wanted.as_str(), "1" | "true" | "on" | "yes") && has_body && response.status() != StatusCode::OK {
        let original = HeaderValue::from(response.status().as_u16());
        headers::ORIGINAL_STATUS.set(response.headers_mut(), &original);
        *response.status_mut() = StatusCode::OK;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{bearer, is_token};

    #[test]
    fn only_a_bearer_token_is_one() {
        let bearer = |header| bearer(header).filter(|token| is_token(token));
        assert_eq!(bearer("Bearer a.b-c_9"), Some("a.b-c_9"));
        assert_eq!(bearer("bearer abc"), Some("abc"));
        for bad in ["", "Bearer", "Bearer ", "Bearer a-b c", "Basic abc", "Bearer  a", "Bearer ä"] {
            assert_eq!(bearer(bad), None, "{bad}");
        }
    }
}
