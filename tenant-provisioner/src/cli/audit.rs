//! `freehold audit …`

use std::path::Path;

use chrono::Utc;
use freehold_ids::Slug;
use freehold_provisioner::{BadEntry, Head, Verified};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::AuditCommand;
use super::context::Context;
use super::duration::Age;
use super::failure::{Exit, Failure};
use super::output::Output;

pub(super) fn run(command: AuditCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify { slug, head } => verify(&slug, head.as_deref(), context, runtime, output),
        AuditCommand::Head { slug } => head(&slug, context, runtime, output),
        AuditCommand::Seal { slug } => seal(&slug, context, runtime, output),
        AuditCommand::Prune { slug, older_than } => prune(&slug, older_than, context, runtime, output),
    }
}

fn verify(
    slug: &Slug,
    exported: Option<&str>,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let exported = exported.map(read_head).transpose()?;
    let verified = Context::find(context)?.provisioner(runtime)?.verify_events(slug, exported)?;
    output.answer(&verified_json(slug, &verified), || verified_text(slug, &verified, exported.is_some()));
    Ok(if verified.bad.is_none() { Exit::Done } else { Exit::Failed })
}

/// What was given is a head, or a file that holds one, plain or as JSON.
fn read_head(given: &str) -> Result<Head, Failure> {
    if let Ok(head) = given.parse() {
        return Ok(head);
    }
    let text = std::fs::read_to_string(given)
        .map_err(|error| Failure::local("FILE_UNREADABLE", format!("cannot read the exported head `{given}`: {error}")))?;
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let head = json.as_ref().and_then(|json| json["head"].as_str()).unwrap_or(&text);
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
    let head = Context::find(context)?.provisioner(runtime)?.event_head(slug)?;
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

fn prune(slug: &Slug, Age(age): Age, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let cutoff = Utc::now() - age;
    let n = Context::find(context)?.provisioner(runtime)?.prune_events(slug, cutoff)?;
    output.answer(&json!({ "slug": slug, "older_than": cutoff, "pruned": n }), || {
        format!("{n} events of `{slug}` older than {} were deleted", cutoff.format("%Y-%m-%d %H:%M UTC"))
    });
    Ok(Exit::Done)
}
