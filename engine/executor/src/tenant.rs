//! A tenant as the engine serves it: its route at one moment, and its connections.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use freehold_catalog::{DocumentMode, TenantRoute};
use freehold_ids::{ReleaseId, Slug, TenantId};
use freehold_vault::{DataKey, EncryptionContext, KeyWrapper};
use tokio::sync::OnceCell;

use crate::cancel::{AbandonOnDrop, Ticket};
use crate::config::PoolConfig;
use crate::connection::TenantConnection;
use crate::conninfo;
use crate::error::ExecuteError;
use crate::pool::{PoolOptions, TenantPool};
use crate::server::Server;

/// A tenant that may be served, at one epoch and on one schema release.
pub struct Tenant {
    route: TenantRoute,
    pub(crate) placement: Arc<PlacedTenant>,
}

impl Tenant {
    pub(crate) fn new(route: TenantRoute, placement: Arc<PlacedTenant>) -> Self {
        Self { route, placement }
    }

    /// Its id, which never changes.
    #[must_use]
    pub fn id(&self) -> TenantId {
        self.route.tenant_id
    }

    /// Its present slug.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        &self.route.slug
    }

    /// The schema release that its database holds.
    #[must_use]
    pub fn release_id(&self) -> &ReleaseId {
        &self.route.release_id
    }

    /// Which documents its API runs.
    #[must_use]
    pub fn documents(&self) -> DocumentMode {
        self.route.documents
    }

    /// Rises with every change of its registered documents; 0 when it never had any.
    #[must_use]
    pub fn documents_version(&self) -> i64 {
        self.route.documents_version
    }

    /// Rises with every change of server, database or credential.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.route.epoch
    }

    pub(crate) fn is_same_route(&self, route: &TenantRoute) -> bool {
        self.route == *route
    }

    /// Whether connections made for `route` would be the ones this tenant has.
    pub(crate) fn has_same_placement(&self, route: &TenantRoute) -> bool {
        let own = &self.route;
        own.epoch == route.epoch
            && own.server == route.server
            && own.database == route.database
            && own.login_role == route.login_role
            && own.sealed_password == route.sealed_password
            && own.limits == route.limits
    }

    /// The key under which its encrypted content is sealed.
    ///
    /// # Errors
    /// When the vault does not unwrap it by `deadline`.
    pub async fn data_key(&self, deadline: Instant) -> Result<DataKey, ExecuteError> {
        let unwrapped = tokio::time::timeout_at(deadline.into(), self.placement.data_key(&self.route)).await;
        unwrapped.map_err(|_| ExecuteError::DeadlineExceeded)?.cloned()
    }

    /// Runs `work` on one of the tenant's connections, on a thread of its server's.
    ///
    /// The caller gets its answer by `deadline` whatever PostgreSQL does; work past it is cancelled and its connection thrown away.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnMut(&mut TenantConnection) -> Result<T, ExecuteError> + Send + 'static,
    ) -> Result<T, ExecuteError> {
        let placement = &self.placement;
        let probe = Probe::new(&placement.server)?;
        let pool = match tokio::time::timeout_at(deadline.into(), placement.pool(&self.route)).await {
            Ok(pool) => Arc::clone(pool?),
            Err(_) => return Err(ExecuteError::DeadlineExceeded),
        };
        let until = deadline.min(Instant::now() + placement.config.queue_timeout());
        let tenant_permit = pool.enter(until).await?;
        let server_permit = pool.server.enter(until).await?;

        let ticket = Arc::new(Ticket::new());
        let abandon = AbandonOnDrop { pool: Arc::clone(&pool), ticket: Arc::clone(&ticket), armed: true };
        let on_thread = Arc::clone(&pool);
        let answer = pool.server.spawn(move || {
            let result = on_thread.run(&ticket, deadline, work);
            // Held by the thread, not by the request: a hanging backend goes on counting against its tenant.
            drop(tenant_permit);
            result
        });
        let answer = tokio::time::timeout_at(deadline.into(), answer).await;
        // Other tenants may go on while this backend hangs.
        drop(server_permit);
        match answer {
            Ok(Ok(result)) => {
                abandon.done();
                probe.reported();
                result
            }
            Ok(Err(_)) => Err(ExecuteError::Internal { reason: "a database thread ended early".to_owned() }),
            Err(_) => Err(ExecuteError::DeadlineExceeded),
        }
    }
}

/// Permission to try the server. A request that was let through to find out whether it is back must report: silence counts as a failure.
struct Probe<'a> {
    server: &'a Server,
    owes_report: bool,
}

impl<'a> Probe<'a> {
    fn new(server: &'a Server) -> Result<Self, ExecuteError> {
        Ok(Self { server, owes_report: server.admit()? })
    }

    /// The thread that did the work told the breaker how it went.
    fn reported(mut self) {
        self.owes_report = false;
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if self.owes_report {
            self.server.breaker.failure(Instant::now());
        }
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("id", &self.id()).field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

/// Where a tenant is, and its connections there: made when the tenant is first queried, kept while the placement stays.
pub(crate) struct PlacedTenant {
    server: Arc<Server>,
    config: Arc<PoolConfig>,
    vault: Arc<dyn KeyWrapper>,
    connectors: Arc<scheduled_thread_pool::ScheduledThreadPool>,
    /// Single flight: the vault may be a network away.
    key: OnceCell<DataKey>,
    pool: OnceCell<Arc<TenantPool>>,
}

impl PlacedTenant {
    pub(crate) fn new(
        server: Arc<Server>,
        config: Arc<PoolConfig>,
        vault: Arc<dyn KeyWrapper>,
        connectors: Arc<scheduled_thread_pool::ScheduledThreadPool>,
    ) -> Self {
        Self { server, config, vault, connectors, key: OnceCell::new(), pool: OnceCell::new() }
    }

    async fn pool(&self, route: &TenantRoute) -> Result<&Arc<TenantPool>, ExecuteError> {
        self.pool
            .get_or_try_init(|| async {
                let conninfo = self.conninfo(route).await?;
                let options = PoolOptions {
                    tenant: route.tenant_id,
                    database: route.database.clone(),
                    conninfo,
                    max_connections: route.limits.max_connections,
                };
                Ok(Arc::new(TenantPool::new(options, &self.config, Arc::clone(&self.server), &self.connectors)))
            })
            .await
    }

    async fn data_key(&self, route: &TenantRoute) -> Result<&DataKey, ExecuteError> {
        let context = EncryptionContext::new().with("tenant", route.tenant_id).with("purpose", "tenant-data-key");
        let unwrapped = self.key.get_or_try_init(|| self.vault.unwrap(&route.wrapped_key, &context)).await;
        unwrapped.map_err(|error| ExecuteError::CredentialUnavailable { reason: error.to_string() })
    }

    async fn conninfo(&self, route: &TenantRoute) -> Result<freehold_vault::SecretString, ExecuteError> {
        let unavailable = |reason: String| ExecuteError::CredentialUnavailable { reason };
        let key = self.data_key(route).await?;
        let associated = format!("freehold:credential:{}", route.login_role);
        let password = key.open(&route.sealed_password, associated.as_bytes()).map_err(|error| unavailable(error.to_string()))?;
        let password = password.into_text().ok_or_else(|| unavailable("the password is not text".to_owned()))?;
        Ok(conninfo::tenant(route, password.expose(), &self.config))
    }
}

impl Drop for PlacedTenant {
    fn drop(&mut self) {
        // The tenant moved, or was not used for long: threads that still have a connection close it when they are done.
        if let Some(pool) = self.pool.get() {
            pool.close();
        }
    }
}
