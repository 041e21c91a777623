//! `/content/{tenant}`: from an HTTP request to an operation, and from its outcome to a response.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use freehold_executor::ExecuteError;
use freehold_ids::TenantId;
use freehold_tokens::TokenError;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;

use super::accept::{Style, wants_html};
use super::failure::Failure;
use super::middleware::Facts;
use super::request::GraphqlRequest;
use super::{accept, graphiql, style};
use crate::content::answer::Answer;
use crate::content::assume;
use crate::content::execute::Setting;
use crate::content::releases::ReleaseError;
use crate::content::sessions::Session;
use crate::state::State;

/// The one stage there is.
const STAGE: &str = "live";
/// Longest operation name that is logged.
const LOGGED_NAME: usize = 100;

/// Headers of the same meaning: ours, and the one that existing clients send.
const ASSUME_MEMBERSHIP: [&str; 2] = ["x-freehold-assume-membership", "x-contember-assume-membership"];
const FORCE_OK: [&str; 2] = ["x-freehold-force-ok", "x-contember-force-ok"];

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
    let outcome = outcome.unwrap_or_else(|_| {
        facts.problem = Some("panicked".to_owned());
        Err(Failure::Internal)
    });
    let response = match outcome {
        Ok(answer) => HttpResponse::Ok().content_type(style.content_type()).body(answer.body),
        Err(failure) => {
            facts.code = Some(failure.code());
            if let Failure::Execute(error) = &failure {
                facts.problem = Some(error.to_string());
            }
            failure.respond(style)
        }
    };
    request.extensions_mut().insert(facts);
    force_ok(&request, private(response))
}

/// What one caller may see is no cache's business.
fn private(mut response: HttpResponse) -> HttpResponse {
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
) -> Result<Answer, Failure> {
    let deadline = Instant::now() + state.config.request_timeout();
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
    let mut caller = session.caller(&release.id, &release.schema);
    if let Some(assumed) = assumed(request, &mut asked)? {
        caller = Arc::new(assume::assume(&release.schema, &caller, &assume::parse(&assumed)?)?);
    }
    // Somebody without any role there is not told that the tenant exists.
    if caller.role_set().is_empty() {
        return Err(Failure::TenantNotFound(slug.to_owned()));
    }
    let role_api = release.api(caller.role_set()).await.map_err(|error| release_failure(&error))?;
    let taught = state.persisted.find(&state.registry, &tenant, &mut asked, deadline).await?;
    let setting = Arc::new(Setting { state: Arc::clone(state), tenant, release, role_api, caller, deadline, style });
    let wanted = setting.document(&mut asked).await?;
    if let Some(name) = wanted.document.prepared.operation_name() {
        facts.operation = Some(name.chars().take(LOGGED_NAME).collect());
    }
    if request.method() == Method::GET && wanted.document.prepared.is_mutation() {
        return Err(Failure::MethodNotAllowed { allow: "POST", message: "a mutation must be sent by POST" });
    }
    let claimed = session.claims.tenant;
    let outcome = setting.run(wanted, asked.variables).await;
    if let Some(taught) = taught.filter(|_| outcome.is_ok()) {
        state.persisted.remember(setting.tenant.id(), taught);
    }
    match outcome {
        Err(Failure::Execute(error @ ExecuteError::DatabaseUnavailable { .. })) => {
            Err(turned_away(state, slug, claimed, error).await)
        }
        outcome => outcome,
    }
}

/// Why the database turned us away: a tenant that was just suspended or deleted is told so at once, not when the catalogue's last answer has aged.
async fn turned_away(state: &State, slug: &str, claimed: TenantId, error: ExecuteError) -> Failure {
    match state.registry.route_again(slug, claimed).await {
        Err(reason) => Failure::of_route(&reason, slug),
        Ok(_) => Failure::Execute(error),
    }
}

fn authenticate(state: &State, request: &HttpRequest) -> Result<Arc<Session>, Failure> {
    let header = request.headers().get(header::AUTHORIZATION).ok_or(Failure::Unauthenticated)?;
    let token = header.to_str().ok().and_then(bearer).ok_or(Failure::AuthorizationMalformed)?;
    state.sessions.verify(token).map_err(|error| match error {
        TokenError::Expired => Failure::TokenExpired,
        _ => Failure::TokenRefused,
    })
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

async fn read(state: &State, request: &HttpRequest, payload: web::Payload, deadline: Instant) -> Result<GraphqlRequest, Failure> {
    if request.method() == Method::GET {
        return GraphqlRequest::from_query_string(request.query_string());
    }
    let body = tokio::time::timeout_at(deadline.into(), body(state, request, payload)).await;
    let body = body.unwrap_or(Err(Failure::Execute(ExecuteError::DeadlineExceeded)))?;
    GraphqlRequest::from_body(request, &body)
}

/// The body, up to the limit: the declared length is looked at first, the bytes are counted all the same.
async fn body(state: &State, request: &HttpRequest, mut payload: web::Payload) -> Result<Vec<u8>, Failure> {
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

/// Memberships to assume: the body's win over the header's.
fn assumed(request: &HttpRequest, asked: &mut GraphqlRequest) -> Result<Option<Value>, Failure> {
    if let Some(value) = asked.assume_membership.take() {
        return Ok(Some(value));
    }
    let Some(header) = ASSUME_MEMBERSHIP.iter().find_map(|name| request.headers().get(*name)) else { return Ok(None) };
    let value = header.to_str().ok().and_then(|text| serde_json::from_str(text).ok());
    value.map(Some).ok_or_else(|| Failure::AssumeMembershipFormat("not JSON".to_owned()))
}

fn release_failure(error: &ReleaseError) -> Failure {
    match error {
        ReleaseError::Catalog(freehold_executor::RouteError::CatalogUnavailable { .. }) => Failure::CatalogUnavailable,
        ReleaseError::Catalog(_) | ReleaseError::Unreadable { .. } | ReleaseError::Panicked(_) => {
            tracing::error!(error = %error, "a schema release cannot be served");
            Failure::Internal
        }
    }
}

/// For clients that cannot read the body of an error status: 200, with the status in a header (content API, 14.3).
fn force_ok(request: &HttpRequest, mut response: HttpResponse) -> HttpResponse {
    let wanted = FORCE_OK.iter().find_map(|name| request.headers().get(*name)).and_then(|value| value.to_str().ok());
    if wanted.is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes")) {
        let original = HeaderValue::from(response.status().as_u16());
        for name in ["x-freehold-original-status", "x-contember-original-status"] {
            response.headers_mut().insert(HeaderName::from_static(name), original.clone());
        }
        *response.status_mut() = StatusCode::OK;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_a_bearer_token_is_one() {
        assert_eq!(bearer("Bearer a.b-c_9"), Some("a.b-c_9"));
        assert_eq!(bearer("bearer abc"), Some("abc"));
        for bad in ["", "Bearer", "Bearer ", "Bearer a-b c", "Basic abc", "Bearer  a", "Bearer ä"] {
            assert_eq!(bearer(bad), None, "{bad}");
        }
    }
}
