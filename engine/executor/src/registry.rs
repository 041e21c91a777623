//! The engine's live view of tenants and their pools.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use freehold_catalog::{Catalog, Release};
use freehold_compiler::bind::BindValue;
use freehold_ids::{ReleaseId, ServerId, TenantId};
use freehold_vault::KeyWrapper;
use scheduled_thread_pool::ScheduledThreadPool;

use crate::config::PoolConfig;
use crate::connection::TenantConnection;
use crate::error::{ExecuteError, RouteError};
use crate::routes::{Routes, lock};
use crate::sql::{Binds, Row, SqlStatement};
use crate::tenant::Tenant;
use crate::transaction::{self, End, Mode, Outcome, Transaction};

/// How often idle connections are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// A tenant that was not asked for in this time is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// Routes, pools and budgets of all tenants. One per process.
pub struct Registry {
    routes: Arc<Routes>,
    // The only threads that belong to no server: they hand out empty slots and close idle connections.
    _janitors: Arc<ScheduledThreadPool>,
}

/// A server's numbers, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// Which.
    pub id: ServerId,
    /// Connections it may have from this process.
    pub budget: usize,
    /// Connections it has.
    pub connections: usize,
    /// Statements running.
    pub active: usize,
    /// Requests waiting for their turn on it.
    pub waiting: usize,
    /// Requests that had to wait, ever.
    pub waits: u64,
    /// How long they waited together, in microseconds.
    pub wait_micros: u64,
    /// Connections opened, ever.
    pub opened: u64,
    /// Of these, at the cost of another tenant's idle connection.
    pub stolen: u64,
    /// Whether requests are refused because it is down.
    pub breaker_is_open: bool,
}

impl Registry {
    /// Starts without asking anybody anything: its cost does not depend on the number of tenants.
    #[must_use]
    pub fn new(config: PoolConfig, catalog: Catalog, vault: Arc<dyn KeyWrapper>) -> Self {
        let janitors = Arc::new(ScheduledThreadPool::builder().num_threads(2).thread_name_pattern("pool-{}").build());
        let routes = Arc::new(Routes::new(catalog, vault, Arc::new(config), Arc::clone(&janitors)));
        let swept = Arc::downgrade(&routes);
        janitors.execute_at_fixed_rate(SWEEP_EVERY, SWEEP_EVERY, move || sweep(&swept));
        Self { routes, _janitors: janitors }
    }

    /// The tenant that `slug` names, when it is the tenant that the caller's token is for.
    ///
    /// # Errors
    /// [`RouteError::NotFound`] for a slug of nobody, of another tenant, and for what is no slug.
    pub async fn route(&self, slug: &str, claimed: TenantId) -> Result<Arc<Tenant>, RouteError> {
        let slug = slug.parse().map_err(|_| RouteError::NotFound)?;
        self.routes.find(slug, claimed).await
    }

    /// Like [`Registry::route`], after the tenant's database turned us away: the catalogue is asked even when it answered a moment ago.
    ///
    /// # Errors
    /// As [`Registry::route`].
    pub async fn route_again(&self, slug: &str, claimed: TenantId) -> Result<Arc<Tenant>, RouteError> {
        let slug = slug.parse().map_err(|_| RouteError::NotFound)?;
        self.routes.find_again(slug, claimed).await
    }

    /// A schema release by its id.
    ///
    /// # Errors
    /// [`RouteError::CatalogUnavailable`]; [`RouteError::NotFound`] when the catalogue lost it.
    pub async fn release(&self, id: &ReleaseId) -> Result<Release, RouteError> {
        let id = id.clone();
        self.routes.ask(move |catalog| catalog.release(&id)).await?.ok_or(RouteError::NotFound)
    }

    /// The text of a document registered for a tenant, by any of its ids.
    ///
    /// # Errors
    /// [`RouteError::CatalogUnavailable`]
    pub async fn document(&self, tenant: &Tenant, id: &str) -> Result<Option<String>, RouteError> {
        let (tenant, id) = (tenant.id(), id.to_owned());
        self.routes.ask(move |catalog| catalog.document(tenant, &id)).await
    }

