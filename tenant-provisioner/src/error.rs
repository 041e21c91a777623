//! Why a tenant or a server could not be changed.

use freehold_catalog::CatalogError;
use freehold_ids::{IdError, OperationId, ReleaseId, Slug};
use freehold_schema::ident::IdentError;
use freehold_vault::VaultError;

/// Why a tenant or a server could not be changed. Messages are for operators.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The catalogue refused or failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The vault refused or failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The administrator's address of a server cannot be read.
    #[error("the address of the server is no `postgres://user:password@host:port/database` URL: {0}")]
    AdminUrl(&'static str),
    /// A server does not let us in.
    #[error("cannot connect to {target}")]
    Connect {
        /// Server and database.
        target: String,
        /// What libpq says.
        source: diesel::result::ConnectionError,
    },
    /// A server refused a statement.
    #[error("{action} failed")]
    Server {
        /// What was being done.
        action: &'static str,
        /// What PostgreSQL says.
        source: diesel::result::Error,
    },
    /// Migrations of the template failed.
    #[error("migrating the template database failed")]
    TemplateMigration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A server is too old, or the administrator has too few rights.
    #[error("the server cannot carry tenants: {0}")]
    ServerUnfit(String),
    /// A name that PostgreSQL would cut.
    #[error(transparent)]
    Ident(#[from] IdentError),
    /// No tenant with that name.
    #[error("there is no tenant `{0}`")]
    NoTenant(Slug),
    /// The name belongs to a tenant that is not the one asked for.
    #[error("the name `{slug}` belongs to a tenant that {why}")]
    NameTaken {
        /// The name.
        slug: Slug,
        /// How it differs.
        why: &'static str,
    },
    /// The tenant is already made: there is nothing to undo.
    #[error("tenant `{0}` is already active; its making cannot be undone")]
    AlreadyActive(Slug),
    /// The schema release is not registered.
    #[error("schema release `{0}` is not registered")]
    NoRelease(ReleaseId),
    /// A registered release that this version cannot read.
    #[error("schema release `{release}` cannot be read: {message}")]
    ReleaseUnreadable {
        /// The release.
        release: ReleaseId,
        /// The first error.
        message: String,
    },
    /// The database already holds another release.
    #[error("the tenant's database already holds schema release `{found}`")]
    OtherRelease {
        /// What it holds.
        found: String,
    },
    /// A statement of the schema's DDL failed.
    #[error("the schema cannot be created: PostgreSQL refused `{statement}`")]
    Content {
        /// Its beginning.
        statement: String,
        /// What PostgreSQL says.
        source: diesel::result::Error,
    },
    /// The seed failed.
    #[error("the seed failed: {message}")]
    Seed {
        /// What PostgreSQL says, with the line of the seed where it is known.
        message: String,
    },
    /// The seed ends the transaction it runs in.
    #[error("the seed contains BEGIN, COMMIT or ROLLBACK; it runs within one transaction of ours")]
    SeedTransaction,
    /// Something of that name is there and does not carry our marker.
    #[error("{kind} `{name}` exists on the server and does not belong to this tenant (its comment is {comment})")]
    Foreign {
        /// `database` or `role`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its comment.
        comment: String,
    },
    /// Something on the server is not as it was set.
    #[error("verification failed: {what} is {found}, expected {expected}")]
    Verification {
        /// What was read back.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The tenant's login gets in where it must not.
    #[error("verification failed: the tenant's login can enter database `{0}`")]
    Isolation(String),
    /// Another process kept an operation for longer than we waited.
    #[error("another process is still running operation `{0}`")]
    StillRunning(OperationId),
    /// Another process undid the operation that this one waited for.
    #[error("operation `{operation}` was undone by the process that ran it: {message}")]
    Undone {
        /// The operation.
        operation: OperationId,
        /// Why.
        message: String,
    },
    /// A step failed and what it needs to go on, or back, is not there.
    #[error("operation `{operation}` is stuck at step `{step}`: {message}")]
    Stuck {
        /// The operation.
        operation: OperationId,
        /// The step.
        step: String,
        /// What went wrong there.
        message: String,
        /// What made the operation turn back, if it did.
        source: Option<Box<ProvisionError>>,
    },
    /// An operation whose record this version does not understand.
    #[error("the record of operation `{0}` cannot be read")]
    OperationUnreadable(OperationId),
    /// An exported head that is older than everything that is left.
    #[error("the exported head cannot be compared: everything up to position {pruned} was pruned since")]
    HeadPruned {
        /// The last position that was pruned.
        pruned: i64,
    },
    /// The table that says where the chain of a tenant's event log begins is empty, or holds no hash.
    #[error("the beginning of the event log's chain cannot be read")]
    EventChainUnreadable,
    /// An id in a record that is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The runtime for the vault's calls cannot be started.
    #[error("cannot start the runtime for calls to the vault")]
    Runtime(#[source] std::io::Error),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random,
}

/// What kind of failure it is; the command line makes its exit code of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// What was named does not exist.
    NotFound,
    /// It exists already, or its state forbids it.
    Conflict,
    /// The same call may succeed a little later.
    Retryable,
    /// It failed; what was done was undone.
    Failed,
    /// A person has to look; `freehold doctor` says where.
    NeedsOperator,
}

impl ProvisionError {
    /// Stable name for programs; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Catalog(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::AdminUrl(_) => "SERVER_URL",
            Self::Connect { .. } => "SERVER_UNREACHABLE",
            Self::Server { .. } | Self::TemplateMigration(_) => "SERVER_REFUSED",
            Self::ServerUnfit(_) => "SERVER_UNFIT",
            Self::Ident(_) => "NAME_TOO_LONG",
            Self::NoTenant(_) => "NO_TENANT",
            Self::NameTaken { .. } => "NAME_TAKEN",
            Self::AlreadyActive(_) => "TENANT_STATE",
            Self::NoRelease(_) => "NO_RELEASE",
            Self::ReleaseUnreadable { .. } => "RELEASE_UNREADABLE",
            Self::OtherRelease { .. } => "OTHER_RELEASE",
            Self::Content { .. } => "SCHEMA_REFUSED",
            Self::Seed { .. } | Self::SeedTransaction => "SEED_FAILED",
            Self::Foreign { .. } => "FOREIGN_OBJECT",
            Self::Verification { .. } => "VERIFICATION_FAILED",
            Self::Isolation(_) => "ISOLATION_FAILED",
            Self::StillRunning(_) => "OPERATION_RUNNING",
            Self::Undone { .. } => "OPERATION_UNDONE",
            Self::Stuck { .. } => "OPERATION_STUCK",
            Self::HeadPruned { .. } => "HEAD_PRUNED",
            Self::EventChainUnreadable => "EVENT_CHAIN_UNREADABLE",
            Self::OperationUnreadable(_) | Self::Id(_) => "CATALOG_CORRUPT",
            Self::Runtime(_) | Self::Random => "SYSTEM",
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoTenant(_) | Self::NoRelease(_) => ErrorClass::NotFound,
            Self::Catalog(
                CatalogError::NoTenant(_)
                | CatalogError::NoServerNamed(_)
                | CatalogError::NoServerWithId(_)
                | CatalogError::NoDocument { .. }
                | CatalogError::NoPlan(_),
            ) => ErrorClass::NotFound,
            Self::NameTaken { .. } | Self::AlreadyActive(_) => ErrorClass::Conflict,
            Self::Catalog(
                CatalogError::NameTaken { .. }
                | CatalogError::NameRetired { .. }
                | CatalogError::DocumentIdTaken { .. }
                | CatalogError::Transition { .. }
                | CatalogError::ServerExists(_),
            ) => ErrorClass::Conflict,
            Self::Stuck { .. } | Self::OperationUnreadable(_) | Self::Id(_) | Self::EventChainUnreadable => {
                ErrorClass::NeedsOperator
            }
            Self::Catalog(CatalogError::Corrupt { .. } | CatalogError::AuditBroken { .. }) => ErrorClass::NeedsOperator,
            error if error.is_retryable() => ErrorClass::Retryable,
            _ => ErrorClass::Failed,
        }
    }

    /// Whether the same call may succeed a little later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_retryable(),
            Self::Vault(error) => error.is_retryable(),
            Self::Connect { .. } | Self::StillRunning(_) => true,
            Self::Server { source, .. } => is_broken(source),
            _ => false,
        }
    }

    /// What to do next, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NameTaken { .. } => {
                "choose another name; an unfinished tenant can be removed with `freehold tenant create <slug> --undo`"
            }
            Self::AlreadyActive(slug) => return Some(format!("delete it with `freehold tenant delete {slug}`")),
            Self::NoRelease(_) => "register the schema with `freehold schema release`",
            Self::Seed { .. } | Self::SeedTransaction => {
                "a seed is plain SQL, run by the tenant's owner role with `content` as its search path; psql's backslash commands are not understood"
            }
            Self::StillRunning(_) => {
                "run the same command again: it waits for the operation, or takes it over when its process died"
            }
            Self::Stuck { .. } => "repair the cause, then run the same command again; `freehold doctor` lists what is left over",
            Self::HeadPruned { .. } => "compare with a head that was exported later",
            Self::EventChainUnreadable => "somebody changed `freehold.event_chain`: compare the database with a backup",
            Self::Isolation(_) => "run `freehold server check`: `CONNECT` must be revoked from PUBLIC",
            Self::Connect { .. } => "is the server up, and is its address right? `freehold server check` tells",
            Self::Foreign { .. } => "`freehold doctor` lists what belongs to nobody; nothing without our marker is ever dropped",
            Self::Catalog(CatalogError::NoDocument { .. }) => "`freehold documents list --tenant SLUG` shows the documents",
            Self::Catalog(CatalogError::NoPlan(_)) => "`freehold plan list` shows the plans, `freehold plan set` makes one",
            Self::Catalog(CatalogError::NoServer) => "`freehold server list` shows how full the servers are",
            _ => return None,
        };
        Some(hint.to_owned())
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

/// `.map_err(server("cloning the template"))`
pub(crate) fn server(action: &'static str) -> impl FnOnce(diesel::result::Error) -> ProvisionError {
    move |source| ProvisionError::Server { action, source }
}
