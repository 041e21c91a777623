//! `/system/{tenant}`: the same way in as for the content, to the system API.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use freehold_executor::ExecuteError;
use futures_util::FutureExt;

use super::content::{LOGGED_NAME, authenticate, force_ok, holds, member, noted, private, read, release_failure, turned_away};
use super::failure::Failure;
use super::middleware::Facts;
use super::style;
use crate::state::State;
use crate::system::Asked;

pub async fn answer(
    state: web::Data<Arc<State>>,
    request: HttpRequest,
    payload: web::Payload,
    slug: web::Path<String>,
) -> HttpResponse {
    let style = style(&request);
    let mut facts = Facts::default();
    let outcome = AssertUnwindSafe(carry_out(&state, &request, payload, &slug, &mut facts)).catch_unwind().await;
    let response = match noted(outcome, &mut facts) {
        Ok(body) => HttpResponse::Ok().content_type(style.content_type()).body(body),
        Err(failure) => failure.respond(style),
    };
    request.extensions_mut().insert(facts);
    force_ok(&request, private(response))
}

async fn carry_out(
    state: &Arc<State>,
    request: &HttpRequest,
    payload: web::Payload,
    slug: &str,
    facts: &mut Facts,
) -> Result<Vec<u8>, Failure> {
    let deadline = Instant::now() + state.config.request_timeout();
    if request.method() != Method::POST {
        return Err(Failure::MethodNotAllowed { allow: "POST, OPTIONS", message: "only POST is answered here" });
    }
    let session = authenticate(state, request)?;
    let claimed = session.claims.tenant;
    let tenant = state.registry.route(slug, claimed).await.map_err(|error| Failure::of_route(&error, slug))?;
    facts.tenant = Some(tenant.id().to_string());
    let asked = read(state, request, payload, deadline).await?;
    facts.operation = asked.operation_name.as_ref().map(|name| name.chars().take(LOGGED_NAME).collect());
    let release = state.releases.get(&state.registry, tenant.release_id()).await.map_err(|error| release_failure(&error))?;
    // Assumed memberships are for the content alone (content API, section 23, row 22).
    let caller = member(session.caller(&release.id, &release.schema), slug)?;
    if asked.query.is_empty() {
        return Err(Failure::MissingQuery);
    }
    let has_history = holds(&release.schema, &caller, |role| role.history);
    let on_log = Asked { state: Arc::clone(state), tenant, has_history, deadline };
    let answer = state.system.answer(&asked.query, asked.operation_name, asked.variables, on_log, &state.limits);
    match tokio::time::timeout_at(deadline.into(), answer).await {
        Err(_) => Err(Failure::Execute(ExecuteError::DeadlineExceeded)),
        Ok(Err(Failure::Execute(error @ ExecuteError::DatabaseUnavailable { .. }))) => {
            Err(turned_away(state, slug, claimed, error).await)
        }
        Ok(answer) => answer,
    }
}
