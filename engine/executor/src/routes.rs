//! From a slug to a tenant: the catalogue's answers, kept for a moment.
//!
//! One question at a time per slug; an answer is used for about a second, and for as long as the catalogue does not answer.

use std::collections::HashMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use freehold_catalog::{Catalog, TenantRoute};
use freehold_ids::{ServerId, Slug, TenantId};
use freehold_vault::KeyWrapper;
use lru::LruCache;
use scheduled_thread_pool::ScheduledThreadPool;
use tokio::sync::Semaphore;

use crate::config::PoolConfig;
use crate::error::RouteError;
use crate::server::{Server, Threads};
use crate::tenant::{PlacedTenant, Tenant};

/// Questions to the catalogue at a time. One that hangs keeps its thread.
const CATALOG_THREADS: usize = 4;
/// How long a request waits for the catalogue when it has no older answer to fall back on.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest use of "there is no such tenant".
const NEGATIVE_TTL: Duration = Duration::from_secs(1);

/// A slug and the tenant that the caller's token names. Both, so that a slug of somebody else and a slug of nobody take the same way and the same time.
type Key = (Slug, TenantId);

pub(crate) struct Routes {
    catalog: Catalog,
    config: Arc<PoolConfig>,
    vault: Arc<dyn KeyWrapper>,
    connectors: Arc<ScheduledThreadPool>,
    threads: Threads,
    questions: Arc<Semaphore>,
    known: Mutex<LruCache<Key, Arc<Entry>>>,
    tenants: Mutex<HashMap<TenantId, Weak<Tenant>>>,
    servers: Mutex<HashMap<ServerId, Arc<Server>>>,
}

/// What is known about one key.
#[derive(Default)]
struct Entry {
    answer: Mutex<Option<Answer>>,
    /// Held while the catalogue is asked.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Answer {
    tenant: Result<Arc<Tenant>, RouteError>,
    at: Instant,
    /// The database contradicted it since.
    is_doubted: bool,
}

impl Routes {
    pub(crate) fn new(
        catalog: Catalog,
        vault: Arc<dyn KeyWrapper>,
        config: Arc<PoolConfig>,
        connectors: Arc<ScheduledThreadPool>,
    ) -> Self {
        let most = NonZeroUsize::new(config.max_routes as usize).unwrap_or(NonZeroUsize::MIN);
        Self {
            catalog,
            config,
            vault,
            connectors,
            threads: Threads::new("catalog", CATALOG_THREADS),
            questions: Arc::new(Semaphore::new(CATALOG_THREADS)),
            known: Mutex::new(LruCache::new(most)),
            tenants: Mutex::default(),
            servers: Mutex::default(),
        }
    }

    /// The tenant behind `slug`, if it is the one `claimed`.
    pub(crate) async fn find(&self, slug: Slug, claimed: TenantId) -> Result<Arc<Tenant>, RouteError> {
        let key = (slug, claimed);
        let entry = Arc::clone(lock(&self.known).get_or_insert(key.clone(), Arc::default));
        let old = entry.get();
        if let Some(answer) = old.as_ref().filter(|answer| self.is_fresh(answer)) {
            return answer.tenant.clone();
        }
        let stale = old.and_then(|answer| answer.tenant.ok());
        let patience = if stale.is_some() { self.config.route_timeout() } else { PATIENCE };
        let asked = tokio::time::timeout(patience, self.refresh(&key, &entry)).await;
        match (asked, stale) {
            (Ok(Ok(tenant)), _) => Ok(tenant),
            // The catalogue is down or slow: what it said last still serves.
            (Err(_) | Ok(Err(RouteError::CatalogUnavailable { .. })), Some(tenant)) => {
                entry.set(Ok(Arc::clone(&tenant)));
                Ok(tenant)
            }
            (Ok(Err(error)), _) => Err(error),
            (Err(_), None) => Err(RouteError::CatalogUnavailable { reason: "no answer in time".to_owned() }),
        }
    }

    /// Asks anew, whatever the age of the last answer: the database turned us away, which is how a tenant looks that was just suspended, moved or deleted.
    pub(crate) async fn find_again(&self, slug: Slug, claimed: TenantId) -> Result<Arc<Tenant>, RouteError> {
        if let Some(entry) = lock(&self.known).peek(&(slug.clone(), claimed)) {
            entry.doubt();
        }
        self.find(slug, claimed).await
    }

