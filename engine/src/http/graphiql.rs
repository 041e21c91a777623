//! The page for people: GraphiQL from this server alone, and what to do when it was not built.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::failure::Failure;
use super::style;
use crate::state::State;

/// Files of the bundle (`engine/graphiql/build.mjs`). Nothing else of the directory is served.
const FILES: [(&str, &str); 3] = [
    ("index.html", "text/html; charset=utf-8"),
    ("graphiql.js", "text/javascript; charset=utf-8"),
    ("graphiql.css", "text/css; charset=utf-8"),
];

/// No other host is contacted, whatever the bundle tries; images of answers are previewed from the image service. The editor sets styles on elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; font-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:";

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Freehold: GraphiQL is not built</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem } code { background: #eee; padding: 0 .25em }</style>
<h1>The API is here, its page is not</h1>
<p>This address answers GraphQL, with <code>POST</code> and a token. The GraphiQL page for the browser was left out of this build, because it needs Node.js.</p>
<p>To build it, install Node.js 20 or newer and run <code>make graphiql</code> in the project's folder, then reload this page.</p>
<p>Until then, ask from a terminal:</p>
<pre><code>curl \"$CONTENT_URL\" -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' --data '{\"query\":\"{ __typename }\"}'</code></pre>
</html>
";

/// Where the bundle is: as given, or beside the executable or one of the folders above it.
pub fn find(directory: &Path) -> Option<PathBuf> {
    let is_bundle = |directory: &Path| FILES.iter().all(|(file, _)| directory.join(file).is_file());
    if is_bundle(directory) {
        return Some(directory.to_owned());
    }
    let executable = std::env::current_exe().ok()?;
    executable.ancestors().skip(1).map(|above| above.join(directory)).find(|directory| is_bundle(directory))
}

/// The page.
pub fn page(state: &State) -> HttpResponse {
    // Looked for again when it was missing, so that `make graphiql` needs no restart.
    let found = state.graphiql.clone().or_else(|| find(&state.config.graphiql.directory));
    let html = found.and_then(|directory| std::fs::read(directory.join("index.html")).ok());
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8").insert_header((header::CACHE_CONTROL, "no-cache"));
    protect(&mut response, state);
    match html {
        Some(html) => response.body(html),
        None => response.body(NOT_BUILT),
    }
}

/// A file of the bundle.
pub async fn asset(state: web::Data<Arc<State>>, request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    let known = FILES.iter().find(|(name, _)| *name == file.as_str());
    let found = state.graphiql.clone().or_else(|| find(&state.config.graphiql.directory));
    let bytes = known.filter(|_| state.config.graphiql.enabled).zip(found).and_then(|((name, content_type), directory)| {
        let path = directory.join(name);
        Some((std::fs::read(path).ok()?, *content_type))
    });
    match bytes {
        Some((bytes, content_type)) => {
            let mut response = HttpResponse::Ok();
            response.content_type(content_type).insert_header((header::CACHE_CONTROL, "no-cache"));
            protect(&mut response, &state);
            response.body(bytes)
        }
        None => Failure::RouteNotFound.respond(style(&request)),
    }
}

fn protect(response: &mut actix_web::HttpResponseBuilder, state: &State) {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, format!("{POLICY} {}", state.images_url)))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
}
