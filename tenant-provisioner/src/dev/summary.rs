//! What a newcomer gets to paste.

use std::fmt::Write;

use serde_json::json;

use super::home::Home;
use crate::cli::context::{Context, TenantEntry};
use crate::cli::output::Output;

/// Prints the installation: for people as things to paste, for programs as `dev.json`.
pub(super) fn print(home: &Home, context: &Context, output: Output, how_to_stop: &str) {
    output.answer(context, || text(home, context, how_to_stop));
}

fn text(home: &Home, context: &Context, how_to_stop: &str) -> String {
    let mut text = String::from("\nFreehold is running.\n");
    for tenant in &context.tenants {
        let _ = write!(
            text,
            "\n{slug}\n  GraphiQL  {url}\n  token     {token}\n  image     {image}\n  try       {curl}\n",
            slug = tenant.slug,
            url = tenant.content_url,
            token = tenant.token,
            image = tenant.image_url,
            curl = curl(tenant),
        );
    }
    let _ = write!(text, "\nEverything is in {}; {how_to_stop}.\n", home.dir().display());
    text
}

/// Works when pasted into a shell: nothing in it needs more quoting than this.
fn curl(tenant: &TenantEntry) -> String {
    let body = json!({ "query": "{ listArticle(limit: 3) { title author { name } } }" });
    format!(
        "curl -s {} -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{body}'",
        tenant.content_url, tenant.token
    )
}
