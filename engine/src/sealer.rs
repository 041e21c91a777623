//! Seals the event logs of tenants that were written to, a moment afterwards: no commit waits for a hash (ARCHITECTURE D12).
//!
//! One task for all tenants. A tenant that nobody writes to is in no list and costs nothing (ARCHITECTURE D2); what a process that was killed left unsealed is sealed
//! after the tenant's next write, or by `freehold audit seal`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use freehold_executor::{ExecuteError, Registry, Tenant, events};
use freehold_ids::TenantId;
use tokio::sync::Notify;

use crate::content::documents::lock;

/// From a write to its seal: many writes are sealed together.
const PAUSE: Duration = Duration::from_secs(1);
/// For one batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// Knows who was written to since the last round.
#[derive(Default)]
pub struct Sealer {
    written: Mutex<HashMap<TenantId, Arc<Tenant>>>,
    noted: Notify,
}

/// How sealing one tenant's log went.
enum Sealed {
    All,
    /// A batch, and there is more.
    Some,
    /// Another process is at it, and may have begun before our events were there.
    ByAnother,
}

impl Sealer {
    /// To be called after a commit.
    pub fn note_write(&self, tenant: &Arc<Tenant>) {
        let is_new = match lock(&self.written).entry(tenant.id()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(tenant));
                true
            }
        };
        if is_new {
            self.noted.notify_one();
        }
    }

    /// Seals for as long as the process lives.
    pub async fn run(self: Arc<Self>, registry: Arc<Registry>) {
        loop {
            self.noted.notified().await;
            tokio::time::sleep(PAUSE).await;
            let mut began = Instant::now();
            while self.seal_each(&registry).await {
                // Who is far behind catches up, and takes no more than half of a processor for it.
                tokio::time::sleep(began.elapsed()).await;
                began = Instant::now();
            }
        }
    }

    /// One batch of each tenant that was written to. True when there is more.
    pub async fn seal_each(&self, registry: &Registry) -> bool {
        let mut is_more = false;
        let written = std::mem::take(&mut *lock(&self.written));
        for tenant in written.into_values() {
            match seal(registry, &tenant).await {
                Ok(Sealed::All) => {}
                Ok(Sealed::Some) => {
                    is_more = true;
                    self.note_write(&tenant);
                }
                Ok(Sealed::ByAnother) => self.note_write(&tenant),
                // A database from before the migration that brings the event log.
                Err(ExecuteError::Database(error)) if error.is_missing_table() => {}
                Err(error) if error.is_retryable() || lost_a_race(&error) => self.note_write(&tenant),
                Err(error) => {
                    tracing::warn!(tenant.id = %tenant.id(), %error, "the event log of tenant `{}` was not sealed", tenant.id());
                }
            }
        }
        is_more
    }
}

/// Another process sealed after this one's snapshot was taken: sessions are REPEATABLE READ.
fn lost_a_race(error: &ExecuteError) -> bool {
    matches!(error, ExecuteError::Database(error) if matches!(error.sqlstate, "23505" | "40001"))
}

async fn seal(registry: &Registry, tenant: &Tenant) -> Result<Sealed, ExecuteError> {
    let (statement, binds) = events::sealing();
    let rows = registry.query(tenant, &Arc::new(statement), binds, Instant::now() + PATIENCE).await?;
    let n = rows.first().and_then(|row| std::str::from_utf8(&row.value).ok()?.parse::<i32>().ok());
    let n = n.ok_or_else(|| ExecuteError::Internal { reason: "sealing returned no number".to_owned() })?;
    Ok(match n {
        events::SEAL_AT_ONCE => Sealed::Some,
        n if n < 0 => Sealed::ByAnother,
        _ => Sealed::All,
    })
}
