//! HTTP: routes, health, and what every request gets (an id, a line in the log, a count).

mod answer;
mod conditions;
mod image;

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, Data};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use freehold_telemetry::{METRICS_CONTENT_TYPE, RequestId};
use freehold_tokens::Keyring;
use serde_json::json;

use crate::error::Failure;
use crate::metrics::ImageMetrics;
use crate::storage::Storage;
use crate::variants::Variants;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// All that requests share.
pub(crate) struct Service {
    pub keys: Keyring,
    pub storage: Storage,
    pub variants: Variants,
    pub metrics: ImageMetrics,
    pub max_age_seconds: i64,
}

/// Routes. Images are not matched by a pattern: their path is verified as raw bytes, which patterns would decode.
pub(crate) fn configure(service: Data<Service>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .app_data(service)
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(metrics))
            .default_service(web::to(image_or_nothing));
    }
}

async fn image_or_nothing(service: Data<Service>, http: HttpRequest) -> HttpResponse {
    let answer = if http.uri().path().starts_with("/i/") { image::get(&service, &http).await } else { Err(Failure::NoRoute) };
    answer.unwrap_or_else(|failure| answer::failure(&failure))
}

/// The process runs.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The process can do its work: the bucket answers.
async fn readyz(service: Data<Service>) -> HttpResponse {
    match service.storage.check().await {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Err(failure) => answer::failure(&failure),
    }
}

async fn metrics(service: Data<Service>) -> HttpResponse {
    HttpResponse::Ok().content_type(METRICS_CONTENT_TYPE).body(service.metrics.render(service.variants.n_queued()))
}

/// Around every request. The path is never logged: it holds the token.
pub(crate) async fn observe(
    service: Arc<Service>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let id = RequestId::accept(request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok()));
    let is_image = request.path().starts_with("/i/");
    let method = request.method().clone();
    let mut response = next.call(request).await?.map_into_boxed_body();

    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let verified = response.request().extensions().get::<image::Verified>().cloned();
    let status = response.status().as_u16();
    let code = response.response().extensions().get::<answer::Code>().map_or("", |code| code.0);
    let kind = match &verified {
        Some(verified) if verified.operations == "o" => "original",
        Some(_) => "variant",
        None if is_image => "refused",
        None => "other",
    };
    service.metrics.answered(kind, status, code, started);
    if kind != "other" || !response.status().is_success() {
        let (tenant, operations) = verified.as_ref().map_or(("", ""), |verified| (&verified.tenant, &verified.operations));
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            request.id = %id, http.method = %method, http.status = status, code, tenant.id = tenant, image.operations = operations,
            duration_ms = milliseconds, "answered {status}"
        );
    }
    Ok(response)
}
