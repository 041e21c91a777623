//! One tenant's connections at one epoch: an r2d2 pool, and who may wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freehold_ids::TenantId;
use freehold_vault::SecretString;
use r2d2::PooledConnection;
use scheduled_thread_pool::ScheduledThreadPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cancel::Ticket;
use crate::config::PoolConfig;
use crate::connection::{Expected, PoolState, Slot, Slots, TenantConnection};
use crate::error::ExecuteError;
use crate::server::{Server, Waiting};

/// What a pool needs to know of its tenant.
pub(crate) struct PoolOptions {
    pub(crate) tenant: TenantId,
    pub(crate) database: String,
    pub(crate) conninfo: SecretString,
    pub(crate) max_connections: u32,
}

/// Connections of one tenant with one credential to one server.
pub(crate) struct TenantPool {
    options: PoolOptions,
    config: Arc<PoolConfig>,
    pub(crate) server: Arc<Server>,
    slots: r2d2::Pool<Slots>,
    state: Arc<PoolState>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    born: Instant,
    /// Milliseconds after `born`.
    last_used: AtomicU64,
}

impl TenantPool {
    pub(crate) fn new(
        options: PoolOptions,
        config: &Arc<PoolConfig>,
        server: Arc<Server>,
        threads: &Arc<ScheduledThreadPool>,
    ) -> Self {
        let state = Arc::new(PoolState::default());
        let size = options.max_connections.clamp(1, config.max_connections_per_tenant.max(1));
        let slots = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .thread_pool(Arc::clone(threads))
            .test_on_check_out(false)
            // Either of these would make r2d2 schedule a job for the pool, one that outlives it; `sweep` does their work for all pools.
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(config.connect_timeout())
            .build_unchecked(Slots { state: Arc::clone(&state) });
        Self {
            options,
            config: Arc::clone(config),
            server,
            slots,
            state,
            permits: Arc::new(Semaphore::new(size as usize)),
            waiting: AtomicUsize::new(0),
            born: Instant::now(),
            last_used: AtomicU64::new(0),
        }
    }

