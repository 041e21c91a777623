//! The control plane's own role and database, on the same private cluster as the tenants.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use freehold_catalog::Catalog;
use freehold_devstack::PostgresCluster;
use freehold_vault::SecretString;

use crate::cli::failure::{Failure, chain};

/// Role and database have the same name.
pub(super) const NAME: &str = "freehold_control";

/// Makes what is missing, and returns the address that the engine uses: it never gets the superuser's password.
pub(super) fn prepare(cluster: &PostgresCluster, password: &SecretString) -> Result<String, Failure> {
    let mut conn = PgConnection::establish(&cluster.url("postgres")).map_err(|error| failed(&error))?;
    // Both fail harmlessly when they exist already; PostgreSQL has no IF NOT EXISTS for them.
    let role = format!("DO $$ BEGIN CREATE ROLE {NAME} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    conn.batch_execute(&role).map_err(|error| failed(&error))?;
    // Hexadecimal by construction: nothing to quote.
    let set_password = format!("ALTER ROLE {NAME} PASSWORD '{}'", password.expose());
    conn.batch_execute(&set_password).map_err(|error| failed(&error))?;
    use diesel::result::{DatabaseErrorKind, Error};
    match conn.batch_execute(&format!("CREATE DATABASE {NAME} OWNER {NAME}")) {
        Ok(()) => {}
        Err(Error::DatabaseError(DatabaseErrorKind::Unknown | DatabaseErrorKind::UniqueViolation, info))
            if info.message().contains("already exists") => {}
        Err(error) => return Err(failed(&error)),
    }
    // Tenants' roles live on the same cluster and must not even connect.
    conn.batch_execute(&format!("REVOKE ALL ON DATABASE {NAME} FROM PUBLIC")).map_err(|error| failed(&error))?;
    let url = format!("postgres://{NAME}:{}@{}:{}/{NAME}", password.expose(), cluster.host(), cluster.port());
    Catalog::connect(&url, 1)?.migrate()?;
    Ok(url)
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::local("DEV_CONTROL_DATABASE", format!("cannot prepare the control database: {}", chain(error)))
}
