//! Plans: what tenants of a kind are given. Named once, so that changing one changes it for all of them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use freehold_ids::{PlanName, TenantId};

use crate::audit::append;
use crate::routes::positive;
use crate::schema::{plan, tenant};
use crate::servers::to_column;
use crate::state::TenantState;
use crate::{Catalog, CatalogError, NewAuditEntry};

/// What tenants of a kind are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: PlanName,
    /// Days that a tenant's event log is kept; None for ever.
    pub event_retention_days: Option<u32>,
}

impl Plan {
    /// Events from before this moment need not be kept; None when all are.
    #[must_use]
    pub fn events_expire_before(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = i64::from(self.event_retention_days?);
        // What is older than any date is nothing.
        now.checked_sub_signed(TimeDelta::try_days(days)?)
    }

    pub(crate) fn from_columns(name: &str, event_retention_days: Option<i32>) -> Result<Self, CatalogError> {
        let corrupt = |_| CatalogError::Corrupt { column: "plan.name", value: name.to_owned() };
        let days = event_retention_days.map(|days| positive("plan.event_retention_days", days)).transpose()?;
        Ok(Self { name: name.parse().map_err(corrupt)?, event_retention_days: days })
    }
}

impl Catalog {
    /// All plans by name, each with the number of tenants that have it.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn plans(&self) -> Result<Vec<(Plan, i64)>, CatalogError> {
        let rows = self.read(|conn| {
            let has_it = tenant::plan.eq(plan::name.nullable()).and(tenant::state.ne(TenantState::Erased.as_str()));
            let query = plan::table.left_join(tenant::table.on(has_it)).group_by(plan::name).order(plan::name);
            let columns = (plan::name, plan::event_retention_days, diesel::dsl::count(tenant::id.nullable()));
            Ok(query.select(columns).load::<(String, Option<i32>, i64)>(conn)?)
        })?;
        rows.into_iter().map(|(name, days, n_tenants)| Ok((Plan::from_columns(&name, days)?, n_tenants))).collect()
    }

    /// Makes a plan, or changes it for all tenants that have it.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn set_plan(&self, new: &Plan, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let days = plan::event_retention_days.eq(new.event_retention_days.map(to_column));
            let row = diesel::insert_into(plan::table).values((plan::name.eq(new.name.as_str()), days));
            row.on_conflict(plan::name).do_update().set(days).execute(conn)?;
            append(conn, audit)
        })
    }

    /// Gives a tenant a plan, or takes it away.
    ///
    /// # Errors
    /// [`CatalogError::NoPlan`] when there is no such plan, [`CatalogError::NoTenant`] when there is no such tenant.
    pub fn set_tenant_plan(&self, id: TenantId, name: Option<&PlanName>, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            if let Some(name) = name {
                // Locked, so that it is still there when the tenant's row says so.
                let found =
                    plan::table.find(name.as_str()).select(plan::name).for_key_share().first::<String>(conn).optional()?;
                found.ok_or_else(|| CatalogError::NoPlan(name.clone()))?;
            }
            let changed = diesel::update(tenant::table.find(id.as_uuid())).set(tenant::plan.eq(name.map(PlanName::as_str)));
            if changed.execute(conn)? == 0 {
                return Err(CatalogError::NoTenant(id));
            }
            append(conn, audit)
        })
    }
}
