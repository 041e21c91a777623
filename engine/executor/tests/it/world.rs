//! A control database, a vault and tenants made by hand on a real PostgreSQL.

#![allow(dead_code, reason = "shared with the engine's tests; neither uses all of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Binary, Integer, Text, Uuid};
use diesel::{Connection, PgConnection, RunQueryDsl};
use freehold_catalog::Catalog;
use freehold_devstack::PostgresCluster;
use freehold_ids::{ServerId, TenantId};
use freehold_vault::{EncryptionContext, KeyWrapper, LocalKeyWrapper};

/// What a registry needs, and the means to break it.
pub struct World {
    pub cluster: &'static PostgresCluster,
    pub catalog: Catalog,
    pub control_url: String,
    pub vault: Arc<dyn KeyWrapper>,
    pub server: ServerId,
    keys: tempfile::TempDir,
}

/// A tenant made by hand.
#[derive(Debug, Clone)]
pub struct MadeTenant {
    pub id: TenantId,
    pub slug: String,
    pub database: String,
    pub login: String,
}

/// What the tables of a release need.
const REVISION: &str = include_str!("../../../../migrations/tenant/2026-11-26-000002_revision/up.sql");
const IDEMPOTENCY: &str = include_str!("../../../../migrations/tenant/2026-11-26-000004_idempotency/up.sql");
const EVENTS: &str = include_str!("../../../../migrations/tenant/2026-11-26-000003_events/up.sql");

static COUNT: AtomicU32 = AtomicU32::new(0);

impl World {
    /// With an empty catalogue that knows `cluster` as its server.
    pub fn on(cluster: &'static PostgresCluster) -> Self {
        let control = format!("control_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        admin(cluster, "postgres", &format!("CREATE DATABASE {control}"));
        let control_url = cluster.url(&control);
        let catalog = Catalog::connect(&control_url, 4).unwrap();
        catalog.migrate().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let vault: Arc<dyn KeyWrapper> = Arc::new(LocalKeyWrapper::create_file(&keys.path().join("master.key")).unwrap());
        let server = ServerId::generate();
        let mut connection = PgConnection::establish(&control_url).unwrap();
        diesel::sql_query(
            "INSERT INTO server VALUES ($1, 'main', '127.0.0.1', $2, 'x', 150000, 'active', 1000, 50, 'template1', '', '', now())",
        )
        .bind::<Uuid, _>(server.as_uuid())
        .bind::<Integer, _>(i32::from(cluster.port()))
        .execute(&mut connection)
        .unwrap();
        Self { cluster, catalog, control_url, vault, server, keys }
    }

    /// The vault's key.
    pub fn master_key(&self) -> std::path::PathBuf {
        self.keys.path().join("master.key")
    }

    /// A tenant with its own database and login, `ddl` run in it.
    pub async fn tenant(&self, slug: &str, ddl: &str) -> MadeTenant {
        self.tenant_on_release(slug, ddl, "{}").await
    }

    /// The same on a schema release.
    pub async fn tenant_on_release(&self, slug: &str, ddl: &str, release: &str) -> MadeTenant {
        let id = TenantId::generate();
        let (database, login) = (id.database(), format!("{}_a", id.database()));
        admin(self.cluster, "postgres", &format!("CREATE ROLE {login} LOGIN PASSWORD 'it''s \\ secret'"));
        admin(self.cluster, "postgres", &format!("CREATE DATABASE {database}"));
        admin(
            self.cluster,
            &database,
            &format!(
                "CREATE SCHEMA freehold; CREATE TABLE freehold.tenant_marker (tenant_id uuid PRIMARY KEY);
                 INSERT INTO freehold.tenant_marker VALUES ('{}'); {REVISION}; {EVENTS}; {IDEMPOTENCY}; CREATE SCHEMA content; {ddl};
                 GRANT USAGE ON SCHEMA freehold, content TO {login}; GRANT SELECT ON ALL TABLES IN SCHEMA freehold TO {login}; GRANT INSERT ON freehold.event TO {login};
                 GRANT EXECUTE ON FUNCTION freehold.seal_events(integer), freehold.find_answer(uuid, text, integer, text),
                     freehold.keep_answer(uuid, text, integer, text, text) TO {login};
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA content TO {login};
                 ALTER ROLE {login} IN DATABASE {database} SET search_path TO content",
                id.as_uuid()
            ),
        );

        let context = EncryptionContext::new().with("tenant", id).with("purpose", "tenant-data-key");
        let (key, wrapped) = self.vault.generate(&context).await.unwrap();
        let sealed = key.seal(br"it's \ secret", format!("freehold:credential:{login}").as_bytes());
        let release = self.catalog.add_release(release).unwrap();
        let mut control = PgConnection::establish(&self.control_url).unwrap();
        let tenant = id.as_uuid();
        control
            .batch_execute(&format!(
                "INSERT INTO tenant (id, state) VALUES ('{tenant}', 'active');
                 INSERT INTO tenant_name (name, tenant_id, kind) VALUES ('{slug}', '{tenant}', 'slug');
                 INSERT INTO placement (tenant_id, server_id, database_name) VALUES ('{tenant}', '{}', '{database}');
                 INSERT INTO tenant_schema (tenant_id, release_id) VALUES ('{tenant}', '{release}');
                 INSERT INTO quota VALUES ('{tenant}', 8, 8000)",
                self.server.as_uuid()
            ))
            .unwrap();
        diesel::sql_query(
            "INSERT INTO credential (tenant_id, slot, role_name, sealed_password, state) VALUES ($1, 'a', $2, $3, 'active')",
        )
        .bind::<Uuid, _>(tenant)
        .bind::<Text, _>(&login)
        .bind::<Binary, _>(&sealed)
        .execute(&mut control)
        .unwrap();
        diesel::sql_query("INSERT INTO tenant_key (tenant_id, wrapped_key) VALUES ($1, $2)")
            .bind::<Uuid, _>(tenant)
            .bind::<Binary, _>(&wrapped)
            .execute(&mut control)
            .unwrap();
        MadeTenant { id, slug: slug.to_owned(), database, login }
    }

    /// Runs SQL in the control database.
    pub fn control(&self, sql: &str) {
        PgConnection::establish(&self.control_url).unwrap().batch_execute(sql).unwrap();
    }

    /// Runs SQL as superuser.
    pub fn admin(&self, database: &str, sql: &str) {
        admin(self.cluster, database, sql);
    }

    /// Connections of a login, by `pg_stat_activity`.
    pub fn sessions(&self, login: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let mut connection = PgConnection::establish(&self.cluster.url("postgres")).unwrap();
        let rows: Vec<Count> = diesel::sql_query("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = $1")
            .bind::<Text, _>(login)
            .load(&mut connection)
            .unwrap();
        rows[0].n
    }
}

fn admin(cluster: &PostgresCluster, database: &str, sql: &str) {
    let mut connection = PgConnection::establish(&cluster.url(database)).unwrap();
    connection.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}
