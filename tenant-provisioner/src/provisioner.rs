//! The front door: what the command line calls.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use freehold_catalog::{Catalog, Tenant, TenantLimits};
use freehold_ids::{OperationId, ReleaseId, Slug, TenantId};
use freehold_vault::KeyWrapper;

use crate::ProvisionError;
use crate::saga::{Faults, NoFaults};

/// How long a killed process keeps its operation from others.
const LEASE: Duration = Duration::from_secs(10);

/// Makes, suspends and deletes tenants, and prepares the servers that carry them. Blocking.
pub struct Provisioner {
    catalog: Catalog,
    vault: Arc<dyn KeyWrapper>,
    /// For the vault's calls, which are few.
    runtime: tokio::runtime::Runtime,
    actor: String,
    lease_ttl: Duration,
    faults: Box<dyn Faults + Send>,
}

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    /// Its name in URLs.
    pub slug: Slug,
    /// A registered release.
    pub release_id: ReleaseId,
    /// SQL that fills the content, run once by the owner with `content` as search path.
    pub seed: Option<String>,
    /// Name of the server; the one with most room unless given.
    pub server: Option<String>,
    /// What it may use.
    pub limits: TenantLimits,
}

/// A tenant that is ready to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTenant {
    /// Never changes.
    pub tenant_id: TenantId,
    /// Its name in URLs.
    pub slug: Slug,
    /// What its database holds.
    pub release_id: ReleaseId,
    /// Name of its server.
    pub server: String,
    /// Name of its database.
    pub database: String,
    /// The operation that made it.
    pub operation: OperationId,
    /// Whether this call made it.
    pub outcome: Outcome,
}

/// Whether a call made a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// This call made it, or finished what a killed process had begun.
    Created,
    /// It was there already, made by the same request.
    Existing,
}

impl Provisioner {
    /// Over a catalogue and a vault; `actor` is named in the audit log.
    ///
    /// # Errors
    /// [`ProvisionError::Runtime`] when the operating system gives no resources for it.
    pub fn new(catalog: Catalog, vault: Arc<dyn KeyWrapper>, actor: &str) -> Result<Self, ProvisionError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ProvisionError::Runtime)?;
        let actor = actor.to_owned();
        Ok(Self { catalog, vault, runtime, actor, lease_ttl: LEASE, faults: Box::new(NoFaults) })
    }

    /// The catalogue it works on.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The tenant with a name, deleted ones excepted.
    ///
    /// # Errors
    /// [`ProvisionError::NoTenant`] when there is none.
    pub fn tenant(&self, slug: &Slug) -> Result<Tenant, ProvisionError> {
        let found = self.catalog.tenant_named(slug)?;
        let living = found.filter(|tenant| tenant.state != freehold_catalog::TenantState::Erased);
        living.ok_or_else(|| ProvisionError::NoTenant(slug.clone()))
    }

    pub(crate) fn vault(&self) -> &dyn KeyWrapper {
        &*self.vault
    }

    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    pub(crate) fn lease_ttl(&self) -> Duration {
        self.lease_ttl
    }

    pub(crate) fn faults(&self) -> &dyn Faults {
        &*self.faults
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    #[cfg(test)]
    pub(crate) fn with_faults(mut self, faults: impl Faults + Send + 'static) -> Self {
        self.faults = Box::new(faults);
        self
    }

    #[cfg(test)]
    pub(crate) fn with_lease(mut self, ttl: Duration) -> Self {
        self.lease_ttl = ttl;
        self
    }
}
