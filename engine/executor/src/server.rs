//! One PostgreSQL server as the tenants on it share it: connection budget, running statements, breaker, threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use freehold_catalog::ServerAddress;
use freehold_ids::ServerId;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::breaker::{Breaker, Verdict};
use crate::config::PoolConfig;
use crate::error::ExecuteError;
use crate::pool::TenantPool;

/// How long a thread looks for a connection to steal. There is always an idle one unless backends hang: fewer statements run than connections may exist.
const STEAL_FOR: Duration = Duration::from_millis(500);

/// Shared by all pools of tenants on this server.
pub(crate) struct Server {
    pub(crate) id: ServerId,
    pub(crate) breaker: Breaker,
    budget: usize,
    active_limit: usize,
    connections: Arc<Semaphore>,
    active: Arc<Semaphore>,
    threads: Threads,
    /// Pools that opened a connection and may still have it.
    pools: Mutex<HashMap<usize, Weak<TenantPool>>>,
    pub(crate) waiting: AtomicUsize,
    pub(crate) waits: AtomicU64,
    pub(crate) wait_micros: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) stolen: AtomicU64,
    /// Cancel requests on their way.
    pub(crate) cancels: AtomicUsize,
}

impl Server {
    pub(crate) fn new(address: &ServerAddress, config: &PoolConfig) -> Self {
        let budget = config.max_connections_per_server.min(address.connection_budget).max(1) as usize;
        let active_limit = config.active_per_server().clamp(1, budget);
        Self {
            id: address.id,
            breaker: Breaker::default(),
            budget,
            active_limit,
            connections: Arc::new(Semaphore::new(budget)),
            active: Arc::new(Semaphore::new(active_limit)),
            // A hanging backend keeps its thread until it answers, so as many threads as connections may be taken; a few more cancel.
            threads: Threads::new("pg", budget + 4),
            pools: Mutex::default(),
            waiting: AtomicUsize::new(0),
            waits: AtomicU64::new(0),
            wait_micros: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            stolen: AtomicU64::new(0),
            cancels: AtomicUsize::new(0),
        }
    }

    /// Refuses at once while the server is known to be down. True: this request finds out whether it is back.
    pub(crate) fn admit(&self) -> Result<bool, ExecuteError> {
        match self.breaker.admit(Instant::now()) {
            Verdict::Pass => Ok(false),
            Verdict::Probe => Ok(true),
            Verdict::Refuse { retry_after } => {
                Err(ExecuteError::ServerUnavailable { retry_after, reason: "the breaker is open".to_owned() })
            }
        }
    }

    /// Waits for its turn to run a statement, first come, first served over all tenants.
    pub(crate) async fn enter(&self, until: Instant) -> Result<OwnedSemaphorePermit, ExecuteError> {
        if let Ok(permit) = Arc::clone(&self.active).try_acquire_owned() {
            return Ok(permit);
        }
        let start = Instant::now();
        let waiting = Waiting::count(&self.waiting);
        let permit = tokio::time::timeout_at(until.into(), Arc::clone(&self.active).acquire_owned()).await;
        drop(waiting);
        self.note_wait(start.elapsed());
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(ExecuteError::ServerOverloaded { retry_after: Duration::from_secs(1) }),
        }
    }

    pub(crate) fn note_wait(&self, time: Duration) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.wait_micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Runs a closure that may block on this server, on a thread of its own threads: a hanging server takes no other server's threads.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.threads.spawn(work)
    }

    /// A place in the connection budget; when all are taken, the one of the tenant that has been idle for longest. Blocks.
    pub(crate) fn connection_permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, ExecuteError> {
        let give_up = (Instant::now() + STEAL_FOR).min(deadline);
        loop {
            if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
                return Ok(permit);
            }
            if self.steal() {
                self.stolen.fetch_add(1, Ordering::Relaxed);
            } else if Instant::now() >= give_up {
                return Err(ExecuteError::ServerOverloaded { retry_after: Duration::from_secs(1) });
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Remembers a pool that is about to open a connection, so that it can be stolen from and swept.
    pub(crate) fn register(&self, pool: &Arc<TenantPool>) {
        self.lock_pools().insert(pool.key(), Arc::downgrade(pool));
    }

    fn steal(&self) -> bool {
        let mut pools = self.live_pools();
        pools.sort_by_cached_key(|pool| pool.last_used());
        pools.iter().any(|pool| pool.close_one_idle())
    }

    /// Closes connections that were idle for too long or are too old.
    pub(crate) fn sweep(&self, now: Instant) {
        for pool in self.live_pools() {
            pool.sweep(now);
        }
    }

    /// Closes every idle connection.
    pub(crate) fn close_idle(&self) {
        for pool in self.live_pools() {
            pool.close();
        }
    }

    /// Pools with connections; forgets the others.
    fn live_pools(&self) -> Vec<Arc<TenantPool>> {
        let mut live = Vec::new();
        self.lock_pools().retain(|_, pool| match pool.upgrade() {
            Some(pool) if pool.size() > 0 => {
                live.push(pool);
                true
            }
            Some(_) | None => false,
        });
        live
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.budget.saturating_sub(self.connections.available_permits())
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    pub(crate) fn active_statements(&self) -> usize {
        self.active_limit.saturating_sub(self.active.available_permits())
    }

    fn lock_pools(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Weak<TenantPool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a waiting request for as long as it lives.
pub(crate) struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    pub(crate) fn count(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Threads for blocking work, started when needed: tokio's blocking pool without anything else of a runtime.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// # Panics
    /// When the process may not create an epoll instance, which it could not live without anyway.
    pub(crate) fn new(name: &str, most: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(most)
            .thread_name(name)
            .build()
            .expect("a runtime without I/O and timers needs nothing from the system");
        Self(Some(runtime))
    }

    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.0.as_ref().expect("only taken by drop").spawn_blocking(work)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A plain drop would wait for hanging threads, and panic when the last owner is async code.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
