//! A private PostgreSQL cluster: made, started, restarted over its data, stopped.
//!
//! It listens on 127.0.0.1 only, has no Unix socket (whose path may be no longer than 107 bytes), and asks every role for its
//! password, so that tenants are as separated here as in production.

mod account;
mod binaries;
mod home;
mod server;
mod settings;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use account::Account;
use binaries::Binaries;
use home::{Home, HomeLock};

use crate::error::{DevstackError, io};
use crate::process::OwnedProcess;

/// How much a crash of the machine may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: PostgreSQL's own defaults.
    Safe,
    /// Everything: no fsync. For tests.
    Fast,
}

/// A running cluster. It stops when this is dropped, and also when the owning process is killed.
#[derive(Debug)]
pub struct PostgresCluster {
    home: PathBuf,
    port: u16,
    password: String,
    server: Mutex<Option<OwnedProcess>>,
    /// Held for the lifetime of the cluster; the operating system lets go of it when the process dies.
    _lock: HomeLock,
}

/// Ports are chosen before PostgreSQL takes them, so another process may be faster.
const PORT_ATTEMPTS: u32 = 5;

impl PostgresCluster {
    /// Starts the cluster in `dir`, making it on the first call. `port` is a free one unless given.
    ///
    /// Started as root, PostgreSQL runs as the user `postgres`. Where that user cannot reach `dir` (a checkout below `/root`), the
    /// data is in `/var/tmp/freehold-<hash of dir>` instead and `dir/LOCATION` says so.
    ///
    /// # Errors
    /// When binaries or the user are missing, the directory is in use, or the server does not come up.
    pub fn start(dir: &Path, port: Option<u16>, durability: Durability) -> Result<Self, DevstackError> {
        let account = Account::of_process()?;
        let home = Home::open(dir, &account)?;
        Self::start_in(home, &account, port, durability, false)
    }

    /// A new cluster with [`Durability::Fast`] in a temporary folder that is removed when it stops.
    ///
    /// # Errors
    /// As [`PostgresCluster::start`].
    pub fn temporary() -> Result<Self, DevstackError> {
        let account = Account::of_process()?;
        let home = Home::temporary(&account)?;
        Self::start_in(home, &account, None, Durability::Fast, true)
    }

    /// Removes the cluster's data, wherever it is. There need not be any.
    ///
    /// # Errors
    /// When the cluster is running, or a file cannot be removed.
    pub fn remove(dir: &Path) -> Result<(), DevstackError> {
        Home::remove(dir, &Account::of_process()?)
    }

    fn start_in(
        home: Home,
        account: &Account,
        port: Option<u16>,
        durability: Durability,
        temporary: bool,
    ) -> Result<Self, DevstackError> {
        let lock = home.lock()?;
        let binaries = Binaries::find(&home.data())?;
        let password = home.password(account)?;
        if !home.data().join("PG_VERSION").exists() {
            home.initdb(&binaries, account, durability)?;
        }
        home.clear_stale_pid(&binaries, account)?;
        let mut attempt = 1;
        let (port, server) = loop {
            let chosen = port.map_or_else(free_port, Ok)?;
            settings::write(&home.data(), chosen, durability)?;
            match server::start(&home, &binaries, account, chosen, durability, temporary) {
                Ok(server) => break (chosen, server),
                Err(DevstackError::Start { message, .. })
                    if port.is_none() && attempt < PORT_ATTEMPTS && message.contains("Address already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        };
        tracing::debug!(port, data = %home.data().display(), "PostgreSQL is running on port {port}");
        Ok(Self { home: home.path().to_owned(), port, password, server: Mutex::new(Some(server)), _lock: lock })
    }

    /// Connection string of the superuser. It holds the password: not for logs.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@{}:{}/{database}", self.password, self.host(), self.port)
    }

    /// Always 127.0.0.1.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.home.join("log")
    }

    /// The server's main process; `None` once it has stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        home::postmaster_pid(&self.home.join("data"))
    }

    /// Whether the server still runs: somebody else may have stopped it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_mut().is_some_and(|server| server.ended().is_none())
    }

    /// Disconnects everybody, stops the server and waits until it is gone. Later calls do nothing.
    pub fn stop(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }
}

fn free_port() -> Result<u16, DevstackError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(io("find a free port on", "127.0.0.1"))?;
    Ok(listener.local_addr().map_err(io("find a free port on", "127.0.0.1"))?.port())
}

/// The cluster of this test process: started by the first call, stopped when the process ends, whatever ends it.
///
/// # Panics
/// When it cannot be started: no test that asks for it could go on.
pub fn test_cluster() -> &'static PostgresCluster {
    static CLUSTER: OnceLock<PostgresCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| PostgresCluster::temporary().unwrap_or_else(|error| panic!("no PostgreSQL for tests: {error}")))
}

#[cfg(test)]
mod tests;
