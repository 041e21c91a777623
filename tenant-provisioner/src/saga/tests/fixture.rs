//! A provisioner over a control database of its own, and ways to look at everything it leaves behind.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl};
use freehold_catalog::{Catalog, OperationKind, TenantLimits};
use freehold_devstack::{PostgresCluster, test_cluster};
use freehold_ids::{OperationId, ReleaseId, Slug, TenantId};
use freehold_vault::{EncryptionContext, KeyWrapper, LocalKeyWrapper, SecretString};

use crate::names::Names;
use crate::progress::{Progress, StepEvent};
use crate::saga::{FaultPoint, Faults};
use crate::{AddServer, CreateTenant, ProvisionError, Provisioner};

pub const SCHEMA: &str = r#"
type Site {
  slug: String! @unique
  name: String!
  articles: [Article!] @inverse(of: "site")
}

type Article {
  title: String!
  site: Site!
}
"#;

pub const SEED: &str = "INSERT INTO site (id, slug, name) VALUES ('00000000-0000-4000-8000-000000000001', 'main', 'Main');";

/// How long the lease of a process that "dies" runs on: tests wait for its end.
pub const LAST_LEASE: Duration = Duration::from_millis(400);

pub struct World {
    pub cluster: &'static PostgresCluster,
    pub control: String,
    pub master_key: std::path::PathBuf,
    pub release: ReleaseId,
    _keys: tempfile::TempDir,
}

/// A control database and a vault; the cluster is shared by all tests of the process unless given.
pub fn world() -> World {
    world_on(test_cluster())
}

/// For tests that look at a whole server.
pub fn world_alone() -> World {
    world_on(Box::leak(Box::new(PostgresCluster::temporary().unwrap())))
}

fn world_on(cluster: &'static PostgresCluster) -> World {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("control_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    PgConnection::establish(&cluster.url("postgres")).unwrap().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let master_key = keys.path().join("master.key");
    LocalKeyWrapper::create_file(&master_key).unwrap();
    let mut world =
        World { cluster, control: cluster.url(&name), master_key, release: "0".repeat(64).parse().unwrap(), _keys: keys };
    world.catalog().migrate().unwrap();
    let provisioner = world.provisioner();
    provisioner.add_server(&world.server()).unwrap();
    world.release = provisioner.register_release(&freehold_schema::Schema::from_sdl("test", SCHEMA).unwrap()).unwrap();
    world
}

impl World {
    pub fn catalog(&self) -> Catalog {
        Catalog::connect(&self.control, 8).unwrap()
    }

    pub fn provisioner(&self) -> Provisioner {
        self.provisioner_on(self.catalog())
    }

    pub fn provisioner_on(&self, catalog: Catalog) -> Provisioner {
        let vault = Arc::new(LocalKeyWrapper::from_file(&self.master_key).unwrap());
        Provisioner::new(catalog, vault, "test").unwrap()
    }

    /// One whose process ends early.
    pub fn dying(&self, faults: impl Faults + Send + 'static) -> Provisioner {
        self.provisioner().with_lease(LAST_LEASE).with_faults(faults)
    }

    pub fn server(&self) -> AddServer {
        AddServer {
            name: "one".to_owned(),
            admin_url: SecretString::new(self.cluster.url("postgres")),
            max_databases: 100,
            reserved_connections: 10,
        }
    }

    pub fn request(&self, slug: &str) -> CreateTenant {
        CreateTenant {
            slug: slug.parse().unwrap(),
            release_id: self.release.clone(),
            seed: Some(SEED.to_owned()),
            server: None,
            limits: TenantLimits::default(),
        }
    }

    pub fn conn(&self, database: &str) -> PgConnection {
        PgConnection::establish(&self.cluster.url(database)).unwrap()
    }

    pub fn control(&self) -> PgConnection {
        PgConnection::establish(&self.control).unwrap()
    }

    /// The address that the engine would log in with.
    pub fn login_url(&self, slug: &Slug) -> String {
        let route = self.catalog().route(slug.as_str()).unwrap().unwrap();
        let vault = LocalKeyWrapper::from_file(&self.master_key).unwrap();
        let context = EncryptionContext::new().with("tenant", route.tenant_id).with("purpose", "tenant-data-key");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let key = runtime.block_on(vault.unwrap(&route.wrapped_key, &context)).unwrap();
        let associated = format!("freehold:credential:{}", route.login_role);
        let password = key.open(&route.sealed_password, associated.as_bytes()).unwrap().into_text().unwrap();
        let (host, port) = (&route.server.host, route.server.port);
        format!("postgres://{}:{}@{host}:{port}/{}", route.login_role, password.expose(), route.database)
    }

    /// What the catalogue and the server hold of a tenant, without what merely counts runs.
    pub fn everything(&self, tenant: TenantId) -> Vec<String> {
        let id = tenant.as_uuid();
        let mut rows = Vec::new();
        for table in ["tenant", "tenant_name", "placement", "credential", "tenant_key", "quota", "tenant_schema"] {
            let key = if table == "tenant" { "id" } else { "tenant_id" };
            let sql = format!("SELECT '{table} ' || to_jsonb(x)::text AS line FROM {table} x WHERE {key} = '{id}' ORDER BY 1");
            rows.extend(lines(&mut self.control(), &sql));
        }
        let name = tenant.database();
        rows.extend(lines(&mut self.conn("postgres"), &server_sql(&name)));
        if rows.iter().any(|row| row.starts_with(&format!("database {name} "))) {
            rows.extend(lines(&mut self.conn(&name), INSIDE));
        }
        rows
    }

