//! Several statements that happen together or not at all.

use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use diesel::result::Error as DieselError;
use freehold_compiler::bind::BindValue;

use crate::connection::TenantConnection;
use crate::error::{DatabaseError, ExecuteError};
use crate::sql::{Binds, Row, SqlStatement};

/// Times a transaction is run before its conflict with others is reported.
const ATTEMPTS: u32 = 15;
/// Pause before the second attempt; doubled for each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Most that is waited between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// What is sent around the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `BEGIN` and `COMMIT`, which are two more round trips.
    Several,
    /// Nothing: the only statement changes everything or nothing, and is a transaction by itself.
    Single,
}

/// How a transaction ends.
#[derive(Debug)]
pub enum Outcome<T> {
    /// Its changes stay.
    Commit(T),
    /// Its changes are undone; the value is still the answer.
    Rollback(T),
    /// Its changes are undone, and it is run again: it saw what is not true any more.
    Retry,
}

/// A transaction under way. REPEATABLE READ: what one statement saw, the next one sees, and a row changed by others meanwhile ends in a retry.
pub struct Transaction<'a> {
    connection: &'a mut TenantConnection,
    /// A statement failed in a way that another attempt may not.
    must_retry: bool,
    is_lost: bool,
}

impl Transaction<'_> {
    /// Runs one statement.
    ///
    /// # Errors
    /// What PostgreSQL refused. The transaction is then aborted and can only be rolled back. Serialization failures are noted here and end
    /// in another attempt, whatever the caller makes of the error.
    pub fn query(&mut self, statement: &SqlStatement, binds: Vec<BindValue>) -> Result<Vec<Row>, ExecuteError> {
        let result = self.connection.query(statement, &Binds::from(binds));
        if let Err(error) = &result {
            self.must_retry |= error.is_serialization_failure();
            self.is_lost |= error.is_connection_lost();
        }
        result
    }
}

/// How an attempt ended.
pub(crate) enum End<T> {
    Done(T),
    Conflict,
}

/// The pause before the next attempt, when there is to be one: it grows with the number of attempts, and differs so that transactions that met once do not meet again.
pub(crate) fn pause(attempt: u32, deadline: Instant) -> Option<Duration> {
    let pause = jittered((FIRST_PAUSE * 2_u32.saturating_pow(attempt - 1)).min(LONGEST_PAUSE));
    (attempt < ATTEMPTS && Instant::now() + pause < deadline).then_some(pause)
}

/// Runs `work` once.
pub(crate) fn attempt<T>(
    connection: &mut TenantConnection,
    mode: Mode,
    work: &mut impl FnMut(&mut Transaction<'_>) -> Result<Outcome<T>, ExecuteError>,
) -> Result<End<T>, ExecuteError> {
    match mode {
        Mode::Several => several(connection, work),
        Mode::Single => single(connection, work),
    }
}

/// Runs the only statement. There is nothing to undo when it failed.
fn single<T>(
    connection: &mut TenantConnection,
    work: &mut impl FnMut(&mut Transaction<'_>) -> Result<Outcome<T>, ExecuteError>,
) -> Result<End<T>, ExecuteError> {
    let mut transaction = Transaction { connection, must_retry: false, is_lost: false };
    let result = work(&mut transaction);
    if transaction.is_lost {
        // It may have been committed before the connection broke.
        return Err(ExecuteError::OutcomeUnknown);
    }
    if transaction.must_retry {
        return Ok(End::Conflict);
    }
    match result? {
        Outcome::Commit(value) | Outcome::Rollback(value) => Ok(End::Done(value)),
        Outcome::Retry => Ok(End::Conflict),
    }
}

/// Runs the statements of a transaction. Sessions are REPEATABLE READ from their start ([`crate::conninfo`]).
fn several<T>(
    connection: &mut TenantConnection,
    work: &mut impl FnMut(&mut Transaction<'_>) -> Result<Outcome<T>, ExecuteError>,
) -> Result<End<T>, ExecuteError> {
    AnsiTransactionManager::begin_transaction(connection.pg()).map_err(ExecuteError::of_statement)?;
    let mut transaction = Transaction { connection, must_retry: false, is_lost: false };
    let result = work(&mut transaction);
    let (must_retry, is_lost) = (transaction.must_retry, transaction.is_lost);
    let pg = connection.pg();
    match result {
        // Nothing was committed, so a fresh connection may run it all again.
        _ if is_lost => Err(ExecuteError::Database(Box::new(DatabaseError::connection_lost()))),
        _ if must_retry => {
            rollback(pg)?;
            Ok(End::Conflict)
        }
        Ok(Outcome::Commit(value)) => commit(pg, value),
        Ok(Outcome::Retry) => {
            rollback(pg)?;
            Ok(End::Conflict)
        }
        Ok(Outcome::Rollback(value)) => {
            rollback(pg)?;
            Ok(End::Done(value))
        }
        Err(error) => {
            rollback(pg)?;
            Err(error)
        }
    }
}

fn commit<T>(pg: &mut PgConnection, value: T) -> Result<End<T>, ExecuteError> {
    let Err(error) = AnsiTransactionManager::commit_transaction(pg) else { return Ok(End::Done(value)) };
    // Deferred constraints fail here; PostgreSQL has rolled back by itself then, and diesel follows.
    match ExecuteError::of_statement(without_rollback_noise(error)) {
        error if error.is_serialization_failure() => Ok(End::Conflict),
        error if error.is_connection_lost() || pg.is_broken() => Err(ExecuteError::OutcomeUnknown),
        error => Err(error),
    }
}

/// The error that mattered, when diesel reports that rolling back failed too.
fn without_rollback_noise(error: DieselError) -> DieselError {
    match error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => *commit_error,
        other => other,
    }
}

fn rollback(pg: &mut PgConnection) -> Result<(), ExecuteError> {
    AnsiTransactionManager::rollback_transaction(pg).map_err(ExecuteError::of_statement)
}

/// Between half of it and all of it.
fn jittered(pause: Duration) -> Duration {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    pause.mul_f64(0.5 + f64::from(nanos % 1000) / 2000.0)
}
