//! Why a command failed, told three times: an exit code for scripts, a stable name for programs, a message with a hint for people.

use std::error::Error;

use freehold_catalog::CatalogError;
use freehold_devstack::DevstackError;
use freehold_provisioner::{ErrorClass, ProvisionError};
use freehold_telemetry::TelemetryError;
use freehold_tokens::KeyringError;
use freehold_vault::VaultError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// What it names does not exist.
    NotFound,
    /// Not allowed.
    Auth,
    /// It exists already, or its state forbids it.
    Conflict,
    /// Done for some, failed for others; each is told.
    Partly,
    /// Something destructive needs the name typed again.
    NeedsConfirmation,
    /// The same again may work a little later.
    Retryable,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Auth => 4,
            Self::Conflict => 5,
            Self::Partly => 6,
            Self::NeedsConfirmation => 8,
            Self::Retryable => 9,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Lines above the message, such as the mistakes in a schema file.
    pub(crate) details: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), hint: None, details: Vec::new() }
    }

    /// Something on this machine failed.
    pub(crate) fn local(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, code, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "INTERRUPTED", "interrupted")
            .hint("what was begun is recorded; the same command again finishes it")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    fn of(error: &(dyn Error + 'static), code: &'static str, retryable: bool) -> Self {
        let exit = if retryable { Exit::Retryable } else { exit_of(code) };
        Self::new(exit, code, chain(error))
    }
}

/// Codes of the crates below, by what a script would do about them.
fn exit_of(code: &str) -> Exit {
    match code {
        "NO_TENANT" | "NO_DOCUMENT" | "SERVER_UNKNOWN" | "RELEASE_UNKNOWN" => Exit::NotFound,
        "NAME_TAKEN" | "NAME_RETIRED" | "DOCUMENT_ID_TAKEN" | "SERVER_EXISTS" | "TENANT_STATE" | "DEVSTACK_IN_USE" => {
            Exit::Conflict
        }
        "VAULT_REFUSED" | "VAULT_KMS_REFUSED" | "SERVER_LOGIN" => Exit::Auth,
        "CATALOG_UNAVAILABLE" | "TENANT_CHANGED" | "OPERATION_RUNNING" | "LEASE_LOST" => Exit::Retryable,
        _ => Exit::Failed,
    }
}

/// The error and what caused it, once each: some libraries repeat the cause in their own text.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(cause_text.trim()) {
            text = format!("{text}: {}", cause_text.trim());
        }
        source = cause.source();
    }
    freehold_telemetry::redact::text(&text).into_owned()
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let failure = Self::of(&error, error.code(), error.is_retryable());
        match error {
            CatalogError::Unavailable(_) => failure.hint("is the installation running? `freehold dev` starts a local one"),
            CatalogError::NoTenant(_) => failure.hint("`freehold tenant list` shows the tenants"),
            CatalogError::NoServer => failure.hint("`freehold server add` makes one known"),
            CatalogError::NoServerNamed(_) => failure.hint("`freehold server list` shows the servers"),
            _ => failure,
        }
    }
}

impl From<ProvisionError> for Failure {
    fn from(error: ProvisionError) -> Self {
        let exit = match error.class() {
            ErrorClass::NotFound => Exit::NotFound,
            ErrorClass::Conflict => Exit::Conflict,
            ErrorClass::Retryable => Exit::Retryable,
            ErrorClass::Failed | ErrorClass::NeedsOperator => Exit::Failed,
        };
        let hint = error.hint();
        Self { hint, ..Self::new(exit, error.code(), chain(&error)) }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::of(&error, error.code(), error.is_retryable())
    }
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        Self::of(&error, error.code(), false)
    }
}

impl From<DevstackError> for Failure {
    fn from(error: DevstackError) -> Self {
        Self::of(&error, error.code(), false)
    }
}

impl From<TelemetryError> for Failure {
    fn from(error: TelemetryError) -> Self {
        Self::of(&error, error.code(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_scripts_what_to_do() {
        let slug: freehold_ids::Slug = "acme".parse().expect("a valid slug");
        let failures: [(Failure, u8); 5] = [
            (CatalogError::NoServerNamed("eu-9".to_owned()).into(), 3),
            (CatalogError::NameTaken { slug: slug.clone() }.into(), 5),
            (CatalogError::Changed(freehold_ids::TenantId::generate()).into(), 9),
            (VaultError::Refused.into(), 4),
            (CatalogError::NoServer.into(), 1),
        ];
        for (failure, exit) in failures {
            assert_eq!(failure.exit.code(), exit, "{}", failure.message);
        }
    }

    #[test]
    fn causes_are_told_once_and_without_secrets() {
        #[derive(Debug, thiserror::Error)]
        #[error("the server refused")]
        struct Outer(#[source] std::io::Error);

        let error = Outer(std::io::Error::other("no route for postgres://u:hunter2@db/x"));
        assert_eq!(chain(&error), "the server refused: no route for postgres://[redacted]@db/x");
        let repeated = Outer(std::io::Error::other("server refused"));
        assert_eq!(chain(&repeated), "the server refused");
    }
}
