//! An engine in this process, with a tenant or two, and a client that shows everything.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use chrono::Utc;
use freehold_devstack::PostgresCluster;
use freehold_engine::Application;
use freehold_engine::config::{Config, ControlConfig, HttpConfig, KeyringsConfig};
use freehold_executor::PoolConfig;
use freehold_schema::Schema;
use freehold_schema::ident::Ident;
use freehold_tokens::Keyring;
use freehold_tokens::caller::{self, CallerClaims, RoleGrant};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{MadeTenant, World};

/// A schema with what the HTTP layer must be able to show: roles of every kind, a unique key, a value that PostgreSQL reads.
const SCHEMA: &str = r#"
extend schema
  @role(name: "reader")
  @role(name: "clerk")
  @role(name: "keeper", variables: [{ name: "me", caller: identityID }], assumeIdentity: true)
  @role(name: "owner", variables: [{ name: "note", entity: "Note" }, { name: "me", caller: identityID }])
  @role(name: "lead", variables: [{ name: "note", entity: "Note" }], debug: true,
    assumeMembership: { owner: { variables: { note: "note", me: true } } })

type Note
  @allow(roles: ["reader"], read: ["title"])
  @allow(roles: ["clerk"], read: true, create: true, update: true)
  @allow(roles: ["keeper"], read: true, create: true, update: true, when: { keeper: "$me" })
  @allow(roles: ["owner", "lead"], read: true, when: { id: "$note" })
{
  title: String!
  slug: String! @unique
  day: Date
  picture: StoredImage
  keeper: UUID
}
"#;

/// Who every token is for.
pub const CALLER: uuid::Uuid = uuid::Uuid::from_u128(5);

pub struct Engine {
    pub world: World,
    pub address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    keys: Keyring,
    schema: Schema,
    _files: TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The code of the first error, wherever the style puts it.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json["errors"][0]["extensions"]["code"].as_str().or(json["extensions"]["code"].as_str());
        code.unwrap_or_else(|| panic!("no code in {}", self.text)).to_owned()
    }
}

impl Engine {
    pub fn start(cluster: &'static PostgresCluster) -> Self {
        Self::start_with(cluster, |_| {})
    }

    pub fn start_with(cluster: &'static PostgresCluster, change: impl FnOnce(&mut Config)) -> Self {
        let world = World::on(cluster);
        let files = tempfile::tempdir().unwrap();
        let path = |name: &str| files.path().join(name);
        let keys = Keyring::create_file(&path("caller.json")).unwrap();
        Keyring::create_file(&path("image.json")).unwrap();
        let mut config = Config {
            http: HttpConfig { listen: ([127, 0, 0, 1], 0).into(), workers: 2, max_body_bytes: 100_000, ..HttpConfig::default() },
            control: ControlConfig { database_url: world.control_url.clone().into(), max_connections: 4 },
            keyrings: KeyringsConfig { caller: path("caller.json"), image: path("image.json") },
            pool: PoolConfig { route_ttl_ms: 50, ..PoolConfig::for_testing() },
            ..Config::default()
        };
        config.vault.master_key_file = Some(world.master_key());
        config.graphiql.directory = PathBuf::from("no-such-folder/dist");
        change(&mut config);
        let (started, starts) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = Application::build(config).await.unwrap();
                started.send((application.address(), application.handle())).unwrap();
                application.run().await.unwrap();
            });
        });
        let (address, handle) = starts.recv_timeout(Duration::from_secs(20)).unwrap();
        let schema = Schema::from_sdl("schema.graphql", SCHEMA).unwrap();
        Self { world, address, handle, thread: Some(thread), keys, schema, _files: files }
    }

    /// A tenant with the schema and one note.
    pub fn tenant(&self, slug: &str) -> MadeTenant {
        let mut ddl = freehold_schema::ddl::create(&self.schema, &Ident::new("content").unwrap(), slug).join(";\n");
        ddl.push_str(
            ";\nINSERT INTO content.note (id, title, slug) VALUES ('11111111-1111-1111-1111-111111111111', 'First', 'first')",
        );
        let release = self.schema.canonical();
        let made = self.world.tenant_on_release(slug, &ddl, &release);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(made)
    }

    pub fn token(&self, tenant: &MadeTenant, role: &str) -> String {
        self.token_until(tenant, role, 3600)
    }

    pub fn token_until(&self, tenant: &MadeTenant, role: &str, seconds: i64) -> String {
        self.token_of(tenant, RoleGrant { role: role.to_owned(), variables: [].into() }, seconds)
    }

    /// A token of a role with a value for one variable.
    pub fn token_with(&self, tenant: &MadeTenant, role: &str, variable: &str, value: &str) -> String {
        let variables = [(variable.to_owned(), vec![value.to_owned()])].into();
        self.token_of(tenant, RoleGrant { role: role.to_owned(), variables }, 3600)
    }

    fn token_of(&self, tenant: &MadeTenant, grant: RoleGrant, seconds: i64) -> String {
        let claims = CallerClaims {
            tenant: tenant.id,
            subject: CALLER,
            roles: vec![grant],
            expires_at: Utc::now() + chrono::Duration::seconds(seconds),
        };
        caller::mint(&self.keys, &claims)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Any request; nothing is added to the headers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl ureq::AsSendBody) -> Reply {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .accept(ureq::config::AutoHeaderValue::None)
            .accept_encoding(ureq::config::AutoHeaderValue::None)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(body).unwrap()).unwrap();
        let text = response.body_mut().read_to_vec().unwrap();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    /// A GraphQL request as JSON, without Accept.
    pub fn post(&self, slug: &str, token: &str, body: &Value) -> Reply {
        self.post_with(slug, token, &[], body)
    }

    pub fn post_with(&self, slug: &str, token: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send("POST", &format!("/content/{slug}/live"), &all, body.to_string())
    }

    pub fn query(&self, slug: &str, token: &str, query: &str) -> Reply {
        self.post(slug, token, &json!({ "query": query }))
    }

    /// Stops it as SIGTERM does, and waits.
    pub fn stop(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(self.handle.stop(true));
            thread.join().unwrap();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.finish();
        }
    }
}
