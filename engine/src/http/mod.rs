//! HTTP: routes, what each asks of a request, and how answers are dressed.

pub mod accept;
pub mod failure;
pub mod headers;
pub mod request;

mod compression;
mod content;
mod graphiql;
mod health;
mod middleware;
mod reply;
mod system;

use actix_web::http::Method;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

pub use graphiql::find as find_graphiql;
pub use middleware::around;

use accept::Style;
use failure::Failure;

/// All addresses of the engine.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/content/{tenant}").to(content::without_stage))
        .service(web::resource("/content/{tenant}/{stage}").to(content::with_stage))
        .service(web::resource("/system/{tenant}").to(system::answer))
        .route("/", web::get().to(health::index))
        .route("/healthz", web::get().to(health::alive))
        .route("/readyz", web::get().to(health::ready))
        .route("/metrics", web::get().to(health::metrics))
        .route("/graphiql/{file}", web::get().to(graphiql::asset))
        .default_service(web::to(not_found));
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    let known = ["/", "/healthz", "/readyz", "/metrics"];
    let failure = if known.contains(&request.path()) && request.method() != Method::GET {
        Failure::MethodNotAllowed { allow: "GET", message: "this address only answers GET" }
    } else {
        Failure::RouteNotFound
    };
    failure.respond(style(&request))
}

/// How the client wants its answer.
pub fn style(request: &HttpRequest) -> Style {
    Style::of(accept(request))
}

fn accept(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok())
}
