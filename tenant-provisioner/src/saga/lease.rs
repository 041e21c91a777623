//! Who may run an operation, and for how long.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use freehold_catalog::{Catalog, Lease, Operation};
use freehold_ids::OperationId;
use uuid::Uuid;

use crate::{ProvisionError, Provisioner};

/// How long to wait for another process that runs the same operation.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at an operation that another process runs.
const POLL: Duration = Duration::from_millis(150);

/// Whose turn it is.
pub(super) enum Turn {
    Ours(Lease),
    /// Another process ended it.
    Finished(Box<Operation>),
}

/// Takes the operation's lease, waiting while another process has it. A killed process's lease ends by itself.
pub(super) fn take(provisioner: &Provisioner, id: OperationId, waiting: impl FnOnce()) -> Result<Turn, ProvisionError> {
    let catalog = provisioner.catalog();
    let owner = Uuid::new_v4();
    let deadline = Instant::now() + PATIENCE;
    let mut waiting = Some(waiting);
    loop {
        if let Some(lease) = catalog.acquire_lease(id, owner, provisioner.lease_ttl())? {
            return Ok(Turn::Ours(lease));
        }
        let operation = catalog.operation(id)?;
        if operation.state.is_finished() {
            return Ok(Turn::Finished(Box::new(operation)));
        }
        if Instant::now() >= deadline {
            return Err(ProvisionError::StillRunning(id));
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        std::thread::sleep(POLL);
    }
}

/// Prolongs a lease while its operation runs: a step may take longer than the lease. Stops when dropped.
pub(super) struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub fn start(catalog: &Catalog, lease: Lease, ttl: Duration) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let catalog = catalog.clone();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(ttl / 3) == Err(RecvTimeoutError::Timeout) {
                // When the lease is lost the executor's next record is refused; when the control plane is away there may be
                // time for another try.
                if let Err(error) = catalog.renew_lease(&lease, ttl) {
                    tracing::warn!(operation.id = %lease.operation, "cannot prolong the lease: {error}");
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It holds nothing that a panic could have broken.
            let _ = thread.join();
        }
    }
}
