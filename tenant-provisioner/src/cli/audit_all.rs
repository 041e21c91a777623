//! `freehold audit … --all`: one tenant after the other. What fails for one is told and stops no other; the same command again goes on where it ended.

use std::path::Path;

use chrono::Utc;
use freehold_catalog::{Tenant, TenantState};
use freehold_provisioner::{ProvisionError, Provisioner};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::{Output, table};
use super::progress::Progress;

/// The heads of all chains, to be kept outside of the databases.
pub(super) fn heads(context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let exported_at = Utc::now();
    let (done, failed) = each(&provisioner, |tenant| provisioner.event_head(tenant))?;
    let heads = done.iter().map(|(tenant, head)| {
        json!({ "slug": tenant.slug, "tenant_id": tenant.id, "position": head.position, "head": head.to_string() })
    });
    let heads: Vec<Value> = heads.collect();
    Ok(answer(output, json!({ "exported_at": exported_at, "heads": heads }), failed, || {
        let rows: Vec<Vec<String>> = done.iter().map(|(tenant, head)| vec![tenant.slug.to_string(), head.to_string()]).collect();
        table(&["SLUG", "HEAD"], &rows)
    }))
}

/// Deletes what the tenants' plans do not keep any longer.
pub(super) fn prune(context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let (done, failed) = each(&provisioner, |tenant| provisioner.prune_expired_events(tenant))?;
    let expiring: Vec<_> = done.iter().filter(|(_, pruned)| pruned.older_than.is_some()).collect();
    let n_events: u64 = done.iter().map(|(_, pruned)| pruned.n_events).sum();
    let tenants = expiring.iter().map(|(tenant, pruned)| {
        let plan = tenant.plan.as_ref().map(|plan| &plan.name);
        json!({ "slug": tenant.slug, "plan": plan, "older_than": pruned.older_than, "pruned": pruned.n_events })
    });
    let tenants: Vec<Value> = tenants.collect();
    let n_kept = done.len() - expiring.len();
    Ok(answer(output, json!({ "pruned": n_events, "kept_for_ever": n_kept, "tenants": tenants }), failed, || {
        format!("{n_events} events of {} tenants were deleted; {n_kept} tenants have no plan that lets events go", expiring.len())
    }))
}

type Done<T> = Vec<(Tenant, T)>;
type Failed = Vec<(Tenant, Failure)>;

/// Does something to every tenant that has served.
fn each<T>(provisioner: &Provisioner, work: impl Fn(&Tenant) -> Result<T, ProvisionError>) -> Result<(Done<T>, Failed), Failure> {
    let mut tenants = provisioner.catalog().tenants(false)?;
    tenants.retain(|tenant| matches!(tenant.state, TenantState::Active | TenantState::Suspended));
    let progress = Progress::counting(tenants.len());
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for tenant in tenants {
        progress.message(tenant.slug.as_str());
        match work(&tenant) {
            Ok(result) => done.push((tenant, result)),
            Err(error) => failed.push((tenant, error.into())),
        }
        progress.count();
    }
    Ok((done, failed))
}

fn answer(output: Output, mut json: Value, failed: Failed, human: impl FnOnce() -> String) -> Exit {
    let told =
        failed.iter().map(|(tenant, failure)| json!({ "slug": tenant.slug, "code": failure.code, "message": failure.message }));
    json["failed"] = told.collect();
    output.answer(&json, human);
    for (tenant, failure) in &failed {
        output.note(&format!("{}: error[{}]: {}", tenant.slug, failure.code, failure.message));
    }
    if failed.is_empty() { Exit::Done } else { Exit::Partly }
}
