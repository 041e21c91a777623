//! `freehold tenant …`

use std::io::Write;
use std::path::{Path, PathBuf};

use freehold_catalog::{Catalog, SuspendReason, Tenant, TenantLimits};
use freehold_ids::{PlanName, ServerId, Slug};
use freehold_provisioner::{CreateTenant, Outcome};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::{Reason, TenantCommand};
use super::context::{Context, tenant_named};
use super::documents;
use super::failure::{Exit, Failure};
use super::output::{Output, is_interactive, table};
use super::plan;
use super::progress::{Progress, SagaProgress, Style};
use super::schema;

/// A statement of the content API that takes longer than this is a mistake.
pub(crate) const STATEMENT_TIMEOUT_MS: u32 = 10_000;

pub(super) fn run(command: TenantCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    match command {
        TenantCommand::Create { slug, undo: true, .. } => undo_create(&slug, context, runtime, output),
        TenantCommand::Create { slug, schema, seed, server, max_connections, plan, undo: false } => {
            let schema =
                schema.ok_or_else(|| Failure::new(Exit::Usage, "NO_SCHEMA", "a tenant needs a schema: --schema FILE"))?;
            let limits = TenantLimits { max_connections, statement_timeout_ms: STATEMENT_TIMEOUT_MS };
            create(&slug, &schema, seed, server, limits, plan.as_ref(), context, runtime, output)
        }
        TenantCommand::List { deleted } => list(deleted, context, output),
        TenantCommand::Show { slug } => show(&slug, context, output),
        TenantCommand::Suspend { slug, reason } => {
            let context = Context::find(context)?;
            let tenant = context.provisioner(runtime)?.suspend_tenant(&slug, suspend_reason(reason))?;
            output.answer(&tenant_json(&tenant, &context), || {
                format!("tenant `{slug}` is suspended; `freehold tenant resume {slug}` lets it serve again")
            });
            Ok(Exit::Done)
        }
        TenantCommand::Resume { slug } => {
            let context = Context::find(context)?;
            let tenant = context.provisioner(runtime)?.resume_tenant(&slug)?;
            output.answer(&tenant_json(&tenant, &context), || format!("tenant `{slug}` is active"));
            Ok(Exit::Done)
        }
        TenantCommand::Documents { slug, accept, dry_run } => documents::accept(&slug, accept, dry_run, context, runtime, output),
        TenantCommand::Plan { slug, plan, none: _, dry_run } => {
            plan::put(&slug, plan.as_ref(), dry_run, context, runtime, output)
        }
        TenantCommand::Delete { slug, confirm } => delete(&slug, confirm, context, runtime, output),
    }
}

#[allow(clippy::too_many_arguments, reason = "one per option of the command")]
fn create(
    slug: &Slug,
    schema: &Path,
    seed: Option<PathBuf>,
    server: Option<String>,
    limits: TenantLimits,
    plan: Option<&PlanName>,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    // Everything that can be wrong on this side is found before anything is begun.
    let schema = schema::read(schema)?;
    let seed = seed.map(|path| schema::read_text(&path)).transpose()?;
    let context = Context::find(context)?;
    let provisioner = context.provisioner(runtime)?;
    if let Some(plan) = plan {
        plan::check(&provisioner, plan)?;
    }
    let release_id = provisioner.register_release(&schema)?;
    let progress = SagaProgress::new(Progress::new(Style::TerminalOnly));
    let request = CreateTenant { slug: slug.clone(), release_id, seed, server, limits };
    let created = provisioner.create_tenant(&request, &progress)?;
    if plan.is_some() {
        provisioner.set_tenant_plan(&provisioner.tenant(slug)?, plan)?;
    }
    drop(progress);
    let existed = created.outcome == Outcome::Existing;
    let content_url = context.content_url(slug);
    let answer = json!({
        "slug": created.slug,
        "tenant_id": created.tenant_id,
        "content_url": content_url,
        "release_id": created.release_id,
        "server": created.server,
        "database": created.database,
        "operation_id": created.operation,
        "created": !existed,
    });
    output.answer(&answer, || {
        let verb = if existed { "existed already, with this schema" } else { "is ready" };
        format!(
            "tenant `{slug}` {verb}\n  id        {}\n  database  {} on {}\n  API       {content_url}",
            created.tenant_id, created.database, created.server
        )
    });
    output.note(&format!("\nA token for it: freehold token create --tenant {slug} --role admin"));
    Ok(Exit::Done)
}

fn undo_create(slug: &Slug, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let progress = SagaProgress::new(Progress::new(Style::TerminalOnly));
    provisioner.undo_create(slug, &progress)?;
    drop(progress);
    output.answer(&json!({ "slug": slug, "undone": true }), || {
        format!("the creation of `{slug}` is undone; nothing of it is left")
    });
    Ok(Exit::Done)
}