    /// Whether the catalogue answers.
    ///
    /// # Errors
    /// [`RouteError::CatalogUnavailable`]
    pub async fn ping(&self) -> Result<(), RouteError> {
        self.routes.ask(Catalog::ping).await
    }

    /// Runs one reading statement. A broken connection is replaced once.
    ///
    /// # Errors
    /// [`ExecuteError`]
    pub async fn query(
        &self,
        tenant: &Tenant,
        statement: &Arc<SqlStatement>,
        binds: Vec<BindValue>,
        deadline: Instant,
    ) -> Result<Vec<Row>, ExecuteError> {
        let (statement, binds) = (Arc::clone(statement), Binds::from(binds));
        tenant.run(deadline, move |connection| connection.query(&statement, &binds)).await
    }

    /// Like [`Registry::query`], with the time that the statement took once it had a connection.
    ///
    /// # Errors
    /// [`ExecuteError`]
    pub async fn query_timed(
        &self,
        tenant: &Tenant,
        statement: &Arc<SqlStatement>,
        binds: Vec<BindValue>,
        deadline: Instant,
    ) -> Result<(Vec<Row>, Duration), ExecuteError> {
        let (statement, binds) = (Arc::clone(statement), Binds::from(binds));
        let timed = move |connection: &mut TenantConnection| {
            let start = Instant::now();
            connection.query(&statement, &binds).map(|rows| (rows, start.elapsed()))
        };
        tenant.run(deadline, timed).await
    }

    /// Runs `work` in a transaction, from its start again when it conflicts with others. `work` blocks and may run several times.
    ///
    /// # Errors
    /// [`ExecuteError`]; [`ExecuteError::Conflict`] when every attempt met others.
    pub async fn transaction<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        deadline: Instant,
        mode: Mode,
        work: impl FnMut(&mut Transaction<'_>) -> Result<Outcome<T>, ExecuteError> + Send + 'static,
    ) -> Result<T, ExecuteError> {
        let work = Arc::new(Mutex::new(work));
        for attempt in 1.. {
            let on_thread = Arc::clone(&work);
            let run = move |connection: &mut TenantConnection| transaction::attempt(connection, mode, &mut *lock(&on_thread));
            if let End::Done(value) = tenant.run(deadline, run).await? {
                return Ok(value);
            }
            // Without a connection: those that it met need one to come to their end.
            let Some(pause) = transaction::pause(attempt, deadline) else { break };
            tokio::time::sleep(pause).await;
        }
        Err(ExecuteError::Conflict)
    }

    /// Numbers of each server that was used.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerStatus> {
        let status = |server: &Arc<crate::server::Server>| ServerStatus {
            id: server.id,
            budget: server.budget(),
            connections: server.open_connections(),
            active: server.active_statements(),
            waiting: server.waiting.load(Ordering::Relaxed),
            waits: server.waits.load(Ordering::Relaxed),
            wait_micros: server.wait_micros.load(Ordering::Relaxed),
            opened: server.opened.load(Ordering::Relaxed),
            stolen: server.stolen.load(Ordering::Relaxed),
            breaker_is_open: server.breaker.is_open(),
        };
        self.routes.servers().iter().map(status).collect()
    }

    /// Routes in memory.
    #[must_use]
    pub fn n_routes(&self) -> usize {
        self.routes.n_known()
    }

    /// Closes idle connections, for the end of the process.
    pub fn close(&self) {
        for server in self.routes.servers() {
            server.close_idle();
        }
    }
}

fn sweep(routes: &Weak<Routes>) {
    let Some(routes) = routes.upgrade() else { return };
    let now = Instant::now();
    for server in routes.servers() {
        server.sweep(now);
    }
    routes.sweep(now, FORGET_AFTER);
}
