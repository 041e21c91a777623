//! `freehold token …`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{SecondsFormat, Utc};
use freehold_catalog::{Catalog, Tenant};
use freehold_ids::Slug;
use freehold_schema::Schema;
use freehold_tokens::caller::{CallerClaims, RoleGrant, mint};
use serde_json::json;
use uuid::Uuid;

use super::args::TokenCommand;
use super::context::{Context, tenant_named};
use super::duration::Ttl;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::schema::check_roles;

pub(super) fn run(command: TokenCommand, context: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let TokenCommand::Create { tenant, role, variable, ttl, subject } = command;
    create(&tenant, &role, &variable, ttl, subject, context, output)
}

fn create(
    slug: &Slug,
    roles: &[String],
    variables: &[String],
    ttl: Ttl,
    subject: Option<Uuid>,
    context: Option<&Path>,
    output: Output,
) -> Result<Exit, Failure> {
    let context = Context::find(context)?;
    let catalog = context.catalog()?;
    let tenant = tenant_named(&catalog, slug)?;
    let schema = schema_of(&catalog, &tenant)?;
    check_roles(&schema, roles)?;
    let grants = grants(&schema, roles, variables)?;
    let expires_at = Utc::now() + ttl.0;
    let claims = CallerClaims { tenant: tenant.id, subject: subject.unwrap_or_else(Uuid::new_v4), roles: grants, expires_at };
    let token = mint(&context.caller_keys()?, &claims);
    let expires = expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    output.answer(&json!({ "token": token, "expires_at": expires, "tenant_id": tenant.id, "subject": claims.subject }), || {
        token.clone()
    });
    output.note(&format!("good until {expires}; send it as `Authorization: Bearer …` to {}", context.content_url(slug)));
    Ok(Exit::Done)
}

/// A role that the tenant's schema does not know would make a token that opens nothing.
fn schema_of(catalog: &Catalog, tenant: &Tenant) -> Result<Schema, Failure> {
    let missing = || {
        Failure::new(
            Exit::Conflict,
            "TENANT_UNFINISHED",
            format!("tenant `{}` is {} and has no schema", tenant.slug, tenant.state),
        )
    };
    let id = tenant.release_id.as_ref().ok_or_else(missing)?;
    let release = catalog.release(id)?.ok_or_else(missing)?;
    Schema::from_json("release", &release.document).map_err(|errors| {
        let details = errors.iter().map(ToString::to_string).collect();
        Failure::local("RELEASE_UNREADABLE", format!("this version cannot read schema release {id}")).details(details)
    })
}

/// Each variable goes to the roles that have it.
fn grants(schema: &Schema, roles: &[String], variables: &[String]) -> Result<Vec<RoleGrant>, Failure> {
    let mut grants: Vec<RoleGrant> =
        roles.iter().map(|role| RoleGrant { role: role.clone(), variables: BTreeMap::new() }).collect();
    for variable in variables {
        let (name, value) = variable.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::new(Exit::Usage, "VARIABLE_SYNTAX", format!("`{variable}` is not NAME=VALUE"))
                .hint("for example --variable site=<id of a site>")
        })?;
        let mut known = false;
        for grant in &mut grants {
            if variables_of(schema, &grant.role).contains(name) {
                known = true;
                grant.variables.entry(name.to_owned()).or_default().push(value.to_owned());
            }
        }
        if !known {
            let failure = Failure::new(
                Exit::NotFound,
                "VARIABLE_UNKNOWN",
                format!("no role of {} has a variable `{name}`", roles.join(", ")),
            );
            return Err(failure.hint(known_variables(schema, roles)));
        }
    }
    Ok(grants)
}

/// Names of the variables of a role and of all that it inherits: an inherited role uses the inheriting one's values (content API, section 3.2).
fn variables_of<'a>(schema: &'a Schema, role: &str) -> BTreeSet<&'a str> {
    let role = &schema.roles[role];
    let inherited = role.inherits.iter().flat_map(|inherited| variables_of(schema, inherited.as_str()));
    role.variables.keys().map(|name| name.as_str()).chain(inherited).collect()
}

fn known_variables(schema: &Schema, roles: &[String]) -> String {
    let names: Vec<String> = roles
        .iter()
        .flat_map(|role| variables_of(schema, role).into_iter().map(move |name| format!("`{name}` of `{role}`")))
        .collect();
    if names.is_empty() { "they have no variables at all".to_owned() } else { format!("there is {}", names.join(", ")) }
}
