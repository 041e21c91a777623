//! Running a seed: a script of SQL, once.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Text};
use ring::digest::{SHA256, digest};

use crate::ProvisionError;
use crate::content;
use crate::error::server;
use crate::postgres::Session;

/// SHA-256 of a seed: what the control plane remembers of it. The script itself is content and stays out of the catalogue.
pub(crate) fn digest_of(seed: &str) -> String {
    data_encoding::HEXLOWER.encode(digest(&SHA256, seed.as_bytes()).as_ref())
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Runs the seed as the owner, with `content` as search path, unless it ran before. Script and ledger commit together.
pub(crate) fn run(owner: &mut Session, seed: &str) -> Result<(), ProvisionError> {
    let digest = digest_of(seed);
    owner.transaction(|owner| {
        owner.execute("locking the content schema", content::LOCK)?;
        if is_recorded(owner, &digest)? {
            return Ok(());
        }
        owner.execute("setting the search path", "SET LOCAL search_path = content")?;
        let transaction = transaction_id(owner)?;
        owner.conn().batch_execute(seed).map_err(|error| explain(&error, seed))?;
        if transaction_id(owner)? != transaction {
            return Err(ProvisionError::SeedTransaction);
        }
        let recorded = diesel::sql_query("INSERT INTO freehold.seed_ledger (digest) VALUES ($1)");
        recorded.bind::<Text, _>(&digest).execute(owner.conn()).map(drop).map_err(server("recording the seed"))
    })
}

fn is_recorded(owner: &mut Session, digest: &str) -> Result<bool, ProvisionError> {
    let query = diesel::sql_query("SELECT count(*) AS n FROM freehold.seed_ledger WHERE digest = $1");
    let found = query.bind::<Text, _>(digest).get_result::<Number>(owner.conn()).map_err(server("reading the seed ledger"))?;
    Ok(found.n > 0)
}

/// A COMMIT in the script would put the rest of it into transactions of its own.
fn transaction_id(owner: &mut Session) -> Result<i64, ProvisionError> {
    let query = diesel::sql_query("SELECT pg_current_xact_id()::text::bigint AS n");
    query.get_result::<Number>(owner.conn()).map(|row| row.n).map_err(server("reading the transaction's id"))
}

/// PostgreSQL counts characters of the whole script; people count lines.
fn explain(error: &Error, seed: &str) -> ProvisionError {
    let Error::DatabaseError(_, facts) = error else { return ProvisionError::Seed { message: error.to_string() } };
    let mut message = facts.message().to_owned();
    if let Some(position) = facts.statement_position().and_then(|position| usize::try_from(position).ok()) {
        let line = 1 + seed.chars().take(position.saturating_sub(1)).filter(|c| *c == '\n').count();
        message = format!("line {line}: {message}");
    }
    for more in [facts.details(), facts.hint()].into_iter().flatten() {
        message = format!("{message} ({more})");
    }
    ProvisionError::Seed { message }
}
