//! Why a statement or a route could not be had. Every failure of PostgreSQL, the catalogue or the vault ends here as one variant.

use std::time::Duration;

use diesel::ConnectionError;
use diesel::result::Error as DieselError;

use crate::sqlstate::{self, SqlState};

/// Why a tenant's statement gave no rows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// The request's time is over. Its backend was told to stop.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// As many requests of this tenant are running and waiting as may.
    #[error("too many requests of the tenant are waiting for a connection")]
    TenantOverloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// The server has no connection left for anyone.
    #[error("too many requests are waiting for a connection to the server")]
    ServerOverloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// The server does not answer, or did not a moment ago.
    #[error("the server cannot be reached: {reason}")]
    ServerUnavailable {
        /// When to come back.
        retry_after: Duration,
        /// For the operator.
        reason: String,
    },
    /// The server is there, the tenant's database or login is not.
    #[error("the tenant's database cannot be used ({sqlstate}): {reason}")]
    DatabaseUnavailable {
        /// Why it refused.
        sqlstate: SqlState,
        /// For the operator.
        reason: String,
    },
    /// The database that answered is not this tenant's. Nothing was read from it.
    #[error("the catalogue leads to a database that is not this tenant's: {reason}")]
    WrongDatabase {
        /// What was found instead, for the operator.
        reason: String,
    },
    /// The tenant's credential could not be decrypted.
    #[error("the tenant's credential cannot be decrypted: {reason}")]
    CredentialUnavailable {
        /// For the operator.
        reason: String,
    },
    /// Others changed the same rows each time it was tried.
    #[error("the transaction met others on the same rows each time it was tried")]
    Conflict,
    /// The connection broke while a change was being committed: it may have happened.
    #[error("the connection broke during the commit")]
    OutcomeUnknown,
    /// PostgreSQL refused the statement.
    #[error("the statement failed: {0}")]
    Database(Box<DatabaseError>),
    /// A mistake of ours.
    #[error("internal error: {reason}")]
    Internal {
        /// For the operator.
        reason: String,
    },
}

/// What PostgreSQL said about a statement. Its texts are for the mapping of constraint violations and for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sqlstate}: {message}")]
pub struct DatabaseError {
    /// PostgreSQL manual, appendix A.
    pub sqlstate: SqlState,
    /// Primary message.
    pub message: String,
    /// Detail line.
    pub detail: Option<String>,
    /// Name of the violated constraint.
    pub constraint: Option<String>,
    /// Table concerned.
    pub table: Option<String>,
    /// Column concerned.
    pub column: Option<String>,
}

impl ExecuteError {
    /// Published in `extensions.code`; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::TenantOverloaded { .. } => "TENANT_OVERLOADED",
            Self::ServerOverloaded { .. } => "SERVER_OVERLOADED",
            Self::ServerUnavailable { .. } => "SERVER_UNAVAILABLE",
            Self::DatabaseUnavailable { .. } | Self::WrongDatabase { .. } => "DATABASE_UNAVAILABLE",
            Self::CredentialUnavailable { .. } => "CREDENTIAL_UNAVAILABLE",
            Self::Conflict => "TRANSACTION_CONFLICT",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Database(error) if error.is_invalid_input() => "BAD_USER_INPUT",
            Self::Database(error) if error.sqlstate == "57014" => "DEADLINE_EXCEEDED",
            Self::Database(error) if error.sqlstate.starts_with("53") => "SERVER_OVERLOADED",
            Self::Database(_) | Self::Internal { .. } => "INTERNAL_SERVER_ERROR",
        }
    }

    /// What the caller is told: no text of the driver, no SQL, no name.
    #[must_use]
    pub fn public_message(&self) -> &'static str {
        match self.code() {
            "DEADLINE_EXCEEDED" => "the request took too long and was stopped; ask for less at once or try again",
            "TENANT_OVERLOADED" => "too many requests of this tenant are running; try again shortly",
            "SERVER_OVERLOADED" => "the database server is busy; try again shortly",
            "SERVER_UNAVAILABLE" => "the database server cannot be reached; try again shortly",
            "DATABASE_UNAVAILABLE" => "the tenant's database is not available",
            "CREDENTIAL_UNAVAILABLE" => "the tenant's database cannot be opened at the moment; try again shortly",
            "TRANSACTION_CONFLICT" => "the change conflicted with others made at the same time; try again",
            "OUTCOME_UNKNOWN" => {
                "the connection broke while the change was being saved; check whether it was before trying again"
            }
            "BAD_USER_INPUT" => "a value of the request cannot be read as its type",
            _ => "Internal server error",
        }
    }

    /// When the caller should come back, for failures that pass by themselves.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TenantOverloaded { retry_after }
            | Self::ServerOverloaded { retry_after }
            | Self::ServerUnavailable { retry_after, .. } => Some(*retry_after),
            Self::CredentialUnavailable { .. } => Some(Duration::from_secs(1)),
            Self::Database(error) if error.sqlstate.starts_with("53") => Some(Duration::from_secs(1)),
            Self::DeadlineExceeded
            | Self::DatabaseUnavailable { .. }
            | Self::WrongDatabase { .. }
            | Self::Conflict
            | Self::OutcomeUnknown
            | Self::Database(_)
            | Self::Internal { .. } => None,
        }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retry_after().is_some() || matches!(self, Self::Conflict)
    }

    /// A failed connect to a tenant's database.
    pub(crate) fn of_connect(error: &ConnectionError) -> Self {
        let reason = error.to_string();
        let retry_after = Duration::from_secs(1);
        match sqlstate::of_connect(&reason) {
            "08001" | "57P03" => Self::ServerUnavailable { retry_after, reason },
            "53300" => Self::ServerOverloaded { retry_after },
            sqlstate => Self::DatabaseUnavailable { sqlstate, reason },
        }
    }

    /// A failed statement.
    pub(crate) fn of_statement(error: DieselError) -> Self {
        match DatabaseError::of(error) {
            Ok(error) => Self::Database(Box::new(error)),
            Err(reason) => Self::Internal { reason },
        }
    }

    /// Whether the connection is gone, so that a new one may succeed.
    pub(crate) fn is_connection_lost(&self) -> bool {
        // A plan that no longer fits its tables is only replaced by preparing it anew.
        matches!(self, Self::Database(error) if sqlstate::is_connection_lost(error.sqlstate) || error.sqlstate == "0A000")
    }

    /// Whether a transaction that met this should be run again from its start.
    pub(crate) fn is_serialization_failure(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(error.sqlstate, "40001" | "40P01"))
    }
}

