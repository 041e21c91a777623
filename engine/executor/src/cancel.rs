//! Stops statements whose caller has gone.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use diesel::pg::PgConnection;
use diesel::sql_types::Integer;
use diesel::{Connection, RunQueryDsl};

use crate::error::ExecuteError;
use crate::pool::TenantPool;

/// Cancels on their way to one server at a time. A server that hangs would collect them; `statement_timeout` ends what is not cancelled.
const MAX_CANCELS: usize = 4;

/// Where a piece of work stands, agreed between the request that waits for it and the thread that does it.
pub(crate) struct Ticket(Mutex<Stage>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running { backend: i32 },
    Finished,
    Abandoned,
}

impl Ticket {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Stage::Waiting))
    }

    /// The thread has a connection. False when nobody waits any more.
    pub(crate) fn start(&self, backend: i32) -> bool {
        self.advance(|stage| (stage != Stage::Abandoned).then_some(Stage::Running { backend }))
    }

    /// The thread is done. False when the work was abandoned meanwhile.
    pub(crate) fn finish(&self) -> bool {
        self.advance(|stage| (stage != Stage::Abandoned).then_some(Stage::Finished))
    }

    fn advance(&self, next: impl FnOnce(Stage) -> Option<Stage>) -> bool {
        let mut stage = self.lock();
        next(*stage).is_some_and(|next| {
            *stage = next;
            true
        })
    }

    /// Nobody waits any more. The backend to cancel, if one is at work.
    fn abandon(&self) -> Option<i32> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Abandoned) {
            Stage::Running { backend } => Some(backend),
            Stage::Waiting | Stage::Finished | Stage::Abandoned => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Abandons the work when it is dropped before [`Self::done`]: at the deadline, or when the client has gone.
pub(crate) struct AbandonOnDrop {
    pub(crate) pool: Arc<TenantPool>,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) armed: bool,
}

impl AbandonOnDrop {
    pub(crate) fn done(mut self) {
        self.armed = false;
    }
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if let Some(backend) = self.ticket.abandon() {
            cancel(&self.pool, backend);
        }
    }
}

/// Asks for the end of what `backend` is doing, over a connection of the same login. libpq's own cancel is out of reach behind diesel.
///
/// Whether that connection can be made also tells a slow statement from a server that hangs.
#[allow(clippy::disallowed_methods, reason = "raw SQL belongs here")]
fn cancel(pool: &Arc<TenantPool>, backend: i32) {
    let server = &pool.server;
    if server.cancels.fetch_add(1, Ordering::AcqRel) >= MAX_CANCELS {
        server.cancels.fetch_sub(1, Ordering::AcqRel);
        return;
    }
    let pool = Arc::clone(pool);
    // Detached on purpose: nobody waits for it.
    drop(server.spawn(move || {
        match PgConnection::establish(pool.conninfo().expose()) {
            Ok(mut connection) => {
                let done = diesel::sql_query("SELECT pg_cancel_backend($1)").bind::<Integer, _>(backend).execute(&mut connection);
                if let Err(error) = done {
                    tracing::warn!(server.id = %pool.server.id, error = %error, "a statement past its deadline could not be cancelled");
                }
            }
            Err(error) => match ExecuteError::of_connect(&error) {
                ExecuteError::ServerUnavailable { reason, .. } => {
                    tracing::error!(server.id = %pool.server.id, reason, "server `{}` hangs; it gets no requests for a while", pool.server.id);
                    pool.server.breaker.trip(Instant::now());
                }
                other => tracing::warn!(server.id = %pool.server.id, error = %other, "a statement past its deadline could not be cancelled"),
            },
        }
        pool.server.cancels.fetch_sub(1, Ordering::AcqRel);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_side_wins() {
        let ticket = Ticket::new();
        assert!(ticket.start(7));
        assert_eq!(ticket.abandon(), Some(7));
        assert!(!ticket.finish(), "the thread learns that a cancel is on its way");

        let ticket = Ticket::new();
        assert!(ticket.start(7) && ticket.finish());
        assert_eq!(ticket.abandon(), None, "the backend serves someone else by now");

        let ticket = Ticket::new();
        assert_eq!(ticket.abandon(), None);
        assert!(!ticket.start(7), "work that nobody waits for is not begun");
    }
}