    /// Every tenant that the catalogue or the server knows anything of.
    pub fn everybody(&self) -> Vec<String> {
        lines(&mut self.control(), "SELECT id::text || ' ' || state AS line FROM tenant ORDER BY 1")
    }

    /// The tenants of every operation that was ever begun here.
    pub fn ever(&self) -> Vec<TenantId> {
        let all = lines(&mut self.control(), "SELECT DISTINCT tenant_id::text AS line FROM operation ORDER BY 1");
        all.iter().map(|id| TenantId::from_uuid(id.parse().unwrap())).collect()
    }

    /// Nothing is left of any tenant but those in `living`, and no operation is open.
    pub fn assert_clean_but(&self, living: &[TenantId], why: &str) {
        for tenant in self.ever().into_iter().filter(|tenant| !living.contains(tenant)) {
            assert_eq!(self.everything(tenant), Vec::<String>::new(), "{why}");
        }
        assert_eq!(self.everybody().len(), living.len(), "{why}");
        assert_eq!(self.catalog().live_operations().unwrap().len(), 0, "{why}");
        for tenant in living {
            let migrator = Names::of(*tenant).migrator;
            let found = format!("SELECT rolname::text AS line FROM pg_roles WHERE rolname = '{}'", migrator.as_str());
            assert_eq!(lines(&mut self.conn("postgres"), &found), Vec::<String>::new(), "{why}");
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

pub fn lines(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows: Vec<Line> = diesel::sql_query(sql).load(conn).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

fn server_sql(name: &str) -> String {
    format!(
        "SELECT 'database ' || datname || ' ' || pg_get_userbyid(datdba) || ' ' || coalesce(datacl::text, 'public') || ' ' || datconnlimit
                || ' ' || datallowconn || ' ' || coalesce(shobj_description(oid, 'pg_database'), '') AS line
         FROM pg_database WHERE datname LIKE '{name}%'
         UNION ALL
         SELECT 'role ' || rolname || ' ' || rolcanlogin || ' ' || rolconnlimit || ' ' || coalesce(rolpassword, '') || ' '
                || coalesce(shobj_description(oid, 'pg_authid'), '')
         FROM pg_authid WHERE rolname LIKE '{name}%'
         UNION ALL
         SELECT 'member ' || pg_get_userbyid(member) || ' of ' || pg_get_userbyid(roleid) FROM pg_auth_members
         WHERE pg_get_userbyid(member) LIKE '{name}%' OR pg_get_userbyid(roleid) LIKE '{name}%'
         UNION ALL
         SELECT 'settings ' || pg_get_userbyid(s.setrole) || ' ' || s.setconfig::text FROM pg_db_role_setting s
         JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname LIKE '{name}%'
         ORDER BY 1"
    )
}

/// Objects, owners, rights, rows.
const INSIDE: &str = "
    SELECT 'relation ' || c.oid::regclass || ' ' || pg_get_userbyid(c.relowner) || ' ' || coalesce(c.relacl::text, '') || ' '
           || (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || c.oid::regclass, false, true, '')))[1] AS line
    FROM pg_class c WHERE c.relnamespace IN ('content'::regnamespace, 'freehold'::regnamespace) AND c.relkind IN ('r', 'v', 'p', 'm')
    UNION ALL
    SELECT 'schema ' || nspname || ' ' || pg_get_userbyid(nspowner) || ' ' || coalesce(nspacl::text, '') FROM pg_namespace
    WHERE nspname IN ('content', 'freehold', 'public')
    UNION ALL
    SELECT 'default ' || defaclobjtype::text || ' ' || defaclacl::text FROM pg_default_acl
    UNION ALL
    SELECT 'marker ' || tenant_id || ' ' || (SELECT release_id || ' ' || applied_at FROM freehold.schema_state) FROM freehold.tenant_marker
    ORDER BY 1";

/// How a test makes an operation end early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// The step reports an error.
    Fail,
    /// The process is gone: nothing more is recorded, and its lease runs on.
    Die,
}

/// Ends an operation at one moment of one step, every time it comes by.
#[derive(Clone, Debug)]
pub struct At(pub End, pub FaultPoint, pub &'static str);

impl Faults for At {
    fn at(&self, point: FaultPoint, step: &str) -> Result<(), ProvisionError> {
        if (point, step) != (self.1, self.2) {
            return Ok(());
        }
        Err(match self.0 {
            End::Fail => ProvisionError::Random,
            End::Die => freehold_catalog::CatalogError::LeaseLost(OperationId::generate()).into(),
        })
    }
}

/// Several moments at once.
impl Faults for Vec<At> {
    fn at(&self, point: FaultPoint, step: &str) -> Result<(), ProvisionError> {
        self.iter().try_for_each(|fault| fault.at(point, step))
    }
}

/// Remembers what it is told.
#[derive(Default)]
pub struct Recorder(pub Mutex<Vec<String>>);

impl Progress for Recorder {
    fn operation(&self, _id: OperationId, kind: OperationKind) {
        self.0.lock().unwrap().push(kind.to_string());
    }

    fn step(&self, event: &StepEvent) {
        self.0.lock().unwrap().push(format!("{} {:?}", event.step, event.phase));
    }
}

pub fn code<T>(result: Result<T, ProvisionError>) -> &'static str {
    result.err().map_or("OK", |error| error.code())
}