    /// Waits for one of the tenant's connections to be free.
    pub(crate) async fn enter(&self, until: Instant) -> Result<OwnedSemaphorePermit, ExecuteError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let overloaded = ExecuteError::TenantOverloaded { retry_after: Duration::from_secs(1) };
        if self.waiting.load(Ordering::Relaxed) >= self.config.max_waiting_per_tenant as usize {
            return Err(overloaded);
        }
        let start = Instant::now();
        let waiting = Waiting::count(&self.waiting);
        let permit = tokio::time::timeout_at(until.into(), Arc::clone(&self.permits).acquire_owned()).await;
        drop(waiting);
        self.server.note_wait(start.elapsed());
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(overloaded),
        }
    }

    /// Runs `work` on a connection, on the current thread. A connection that turns out to be broken is replaced once when `work` may be repeated.
    pub(crate) fn run<T>(
        self: &Arc<Self>,
        ticket: &Ticket,
        deadline: Instant,
        mut work: impl FnMut(&mut TenantConnection) -> Result<T, ExecuteError>,
    ) -> Result<T, ExecuteError> {
        match self.attempt(ticket, deadline, &mut work) {
            Err(error) if error.is_connection_lost() && Instant::now() < deadline => self.attempt(ticket, deadline, &mut work),
            result => result,
        }
        .map_err(|error| match error {
            ExecuteError::Database(lost) if crate::sqlstate::is_connection_lost(lost.sqlstate) => {
                ExecuteError::ServerUnavailable { retry_after: Duration::from_secs(1), reason: lost.to_string() }
            }
            other => other,
        })
    }

    fn attempt<T>(
        self: &Arc<Self>,
        ticket: &Ticket,
        deadline: Instant,
        work: &mut impl FnMut(&mut TenantConnection) -> Result<T, ExecuteError>,
    ) -> Result<T, ExecuteError> {
        let mut slot = self.checkout(deadline)?;
        let connection = self.connected(&mut slot, deadline)?;
        if !ticket.start(connection.backend()) {
            return Err(ExecuteError::DeadlineExceeded);
        }
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)));
        let was_abandoned = !ticket.finish();
        if was_abandoned || result.is_err() {
            // A cancel may still be on its way to this backend and must not meet the next request; after a panic nobody knows its state.
            connection.retire();
        }
        let now = Instant::now();
        connection.touch(now);
        self.touch(now);
        let result = result.unwrap_or_else(|_| Err(ExecuteError::Internal { reason: "a statement's code panicked".to_owned() }));
        match &result {
            Err(error) if error.is_connection_lost() => self.state.distrust_all(),
            Ok(_) | Err(_) => self.server.breaker.success(),
        }
        result
    }

    fn checkout(&self, deadline: Instant) -> Result<PooledConnection<Slots>, ExecuteError> {
        if let Some(slot) = self.slots.try_get() {
            return Ok(slot);
        }
        // Only waits for r2d2 to hand out an empty slot: the tenant's permits are as many as the pool's slots.
        let timeout = deadline.saturating_duration_since(Instant::now());
        self.slots.get_timeout(timeout).map_err(|_| ExecuteError::TenantOverloaded { retry_after: Duration::from_secs(1) })
    }

    fn connected<'a>(self: &Arc<Self>, slot: &'a mut Slot, deadline: Instant) -> Result<&'a mut TenantConnection, ExecuteError> {
        if slot.usable(&self.state).is_none() {
            slot.connection = Some(Box::new(self.open(deadline)?));
        }
        slot.connection.as_deref_mut().ok_or_else(|| ExecuteError::Internal { reason: "a slot stayed empty".to_owned() })
    }

    fn open(self: &Arc<Self>, deadline: Instant) -> Result<TenantConnection, ExecuteError> {
        let generation = self.state.generation();
        self.server.register(self);
        let permit = self.server.connection_permit(deadline)?;
        let expected = Expected { tenant: self.options.tenant, database: &self.options.database };
        let max_statements = self.config.max_statements_per_connection;
        let opened = TenantConnection::open(self.options.conninfo.expose(), &expected, generation, max_statements, permit);
        match &opened {
            Ok(_) => {
                self.server.opened.fetch_add(1, Ordering::Relaxed);
            }
            Err(ExecuteError::ServerUnavailable { .. }) => self.server.breaker.failure(Instant::now()),
            // Refused, but by a server that is there.
            Err(_) => self.server.breaker.success(),
        }
        opened
    }

    /// Names the pool among the server's.
    pub(crate) fn key(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self) as usize
    }

    /// Connection string, for cancelling.
    pub(crate) fn conninfo(&self) -> &SecretString {
        &self.options.conninfo
    }

    pub(crate) fn last_used(&self) -> Instant {
        self.born + Duration::from_millis(self.last_used.load(Ordering::Relaxed))
    }

    fn touch(&self, now: Instant) {
        let age = now.saturating_duration_since(self.born).as_millis();
        self.last_used.store(u64::try_from(age).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Connections open or being opened.
    pub(crate) fn size(&self) -> u32 {
        self.slots.state().connections
    }

    /// Closes an idle connection. False when there is none.
    pub(crate) fn close_one_idle(&self) -> bool {
        let Some(mut slot) = self.slots.try_get() else { return false };
        let had_connection = slot.connection.take().is_some();
        drop(slot);
        had_connection
    }

    /// Closes connections that have been idle for too long or are too old.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut idle: Vec<_> = std::iter::from_fn(|| self.slots.try_get()).collect();
        for slot in &mut idle {
            let stale = slot.connection.as_ref().is_none_or(|connection| {
                now.duration_since(connection.last_used()) >= self.config.idle_timeout()
                    || now.duration_since(connection.opened()) >= self.config.max_lifetime()
            });
            if stale {
                slot.connection = None;
            }
        }
        // The most recently used was on top and returns there, so that the others can grow old.
        while let Some(slot) = idle.pop() {
            drop(slot);
        }
    }

    /// Closes all connections: idle ones now, the others when they are returned.
    pub(crate) fn close(&self) {
        self.state.close();
        while let Some(slot) = self.slots.try_get() {
            drop(slot);
        }
    }
}
