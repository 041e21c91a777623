//! `freehold doctor`: what is wrong, and what to do about it.

use std::path::Path;
use std::time::Duration;

use freehold_provisioner::{Finding, Severity};
use serde_json::json;
use tokio::runtime::Handle;

use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::Output;

/// A healthy service answers at once.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn run(context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let context = Context::find(context)?;
    let mut findings = Vec::new();
    for (subject, url) in [("engine", &context.engine), ("image service", &context.images)] {
        findings.extend(service_finding(subject, url));
    }
    let examined = context.provisioner(runtime).and_then(|provisioner| Ok(provisioner.doctor()?));
    match examined {
        Ok(found) => findings.extend(found),
        // A control plane that does not answer is a finding like the others, not the end of the examination.
        Err(failure) => findings.push(Finding {
            code: failure.code,
            severity: Severity::Error,
            subject: "control plane".to_owned(),
            message: failure.message,
            hint: failure.hint.unwrap_or_default(),
        }),
    }
    let healthy = findings.is_empty();
    output.answer(&json!({ "healthy": healthy, "findings": findings }), || {
        if healthy {
            "nothing is wrong: control plane, servers, operations, engine and image service".to_owned()
        } else {
            findings_text(&findings)
        }
    });
    let is_serious = findings.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if is_serious { Exit::Failed } else { Exit::Done })
}

/// Whether the service is ready; what it says about itself is for its own log.
fn service_finding(subject: &str, url: &str) -> Option<Finding> {
    let message = is_ready(url).err()?;
    Some(Finding {
        code: "SERVICE_NOT_READY",
        severity: Severity::Error,
        subject: subject.to_owned(),
        message: format!("{url} {message}"),
        hint: "start it, or look at its log; `freehold dev` runs a local installation".to_owned(),
    })
}

/// Asks `/readyz`.
pub(crate) fn is_ready(url: &str) -> Result<(), String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into();
    let answer = agent.get(format!("{}/readyz", url.trim_end_matches('/'))).call();
    match answer {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("answers {} to /readyz", response.status().as_u16())),
        Err(error) => Err(format!("does not answer: {error}")),
    }
}

/// Findings as text, one paragraph each.
pub(super) fn findings_text(findings: &[Finding]) -> String {
    let paragraph = |finding: &Finding| {
        let severity = match finding.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let hint = if finding.hint.is_empty() { String::new() } else { format!("\n  hint: {}", finding.hint) };
        format!("{severity}[{}]: {}: {}{hint}\n", finding.code, finding.subject, finding.message)
    };
    findings.iter().map(paragraph).collect()
}
