//! A tenant's event log as operators handle it: sealing what is committed, verifying what was sealed, pruning what is old.

mod chain;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Timestamptz};
use freehold_catalog::Tenant;
use freehold_ids::Slug;
use serde_json::json;

use crate::error::server;
use crate::names::Names;
use crate::postgres::Session;
use crate::{ProvisionError, Provisioner};

pub use chain::{BadEntry, Head, HeadError, Tampering};
use chain::{Follower, Hash, Sealed, seal};

/// Entries read, sealed or deleted at once.
const BATCH: i32 = 1000;

/// What a look at a tenant's event log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Entries that were followed.
    pub n_sealed: i64,
    /// Entries that were pruned before.
    pub n_pruned: i64,
    /// Committed events that wait for their seal.
    pub n_unsealed: i64,
    /// The last good entry.
    pub head: Head,
    /// The first entry that is not as it was sealed.
    pub bad: Option<BadEntry>,
}

#[derive(QueryableByName)]
struct Chain {
    #[diesel(sql_type = BigInt)]
    pruned_position: i64,
    #[diesel(sql_type = Binary)]
    pruned_hash: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    settled_id: i64,
}

#[derive(QueryableByName)]
struct SealRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    n: Option<i64>,
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Nullable<Integer>)]
    n: Option<i32>,
}

impl Provisioner {
    /// Seals everything that is committed and returns how many events that were. None when the engine is sealing at this moment.
    ///
    /// # Errors
    /// [`ProvisionError`] when there is no such tenant or its server fails.
    pub fn seal_events(&self, slug: &Slug) -> Result<Option<u64>, ProvisionError> {
        let mut session = self.event_log(&self.tenant(slug)?)?;
        batches(&mut session, |session| {
            let query = diesel::sql_query("SELECT freehold.seal_events($1) AS n").bind::<Integer, _>(BATCH);
            query.get_result::<Done>(session.conn()).map(|done| done.n).map_err(server("sealing events"))
        })
    }

    /// The last sealed entry.
    ///
    /// # Errors
    /// [`ProvisionError`] when the tenant's server fails.
    pub fn event_head(&self, tenant: &Tenant) -> Result<Head, ProvisionError> {
        let mut session = self.event_log(tenant)?;
        let start = read_chain(&mut session)?.start()?;
        let query = diesel::sql_query(
            "SELECT position + octet_length(hashes) / 32 - 1 AS position, substr(hashes, octet_length(hashes) - 31) AS hash
             FROM freehold.event_seal ORDER BY position DESC LIMIT 1",
        );
        let last: Option<SealRow> = query.get_result(session.conn()).optional().map_err(server("reading the last seal"))?;
        last.map_or(Ok(start), |row| Ok(Head { position: row.position, hash: sized(row.hash)? }))
    }

    /// Recomputes the whole chain, and compares it with a head that was exported earlier.
    ///
    /// # Errors
    /// [`ProvisionError`] when there is no such tenant, its server fails, or the entry of the exported head was pruned. Tampering is a result.
    pub fn verify_events(&self, slug: &Slug, exported: Option<Head>) -> Result<Verified, ProvisionError> {
        let mut session = self.event_log(&self.tenant(slug)?)?;
        // One view of the log: it grows while it is read.
        session.execute("beginning to read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let chain = read_chain(&mut session)?;
        let start = chain.start()?;
        if exported.is_some_and(|exported| exported.position < start.position) {
            return Err(ProvisionError::HeadPruned { pruned: start.position });
        }
        let n_unsealed = unsealed(&mut session, "count(*)", i64::MAX)?;
        let (head, bad) = match Follower::new(start, exported) {
            Ok(mut follower) => {
                let bad = first_bad(&mut session, &mut follower, &chain)?;
                (follower.last, bad)
            }
            Err(bad) => (start, Some(bad)),
        };
        Ok(Verified {
            n_sealed: head.position - start.position,
            n_pruned: start.position,
            n_unsealed: n_unsealed.unwrap_or(0),
            head,
            bad,
        })
    }

    /// Deletes the oldest sealed events that are older than `cutoff`, up to the first that is not. The chain stays verifiable from there on.
    ///
    /// # Errors
    /// [`ProvisionError`] when the tenant's server fails. What was deleted by then stays deleted; the same again goes on.
    pub fn prune_events(&self, tenant: &Tenant, cutoff: DateTime<Utc>) -> Result<u64, ProvisionError> {
        let mut session = self.event_log(tenant)?;
        let n = batches(&mut session, |session| {
            let query = diesel::sql_query("SELECT freehold.prune_events($1, $2) AS n");
            let query = query.bind::<Timestamptz, _>(cutoff).bind::<Integer, _>(BATCH);
            query.get_result::<Done>(session.conn()).map(|done| done.n).map_err(server("pruning events"))
        })?;
        let n = n.unwrap_or(0);
        if n > 0 {
            let detail = json!({ "slug": tenant.slug, "older_than": cutoff, "events": n });
            self.catalog().record(&self.audit("tenant.prune_events", Some(tenant.id), detail))?;
        }
        Ok(n)
    }

    /// In the tenant's database, as the owner of the log.
    fn event_log(&self, tenant: &Tenant) -> Result<Session, ProvisionError> {
        let placement = tenant.placement.as_ref().ok_or_else(|| ProvisionError::NoTenant(tenant.slug.clone()))?;
        let address = self.admin_address(&self.catalog().server(placement.server_id)?)?;
        let names = Names::of(tenant.id);
        let mut session = address.with_database(names.database.as_str()).connect()?;
        session.execute("becoming the owner role", &format!("SET ROLE {}", names.owner))?;
        session.execute("setting the time zone", "SET TimeZone = 'UTC'")?;
        Ok(session)
    }
}

/// Repeats what does at most [`BATCH`] at once until there is no more. None when the first one could not begin.
fn batches(
    session: &mut Session,
    mut step: impl FnMut(&mut Session) -> Result<Option<i32>, ProvisionError>,
) -> Result<Option<u64>, ProvisionError> {
    let mut total = None;
    while let Some(n) = step(session)? {
        *total.get_or_insert(0) += u64::try_from(n).unwrap_or(0);
        if n < BATCH {
            break;
        }
    }
    Ok(total)
}

impl Chain {
    fn start(&self) -> Result<Head, ProvisionError> {
        Ok(Head { position: self.pruned_position, hash: sized(self.pruned_hash.clone())? })
    }
}

fn sized(hash: Vec<u8>) -> Result<Hash, ProvisionError> {
    hash.try_into().map_err(|_| ProvisionError::EventChainUnreadable)
}

fn read_chain(session: &mut Session) -> Result<Chain, ProvisionError> {
    let query = diesel::sql_query("SELECT pruned_position, pruned_hash, settled_id FROM freehold.event_chain");
    let chain = query.get_result(session.conn()).optional().map_err(server("reading the chain's beginning"))?;
    chain.ok_or(ProvisionError::EventChainUnreadable)
}

/// An aggregate over the events up to an id that have no seal.
fn unsealed(session: &mut Session, aggregate: &str, upto: i64) -> Result<Option<i64>, ProvisionError> {
    let query = diesel::sql_query(format!(
        "SELECT {aggregate} AS n FROM freehold.event WHERE id <= $1 AND NOT EXISTS (
             SELECT FROM (SELECT unnest(event_ids) AS event_id FROM freehold.event_seal) sealed WHERE event_id = id)"
    ));
    let row = query.bind::<BigInt, _>(upto).get_result::<Number>(session.conn());
    row.map(|row| row.n).map_err(server("looking for unsealed events"))
}

