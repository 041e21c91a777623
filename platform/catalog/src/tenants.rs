//! Tenants, their names, placements, credentials, keys and limits.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use freehold_ids::{OperationId, ReleaseId, ServerId, Slug, TenantId};
use uuid::Uuid;

use crate::audit::append;
use crate::operations::{NewOperation, clock_timestamp, insert_operation};
use crate::releases::parse_release;
use crate::routes::{parse_slug, positive};
use crate::schema::{credential, document, placement, plan, quota, server, tenant, tenant_key, tenant_name, tenant_schema};
use crate::servers::to_column;
use crate::state::{DocumentMode, ServerState, SuspendReason, TenantState};
use crate::{Catalog, CatalogError, NewAuditEntry, Plan, TenantLimits};

/// A tenant to be made, with the operation that makes it.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its name.
    pub slug: Slug,
    /// What it may use.
    pub limits: TenantLimits,
    /// The saga that makes it; its tenant is the new one.
    pub operation: NewOperation,
}

/// What became of the wish to reserve a name.
#[derive(Debug, Clone)]
pub enum Reservation {
    /// The name was free: tenant and operation are new.
    New {
        /// The tenant's id.
        tenant: TenantId,
        /// The operation that makes it.
        operation: OperationId,
    },
    /// The name belongs to this tenant.
    Existing(Tenant),
}

/// A tenant as the catalogue knows it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Never changes.
    pub id: TenantId,
    /// Its name.
    pub slug: Slug,
    /// Where it is in its life.
    pub state: TenantState,
    /// Set while it is suspended.
    pub reason: Option<SuspendReason>,
    /// Rises with every change of server, database or credential.
    pub epoch: i64,
    /// Rises with every change; [`Catalog::transition`] compares it.
    pub row_version: i64,
    /// The release that its database holds.
    pub release_id: Option<ReleaseId>,
    /// Where its database is.
    pub placement: Option<Placement>,
    /// Which documents its API runs.
    pub documents: DocumentMode,
    /// What it is given as one of its kind.
    pub plan: Option<Plan>,
    /// When its name was reserved.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// Where a tenant's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The server.
    pub server_id: ServerId,
    /// Name of the database.
    pub database: String,
}

/// A login slot of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The PostgreSQL role.
    pub role_name: String,
    /// Sealed with the tenant's data key; associated data `freehold:credential:<role>`.
    pub sealed_password: Vec<u8>,
}

#[derive(Queryable)]
struct Row {
    id: Uuid,
    slug: String,
    state: String,
    state_reason: Option<String>,
    epoch: i64,
    row_version: i64,
    release_id: Option<String>,
    server_id: Option<Uuid>,
    database: Option<String>,
    documents: String,
    plan: Option<String>,
    event_retention_days: Option<i32>,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

/// The tenant query, so that `get` and `list` read the same columns.
macro_rules! tenant_rows {
    () => {
        tenant::table
            .inner_join(tenant_name::table.on(tenant_name::tenant_id.eq(tenant::id).and(tenant_name::kind.eq("slug"))))
            .left_join(tenant_schema::table.on(tenant_schema::tenant_id.eq(tenant::id)))
            .left_join(placement::table.on(placement::tenant_id.eq(tenant::id)))
            .left_join(plan::table.on(tenant::plan.eq(plan::name.nullable())))
            .select((
                tenant::id,
                tenant_name::name,
                tenant::state,
                tenant::state_reason,
                tenant::epoch,
                tenant::row_version,
                tenant_schema::release_id.nullable(),
                placement::server_id.nullable(),
                placement::database_name.nullable(),
                tenant::documents,
                plan::name.nullable(),
                plan::event_retention_days.nullable(),
                tenant::created_at,
                tenant::changed_at,
            ))
    };
}

impl Catalog {
    /// Reserves a name for a new tenant, together with the operation that will make it, or finds who has the name.
    ///
    /// # Errors
    /// [`CatalogError::NameRetired`] when a deleted tenant had the name.
    pub fn reserve_tenant(&self, new: &NewTenant) -> Result<Reservation, CatalogError> {
        let id = TenantId::generate();
        let reserved = self.transaction(|conn| {
            diesel::insert_into(tenant::table)
                .values((tenant::id.eq(id.as_uuid()), tenant::state.eq(TenantState::Provisioning.as_str())))
                .execute(conn)?;
            // Waits for another transaction that is inserting the same name, then sees its row.
            let name_is_ours = diesel::insert_into(tenant_name::table)
                .values((
                    tenant_name::name.eq(new.slug.as_str()),
                    tenant_name::tenant_id.eq(id.as_uuid()),
                    tenant_name::kind.eq("slug"),
                ))
                .on_conflict_do_nothing()
                .execute(conn)?;
            if name_is_ours == 0 {
                diesel::delete(tenant::table.find(id.as_uuid())).execute(conn)?;
                return Ok(None);
            }
            diesel::insert_into(quota::table)
                .values((
                    quota::tenant_id.eq(id.as_uuid()),
                    quota::max_connections.eq(to_column(new.limits.max_connections)),
                    quota::statement_timeout_ms.eq(to_column(new.limits.statement_timeout_ms)),
                ))
                .execute(conn)?;
            insert_operation(conn, &new.operation, id).map(Some)
        })?;
        match reserved {
            Some(operation) => Ok(Reservation::New { tenant: id, operation }),
            None => match self.tenant_named(&new.slug)? {
                Some(tenant) if tenant.state == TenantState::Erased => Err(CatalogError::NameRetired { slug: new.slug.clone() }),
                Some(tenant) => Ok(Reservation::Existing(tenant)),
                // It was undone between the two statements: the caller tries again.
                None => Err(CatalogError::NameTaken { slug: new.slug.clone() }),
            },
        }
    }

