//! PostgreSQL clusters that carry tenant databases.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use freehold_ids::ServerId;
use uuid::Uuid;

use crate::audit::append;
use crate::operations::clock_timestamp;
use crate::routes::positive;
use crate::schema::{placement, server};
use crate::state::ServerState;
use crate::{Catalog, CatalogError, NewAuditEntry, ServerAddress};

/// A server as it is added.
#[derive(Debug, Clone)]
pub struct NewServer {
    /// Chosen by the caller, because the sealed address is bound to it.
    pub id: ServerId,
    /// Unique name for operators.
    pub name: String,
    /// Host that engines connect to.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `pg_control_system()`'s identifier of the cluster.
    pub system_identifier: String,
    /// `server_version_num`, 150018.
    pub server_version: i32,
    /// Most tenant databases it takes.
    pub max_databases: u32,
    /// Connections that all tenants may hold together.
    pub connection_budget: u32,
    /// The database that new tenants are cloned from.
    pub template_database: String,
    /// Address and password of the administrator; sealed, associated data `freehold:server:<id>`.
    pub sealed_admin_url: Vec<u8>,
    /// The server's data key, wrapped with the encryption context `{server: <id>, purpose: "server-admin"}`.
    pub wrapped_key: Vec<u8>,
}

/// A server in the catalogue.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Unique name for operators.
    pub name: String,
    /// Where it listens, and for how many connections.
    pub address: ServerAddress,
    /// Identifier of the cluster.
    pub system_identifier: String,
    /// `server_version_num`.
    pub server_version: i32,
    /// Whether it takes tenants.
    pub state: ServerState,
    /// Most tenant databases it takes.
    pub max_databases: u32,
    /// Tenant databases it carries.
    pub n_databases: u32,
    /// The database that new tenants are cloned from.
    pub template_database: String,
    /// Sealed address of the administrator.
    pub sealed_admin_url: Vec<u8>,
    /// Wrapped data key of the server.
    pub wrapped_key: Vec<u8>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = server)]
struct Row {
    id: Uuid,
    name: String,
    host: String,
    port: i32,
    system_identifier: String,
    server_version: i32,
    state: String,
    max_databases: i32,
    connection_budget: i32,
    template_database: String,
    sealed_admin_url: Vec<u8>,
    wrapped_key: Vec<u8>,
    created_at: DateTime<Utc>,
}

