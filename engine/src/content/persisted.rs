//! Documents that a request names instead of sending them, and tenants that run no others than registered ones.
//!
//! Automatic persisted queries are what clients of a tenant sent together with its hash. Registered documents stand in the catalogue; the route
//! of a tenant tells when they changed, so that what is kept here need not be looked after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_catalog::{Document, DocumentMode, LONGEST_DOCUMENT_ID};
use freehold_executor::{Registry, Tenant};
use freehold_ids::TenantId;

use crate::config::CacheConfig;
use crate::content::by_tenant::ByTenant;
use crate::http::failure::Failure;
use crate::http::request::{GraphqlRequest, Named};

/// How long a request waits for the catalogue to tell a document.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known about documents by their ids, of all tenants.
pub struct Persisted {
    remembered: ByTenant<Arc<str>>,
    registered: ByTenant<Registered>,
}

/// A document that came with its hash, to be remembered once it was answered: before, nobody knows whether it fits the API.
pub struct Taught {
    hash: String,
    text: Arc<str>,
}

/// What the catalogue said about an id.
#[derive(Clone)]
struct Registered {
    /// When, in the tenant's own time: it holds until the documents change.
    version: i64,
    text: Option<Arc<str>>,
}

impl Persisted {
    /// Bounded by the settings.
    pub fn new(config: &CacheConfig) -> Self {
        Self {
            remembered: ByTenant::new(config.persisted_queries, config.persisted_query_bytes),
            registered: ByTenant::new(config.registered_documents, config.registered_document_bytes),
        }
    }

    /// Sees to it that the request has its document, and that the tenant accepts it. Returns what there is to
    /// [remember](Self::remember).
    pub async fn find(
        &self,
        registry: &Registry,
        tenant: &Tenant,
        request: &mut GraphqlRequest,
        deadline: Instant,
    ) -> Result<Option<Taught>, Failure> {
        let is_sent = !request.query.is_empty();
        let named = request.named.take();
        if let (Some(Named::Hash(hash)), true) = (&named, is_sent) {
            // What is remembered under a hash must be what everybody else means by it.
            if *hash != Document::id_of(&request.query) {
                return Err(Failure::PersistedQueryMismatch);
            }
        }
        let text = match (tenant.documents(), named) {
            (DocumentMode::Any, None) => return Ok(None),
            (DocumentMode::Any, Some(Named::Hash(hash))) if is_sent => {
                let is_known = self.remembered.get(tenant.id(), &hash).is_some();
                return Ok((!is_known).then(|| Taught { hash, text: request.query.as_str().into() }));
            }
            (DocumentMode::Any, Some(Named::Hash(hash))) => match self.remembered.get(tenant.id(), &hash) {
                Some(text) => text,
                // A client that has to send the whole document is served even when the catalogue is down.
                None => self
                    .registered(registry, tenant, &hash, deadline)
                    .await
                    .ok()
                    .flatten()
                    .ok_or(Failure::PersistedQueryNotFound)?,
            },
            (DocumentMode::Any, Some(Named::Id(id))) => {
                self.registered(registry, tenant, &id, deadline).await?.ok_or(Failure::DocumentNotFound)?
            }
            (DocumentMode::Trusted, named) => {
                let id = match named {
                    Some(Named::Hash(id) | Named::Id(id)) => id,
                    None => Document::id_of(&request.query),
                };
                self.registered(registry, tenant, &id, deadline).await?.ok_or(Failure::DocumentNotTrusted)?
            }
        };
        request.query = text.to_string();
        Ok(None)
    }

    /// Keeps a document that clients of the tenant may name by its hash from now on.
    pub fn remember(&self, tenant: TenantId, Taught { hash, text }: Taught) {
        let bytes = text.len();
        self.remembered.insert(tenant, &hash, text, bytes);
    }

    async fn registered(
        &self,
        registry: &Registry,
        tenant: &Tenant,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<Arc<str>>, Failure> {
        let (id, version) = (Document::key(id), tenant.documents_version());
        // Nothing to ask about; and an id of any length would be kept.
        if version == 0 || id.chars().count() > LONGEST_DOCUMENT_ID {
            return Ok(None);
        }
        if let Some(known) = self.registered.get(tenant.id(), id).filter(|known| known.version == version) {
            return Ok(known.text);
        }
        let until = deadline.min(Instant::now() + PATIENCE);
        let answer = tokio::time::timeout_at(until.into(), registry.document(tenant, id)).await;
        let text: Option<Arc<str>> = answer.ok().and_then(Result::ok).ok_or(Failure::CatalogUnavailable)?.map(Arc::from);
        let bytes = text.as_deref().map_or(0, str::len);
        self.registered.insert(tenant.id(), id, Registered { version, text: text.clone() }, bytes);
        Ok(text)
    }
}
