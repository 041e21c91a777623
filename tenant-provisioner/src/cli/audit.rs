//! `freehold audit …`

use std::path::Path;

use chrono::Utc;
use freehold_ids::Slug;
use freehold_provisioner::{BadEntry, Head, Pruned, Verified};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::AuditCommand;
use super::audit_all;
use super::context::Context;
use super::duration::Age;
use super::failure::{Exit, Failure};
use super::output::Output;

pub(super) fn run(command: AuditCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify { slug, head } => verify(&slug, head.as_deref(), context, runtime, output),
        AuditCommand::Head { slug: Some(slug), all: _ } => head(&slug, context, runtime, output),
        AuditCommand::Head { slug: None, all: _ } => audit_all::heads(context, runtime, output),
        AuditCommand::Seal { slug } => seal(&slug, context, runtime, output),
        AuditCommand::Prune { slug: Some(slug), older_than, all: _ } => prune(&slug, older_than, context, runtime, output),
        AuditCommand::Prune { slug: None, older_than: _, all: _ } => audit_all::prune(context, runtime, output),
    }
}

fn verify(
    slug: &Slug,
    exported: Option<&str>,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let exported = exported.map(|given| read_head(slug, given)).transpose()?;
    let verified = Context::find(context)?.provisioner(runtime)?.verify_events(slug, exported)?;
    output.answer(&verified_json(slug, &verified), || verified_text(slug, &verified, exported.is_some()));
    Ok(if verified.bad.is_none() { Exit::Done } else { Exit::Failed })
}

/// What was given is a head, or a file that holds one, plain or as JSON, alone or among those of all tenants.
fn read_head(slug: &Slug, given: &str) -> Result<Head, Failure> {
    if let Ok(head) = given.parse() {
        return Ok(head);
    }
    let text = std::fs::read_to_string(given)
        .map_err(|error| Failure::local("FILE_UNREADABLE", format!("cannot read the exported head `{given}`: {error}")))?;
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let mut of_all = json.iter().filter_map(|json| json["heads"].as_array()).flatten();
    let of_tenant = of_all.find(|head| head["slug"] == slug.as_str()).or(json.as_ref());
    let head = of_tenant.and_then(|json| json["head"].as_str()).unwrap_or(&text);
    head.parse().map_err(|error| Failure::new(Exit::Usage, "HEAD_INVALID", format!("`{given}`: {error}")))
}

fn verified_json(slug: &Slug, verified: &Verified) -> Value {
    json!({
        "slug": slug,
        "ok": verified.bad.is_none(),
        "sealed": verified.n_sealed,
        "unsealed": verified.n_unsealed,
        "pruned": verified.n_pruned,
        "head": verified.head.to_string(),
        "bad": verified.bad.map(|bad| json!({
            "position": bad.position,
            "event_id": bad.event_id,
            "problem": bad.tampering.as_str(),
            "message": format!("{}: {}", name_of(bad), bad.tampering),
        })),
    })
}

fn verified_text(slug: &Slug, verified: &Verified, was_compared: bool) -> String {
    let Verified { n_sealed, n_unsealed, n_pruned, head, bad } = verified;
    let counts = format!("{n_sealed} entries follow from each other, {n_unsealed} are not sealed yet, {n_pruned} were pruned");
    match bad {
        Some(bad) => {
            format!(
                "the event log of `{slug}` was tampered with; the first bad entry is {}: {}\n{counts}",
                name_of(*bad),
                bad.tampering
            )
        }
        None if was_compared => {
            format!("the event log of `{slug}` is whole and agrees with the exported head\n{counts}\nhead {head}")
        }
        None => format!("the event log of `{slug}` is whole\n{counts}\nhead {head}"),
    }
}

fn name_of(bad: BadEntry) -> String {
    match (bad.position, bad.event_id) {
        (Some(position), Some(id)) => format!("position {position}, event {id}"),
        (Some(position), None) => format!("position {position}"),
        (None, Some(id)) => format!("event {id}"),
        (None, None) => "unknown".to_owned(),
    }
}

fn head(slug: &Slug, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let head = provisioner.event_head(&provisioner.tenant(slug)?)?;
    output.answer(&json!({ "slug": slug, "position": head.position, "head": head.to_string() }), || head.to_string());
    Ok(Exit::Done)
}

fn seal(slug: &Slug, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let sealed = Context::find(context)?.provisioner(runtime)?.seal_events(slug)?;
    output.answer(&json!({ "slug": slug, "sealed": sealed }), || match sealed {
        Some(n) => format!("{n} events of `{slug}` were sealed"),
        None => format!("another process is sealing the events of `{slug}` at this moment"),
    });
    Ok(if sealed.is_some() { Exit::Done } else { Exit::Retryable })
}

fn prune(
    slug: &Slug,
    older_than: Option<Age>,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let tenant = provisioner.tenant(slug)?;
    let Pruned { older_than, n_events } = match older_than {
        Some(Age(age)) => {
            let cutoff = Utc::now() - age;
            Pruned { older_than: Some(cutoff), n_events: provisioner.prune_events(&tenant, cutoff)? }
        }
        None => provisioner.prune_expired_events(&tenant)?,
    };
    output.answer(&json!({ "slug": slug, "older_than": older_than, "pruned": n_events }), || match older_than {
        Some(cutoff) => format!("{n_events} events of `{slug}` older than {} were deleted", cutoff.format("%Y-%m-%d %H:%M UTC")),
        None => format!("the events of `{slug}` are kept for ever: it has no plan that lets them go"),
    });
    Ok(Exit::Done)
}
