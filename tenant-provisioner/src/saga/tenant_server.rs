//! A saga's way to the server of its tenant.

use std::cell::RefCell;
use std::time::Duration;

use freehold_ids::{OperationId, TenantId};

use crate::postgres::{Address, Session, lock_for_tenant};
use crate::{ProvisionError, Provisioner};

/// How long a run whose process was killed may have a statement under way on the server.
const LOCK_ATTEMPTS: u32 = 120;
const LOCK_PAUSE: Duration = Duration::from_millis(250);

/// The administrator's connection to the tenant's server, opened on first use. It holds the server's own lock for the tenant: the
/// lease of a killed process ends by the clock, but only the server knows when its last statement does.
pub(super) struct TenantServer<'a> {
    provisioner: &'a Provisioner,
    tenant: TenantId,
    operation: OperationId,
    open: RefCell<Option<(Session, Address)>>,
}

impl<'a> TenantServer<'a> {
    pub fn new(provisioner: &'a Provisioner, tenant: TenantId, operation: OperationId) -> Self {
        Self { provisioner, tenant, operation, open: RefCell::new(None) }
    }

    /// Runs `work` on the server.
    pub fn with<T>(&self, work: impl FnOnce(&mut Session, &Address) -> Result<T, ProvisionError>) -> Result<T, ProvisionError> {
        let mut open = self.open.borrow_mut();
        let (session, address) = match open.take() {
            Some(connected) => open.insert(connected),
            None => open.insert(self.connect()?),
        };
        work(session, address)
    }

    /// Forgets the connection, and with it the server's lock.
    pub fn reset(&self) {
        *self.open.borrow_mut() = None;
    }

    fn connect(&self) -> Result<(Session, Address), ProvisionError> {
        let placement = self.provisioner.catalog().placement(self.tenant)?;
        let placement = placement.ok_or(ProvisionError::OperationUnreadable(self.operation))?;
        let address = self.provisioner.admin_address(&self.provisioner.catalog().server(placement.server_id)?)?;
        let mut session = address.connect()?;
        for _ in 0..LOCK_ATTEMPTS {
            if lock_for_tenant(&mut session, self.tenant)? {
                return Ok((session, address));
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        Err(ProvisionError::StillRunning(self.operation))
    }
}
