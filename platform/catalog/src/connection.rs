//! The pool of connections to the control database.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, NopErrorHandler, Pool, PooledConnection};
use diesel::{Connection, RunQueryDsl};
use scheduled_thread_pool::ScheduledThreadPool;

use crate::CatalogError;
use crate::error::is_broken;

/// How long a caller waits for a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// An idle connection to the control database costs a backend there; the next caller opens another within milliseconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// r2d2 starts three threads for each pool unless one is shared. Opening connections is all they do.
static CONNECTORS: LazyLock<Arc<ScheduledThreadPool>> =
    LazyLock::new(|| Arc::new(ScheduledThreadPool::builder().num_threads(2).thread_name_pattern("catalog-{}").build()));

/// The control database. Cheap to clone; all clones share one pool, which opens no connection before it is used.
#[derive(Clone)]
pub struct Catalog {
    pool: Pool<ConnectionManager<PgConnection>>,
    max_connections: u32,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL holds a password.
        f.debug_struct("Catalog").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

impl Catalog {
    /// A pool for the control database at `url`, at most `max_connections` wide. Connects on first use; see [`Catalog::ping`].
    ///
    /// # Errors
    /// [`CatalogError::Url`] when `url` is no `postgres://` URL.
    pub fn connect(url: &str, max_connections: u32) -> Result<Self, CatalogError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(CatalogError::Url);
        }
        let pool = Pool::builder()
            .max_size(max_connections.max(1))
            .min_idle(Some(0))
            .idle_timeout(Some(IDLE_TIMEOUT))
            .connection_timeout(CONNECTION_TIMEOUT)
            // A round trip on each checkout; `read` retries on another connection instead.
            .test_on_check_out(false)
            .thread_pool(CONNECTORS.clone())
            // The caller gets the error; the default handler would also log every attempt.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(ConnectionManager::new(with_timeouts(url)));
        Ok(Self { pool, max_connections: max_connections.max(1) })
    }

    /// Whether the control database answers.
    ///
    /// # Errors
    /// [`CatalogError::Unavailable`] or [`CatalogError::Query`] when it does not.
    pub fn ping(&self) -> Result<(), CatalogError> {
        self.read(|conn| Ok(diesel::sql_query("SELECT 1").execute(conn).map(drop)?))
    }

    /// Runs `work` on a connection, again on another one when the connection turns out to be dead: only for reads.
    pub(crate) fn read<T>(&self, mut work: impl FnMut(&mut PgConnection) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        // After a restart of the control database every pooled connection is dead; each failure drops one.
        for _ in 0..self.max_connections {
            let mut conn = self.checkout()?;
            match work(&mut conn) {
                Err(CatalogError::Query(error)) if is_broken(&error) => condemn(&mut conn),
                done => return done,
            }
        }
        work(&mut *self.checkout()?)
    }

    /// Runs `work` in one transaction, which an error rolls back.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let mut conn = self.checkout_live()?;
        let conn: &mut PgConnection = &mut conn;
        conn.transaction(work)
    }

    pub(crate) fn checkout(&self) -> Result<PooledConnection<ConnectionManager<PgConnection>>, CatalogError> {
        self.pool.get().map_err(CatalogError::Unavailable)
    }

    /// A connection that answered just now: writes must not be repeated, so they pay the round trip instead.
    fn checkout_live(&self) -> Result<PooledConnection<ConnectionManager<PgConnection>>, CatalogError> {
        for _ in 0..self.max_connections {
            let mut conn = self.checkout()?;
            if diesel::sql_query("SELECT 1").execute(&mut *conn).is_ok() {
                return Ok(conn);
            }
            condemn(&mut conn);
        }
        self.checkout()
    }
}

/// Has the pool drop a dead connection instead of handing it out again. diesel 2.3 does so itself when a reply is missing, not when a command cannot be sent.
fn condemn(conn: &mut PgConnection) {
    AnsiTransactionManager::transaction_manager_status_mut(conn).set_in_error();
}

/// A server that vanished must not hold the pool's thread, nor a caller, for the kernel's two hours.
fn with_timeouts(url: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    let mut url = url.to_owned();
    if !url.contains("connect_timeout=") {
        url.push(separator);
        url.push_str("connect_timeout=3&tcp_user_timeout=10000&application_name=freehold-catalog");
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_no_url_is_refused_at_once() {
        assert_eq!(Catalog::connect("host=localhost", 1).map(drop).map_err(|error| error.code()), Err("CATALOG_URL"));
    }

    #[test]
    fn timeouts_join_the_parameters_of_the_url() {
        assert!(with_timeouts("postgres://h/d").starts_with("postgres://h/d?connect_timeout=3"));
        assert!(with_timeouts("postgres://h/d?sslmode=require").starts_with("postgres://h/d?sslmode=require&connect_timeout=3"));
        assert_eq!(with_timeouts("postgres://h/d?connect_timeout=9"), "postgres://h/d?connect_timeout=9");
    }
}