    fn is_fresh(&self, answer: &Answer) -> bool {
        if answer.is_doubted {
            return false;
        }
        let ttl = match answer.tenant {
            Ok(_) => self.config.route_ttl(),
            Err(_) => self.config.route_ttl().min(NEGATIVE_TTL),
        };
        answer.at.elapsed() < ttl
    }

    async fn refresh(&self, key: &Key, entry: &Arc<Entry>) -> Result<Arc<Tenant>, RouteError> {
        let _flight = entry.flight.lock().await;
        if let Some(answer) = entry.get().filter(|answer| self.is_fresh(answer)) {
            return answer.tenant;
        }
        let slug = key.0.clone();
        let found = self.ask(move |catalog| catalog.route(slug.as_str())).await?;
        let tenant = match found.filter(|route| route.tenant_id == key.1) {
            None => Err(RouteError::NotFound),
            Some(route) if !route.state.is_routable() => Err(RouteError::NotActive { state: route.state.to_string() }),
            Some(route) => Ok(self.tenant(route)),
        };
        entry.set(tenant.clone());
        tenant
    }

    /// Asks the catalogue on a thread of its own.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Catalog) -> Result<T, freehold_catalog::CatalogError> + Send + 'static,
    ) -> impl Future<Output = Result<T, RouteError>> {
        let (catalog, questions) = (self.catalog.clone(), Arc::clone(&self.questions));
        async move {
            let unavailable = |reason: String| RouteError::CatalogUnavailable { reason };
            let permit = questions.acquire_owned().await.map_err(|error| unavailable(error.to_string()))?;
            let answer = self.threads.spawn(move || {
                let answer = question(&catalog);
                drop(permit);
                answer
            });
            match answer.await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(unavailable(chain(&error))),
                Err(error) => Err(unavailable(error.to_string())),
            }
        }
    }

    /// The tenant with this route: the one already served when nothing changed, its connections when only the release did.
    fn tenant(&self, route: TenantRoute) -> Arc<Tenant> {
        let mut tenants = lock(&self.tenants);
        let current = tenants.get(&route.tenant_id).and_then(Weak::upgrade);
        if let Some(current) = current.as_ref().filter(|current| current.is_same_route(&route)) {
            return Arc::clone(current);
        }
        let placement = match current.filter(|current| current.has_same_placement(&route)) {
            Some(current) => Arc::clone(&current.placement),
            None => {
                let server = self.server(&route);
                let (config, vault) = (Arc::clone(&self.config), Arc::clone(&self.vault));
                Arc::new(PlacedTenant::new(server, config, vault, Arc::clone(&self.connectors)))
            }
        };
        let id = route.tenant_id;
        let tenant = Arc::new(Tenant::new(route, placement));
        tenants.insert(id, Arc::downgrade(&tenant));
        tenant
    }

    fn server(&self, route: &TenantRoute) -> Arc<Server> {
        let mut servers = lock(&self.servers);
        let server = servers.entry(route.server.id).or_insert_with(|| Arc::new(Server::new(&route.server, &self.config)));
        Arc::clone(server)
    }

    pub(crate) fn servers(&self) -> Vec<Arc<Server>> {
        lock(&self.servers).values().cloned().collect()
    }

    /// Forgets what was not asked for in a long time, so that an idle tenant costs nothing.
    pub(crate) fn sweep(&self, now: Instant, idle: Duration) {
        let mut dropped = Vec::new();
        {
            let mut known = lock(&self.known);
            // The least recently used is last, and an answer's age follows its use within a second.
            while let Some((_, entry)) = known.peek_lru() {
                let is_idle = entry.get().is_none_or(|answer| now.saturating_duration_since(answer.at) >= idle);
                if !is_idle || Arc::strong_count(entry) > 1 {
                    break;
                }
                dropped.extend(known.pop_lru());
            }
        }
        // Closing connections takes its time, and must not hold the lock.
        drop(dropped);
        lock(&self.tenants).retain(|_, tenant| tenant.strong_count() > 0);
    }

    pub(crate) fn n_known(&self) -> usize {
        lock(&self.known).len()
    }
}

impl Entry {
    fn get(&self) -> Option<Answer> {
        lock(&self.answer).clone()
    }

    fn set(&self, tenant: Result<Arc<Tenant>, RouteError>) {
        *lock(&self.answer) = Some(Answer { tenant, at: Instant::now(), is_doubted: false });
    }

    fn doubt(&self) {
        if let Some(answer) = &mut *lock(&self.answer) {
            answer.is_doubted = true;
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error and its causes in one line, for the operator.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
