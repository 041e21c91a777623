//! How much is made at once: a queue with an end, shares for tenants, permits for sources, memory and cores.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_ids::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::WorkConfig;
use crate::error::Failure;

const MEBIBYTE: u64 = 1024 * 1024;

/// Decides who may make an image now, later, or not at all.
pub(crate) struct Admission {
    queue: Arc<Mutex<Queue>>,
    max_queue: usize,
    max_queue_per_tenant: usize,
    max_wait: Duration,
    fetching: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    memory_mebibytes: u32,
    cores: Arc<Semaphore>,
}

#[derive(Default)]
struct Queue {
    n_total: usize,
    n_by_tenant: HashMap<TenantId, usize>,
}

/// A place in the queue; given back when dropped.
pub(crate) struct Place {
    queue: Arc<Mutex<Queue>>,
    tenant: TenantId,
}

/// The right to use memory and a core; given back when dropped.
pub(crate) struct Slot {
    _memory: OwnedSemaphorePermit,
    _core: OwnedSemaphorePermit,
}

impl Admission {
    pub(crate) fn new(config: &WorkConfig) -> Self {
        let memory_mebibytes = u32::try_from(config.max_decoding_bytes.div_ceil(MEBIBYTE)).unwrap_or(u32::MAX).max(1);
        let n_memory = (memory_mebibytes as usize).min(Semaphore::MAX_PERMITS);
        Self {
            queue: Arc::default(),
            max_queue: config.max_queue,
            max_queue_per_tenant: config.max_queue_per_tenant,
            max_wait: config.max_wait(),
            fetching: Arc::new(Semaphore::new(config.n_fetch_permits())),
            memory: Arc::new(Semaphore::new(n_memory)),
            memory_mebibytes,
            cores: Arc::new(Semaphore::new(config.n_cpu_permits())),
        }
    }

    /// A place in the queue, or the reason why there is none.
    pub(crate) fn enter(&self, tenant: TenantId) -> Result<Place, Failure> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.n_by_tenant.get(&tenant).is_some_and(|n| *n >= self.max_queue_per_tenant) {
            return Err(Failure::TenantBusy);
        }
        if queue.n_total >= self.max_queue {
            return Err(Failure::Busy);
        }
        queue.n_total += 1;
        *queue.n_by_tenant.entry(tenant).or_default() += 1;
        Ok(Place { queue: Arc::clone(&self.queue), tenant })
    }

    /// The right to hold a source in memory.
    pub(crate) async fn fetch(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.wait(&self.fetching, 1).await
    }

    /// The right to decode. Memory first: who waits for memory must not keep a core idle.
    pub(crate) async fn decode(&self, estimated_bytes: u64) -> Result<Slot, Failure> {
        let wanted = u32::try_from(estimated_bytes.div_ceil(MEBIBYTE)).unwrap_or(u32::MAX);
        // What needs more than everything runs alone.
        let memory = self.wait(&self.memory, wanted.clamp(1, self.memory_mebibytes)).await?;
        let core = self.wait(&self.cores, 1).await?;
        Ok(Slot { _memory: memory, _core: core })
    }

    async fn wait(&self, permits: &Arc<Semaphore>, n: u32) -> Result<OwnedSemaphorePermit, Failure> {
        match timeout(self.max_wait, Arc::clone(permits).acquire_many_owned(n)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Failure::Busy),
        }
    }

    /// Images that are made or wait.
    pub(crate) fn n_queued(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).n_total
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.n_total -= 1;
        if let Some(n) = queue.n_by_tenant.get_mut(&self.tenant) {
            *n -= 1;
            if *n == 0 {
                queue.n_by_tenant.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission::new(&WorkConfig {
            cpu_permits: 1,
            fetch_permits: 1,
            max_decoding_bytes: 10 * MEBIBYTE,
            max_queue: 3,
            max_queue_per_tenant: 2,
            max_wait_ms: 20,
        })
    }

    #[test]
    fn a_tenant_cannot_fill_the_queue() {
        let admission = admission();
        let (one, two) = (TenantId::generate(), TenantId::generate());
        let places = [admission.enter(one).unwrap(), admission.enter(one).unwrap()];
        assert_eq!(admission.enter(one).err(), Some(Failure::TenantBusy));
        let other = admission.enter(two).unwrap();
        assert_eq!(admission.enter(TenantId::generate()).err(), Some(Failure::Busy));
        drop((places, other));
        assert_eq!(admission.n_queued(), 0);
        assert!(admission.queue.lock().unwrap().n_by_tenant.is_empty());
    }

    #[tokio::test]
    async fn waiting_has_an_end_and_giants_run_alone() {
        let admission = admission();
        let giant = admission.decode(u64::MAX).await.unwrap();
        assert_eq!(admission.decode(1).await.err(), Some(Failure::Busy));
        drop(giant);
        assert!(admission.decode(1).await.is_ok());
        let _held = admission.fetch().await.unwrap();
        assert_eq!(admission.fetch().await.err(), Some(Failure::Busy));
    }
}
