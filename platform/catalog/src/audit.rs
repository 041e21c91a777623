//! The audit log of administrators' actions: append-only, each entry's hash covering the entry before it.
//!
//! An edit, a removal or a reordering breaks the chain. Cutting off the tail does not show from inside the log; that needs the
//! last hash to be kept elsewhere.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::prelude::*;
use freehold_ids::TenantId;
use ring::digest::{Context, SHA256};
use serde_json::Value;
use uuid::Uuid;

use crate::schema::audit;
use crate::{Catalog, CatalogError};

/// Any constant: entries queue here, so that the chain has one order.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7166401002)";

/// An action to be recorded.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Who did it.
    pub actor: String,
    /// What was done, `tenant.suspend`.
    pub action: &'static str,
    /// To whom.
    pub tenant: Option<TenantId>,
    /// Facts; never a secret.
    pub detail: Value,
}

/// An action that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// 1, 2, 3 … without gaps.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To whom.
    pub tenant: Option<TenantId>,
    /// Facts, as JSON text.
    pub detail: String,
    /// Hash of the entry before; 32 zeros for the first.
    pub prev_hash: Vec<u8>,
    /// Hash of this entry.
    pub hash: Vec<u8>,
}

#[derive(Queryable)]
struct Row {
    seq: i64,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    tenant_id: Option<Uuid>,
    detail: String,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl Catalog {
    /// Records an action that changes nothing in the catalogue itself; the others record within their own transaction.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn record(&self, entry: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| append(conn, entry))
    }

    /// The last `limit` entries, newest first.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>, CatalogError> {
        let rows = self.read(|conn| Ok(audit::table.order(audit::seq.desc()).limit(i64::from(limit)).load::<Row>(conn)?))?;
        Ok(rows.into_iter().map(AuditEntry::from_row).collect())
    }

    /// Recomputes the whole chain and returns its length.
    ///
    /// # Errors
    /// [`CatalogError::AuditBroken`] with the first entry that does not fit.
    pub fn verify_audit_log(&self) -> Result<i64, CatalogError> {
        const PAGE: i64 = 1000;
        let (mut seq, mut hash) = (0, vec![0; 32]);
        loop {
            let page =
                self.read(|conn| Ok(audit::table.filter(audit::seq.gt(seq)).order(audit::seq).limit(PAGE).load::<Row>(conn)?))?;
            if page.is_empty() {
                return Ok(seq);
            }
            for entry in page.into_iter().map(AuditEntry::from_row) {
                if entry.seq != seq + 1 || entry.prev_hash != hash || entry.hash != entry.expected_hash() {
                    return Err(CatalogError::AuditBroken { seq: entry.seq });
                }
                (seq, hash) = (entry.seq, entry.hash);
            }
        }
    }
}

/// Appends within the caller's transaction: the action and its record commit together or not at all.
pub(crate) fn append(conn: &mut PgConnection, new: &NewAuditEntry) -> Result<(), CatalogError> {
    diesel::sql_query(LOCK).execute(conn)?;
    let last =
        audit::table.order(audit::seq.desc()).select((audit::seq, audit::hash)).first::<(i64, Vec<u8>)>(conn).optional()?;
    let (seq, prev_hash) = last.unwrap_or((0, vec![0; 32]));
    let now = Utc::now();
    let mut entry = AuditEntry {
        seq: seq + 1,
        // PostgreSQL keeps microseconds; the hash must cover what it keeps.
        at: now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now),
        actor: new.actor.clone(),
        action: new.action.to_owned(),
        tenant: new.tenant,
        detail: new.detail.to_string(),
        prev_hash,
        hash: Vec::new(),
    };
    entry.hash = entry.expected_hash();
    diesel::insert_into(audit::table)
        .values((
            audit::seq.eq(entry.seq),
            audit::at.eq(entry.at),
            audit::actor.eq(&entry.actor),
            audit::action.eq(&entry.action),
            audit::tenant_id.eq(entry.tenant.map(|id| id.as_uuid())),
            audit::detail.eq(&entry.detail),
            audit::prev_hash.eq(&entry.prev_hash),
            audit::hash.eq(&entry.hash),
        ))
        .execute(conn)?;
    Ok(())
}

impl AuditEntry {
    fn from_row(row: Row) -> Self {
        Self {
            seq: row.seq,
            at: row.at,
            actor: row.actor,
            action: row.action,
            tenant: row.tenant_id.map(TenantId::from_uuid),
            detail: row.detail,
            prev_hash: row.prev_hash,
            hash: row.hash,
        }
    }

    /// SHA-256 over every other column. Each part is preceded by its length, so that no two entries have the same bytes.
    fn expected_hash(&self) -> Vec<u8> {
        let seq = self.seq.to_string();
        let at = self.at.timestamp_micros().to_string();
        let tenant = self.tenant.map(|id| id.to_string()).unwrap_or_default();
        let parts: [&[u8]; 7] = [
            &self.prev_hash,
            seq.as_bytes(),
            at.as_bytes(),
            self.actor.as_bytes(),
            self.action.as_bytes(),
            tenant.as_bytes(),
            self.detail.as_bytes(),
        ];
        let mut hash = Context::new(&SHA256);
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finish().as_ref().to_vec()
    }
}