    /// A tenant by its id.
    ///
    /// # Errors
    /// [`CatalogError::NoTenant`] when there is none.
    pub fn tenant(&self, id: TenantId) -> Result<Tenant, CatalogError> {
        self.find_tenant(id)?.ok_or(CatalogError::NoTenant(id))
    }

    /// A tenant by its id, if there is one.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn find_tenant(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        let row = self.read(|conn| Ok(tenant_rows!().filter(tenant::id.eq(id.as_uuid())).first::<Row>(conn).optional()?))?;
        row.map(Tenant::from_row).transpose()
    }

    /// The tenant that a slug leads to, also when it was deleted.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn tenant_named(&self, slug: &Slug) -> Result<Option<Tenant>, CatalogError> {
        let row =
            self.read(|conn| Ok(tenant_rows!().filter(tenant_name::name.eq(slug.as_str())).first::<Row>(conn).optional()?))?;
        row.map(Tenant::from_row).transpose()
    }

    /// Every tenant by slug; tombstones too when asked for.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn tenants(&self, with_erased: bool) -> Result<Vec<Tenant>, CatalogError> {
        let rows = self.read(|conn| {
            let mut query = tenant_rows!().order(tenant_name::name).into_boxed();
            if !with_erased {
                query = query.filter(tenant::state.ne(TenantState::Erased.as_str()));
            }
            Ok(query.load::<Row>(conn)?)
        })?;
        rows.into_iter().map(Tenant::from_row).collect()
    }

    /// Moves a tenant from the state it was read in to `next`, unless anybody changed it since, and records who did.
    ///
    /// # Errors
    /// [`CatalogError::Transition`] when the state machine has no such move, [`CatalogError::Changed`] when the row changed.
    pub fn transition(
        &self,
        tenant: &Tenant,
        next: TenantState,
        reason: Option<SuspendReason>,
        audit: &NewAuditEntry,
    ) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            compare_and_set(conn, tenant, next, reason)?;
            append(conn, audit)
        })
    }

    /// Removes a tenant whose provisioning was undone. Its name is free again: it never led anywhere.
    ///
    /// # Errors
    /// [`CatalogError::Query`] when the tenant has served.
    pub fn forget_tenant(&self, id: TenantId) -> Result<(), CatalogError> {
        self.transaction(|conn| Ok(diesel::delete(tenant::table.find(id.as_uuid())).execute(conn).map(drop)?))
    }

    /// Chooses the active server with most room, or the one named, and records that the tenant's database is there. A tenant
    /// that already has a placement keeps it.
    ///
    /// # Errors
    /// [`CatalogError::NoServer`] when none has room, [`CatalogError::NoServerNamed`] when the named one does not take tenants.
    pub fn place(&self, id: TenantId, database: &str, server_name: Option<&str>) -> Result<Placement, CatalogError> {
        self.transaction(|conn| {
            if let Some(placement) = find_placement(conn, id)? {
                return Ok(placement);
            }
            // Two placements at once must not both take the last place: the rows stay locked until the commit.
            let mut servers = server::table
                .filter(server::state.eq(ServerState::Active.as_str()))
                .order(server::name)
                .select((server::id, server::name, server::max_databases))
                .for_update()
                .load::<(Uuid, String, i32)>(conn)?;
            servers.retain(|(_, name, _)| server_name.is_none_or(|wanted| wanted == name));
            if let (Some(name), true) = (server_name, servers.is_empty()) {
                return Err(CatalogError::NoServerNamed(name.to_owned()));
            }
            let mut best: Option<(Uuid, i64)> = None;
            for (server_id, _, max_databases) in servers {
                let used = placement::table.filter(placement::server_id.eq(server_id)).count().get_result::<i64>(conn)?;
                let room = i64::from(max_databases) - used;
                if room > best.map_or(0, |(_, most)| most) {
                    best = Some((server_id, room));
                }
            }
            let (server_id, _) = best.ok_or(CatalogError::NoServer)?;
            diesel::insert_into(placement::table)
                .values((
                    placement::tenant_id.eq(id.as_uuid()),
                    placement::server_id.eq(server_id),
                    placement::database_name.eq(database),
                ))
                .execute(conn)?;
            Ok(Placement { server_id: ServerId::from_uuid(server_id), database: database.to_owned() })
        })
    }

    /// Frees the tenant's place on its server.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn unplace(&self, id: TenantId) -> Result<(), CatalogError> {
        self.transaction(|conn| Ok(diesel::delete(placement::table.find(id.as_uuid())).execute(conn).map(drop)?))
    }

    /// Where the tenant's database is.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn placement(&self, id: TenantId) -> Result<Option<Placement>, CatalogError> {
        self.read(|conn| find_placement(conn, id))
    }

    /// The tenant's wrapped data key; none when it has none yet or it was destroyed.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn tenant_key(&self, id: TenantId) -> Result<Option<Vec<u8>>, CatalogError> {
        self.read(|conn| {
            let row = tenant_key::table.find(id.as_uuid()).select(tenant_key::wrapped_key).first::<Option<Vec<u8>>>(conn);
            Ok(row.optional()?.flatten())
        })
    }

    /// Keeps the tenant's wrapped data key, unless it already has one; returns the one that counts.
    ///
    /// # Errors
    /// [`CatalogError::NoTenant`] when the key was destroyed: there is no second key.
    pub fn keep_tenant_key(&self, id: TenantId, wrapped_key: &[u8]) -> Result<Vec<u8>, CatalogError> {
        self.transaction(|conn| {
            diesel::insert_into(tenant_key::table)
                .values((tenant_key::tenant_id.eq(id.as_uuid()), tenant_key::wrapped_key.eq(wrapped_key)))
                .on_conflict_do_nothing()
                .execute(conn)?;
            let kept = tenant_key::table.find(id.as_uuid()).select(tenant_key::wrapped_key).first::<Option<Vec<u8>>>(conn)?;
            kept.ok_or(CatalogError::NoTenant(id))
        })
    }

    /// Destroys the tenant's wrapped data key: whatever was sealed with it is lost for good.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn destroy_tenant_key(&self, id: TenantId) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let live =
                tenant_key::table.filter(tenant_key::tenant_id.eq(id.as_uuid())).filter(tenant_key::destroyed_at.is_null());
            diesel::update(live)
                .set((tenant_key::wrapped_key.eq(None::<Vec<u8>>), tenant_key::destroyed_at.eq(clock_timestamp().nullable())))
                .execute(conn)?;
            Ok(())
        })
    }

    /// The tenant's active login slot.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn credential(&self, id: TenantId) -> Result<Option<Credential>, CatalogError> {
        self.read(|conn| find_credential(conn, id))
    }

    /// Keeps the password of slot a, unless there is an active slot already; returns the one that counts.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn keep_credential(&self, id: TenantId, role_name: &str, sealed_password: &[u8]) -> Result<Credential, CatalogError> {
        self.transaction(|conn| {
            diesel::insert_into(credential::table)
                .values((
                    credential::tenant_id.eq(id.as_uuid()),
                    credential::slot.eq("a"),
                    credential::role_name.eq(role_name),
                    credential::sealed_password.eq(sealed_password),
                    credential::state.eq("active"),
                ))
                .on_conflict_do_nothing()
                .execute(conn)?;
            find_credential(conn, id)?.ok_or(CatalogError::NoTenant(id))
        })
    }

    /// Forgets every login slot of the tenant.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn drop_credentials(&self, id: TenantId) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            diesel::delete(credential::table.filter(credential::tenant_id.eq(id.as_uuid())))
                .execute(conn)
                .map(drop)
                .map_err(Into::into)
        })
    }

    /// What the tenant may use.
    ///
    /// # Errors
    /// [`CatalogError::NoTenant`] when there is none.
    pub fn limits(&self, id: TenantId) -> Result<TenantLimits, CatalogError> {
        let row = self.read(|conn| {
            let columns = (quota::max_connections, quota::statement_timeout_ms);
            Ok(quota::table.find(id.as_uuid()).select(columns).first::<(i32, i32)>(conn).optional()?)
        })?;
        let (max_connections, statement_timeout_ms) = row.ok_or(CatalogError::NoTenant(id))?;
        Ok(TenantLimits {
            max_connections: positive("quota.max_connections", max_connections)?,
            statement_timeout_ms: positive("quota.statement_timeout_ms", statement_timeout_ms)?,
        })
    }

    /// Records the release that the tenant's database holds.
    ///
    /// # Errors
    /// [`CatalogError::Query`] when the release is not registered.
    pub fn set_tenant_release(&self, id: TenantId, release: &ReleaseId) -> Result<(), CatalogError> {
        use diesel::query_dsl::methods::FilterDsl;

        self.transaction(|conn| {
            let row = (tenant_schema::tenant_id.eq(id.as_uuid()), tenant_schema::release_id.eq(release.as_str()));
            let upsert = diesel::insert_into(tenant_schema::table)
                .values(row)
                .on_conflict(tenant_schema::tenant_id)
                .do_update()
                .set((tenant_schema::release_id.eq(release.as_str()), tenant_schema::applied_at.eq(diesel::dsl::now)));
            // The same release again must not look like a new one.
            FilterDsl::filter(upsert, tenant_schema::release_id.ne(release.as_str())).execute(conn)?;
            Ok(())
        })
    }

    /// Turns a tenant that is being deleted into its tombstone: names released for ever, nothing else left.
    ///
    /// # Errors
    /// As [`Catalog::transition`].
    pub fn bury_tenant(&self, tenant: &Tenant, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let id = tenant.id.as_uuid();
            compare_and_set(conn, tenant, TenantState::Erased, None)?;
            diesel::update(tenant_name::table.filter(tenant_name::tenant_id.eq(id)).filter(tenant_name::released_at.is_null()))
                .set(tenant_name::released_at.eq(clock_timestamp().nullable()))
                .execute(conn)?;
            diesel::delete(tenant_schema::table.find(id)).execute(conn)?;
            diesel::delete(quota::table.find(id)).execute(conn)?;
            diesel::delete(document::table.filter(document::tenant_id.eq(id))).execute(conn)?;
            append(conn, audit)
        })
    }
}

