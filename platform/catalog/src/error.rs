//! Why the catalogue could not do what was asked.

use freehold_ids::{OperationId, PlanName, ServerId, Slug, TenantId};

use crate::state::{OperationKind, TenantState};

/// Why the catalogue could not do what was asked. Messages are for operators and may name tenants; callers of the content
/// API only ever see the engine's own codes.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The address of the control database is no connection URL.
    #[error("the address of the control database is not a `postgres://` URL")]
    Url,
    /// No connection within the time allowed.
    #[error("the control database does not answer")]
    Unavailable(#[source] r2d2::Error),
    /// The control database refused a statement.
    #[error("the control database refused a statement")]
    Query(#[from] diesel::result::Error),
    /// A migration failed; migrations before it stay applied.
    #[error("migrating the control database failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another tenant has the name.
    #[error("the name `{slug}` belongs to another tenant; choose another one")]
    NameTaken {
        /// The name asked for.
        slug: Slug,
    },
    /// The name belonged to a tenant that was deleted.
    #[error("the name `{slug}` belonged to a deleted tenant and stays reserved for ever; choose another one")]
    NameRetired {
        /// The name asked for.
        slug: Slug,
    },
    /// No tenant with that id.
    #[error("there is no tenant `{0}`")]
    NoTenant(TenantId),
    /// The tenant's state does not lead to the one asked for.
    #[error("tenant `{tenant}` is {from}: it cannot become {to}")]
    Transition {
        /// The tenant.
        tenant: TenantId,
        /// Its state.
        from: TenantState,
        /// The state asked for.
        to: TenantState,
    },
    /// Somebody else changed the tenant since it was read.
    #[error("tenant `{0}` was changed by somebody else meanwhile; look at it again")]
    Changed(TenantId),
    /// Another operation is changing the tenant.
    #[error("operation `{operation}` ({kind}) is already changing tenant `{tenant}`; wait for it, or finish it first")]
    Busy {
        /// The tenant.
        tenant: TenantId,
        /// What is under way.
        kind: OperationKind,
        /// Its id.
        operation: OperationId,
    },
    /// A registered document has the id.
    #[error("the id `{id}` belongs to another document of the tenant; remove that one first, or give this one another id")]
    DocumentIdTaken {
        /// The id asked for.
        id: String,
    },
    /// A document cannot have the id.
    #[error("the id `{id}` {problem}")]
    DocumentIdInvalid {
        /// The id asked for.
        id: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No registered document has that id.
    #[error("the tenant has no document `{id}`")]
    NoDocument {
        /// The id asked for.
        id: String,
    },
    /// No plan with that name.
    #[error("there is no plan `{0}`")]
    NoPlan(PlanName),
    /// The lease ran out, and somebody else may have taken the operation over.
    #[error("operation `{0}` was taken over by another process")]
    LeaseLost(OperationId),
    /// No server takes another tenant.
    #[error("no server takes another tenant: add one, or raise `max_databases` of a server")]
    NoServer,
    /// No server with that name.
    #[error("there is no server `{0}`")]
    NoServerNamed(String),
    /// No server with that id.
    #[error("there is no server with id `{0}`")]
    NoServerWithId(ServerId),
    /// The server, or its name, is already known.
    #[error("the server is already in the catalogue, as `{0}`")]
    ServerExists(String),
    /// A value in the catalogue that this version does not know.
    #[error("the catalogue holds `{value}` in `{column}`, which this version does not understand")]
    Corrupt {
        /// Table and column.
        column: &'static str,
        /// The value.
        value: String,
    },
    /// The chain of the audit log is broken.
    #[error("the audit log was tampered with: entry {seq} does not follow from the one before")]
    AuditBroken {
        /// First entry that does not fit.
        seq: i64,
    },
}

impl CatalogError {
    /// Stable name for programs; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url => "CATALOG_URL",
            Self::Unavailable(_) => "CATALOG_UNAVAILABLE",
            Self::Query(_) => "CATALOG_QUERY",
            Self::Migration(_) => "CATALOG_MIGRATION",
            Self::NameTaken { .. } => "NAME_TAKEN",
            Self::NameRetired { .. } => "NAME_RETIRED",
            Self::NoTenant(_) => "NO_TENANT",
            Self::Transition { .. } => "TENANT_STATE",
            Self::Changed(_) => "TENANT_CHANGED",
            Self::Busy { .. } => "OPERATION_RUNNING",
            Self::DocumentIdTaken { .. } => "DOCUMENT_ID_TAKEN",
            Self::DocumentIdInvalid { .. } => "DOCUMENT_ID_INVALID",
            Self::NoDocument { .. } => "NO_DOCUMENT",
            Self::NoPlan(_) => "NO_PLAN",
            Self::LeaseLost(_) => "LEASE_LOST",
            Self::NoServer => "NO_SERVER",
            Self::NoServerNamed(_) | Self::NoServerWithId(_) => "SERVER_UNKNOWN",
            Self::ServerExists(_) => "SERVER_EXISTS",
            Self::Corrupt { .. } => "CATALOG_CORRUPT",
            Self::AuditBroken { .. } => "AUDIT_BROKEN",
        }
    }

    /// Whether the same call may succeed a little later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Changed(_) | Self::Busy { .. } | Self::LeaseLost(_) => true,
            Self::Query(error) => is_broken(error),
            Self::Url
            | Self::Migration(_)
            | Self::NameTaken { .. }
            | Self::NameRetired { .. }
            | Self::NoTenant(_)
            | Self::Transition { .. }
            | Self::DocumentIdTaken { .. }
            | Self::DocumentIdInvalid { .. }
            | Self::NoDocument { .. }
            | Self::NoPlan(_)
            | Self::NoServer
            | Self::NoServerNamed(_)
            | Self::NoServerWithId(_)
            | Self::ServerExists(_)
            | Self::Corrupt { .. }
            | Self::AuditBroken { .. } => false,
        }
    }
}

/// Whether the connection, rather than the statement, failed.
pub(crate) fn is_broken(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error};
    matches!(
        error,
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | Error::BrokenTransactionManager
    )
}
