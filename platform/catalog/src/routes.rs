//! From a name in a URL to everything the engine needs to serve it.

use diesel::prelude::*;
use freehold_ids::{ReleaseId, ServerId, Slug, TenantId};
use uuid::Uuid;

use crate::releases::parse_release;
use crate::schema::{credential, placement, quota, server, tenant, tenant_key, tenant_name, tenant_schema};
use crate::state::{DocumentMode, TenantState};
use crate::{Catalog, CatalogError};

/// Everything the engine needs to serve a tenant. Secrets are sealed: the password with the tenant's data key, the key by the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRoute {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its present slug, also when an alias led here.
    pub slug: Slug,
    /// Only [`TenantState::is_routable`] tenants are served.
    pub state: TenantState,
    /// Rises with every change of server, database or credential.
    pub epoch: i64,
    /// Where its database is.
    pub server: ServerAddress,
    /// Name of its database.
    pub database: String,
    /// The active login slot.
    pub login_role: String,
    /// Sealed with the data key; associated data `freehold:credential:<login role>`.
    pub sealed_password: Vec<u8>,
    /// Wrapped with the encryption context `{tenant: <id>, purpose: "tenant-data-key"}`.
    pub wrapped_key: Vec<u8>,
    /// The schema release that its database holds.
    pub release_id: ReleaseId,
    /// What it may use.
    pub limits: TenantLimits,
    /// Which documents its API runs.
    pub documents: DocumentMode,
    /// Rises with every change of its registered documents; 0 when it never had any.
    pub documents_version: i64,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The server.
    pub id: ServerId,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Connections that all tenants on the server may hold together.
    pub connection_budget: u32,
}

/// What a tenant may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantLimits {
    /// Connections at once, over all engines.
    pub max_connections: u32,
    /// Milliseconds per statement.
    pub statement_timeout_ms: u32,
}

impl Default for TenantLimits {
    /// Concurrency at a server is best at about twice its cores (ARCHITECTURE D5); eight covers a burst of one tenant.
    fn default() -> Self {
        Self { max_connections: 8, statement_timeout_ms: 10_000 }
    }
}

diesel::alias!(tenant_name as slug_name: SlugName);

#[derive(Queryable)]
struct Row {
    tenant_id: Uuid,
    state: String,
    epoch: i64,
    slug: String,
    server: (Uuid, String, i32, i32),
    database: String,
    credential: (String, Vec<u8>),
    wrapped_key: Option<Vec<u8>>,
    release_id: String,
    limits: (i32, i32),
    documents: (String, i64),
}

impl Catalog {
    /// The route that `name`, a slug or an alias, leads to, in one statement. A tenant that is not made yet or was deleted has none.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn route(&self, name: &str) -> Result<Option<TenantRoute>, CatalogError> {
        let row = self.read(|conn| {
            Ok(tenant_name::table
                .inner_join(tenant::table.on(tenant::id.eq(tenant_name::tenant_id)))
                .inner_join(slug_name.on(
                    slug_name.field(tenant_name::tenant_id).eq(tenant::id).and(slug_name.field(tenant_name::kind).eq("slug")),
                ))
                .inner_join(placement::table.on(placement::tenant_id.eq(tenant::id)))
                .inner_join(server::table.on(server::id.eq(placement::server_id)))
                .inner_join(credential::table.on(credential::tenant_id.eq(tenant::id).and(credential::state.eq("active"))))
                .inner_join(tenant_key::table.on(tenant_key::tenant_id.eq(tenant::id)))
                .inner_join(tenant_schema::table.on(tenant_schema::tenant_id.eq(tenant::id)))
                .inner_join(quota::table.on(quota::tenant_id.eq(tenant::id)))
                .filter(tenant_name::name.eq(name))
                .filter(tenant_name::released_at.is_null())
                .select((
                    tenant::id,
                    tenant::state,
                    tenant::epoch,
                    slug_name.field(tenant_name::name),
                    (server::id, server::host, server::port, server::connection_budget),
                    placement::database_name,
                    (credential::role_name, credential::sealed_password),
                    tenant_key::wrapped_key,
                    tenant_schema::release_id,
                    (quota::max_connections, quota::statement_timeout_ms),
                    (tenant::documents, tenant::documents_version),
                ))
                .first::<Row>(conn)
                .optional()?)
        })?;
        row.map(TenantRoute::from_row).transpose().map(Option::flatten)
    }
}

impl TenantRoute {
    fn from_row(row: Row) -> Result<Option<Self>, CatalogError> {
        let Some(wrapped_key) = row.wrapped_key else { return Ok(None) };
        let (id, host, port, connection_budget) = row.server;
        let (login_role, sealed_password) = row.credential;
        let (max_connections, statement_timeout_ms) = row.limits;
        let (documents, documents_version) = row.documents;
        Ok(Some(Self {
            tenant_id: TenantId::from_uuid(row.tenant_id),
            slug: parse_slug(&row.slug)?,
            state: TenantState::parse(&row.state)?,
            epoch: row.epoch,
            server: ServerAddress {
                id: ServerId::from_uuid(id),
                host,
                port: positive("server.port", port)?,
                connection_budget: positive("server.connection_budget", connection_budget)?,
            },
            database: row.database,
            login_role,
            sealed_password,
            wrapped_key,
            release_id: parse_release(&row.release_id)?,
            limits: TenantLimits {
                max_connections: positive("quota.max_connections", max_connections)?,
                statement_timeout_ms: positive("quota.statement_timeout_ms", statement_timeout_ms)?,
            },
            documents: DocumentMode::parse(&documents)?,
            documents_version,
        }))
    }
}

/// A slug from its column.
pub(crate) fn parse_slug(text: &str) -> Result<Slug, CatalogError> {
    text.parse().map_err(|_| CatalogError::Corrupt { column: "tenant_name.name", value: text.to_owned() })
}

/// A count from its column; PostgreSQL has no unsigned types.
pub(crate) fn positive<T: TryFrom<i32>>(column: &'static str, value: i32) -> Result<T, CatalogError> {
    T::try_from(value).map_err(|_| CatalogError::Corrupt { column, value: value.to_string() })
}