impl Catalog {
    /// Adds a server, ready to take tenants.
    ///
    /// # Errors
    /// [`CatalogError::ServerExists`] when the name or the cluster is already known.
    pub fn add_server(&self, new: &NewServer, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let insert = diesel::insert_into(server::table).values((
                server::id.eq(new.id.as_uuid()),
                server::name.eq(&new.name),
                server::host.eq(&new.host),
                server::port.eq(i32::from(new.port)),
                server::system_identifier.eq(&new.system_identifier),
                server::server_version.eq(new.server_version),
                server::state.eq(ServerState::Active.as_str()),
                server::max_databases.eq(to_column(new.max_databases)),
                server::connection_budget.eq(to_column(new.connection_budget)),
                server::template_database.eq(&new.template_database),
                server::sealed_admin_url.eq(&new.sealed_admin_url),
                server::wrapped_key.eq(&new.wrapped_key),
            ));
            match insert.execute(conn) {
                Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                    Err(CatalogError::ServerExists(new.name.clone()))
                }
                done => Ok(done.map(drop)?),
            }?;
            append(conn, audit)
        })
    }

    /// Brings a server up to date. The epoch of every tenant on it rises: whoever holds an old address must look again.
    ///
    /// # Errors
    /// [`CatalogError::NoServerWithId`] when there is none.
    pub fn update_server(&self, new: &NewServer, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let id = new.id.as_uuid();
            let before = server::table.find(id).select((server::host, server::port)).for_update().first::<(String, i32)>(conn);
            let before = before.optional()?.ok_or(CatalogError::NoServerWithId(new.id))?;
            diesel::update(server::table.find(id))
                .set((
                    server::host.eq(&new.host),
                    server::port.eq(i32::from(new.port)),
                    server::server_version.eq(new.server_version),
                    server::max_databases.eq(to_column(new.max_databases)),
                    server::connection_budget.eq(to_column(new.connection_budget)),
                    server::template_database.eq(&new.template_database),
                    server::sealed_admin_url.eq(&new.sealed_admin_url),
                    server::wrapped_key.eq(&new.wrapped_key),
                ))
                .execute(conn)?;
            if before != (new.host.clone(), i32::from(new.port)) {
                let placed = placement::table.filter(placement::server_id.eq(id));
                diesel::update(placed).set(placement::since.eq(clock_timestamp())).execute(conn)?;
            }
            append(conn, audit)
        })
    }

    /// Every server, by name.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn servers(&self) -> Result<Vec<Server>, CatalogError> {
        let (rows, counts) = self.read(|conn| {
            let rows = server::table.order(server::name).select(Row::as_select()).load(conn)?;
            let counts = placement::table
                .group_by(placement::server_id)
                .select((placement::server_id, diesel::dsl::count_star()))
                .load::<(Uuid, i64)>(conn)?;
            Ok((rows, counts))
        })?;
        let count =
            |id: Uuid| counts.iter().find(|(server, _)| *server == id).map_or(0, |(_, n)| u32::try_from(*n).unwrap_or(u32::MAX));
        rows.into_iter()
            .map(|row| {
                let n_databases = count(row.id);
                Server::from_row(row, n_databases)
            })
            .collect()
    }

    /// A server by its id.
    ///
    /// # Errors
    /// [`CatalogError::NoServerWithId`] when there is none.
    pub fn server(&self, id: ServerId) -> Result<Server, CatalogError> {
        self.servers()?.into_iter().find(|server| server.id == id).ok_or(CatalogError::NoServerWithId(id))
    }

    /// A server by its name.
    ///
    /// # Errors
    /// [`CatalogError::NoServerNamed`] when there is none.
    pub fn server_named(&self, name: &str) -> Result<Server, CatalogError> {
        self.servers()?.into_iter().find(|server| server.name == name).ok_or_else(|| CatalogError::NoServerNamed(name.to_owned()))
    }

    /// Decides whether a server takes tenants.
    ///
    /// # Errors
    /// [`CatalogError::NoServerWithId`] when there is none.
    pub fn set_server_state(&self, id: ServerId, state: ServerState, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let changed = diesel::update(server::table.find(id.as_uuid())).set(server::state.eq(state.as_str())).execute(conn)?;
            if changed == 0 {
                return Err(CatalogError::NoServerWithId(id));
            }
            append(conn, audit)
        })
    }

    /// Records the database that new tenants of the server are cloned from.
    ///
    /// # Errors
    /// [`CatalogError::NoServerWithId`] when there is none.
    pub fn set_server_template(&self, id: ServerId, template_database: &str) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            match diesel::update(server::table.find(id.as_uuid()))
                .set(server::template_database.eq(template_database))
                .execute(conn)?
            {
                0 => Err(CatalogError::NoServerWithId(id)),
                _ => Ok(()),
            }
        })
    }
}

impl Server {
    fn from_row(row: Row, n_databases: u32) -> Result<Self, CatalogError> {
        Ok(Self {
            id: ServerId::from_uuid(row.id),
            name: row.name,
            address: ServerAddress {
                id: ServerId::from_uuid(row.id),
                host: row.host,
                port: positive("server.port", row.port)?,
                connection_budget: positive("server.connection_budget", row.connection_budget)?,
            },
            system_identifier: row.system_identifier,
            server_version: row.server_version,
            state: ServerState::parse(&row.state)?,
            max_databases: positive("server.max_databases", row.max_databases)?,
            n_databases,
            template_database: row.template_database,
            sealed_admin_url: row.sealed_admin_url,
            wrapped_key: row.wrapped_key,
            created_at: row.created_at,
        })
    }
}

/// Counts above two thousand million mean "no limit".
pub(crate) fn to_column(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
