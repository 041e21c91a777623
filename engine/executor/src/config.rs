//! Limits of pools, queues and connections.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many connections there may be, and how long anything may take. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    /// Connections this process may hold to one PostgreSQL server, over all tenants on it.
    pub max_connections_per_server: u32,
    /// Connections one tenant may hold; a smaller limit in the catalogue wins.
    pub max_connections_per_tenant: u32,
    /// Statements in flight on one server at a time. 0: four per core of this machine, at least eight.
    pub max_active_per_server: u32,
    /// Requests that may wait for a connection of one tenant.
    pub max_waiting_per_tenant: u32,
    /// How long a request may wait for a connection before it is refused.
    pub queue_timeout_ms: u64,
    /// How long opening a connection may take. libpq counts in seconds, at least two.
    pub connect_timeout_ms: u64,
    /// A connection that was not used for so long is closed.
    pub idle_timeout_ms: u64,
    /// A connection of this age is closed when it is next returned.
    pub max_lifetime_ms: u64,
    /// Distinct statements after which a connection is replaced: its prepared statements are never evicted by the driver.
    pub max_statements_per_connection: u32,
    /// How long a tenant's route is used without asking the catalogue again.
    pub route_ttl_ms: u64,
    /// How long a request waits for the catalogue before it uses the route it has.
    pub route_timeout_ms: u64,
    /// Routes kept in memory; the least recently used are forgotten.
    pub max_routes: u32,
    /// libpq's `sslmode`: `disable`, `prefer`, `require`, `verify-ca`, `verify-full`.
    pub ssl_mode: SslMode,
}

/// How connections to PostgreSQL are protected (PostgreSQL manual, 34.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS when the server offers it.
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS with a certificate of a known authority.
    VerifyCa,
    /// TLS with a certificate for this host.
    VerifyFull,
}

impl SslMode {
    /// As libpq spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_connections_per_server: 50,
            max_connections_per_tenant: 8,
            max_active_per_server: 0,
            max_waiting_per_tenant: 256,
            queue_timeout_ms: 2_000,
            connect_timeout_ms: 3_000,
            idle_timeout_ms: 60_000,
            max_lifetime_ms: 1_800_000,
            max_statements_per_connection: 200,
            route_ttl_ms: 1_000,
            route_timeout_ms: 500,
            max_routes: 20_000,
            ssl_mode: SslMode::Prefer,
        }
    }
}

impl PoolConfig {
    /// Small and quick, for tests.
    #[must_use]
    pub fn for_testing() -> Self {
        Self { max_connections_per_server: 6, max_connections_per_tenant: 3, ssl_mode: SslMode::Disable, ..Self::default() }
    }

    /// Statements in flight on one server.
    #[must_use]
    pub fn active_per_server(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let active = match self.max_active_per_server {
            0 => (4 * cores).max(8),
            given => given as usize,
        };
        active.min(self.max_connections_per_server as usize)
    }

    pub(crate) fn queue_timeout(&self) -> Duration {
        Duration::from_millis(self.queue_timeout_ms)
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) fn max_lifetime(&self) -> Duration {
        Duration::from_millis(self.max_lifetime_ms)
    }

    pub(crate) fn route_ttl(&self) -> Duration {
        Duration::from_millis(self.route_ttl_ms)
    }

    pub(crate) fn route_timeout(&self) -> Duration {
        Duration::from_millis(self.route_timeout_ms)
    }
}
