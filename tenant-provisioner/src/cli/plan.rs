//! `freehold plan …`, and `freehold tenant plan`

use std::path::Path;

use freehold_catalog::{CatalogError, Plan};
use freehold_ids::{PlanName, Slug};
use freehold_provisioner::{ProvisionError, Provisioner};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::PlanCommand;
use super::context::Context;
use super::duration::Retention;
use super::failure::{Exit, Failure};
use super::output::{Output, table};

pub(super) fn run(command: PlanCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    match command {
        PlanCommand::Set { name, keep_events } => set(name, keep_events, context, runtime, output),
        PlanCommand::List => list(context, output),
    }
}

fn set(
    name: PlanName,
    Retention(event_retention_days): Retention,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let plan = Plan { name, event_retention_days };
    Context::find(context)?.provisioner(runtime)?.set_plan(&plan)?;
    output.answer(&plan_json(&plan), || format!("tenants of plan `{}` keep their events {}", plan.name, kept(&plan)));
    Ok(Exit::Done)
}

fn list(context: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let plans = Context::find(context)?.catalog()?.plans()?;
    let listed = plans.iter().map(|(plan, n_tenants)| {
        let mut json = plan_json(plan);
        json["tenants"] = json!(n_tenants);
        json
    });
    output.answer(&json!({ "plans": listed.collect::<Vec<Value>>() }), || {
        if plans.is_empty() {
            return "no plans; `freehold plan set NAME --keep-events 30d` makes one".to_owned();
        }
        let row = |(plan, n_tenants): &(Plan, i64)| vec![plan.name.to_string(), kept(plan), n_tenants.to_string()];
        table(&["PLAN", "EVENTS ARE KEPT", "TENANTS"], &plans.iter().map(row).collect::<Vec<_>>())
    });
    Ok(Exit::Done)
}

fn plan_json(plan: &Plan) -> Value {
    json!({ "plan": plan.name, "event_retention_days": plan.event_retention_days })
}

fn kept(plan: &Plan) -> String {
    plan.event_retention_days.map_or_else(|| "for ever".to_owned(), |days| format!("for {days} days"))
}

/// There is such a plan.
pub(super) fn check(provisioner: &Provisioner, name: &PlanName) -> Result<(), Failure> {
    match provisioner.catalog().plans()?.iter().any(|(plan, _)| plan.name == *name) {
        true => Ok(()),
        false => Err(ProvisionError::from(CatalogError::NoPlan(name.clone())).into()),
    }
}

pub(super) fn put(
    slug: &Slug,
    name: Option<&PlanName>,
    dry_run: bool,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let tenant = provisioner.tenant(slug)?;
    if !dry_run {
        provisioner.set_tenant_plan(&tenant, name)?;
    } else if let Some(name) = name {
        check(&provisioner, name)?;
    }
    let changed = tenant.plan.as_ref().map(|plan| &plan.name) != name;
    output.answer(&json!({ "slug": slug, "dry_run": dry_run, "plan": name, "changed": changed }), || {
        let verb = if dry_run { "would be" } else { "is" };
        match name {
            Some(name) => format!("tenant `{slug}` {verb} on plan `{name}`"),
            None => format!("tenant `{slug}` {verb} on no plan: its events are kept for ever"),
        }
    });
    Ok(Exit::Done)
}