fn first_bad(session: &mut Session, follower: &mut Follower, chain: &Chain) -> Result<Option<BadEntry>, ProvisionError> {
    loop {
        let page = page(session, follower.last.position)?;
        if page.is_empty() {
            break;
        }
        for sealed in &page {
            match follower.follow(sealed) {
                Ok(()) => {}
                Err(bad @ BadEntry { tampering: Tampering::Changed, .. }) => {
                    let found_at = displaced(session, &follower.last, &sealed.hash)?;
                    let tampering = found_at.map_or(Tampering::Changed, |found_at| Tampering::Reordered { found_at });
                    return Ok(Some(BadEntry { tampering, ..bad }));
                }
                Err(bad) => return Ok(Some(bad)),
            }
        }
    }
    // What the chain says nothing about, where it should.
    if let Some(id) = unsealed(session, "min(id)", chain.settled_id)? {
        return Ok(Some(BadEntry { position: None, event_id: Some(id), tampering: Tampering::Inserted }));
    }
    Ok(follower.end().err())
}

/// Entries after a position, up to the end of the seal that has the `BATCH`th of them.
fn page(session: &mut Session, after: i64) -> Result<Vec<Sealed>, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT seal.position + entry.i - 1 AS position, entry.event_id,
             substr(seal.hashes, 32 * (entry.i - 1)::integer + 1, 32) AS hash, CASE WHEN e.id IS NOT NULL THEN record_send(ROW(
             e.id, e.transaction_id, e.created_at, e.kind, e.table_name, e.primary_key, e.old_values, e.new_values,
             e.authorship)) END AS content
         FROM freehold.event_seal seal
             CROSS JOIN unnest(seal.event_ids) WITH ORDINALITY AS entry (event_id, i)
             LEFT JOIN freehold.event e ON e.id = entry.event_id
         WHERE seal.position > $1 AND seal.position < $2 + (SELECT min(position) FROM freehold.event_seal WHERE position > $1)
         ORDER BY 1",
    );
    query.bind::<BigInt, _>(after).bind::<Integer, _>(BATCH).load(session.conn()).map_err(server("reading the event log"))
}

/// Where the event went that was sealed after `last`, with this hash or with the one that went along with it.
fn displaced(session: &mut Session, last: &Head, hash: &[u8]) -> Result<Option<i64>, ProvisionError> {
    let mut after = last.position;
    loop {
        let page = page(session, after)?;
        let Some(end) = page.last() else { return Ok(None) };
        after = end.position;
        let is_it = |sealed: &&Sealed| {
            let computed = sealed.content.as_deref().map(|content| seal(&last.hash, content));
            computed.is_some_and(|computed| computed == *hash || computed == *sealed.hash)
        };
        if let Some(found) = page.iter().find(is_it) {
            return Ok(Some(found.position));
        }
    }
}
