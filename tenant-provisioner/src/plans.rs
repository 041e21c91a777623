//! Plans of tenants, and the event logs that they let go.

use chrono::{DateTime, Utc};
use freehold_catalog::{Plan, Tenant};
use freehold_ids::PlanName;
use serde_json::json;

use crate::{ProvisionError, Provisioner};

/// What became of the old events of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Older ones were let go; None when the tenant's plan, or that it has none, keeps them for ever.
    pub older_than: Option<DateTime<Utc>>,
    /// How many were deleted.
    pub n_events: u64,
}

impl Provisioner {
    /// Makes a plan, or changes it for all tenants that have it.
    ///
    /// # Errors
    /// [`ProvisionError::Catalog`] when the catalogue fails.
    pub fn set_plan(&self, plan: &Plan) -> Result<(), ProvisionError> {
        let detail = json!({ "plan": plan.name, "event_retention_days": plan.event_retention_days });
        Ok(self.catalog().set_plan(plan, &self.audit("plan.set", None, detail))?)
    }

    /// Gives a tenant a plan, or takes it away. The same again changes nothing.
    ///
    /// # Errors
    /// [`freehold_catalog::CatalogError::NoPlan`] when there is none of that name.
    pub fn set_tenant_plan(&self, tenant: &Tenant, name: Option<&PlanName>) -> Result<(), ProvisionError> {
        if tenant.plan.as_ref().map(|plan| &plan.name) == name {
            return Ok(());
        }
        let audit = self.audit("tenant.plan", Some(tenant.id), json!({ "slug": tenant.slug, "plan": name }));
        Ok(self.catalog().set_tenant_plan(tenant.id, name, &audit)?)
    }

    /// Deletes the events that the tenant's plan does not keep any longer.
    ///
    /// # Errors
    /// [`ProvisionError`] when the tenant's server fails.
    pub fn prune_expired_events(&self, tenant: &Tenant) -> Result<Pruned, ProvisionError> {
        let older_than = tenant.plan.as_ref().and_then(|plan| plan.events_expire_before(Utc::now()));
        let n_events = older_than.map_or(Ok(0), |cutoff| self.prune_events(tenant, cutoff))?;
        Ok(Pruned { older_than, n_events })
    }
}
