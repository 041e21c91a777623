//! The control database's own migrations.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{Catalog, CatalogError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/control");

/// Any constant: processes that migrate at the same time queue behind it.
const LOCK: &str = "SELECT pg_advisory_lock(7166401001)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7166401001)";

impl Catalog {
    /// Brings the control database to this version and returns the migrations that ran. Several processes may do so at once.
    ///
    /// # Errors
    /// [`CatalogError::Migration`] with the migration's error.
    pub fn migrate(&self) -> Result<Vec<String>, CatalogError> {
        let mut conn = self.checkout()?;
        diesel::sql_query(LOCK).execute(&mut *conn)?;
        let migrated = conn.run_pending_migrations(MIGRATIONS).map(|versions| versions.iter().map(ToString::to_string).collect());
        conn.batch_execute(UNLOCK)?;
        migrated.map_err(CatalogError::Migration)
    }

    /// Migrations that the control database still lacks: a service that finds some is not ready.
    ///
    /// # Errors
    /// [`CatalogError::Migration`] when the list cannot be read.
    pub fn pending_migrations(&self) -> Result<Vec<String>, CatalogError> {
        let mut conn = self.checkout()?;
        let pending = conn.pending_migrations(MIGRATIONS).map_err(CatalogError::Migration)?;
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    }
}