fn list(deleted: bool, context: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let context = Context::find(context)?;
    let catalog = context.catalog()?;
    let tenants = catalog.tenants(deleted)?;
    let servers = catalog.servers()?;
    let server_name =
        |id: ServerId| servers.iter().find(|server| server.id == id).map_or_else(|| id.to_string(), |server| server.name.clone());
    let answer = json!({ "tenants": tenants.iter().map(|tenant| tenant_json(tenant, &context)).collect::<Vec<_>>() });
    output.answer(&answer, || {
        if tenants.is_empty() {
            return "no tenants; `freehold tenant create SLUG --schema FILE` makes one".to_owned();
        }
        let rows: Vec<Vec<String>> = tenants
            .iter()
            .map(|tenant| {
                let server = tenant.placement.as_ref().map(|placement| server_name(placement.server_id)).unwrap_or_default();
                let release = tenant.release_id.as_ref().map(|id| id.as_str()[..12].to_owned()).unwrap_or_default();
                let created = tenant.created_at.format("%Y-%m-%d %H:%M").to_string();
                vec![tenant.slug.to_string(), tenant.state.to_string(), tenant.id.to_string(), server, release, created]
            })
            .collect();
        table(&["SLUG", "STATE", "ID", "SERVER", "RELEASE", "CREATED (UTC)"], &rows)
    });
    Ok(Exit::Done)
}

fn show(slug: &Slug, context: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let context = Context::find(context)?;
    let catalog = context.catalog()?;
    let tenant = tenant_named(&catalog, slug)?;
    let operations = operations_json(&catalog, &tenant)?;
    let server = tenant.placement.as_ref().map(|placement| catalog.server(placement.server_id)).transpose()?;
    let mut answer = tenant_json(&tenant, &context);
    answer["server"] = json!(server.as_ref().map(|server| &server.name));
    answer["operations"] = json!(operations);
    output.answer(&answer, || {
        let reason = tenant.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let place = server.as_ref().zip(tenant.placement.as_ref());
        let place = place.map_or_else(|| "-".to_owned(), |(server, placement)| format!("{} on {}", placement.database, server.name));
        let release = tenant.release_id.as_ref().map_or("-", |id| id.as_str());
        let operations = operations.iter().map(|operation| {
            let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
            format!("\n  {}  {}  {}  {}", text("created_at"), text("kind"), text("state"), text("error"))
        });
        format!(
            "{slug}: {}{reason}\n  id        {}\n  database  {place}\n  release   {release}\n  documents {}\n  plan      {}\n  epoch     {}\n  API       {}\noperations:{}",
            tenant.state,
            tenant.id,
            tenant.documents,
            tenant.plan.as_ref().map_or("-", |plan| plan.name.as_str()),
            tenant.epoch,
            context.content_url(slug),
            operations.collect::<String>()
        )
    });
    Ok(Exit::Done)
}

fn delete(
    slug: &Slug,
    confirm: Option<String>,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let context = Context::find(context)?;
    let provisioner = context.provisioner(runtime)?;
    let tenant = tenant_named(provisioner.catalog(), slug)?;
    let typed = match confirm {
        Some(typed) => typed,
        None if is_interactive() => ask_for_slug(&tenant)?,
        None => {
            let failure =
                Failure::new(Exit::NeedsConfirmation, "NEEDS_CONFIRMATION", format!("deleting `{slug}` cannot be undone"));
            return Err(failure.hint(format!("to delete it: freehold tenant delete {slug} --confirm {slug}")));
        }
    };
    if typed != slug.as_str() {
        return Err(Failure::new(
            Exit::NeedsConfirmation,
            "NEEDS_CONFIRMATION",
            format!("`{typed}` is not `{slug}`: nothing was deleted"),
        ));
    }
    let progress = SagaProgress::new(Progress::new(Style::TerminalOnly));
    let id = provisioner.delete_tenant(slug, &progress)?;
    drop(progress);
    output.answer(&json!({ "slug": slug, "tenant_id": id, "state": "erased" }), || {
        format!("tenant `{slug}` is deleted: its database, its roles and its key are gone, its name stays reserved")
    });
    Ok(Exit::Done)
}

fn ask_for_slug(tenant: &Tenant) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::local("TERMINAL", format!("cannot ask: {error}"));
    let question = format!(
        "This deletes the database of `{}`, its roles and its key, for good.\nType the tenant's name to go on: ",
        tenant.slug
    );
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(failed)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

fn tenant_json(tenant: &Tenant, context: &Context) -> Value {
    json!({
        "slug": tenant.slug,
        "tenant_id": tenant.id,
        "state": tenant.state,
        "reason": tenant.reason,
        "content_url": context.content_url(&tenant.slug),
        "release_id": tenant.release_id,
        "database": tenant.placement.as_ref().map(|placement| &placement.database),
        "documents": tenant.documents,
        "plan": tenant.plan.as_ref().map(|plan| &plan.name),
        "epoch": tenant.epoch,
        "created_at": tenant.created_at,
        "changed_at": tenant.changed_at,
    })
}

fn operations_json(catalog: &Catalog, tenant: &Tenant) -> Result<Vec<Value>, Failure> {
    let mut answers = Vec::new();
    for operation in catalog.operations_of(tenant.id)? {
        let steps = catalog.steps(operation.id)?;
        let steps: Vec<Value> = steps
            .iter()
            .map(|step| json!({ "name": step.name, "state": step.state, "attempts": step.attempts, "error": step.error }))
            .collect();
        answers.push(json!({
            "operation_id": operation.id,
            "kind": operation.kind,
            "state": operation.state,
            "actor": operation.actor,
            "created_at": operation.created_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "error": operation.error_message,
            "steps": steps,
        }));
    }
    Ok(answers)
}

fn suspend_reason(reason: Reason) -> SuspendReason {
    match reason {
        Reason::Billing => SuspendReason::Billing,
        Reason::Abuse => SuspendReason::Abuse,
        Reason::Idle => SuspendReason::Idle,
        Reason::Maintenance => SuspendReason::Maintenance,
        Reason::Quota => SuspendReason::Quota,
    }
}