impl DatabaseError {
    /// Whether a value was at fault: classes 22 (data exception) and 54 (program limit exceeded).
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        self.sqlstate.starts_with("22") || self.sqlstate.starts_with("54")
    }

    /// Whether a table was not there: a migration that is still to come.
    #[must_use]
    pub fn is_missing_table(&self) -> bool {
        self.sqlstate == "42P01"
    }

    /// From diesel's error; anything that is not from PostgreSQL as text.
    pub(crate) fn of(error: DieselError) -> Result<Self, String> {
        match error {
            DieselError::DatabaseError(kind, information) => Ok(Self {
                sqlstate: sqlstate::of_statement(&kind, information.message()),
                message: information.message().to_owned(),
                detail: information.details().map(str::to_owned),
                constraint: information.constraint_name().map(str::to_owned),
                table: information.table_name().map(str::to_owned),
                column: information.column_name().map(str::to_owned),
            }),
            DieselError::BrokenTransactionManager => Ok(Self::connection_lost()),
            other => Err(other.to_string()),
        }
    }

    pub(crate) fn connection_lost() -> Self {
        Self {
            sqlstate: "08006",
            message: "the connection is broken".to_owned(),
            detail: None,
            constraint: None,
            table: None,
            column: None,
        }
    }
}

/// Why a slug leads to no tenant.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RouteError {
    /// No such tenant, or none that may be served; the caller is not told which.
    #[error("no tenant has this name")]
    NotFound,
    /// The tenant exists and is not active.
    #[error("the tenant is {state}")]
    NotActive {
        /// Its state, for the operator.
        state: String,
    },
    /// The catalogue does not answer, and the route is not known from before.
    #[error("the catalogue cannot be reached: {reason}")]
    CatalogUnavailable {
        /// For the operator.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_driver_is_public() {
        let secret = "secret-host";
        let database = |sqlstate| {
            ExecuteError::Database(Box::new(DatabaseError {
                sqlstate,
                message: secret.into(),
                ..DatabaseError::connection_lost()
            }))
        };
        let errors = [
            ExecuteError::ServerUnavailable { retry_after: Duration::ZERO, reason: secret.into() },
            ExecuteError::DatabaseUnavailable { sqlstate: "3D000", reason: secret.into() },
            ExecuteError::WrongDatabase { reason: secret.into() },
            ExecuteError::Internal { reason: secret.into() },
            database("22P02"),
            database("XX000"),
            database("53100"),
        ];
        for error in errors {
            assert!(!error.public_message().contains(secret), "{error}");
            assert!(error.to_string().contains(secret), "the operator is told: {error}");
        }
    }

    #[test]
    fn values_that_postgresql_cannot_read_are_the_callers_fault() {
        let error = DatabaseError { sqlstate: "22008", ..DatabaseError::connection_lost() };
        assert_eq!(ExecuteError::Database(Box::new(error)).code(), "BAD_USER_INPUT");
    }
}
