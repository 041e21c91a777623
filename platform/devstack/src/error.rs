//! Why a server could not be started. Whoever reads this is at a terminal, so every message ends in what to do.

use std::path::PathBuf;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum DevstackError {
    /// Neither `/usr/lib/postgresql/*/bin` nor PATH has them.
    #[error(
        "no PostgreSQL server binaries (initdb, pg_ctl, postgres) of version 15 or newer; run .ci/bootstrap, or `apt-get install postgresql`"
    )]
    BinariesMissing,
    /// The data directory belongs to another major version.
    #[error(
        "the data in `{}` was made by PostgreSQL {found}, which is not installed; install it, or start over with `freehold dev reset`",
        data.display()
    )]
    VersionMismatch {
        /// The data directory.
        data: PathBuf,
        /// Content of its PG_VERSION.
        found: String,
    },
    /// PostgreSQL refuses to run as root.
    #[error(
        "PostgreSQL does not run as root and there is no user `postgres` to run it as; `useradd --system postgres`, or start as another user"
    )]
    NoAccount,
    /// Another live process holds the directory.
    #[error("`{}` is in use by another process; stop it first (`freehold dev stop`)", dir.display())]
    InUse {
        /// The cluster's directory.
        dir: PathBuf,
    },
    /// Somebody else's directory is where ours should be.
    #[error("`{}` exists and belongs to another user; remove it", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb failed: {message}")]
    Initdb {
        /// The end of its output.
        message: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL did not start on port {port}: {message}")]
    Start {
        /// Port it should listen on.
        port: u16,
        /// The end of its log.
        message: String,
    },
    /// The S3 server's folder could not be opened.
    #[error("the S3 server cannot use `{}`: {message}", dir.display())]
    ObjectStore {
        /// Its folder.
        dir: PathBuf,
        /// Why.
        message: String,
    },
    /// An operation of the operating system failed.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl DevstackError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BinariesMissing => "POSTGRES_BINARIES_MISSING",
            Self::VersionMismatch { .. } => "POSTGRES_VERSION_MISMATCH",
            Self::NoAccount => "POSTGRES_ACCOUNT_MISSING",
            Self::InUse { .. } => "DEVSTACK_IN_USE",
            Self::Foreign { .. } => "DEVSTACK_FOREIGN_DIRECTORY",
            Self::Initdb { .. } => "POSTGRES_INITDB_FAILED",
            Self::Start { .. } => "POSTGRES_START_FAILED",
            Self::ObjectStore { .. } => "OBJECT_STORE_UNUSABLE",
            Self::Io { .. } => "DEVSTACK_IO",
        }
    }
}

/// Adds what was tried to an error of the operating system.
pub(crate) fn io<'a>(action: &'static str, path: impl Into<PathBuf> + 'a) -> impl FnOnce(std::io::Error) -> DevstackError + 'a {
    move |source| DevstackError::Io { action, path: path.into(), source }
}
