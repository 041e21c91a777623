//! Servers: adding one, preparing it to carry tenants, checking that it still is as prepared.

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use freehold_catalog::{CatalogError, NewAuditEntry, NewServer, Server, ServerState};
use freehold_ids::ServerId;
use freehold_vault::{EncryptionContext, SecretString};
use serde_json::json;

use crate::doctor::Finding;
use crate::error::server;
use crate::postgres::{Address, Session};
use crate::{ProvisionError, Provisioner, roles, template};

/// `GRANT … WITH` clauses, `STRATEGY WAL_LOG` and `pg_terminate_backend` with a timeout need PostgreSQL 15.
const OLDEST_VERSION: i32 = 150_000;

/// A server to be added.
#[derive(Debug, Clone)]
pub struct AddServer {
    /// Unique name for operators.
    pub name: String,
    /// `postgres://user:password@host:port/database` of a superuser, or of a managed service's administrator.
    pub admin_url: SecretString,
    /// Most tenant databases it takes.
    pub max_databases: u32,
    /// Connections kept for administration, migrations and moves.
    pub reserved_connections: u32,
}

#[derive(diesel::QueryableByName)]
struct Facts {
    #[diesel(sql_type = Text)]
    system_identifier: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = BigInt)]
    connections: i64,
    #[diesel(sql_type = Bool)]
    may_administer: bool,
}

/// Held while the privileges of the common databases are changed.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7166401006)";

/// Databases of every cluster that each role may enter unless that is revoked; one session in template1 blocks clones.
pub(crate) const COMMON_DATABASES: [&str; 2] = ["postgres", "template1"];

impl Provisioner {
    /// Prepares a server and adds it to the catalogue. The same cluster under the same name again brings it up to date: address,
    /// limits, template.
    ///
    /// # Errors
    /// [`ProvisionError::ServerUnfit`] when version or rights do not suffice, [`CatalogError::ServerExists`] when the cluster has
    /// another name already.
    pub fn add_server(&self, new: &AddServer) -> Result<Server, ProvisionError> {
        let address = Address::parse(new.admin_url.expose())?;
        let mut admin = address.connect()?;
        let facts = read_facts(&mut admin)?;
        let template = prepare(&mut admin, &address)?;
        let budget = facts.connections - i64::from(new.reserved_connections);
        let budget = u32::try_from(budget).ok().filter(|n| *n > 0).ok_or_else(|| {
            let allowed = facts.connections;
            ProvisionError::ServerUnfit(format!("it allows {allowed} connections and {} are reserved", new.reserved_connections))
        })?;
        let known =
            self.catalog().servers()?.into_iter().find(|s| s.name == new.name || s.system_identifier == facts.system_identifier);
        if let Some(other) = known.as_ref().filter(|s| s.name != new.name || s.system_identifier != facts.system_identifier) {
            return Err(CatalogError::ServerExists(other.name.clone()).into());
        }
        let id = known.as_ref().map_or_else(ServerId::generate, |server| server.id);
        let (key, wrapped_key) = self.block_on(self.vault().generate(&key_context(id)))?;
        let record = NewServer {
            id,
            name: new.name.clone(),
            host: address.host.clone(),
            port: address.port,
            system_identifier: facts.system_identifier,
            server_version: facts.version,
            max_databases: new.max_databases,
            connection_budget: budget,
            template_database: template.as_str().to_owned(),
            sealed_admin_url: key.seal(new.admin_url.expose().as_bytes(), &associated(id)),
            wrapped_key,
        };
        let detail = json!({ "server": new.name, "host": record.host, "port": record.port });
        match known {
            None => self.catalog().add_server(&record, &self.audit("server.add", None, detail))?,
            Some(_) => self.catalog().update_server(&record, &self.audit("server.update", None, detail))?,
        }
        Ok(self.catalog().server(id)?)
    }

    /// Decides whether a server takes tenants.
    ///
    /// # Errors
    /// [`CatalogError::NoServerNamed`] when there is none.
    pub fn set_server_state(&self, name: &str, state: ServerState) -> Result<Server, ProvisionError> {
        let found = self.catalog().server_named(name)?;
        if found.state != state {
            let detail = json!({ "server": name, "from": found.state, "to": state });
            self.catalog().set_server_state(found.id, state, &self.audit("server.state", None, detail))?;
        }
        Ok(self.catalog().server(found.id)?)
    }

    /// What is wrong with a server; nothing when it is as it was prepared.
    ///
    /// # Errors
    /// [`CatalogError::NoServerNamed`] when there is none. A server that cannot be reached is a finding, not an error.
    pub fn check_server(&self, name: &str) -> Result<Vec<Finding>, ProvisionError> {
        let found = self.catalog().server_named(name)?;
        let tenants = self.catalog().tenants(true)?;
        let operations = self.catalog().live_operations()?;
        crate::doctor::check_server(self, &found, &tenants, &operations)
    }

    /// The administrator's way into a server.
    pub(crate) fn admin_address(&self, server: &Server) -> Result<Address, ProvisionError> {
        let key = self.block_on(self.vault().unwrap(&server.wrapped_key, &key_context(server.id)))?;
        let url = key.open(&server.sealed_admin_url, &associated(server.id))?.into_text();
        Address::parse(url.ok_or(ProvisionError::AdminUrl("it is not UTF-8"))?.expose())
    }
}

fn key_context(id: ServerId) -> EncryptionContext {
    EncryptionContext::new().with("server", id).with("purpose", "server-admin")
}

fn associated(id: ServerId) -> Vec<u8> {
    format!("freehold:server:{id}").into_bytes()
}

/// Closes the databases that every cluster has to PUBLIC and makes the template. Changes nothing the second time.
fn prepare(admin: &mut Session, address: &Address) -> Result<freehold_schema::ident::Ident, ProvisionError> {
    admin.transaction(|admin| {
        // PostgreSQL refuses one of two that change a database's privileges at the same time: "tuple concurrently updated".
        admin.execute("waiting for another preparation of the server", LOCK)?;
        COMMON_DATABASES.iter().try_for_each(|database| close(admin, database))
    })?;
    template::ensure(admin, address)
}

fn close(admin: &mut Session, database: &str) -> Result<(), ProvisionError> {
    // A managed service's administrator is no superuser, and would lock itself out.
    if !roles::is_superuser(admin)? {
        admin.execute("keeping the administrator's access", &format!("GRANT CONNECT ON DATABASE {database} TO CURRENT_USER"))?;
    }
    admin.execute("closing a common database", &format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"))?;
    Ok(())
}

fn read_facts(admin: &mut Session) -> Result<Facts, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
                current_setting('server_version_num')::integer AS version,
                current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint AS connections,
                (SELECT rolsuper OR rolcreatedb AND rolcreaterole FROM pg_roles WHERE rolname = current_user) AS may_administer",
    );
    let facts: Facts = query.get_result(admin.conn()).map_err(server("reading the server's version and settings"))?;
    if facts.version < OLDEST_VERSION {
        return Err(ProvisionError::ServerUnfit(format!("it runs version {}, 15 or newer is needed", facts.version / 10_000)));
    }
    if !facts.may_administer {
        return Err(ProvisionError::ServerUnfit(
            "its administrator must be superuser, or have CREATEDB and CREATEROLE".to_owned(),
        ));
    }
    Ok(facts)
}

impl Provisioner {
    pub(crate) fn audit(
        &self,
        action: &'static str,
        tenant: Option<freehold_ids::TenantId>,
        detail: serde_json::Value,
    ) -> NewAuditEntry {
        NewAuditEntry { actor: self.actor().to_owned(), action, tenant, detail }
    }
}
