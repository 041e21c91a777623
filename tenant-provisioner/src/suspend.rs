//! Refusing a tenant's requests for a while, and letting them in again. No data is touched.

use freehold_catalog::{SuspendReason, Tenant, TenantState};
use freehold_ids::Slug;
use serde_json::json;

use crate::names::Names;
use crate::{ProvisionError, Provisioner, databases, roles};

impl Provisioner {
    /// Suspends a tenant: the catalogue first, so that engines refuse it, then its server, so that nobody stays inside. Again it
    /// changes nothing, and finishes what a killed process had begun.
    ///
    /// # Errors
    /// [`ProvisionError::NoTenant`] when there is none, [`freehold_catalog::CatalogError::Transition`] when it is not active.
    pub fn suspend_tenant(&self, slug: &Slug, reason: SuspendReason) -> Result<Tenant, ProvisionError> {
        let tenant = self.tenant(slug)?;
        if tenant.state != TenantState::Suspended {
            let audit = self.audit("tenant.suspend", Some(tenant.id), json!({ "slug": slug, "reason": reason }));
            self.catalog().transition(&tenant, TenantState::Suspended, Some(reason), &audit)?;
        }
        self.set_login(&tenant, false)?;
        Ok(self.catalog().tenant(tenant.id)?)
    }

    /// Lets a suspended tenant serve again: its server first, so that whoever the catalogue lets in gets in.
    ///
    /// # Errors
    /// [`ProvisionError::NoTenant`] when there is none, [`freehold_catalog::CatalogError::Transition`] when it is not suspended.
    pub fn resume_tenant(&self, slug: &Slug) -> Result<Tenant, ProvisionError> {
        let tenant = self.tenant(slug)?;
        match tenant.state {
            TenantState::Active => {
                // Should somebody have locked it by hand.
                self.set_login(&tenant, true)?;
                return Ok(tenant);
            }
            TenantState::Suspended => self.set_login(&tenant, true)?,
            // The transition below says why not.
            TenantState::Provisioning | TenantState::Undoing | TenantState::Erasing | TenantState::Erased => {}
        }
        let audit = self.audit("tenant.resume", Some(tenant.id), json!({ "slug": slug }));
        self.catalog().transition(&tenant, TenantState::Active, None, &audit)?;
        Ok(self.catalog().tenant(tenant.id)?)
    }

    fn set_login(&self, tenant: &Tenant, allowed: bool) -> Result<(), ProvisionError> {
        let Some(placement) = &tenant.placement else { return Ok(()) };
        let mut admin = self.admin_address(&self.catalog().server(placement.server_id)?)?.connect()?;
        roles::set_login(&mut admin, &Names::of(tenant.id), allowed)?;
        if allowed { Ok(()) } else { databases::end_sessions(&mut admin, &placement.database) }
    }
}