impl Tenant {
    fn from_row(row: Row) -> Result<Self, CatalogError> {
        let placement = row.server_id.zip(row.database);
        Ok(Self {
            id: TenantId::from_uuid(row.id),
            slug: parse_slug(&row.slug)?,
            state: TenantState::parse(&row.state)?,
            reason: row.state_reason.as_deref().map(SuspendReason::parse).transpose()?,
            epoch: row.epoch,
            row_version: row.row_version,
            release_id: row.release_id.as_deref().map(parse_release).transpose()?,
            placement: placement.map(|(server_id, database)| Placement { server_id: ServerId::from_uuid(server_id), database }),
            documents: DocumentMode::parse(&row.documents)?,
            plan: row.plan.map(|name| Plan::from_columns(&name, row.event_retention_days)).transpose()?,
            created_at: row.created_at,
            changed_at: row.changed_at,
        })
    }
}

fn compare_and_set(
    conn: &mut PgConnection,
    read: &Tenant,
    next: TenantState,
    reason: Option<SuspendReason>,
) -> Result<(), CatalogError> {
    if !read.state.may_become(next) {
        return Err(CatalogError::Transition { tenant: read.id, from: read.state, to: next });
    }
    let unchanged = tenant::table.filter(tenant::id.eq(read.id.as_uuid())).filter(tenant::row_version.eq(read.row_version));
    let changed = diesel::update(unchanged)
        .set((tenant::state.eq(next.as_str()), tenant::state_reason.eq(reason.map(SuspendReason::as_str))))
        .execute(conn)?;
    if changed == 0 { Err(CatalogError::Changed(read.id)) } else { Ok(()) }
}

fn find_placement(conn: &mut PgConnection, id: TenantId) -> Result<Option<Placement>, CatalogError> {
    let row = placement::table
        .find(id.as_uuid())
        .select((placement::server_id, placement::database_name))
        .first::<(Uuid, String)>(conn);
    Ok(row.optional()?.map(|(server_id, database)| Placement { server_id: ServerId::from_uuid(server_id), database }))
}

fn find_credential(conn: &mut PgConnection, id: TenantId) -> Result<Option<Credential>, CatalogError> {
    let active = credential::table.filter(credential::tenant_id.eq(id.as_uuid())).filter(credential::state.eq("active"));
    let row = active.select((credential::role_name, credential::sealed_password)).first::<(String, Vec<u8>)>(conn);
    Ok(row.optional()?.map(|(role_name, sealed_password)| Credential { role_name, sealed_password }))
}
