//! The database that new tenants of a server are cloned from: system tables migrated, no content, nobody connected.

use diesel::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use freehold_schema::ident::Ident;
use ring::digest::{Context, SHA256};

use crate::ProvisionError;
use crate::databases;
use crate::error::server;
use crate::postgres::{Address, Session, literal};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/tenant");

/// The same files as [`MIGRATIONS`], for the name of the template; a test compares the two.
const SOURCES: &[(&str, &str)] = &[
    ("2026-11-21-000001_system", include_str!("../../migrations/tenant/2026-11-21-000001_system/up.sql")),
    ("2026-11-26-000002_revision", include_str!("../../migrations/tenant/2026-11-26-000002_revision/up.sql")),
    ("2026-11-26-000003_events", include_str!("../../migrations/tenant/2026-11-26-000003_events/up.sql")),
    ("2026-11-26-000004_idempotency", include_str!("../../migrations/tenant/2026-11-26-000004_idempotency/up.sql")),
];

/// Any constant: processes that prepare the same server queue behind it.
const LOCK: &str = "SELECT pg_advisory_lock(7166401003)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7166401003)";

/// Name of this version's template, and the comment that says it is complete.
pub(crate) fn name() -> (Ident, String) {
    let mut hash = Context::new(&SHA256);
    for (name, sql) in SOURCES {
        hash.update(name.as_bytes());
        hash.update(&[0]);
        hash.update(sql.as_bytes());
        hash.update(&[0]);
    }
    let hash = data_encoding::HEXLOWER.encode(&hash.finish().as_ref()[..6]);
    let name = Ident::new(&format!("freehold_template_{hash}")).expect("30 bytes");
    (name, format!("freehold:template:{hash}"))
}

/// Makes this version's template on the server unless it is there, and returns its name.
pub(crate) fn ensure(admin: &mut Session, address: &Address) -> Result<Ident, ProvisionError> {
    let (name, complete) = name();
    if is_complete(admin, &name, &complete)? {
        return Ok(name);
    }
    admin.execute("locking the template", LOCK)?;
    let made = make(admin, address, &name, &complete);
    admin.execute("unlocking the template", UNLOCK)?;
    made.map(|()| name)
}

/// The comment is set last: a template without it was interrupted.
fn is_complete(admin: &mut Session, name: &Ident, complete: &str) -> Result<bool, ProvisionError> {
    let found = databases::find(admin, name.as_str())?;
    Ok(found.is_some_and(|database| {
        database.comment.as_deref() == Some(complete) && database.is_template && !database.allows_connections
    }))
}

fn make(admin: &mut Session, address: &Address, name: &Ident, complete: &str) -> Result<(), ProvisionError> {
    if is_complete(admin, name, complete)? {
        return Ok(());
    }
    if let Some(unfinished) = databases::find(admin, name.as_str())? {
        if !unfinished.is_invalid() {
            admin.execute("unmarking the template", &format!("ALTER DATABASE {name} WITH IS_TEMPLATE false"))?;
        }
        admin.execute("dropping an unfinished template", &format!("DROP DATABASE {name} WITH (FORCE)"))?;
    }
    admin.execute("creating the template", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))?;
    admin.execute("closing the template", &format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"))?;
    migrate(&mut address.with_database(name.as_str()).connect()?)?;
    admin.execute("sealing the template", &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true"))?;
    admin.execute("marking the template", &format!("COMMENT ON DATABASE {name} IS {}", literal(complete)))?;
    Ok(())
}

/// Diesel keeps its own record of migrations in the first schema of the search path; it belongs beside the tables it is about.
fn migrate(template: &mut Session) -> Result<(), ProvisionError> {
    template.execute("creating the system schema", "CREATE SCHEMA IF NOT EXISTS freehold")?;
    diesel::sql_query("SET search_path = freehold").execute(template.conn()).map_err(server("setting the search path"))?;
    template.conn().run_pending_migrations(MIGRATIONS).map(drop).map_err(ProvisionError::TemplateMigration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_covers_every_migration() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/tenant");
        let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| {
                (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path.join("up.sql")).unwrap())
            })
            .collect();
        found.sort();
        let listed: Vec<(String, String)> = SOURCES.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
        assert_eq!(found, listed, "add the migration to SOURCES, in order");
    }
}
