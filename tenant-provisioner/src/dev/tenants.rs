//! The example's tenants: made once, shown at every start.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use freehold_catalog::{Tenant, TenantLimits, TenantState};
use freehold_ids::{ReleaseId, Slug};
use freehold_provisioner::{CreateTenant, Provisioner};
use freehold_tokens::Keyring;
use freehold_tokens::caller::{CallerClaims, RoleGrant, mint};
use serde_json::{Value, json};
use uuid::Uuid;

use super::example::Example;
use crate::cli::context::{Context, TenantEntry, tenant_named};
use crate::cli::failure::Failure;
use crate::cli::progress::SagaProgress;
use crate::cli::schema::read_text;
use crate::cli::tenant::STATEMENT_TIMEOUT_MS;

/// What is printed today can be pasted tomorrow.
const TOKEN_DAYS: i64 = 30;

/// Who holds the printed tokens: the same identity at every start.
const DEVELOPER: Uuid = Uuid::from_u128(0xdeb0_0000_0000_4000_8000_0000_0000_0001);

/// The engine compiles the schema for the first request.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tenant, made when there is none. One that exists is left as it is, also when the example has changed since.
pub(super) fn provide(
    provisioner: &Provisioner,
    release_id: &ReleaseId,
    slug: &Slug,
    example: &Example,
    progress: &SagaProgress,
) -> Result<Tenant, Failure> {
    let existing = provisioner.catalog().tenant_named(slug)?;
    if let Some(tenant) = existing.filter(|tenant| matches!(tenant.state, TenantState::Active | TenantState::Suspended)) {
        return Ok(tenant);
    }
    let request = CreateTenant {
        slug: slug.clone(),
        release_id: release_id.clone(),
        seed: Some(read_text(&example.seed(slug.as_str()))?),
        server: None,
        limits: TenantLimits { max_connections: 10, statement_timeout_ms: STATEMENT_TIMEOUT_MS },
    };
    provisioner.create_tenant(&request, progress)?;
    tenant_named(provisioner.catalog(), slug)
}

/// Everything to try the tenant with. Asks the engine for an image URL and the image service for the image, so that what is printed is known to work.
pub(super) fn entry(tenant: &Tenant, context: &Context, keys: &Keyring) -> Result<TenantEntry, Failure> {
    let claims = CallerClaims {
        tenant: tenant.id,
        subject: DEVELOPER,
        roles: vec![RoleGrant { role: "admin".to_owned(), variables: Default::default() }],
        expires_at: Utc::now() + TimeDelta::days(TOKEN_DAYS),
    };
    let token = mint(keys, &claims);
    let content_url = context.content_url(&tenant.slug);
    let image_url = match tenant.state {
        TenantState::Active => image_url(&content_url, &token)?,
        // Suspended by hand: there is no image to be had.
        _ => String::new(),
    };
    Ok(TenantEntry { slug: tenant.slug.clone(), tenant_id: tenant.id.to_string(), content_url, token, image_url })
}

fn image_url(content_url: &str, token: &str) -> Result<String, Failure> {
    let query = "{ listArticle(limit: 20) { cover { url(width: 800, format: webp) } } }";
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into();
    let refused = |what: &str| Failure::local("DEV_FIRST_QUERY", format!("the first query to {content_url} {what}"));
    let request = agent.post(content_url).header("Authorization", format!("Bearer {token}"));
    let mut response = request.send_json(json!({ "query": query })).map_err(|error| refused(&format!("failed: {error}")))?;
    let answer: Value =
        response.body_mut().read_json().map_err(|error| refused(&format!("was answered with no JSON: {error}")))?;
    let articles = answer["data"]["listArticle"].as_array();
    let url = articles.into_iter().flatten().find_map(|article| article["cover"]["url"].as_str());
    let url = url.ok_or_else(|| refused(&format!("was answered with {answer}")))?.to_owned();
    let image =
        agent.get(&url).call().map_err(|error| Failure::local("DEV_FIRST_IMAGE", format!("the first image failed: {error}")))?;
    match image.status().as_u16() {
        200 => Ok(url),
        status => Err(Failure::local("DEV_FIRST_IMAGE", format!("the first image was answered with {status}"))
            .hint("look at logs/images.log")),
    }
}
