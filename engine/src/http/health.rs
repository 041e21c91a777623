//! For load balancers, monitors and people who look whether anybody is home.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use freehold_telemetry::METRICS_CONTENT_TYPE;

use crate::state::State;

/// How long readiness waits for the catalogue.
const PATIENCE: Duration = Duration::from_secs(2);

pub async fn index() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("App is running")
}

/// The process answers. Says nothing about databases: restarting it would not bring them back.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok")
}

/// Requests can be served: tenants can be looked up.
pub async fn ready(state: web::Data<Arc<State>>) -> HttpResponse {
    match tokio::time::timeout(PATIENCE, state.registry.ping()).await {
        Ok(Ok(())) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready"),
        Ok(Err(_)) | Err(_) => HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body("the control database does not answer"),
    }
}

pub async fn metrics(state: web::Data<Arc<State>>) -> HttpResponse {
    HttpResponse::Ok().content_type(METRICS_CONTENT_TYPE).body(state.telemetry.render(&state.registry))
}
