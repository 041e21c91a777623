//! One connection to one tenant's database, proved to be that tenant's before it serves.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::{Integer, Text, Uuid};
use diesel::{Connection, QueryableByName, RunQueryDsl};
use freehold_ids::TenantId;
use tokio::sync::OwnedSemaphorePermit;

use crate::error::ExecuteError;
use crate::sql::{self, Binds, Row, SqlStatement};

/// An open connection.
pub(crate) struct TenantConnection {
    // Declared before the permit: the connection is closed before the server's budget gets its place back.
    pg: PgConnection,
    backend: i32,
    generation: u64,
    statements: HashSet<u64>,
    max_statements: usize,
    opened: Instant,
    last_used: Instant,
    retired: bool,
    _permit: OwnedSemaphorePermit,
}

/// What [`PROOF`] returns.
#[derive(QueryableByName)]
struct Proof {
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Uuid)]
    tenant_id: uuid::Uuid,
    #[diesel(sql_type = Integer)]
    backend: i32,
}

/// A mis-routed connection would answer with another organisation's content: the worst error this program can make, and one round trip prevents it.
const PROOF: &str =
    "SELECT current_database()::text AS database, tenant_id, pg_backend_pid() AS backend FROM freehold.tenant_marker";

/// Whose database a connection must have reached.
pub(crate) struct Expected<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) database: &'a str,
}

impl TenantConnection {
    /// Connects and proves whose database answers.
    pub(crate) fn open(
        conninfo: &str,
        expected: &Expected<'_>,
        generation: u64,
        max_statements: u32,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, ExecuteError> {
        let mut pg = PgConnection::establish(conninfo).map_err(|error| ExecuteError::of_connect(&error))?;
        let backend = prove(&mut pg, expected)?;
        let now = Instant::now();
        Ok(Self {
            pg,
            backend,
            generation,
            statements: HashSet::new(),
            max_statements: max_statements as usize,
            opened: now,
            last_used: now,
            retired: false,
            _permit: permit,
        })
    }

    /// Runs a statement and copies its rows.
    pub(crate) fn query(&mut self, statement: &SqlStatement, binds: &Binds) -> Result<Vec<Row>, ExecuteError> {
        let keep = statement.note_run();
        if keep && self.statements.insert(statement.id()) && self.statements.len() >= self.max_statements {
            // diesel never evicts a prepared statement, so the connection goes as a whole when it is returned.
            self.retired = true;
        }
        sql::load(&mut self.pg, statement, binds, keep).map_err(ExecuteError::of_statement)
    }

    /// For transactions.
    pub(crate) fn pg(&mut self) -> &mut PgConnection {
        &mut self.pg
    }

    /// Process id of its PostgreSQL backend.
    pub(crate) fn backend(&self) -> i32 {
        self.backend
    }

    /// Will not be used again after it is returned.
    pub(crate) fn retire(&mut self) {
        self.retired = true;
    }

    pub(crate) fn touch(&mut self, now: Instant) {
        self.last_used = now;
    }

    pub(crate) fn last_used(&self) -> Instant {
        self.last_used
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }
}

#[allow(clippy::disallowed_methods, reason = "raw SQL belongs here")]
fn prove(pg: &mut PgConnection, expected: &Expected<'_>) -> Result<i32, ExecuteError> {
    let rows: Vec<Proof> = diesel::sql_query(PROOF).load(pg).map_err(|error| match ExecuteError::of_statement(error) {
        lost if lost.is_connection_lost() => {
            ExecuteError::ServerUnavailable { retry_after: std::time::Duration::from_secs(1), reason: lost.to_string() }
        }
        other => ExecuteError::WrongDatabase { reason: format!("the tenant marker cannot be read: {other}") },
    })?;
    match rows.as_slice() {
        [proof] if proof.database == expected.database && TenantId::from_uuid(proof.tenant_id) == expected.tenant => {
            Ok(proof.backend)
        }
        [proof] => {
            let found = TenantId::from_uuid(proof.tenant_id);
            Err(ExecuteError::WrongDatabase { reason: format!("database `{}` belongs to tenant `{found}`", proof.database) })
        }
        rows => Err(ExecuteError::WrongDatabase { reason: format!("the tenant marker has {} rows", rows.len()) }),
    }
}

/// A place in an r2d2 pool, for a connection that is opened when it is first needed.
///
/// r2d2 retries a failed connect for ever in the background, lets the waiting request time out, and tells it little. So its own connect
/// always succeeds, with an empty slot; the request's thread opens the connection itself and sees what went wrong.
#[derive(Default)]
pub(crate) struct Slot {
    // Boxed: r2d2 reserves memory for all of a pool's slots at once, and most pools are empty.
    pub(crate) connection: Option<Box<TenantConnection>>,
}

/// What all connections of a pool must know about it.
#[derive(Default)]
pub(crate) struct PoolState {
    /// Raised when a connection broke: those opened before are not trusted any more.
    generation: AtomicU64,
    /// Set when the tenant's placement or credential changed.
    closed: AtomicBool,
}

impl PoolState {
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn distrust_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Tells r2d2 which slots may be used again.
pub(crate) struct Slots {
    pub(crate) state: Arc<PoolState>,
}

impl r2d2::ManageConnection for Slots {
    type Connection = Slot;
    type Error = Infallible;

    fn connect(&self) -> Result<Slot, Infallible> {
        Ok(Slot::default())
    }

    fn is_valid(&self, _: &mut Slot) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, slot: &mut Slot) -> bool {
        let Some(connection) = &mut slot.connection else { return true };
        connection.retired
            || self.state.closed.load(Ordering::Acquire)
            || connection.generation != self.state.generation()
            || connection.pg.is_broken()
    }
}

impl Slot {
    /// The connection if it may serve now.
    pub(crate) fn usable(&mut self, state: &PoolState) -> Option<&mut TenantConnection> {
        let fresh =
            self.connection.as_ref().is_some_and(|connection| connection.generation == state.generation() && !connection.retired);
        if !fresh {
            self.connection = None;
        }
        self.connection.as_deref_mut()
    }
}
