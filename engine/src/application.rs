//! Puts the parts together and runs them until told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, HttpServer, web};
use freehold_catalog::Catalog;
use freehold_executor::Registry;
use freehold_tokens::Keyring;
use freehold_tokens::image::Signer;

use crate::config::{Config, ConfigError, S3Config};
use crate::content::documents::Documents;
use crate::content::persisted::Persisted;
use crate::content::releases::Releases;
use crate::content::sessions::Sessions;
use crate::http;
use crate::objects::{self, ObjectStore};
use crate::sealer::Sealer;
use crate::state::State;
use crate::system::SystemApi;
use crate::telemetry::Telemetry;

/// Threads of each worker that may block: compiling documents, compressing large answers. Databases have threads of their own.
const BLOCKING_THREADS: usize = 2;

/// The engine, bound to its port.
pub struct Application {
    server: Server,
    address: SocketAddr,
    registry: Arc<Registry>,
    sealer: Arc<Sealer>,
}

/// Why the engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The control database's URL.
    #[error(transparent)]
    Catalog(#[from] freehold_catalog::CatalogError),
    /// The master key.
    #[error(transparent)]
    Vault(#[from] freehold_vault::VaultError),
    /// A keyring.
    #[error(transparent)]
    Keyring(#[from] freehold_tokens::KeyringError),
    /// The port.
    #[error("cannot listen on {address}; choose another address with FREEHOLD_HTTP__LISTEN")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Application {
    /// Opens keys and the port. Asks neither the catalogue nor any tenant: starting costs the same with one tenant and with thousands.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn build(config: Config) -> Result<Self, StartError> {
        config.validate()?;
        let catalog = Catalog::connect(config.control.database_url.expose(), config.control.max_connections)?;
        let vault = freehold_vault::open(&config.vault).await?;
        let caller_keys = Keyring::load(&config.keyrings.caller)?;
        let image_keys = Keyring::load(&config.keyrings.image)?;
        let registry = Arc::new(Registry::new(config.pool.clone(), catalog, vault));
        let objects = object_store(&config.s3).await;
        let cache = &config.cache;
        let state = Arc::new(State {
            registry: Arc::clone(&registry),
            releases: Releases::new(cache.releases, cache.roles_per_release, objects.is_some()),
            documents: Documents::new(cache.documents, cache.document_bytes, cache.plans_per_document),
            persisted: Persisted::new(cache),
            sessions: Sessions::new(caller_keys, cache.tokens),
            sealer: Arc::default(),
            system: SystemApi::new(),
            image_signer: Signer::new(&image_keys),
            objects,
            images_url: config.images.public_url.trim_end_matches('/').to_owned(),
            limits: (&config.limits).into(),
            graphiql: http::find_graphiql(&config.graphiql.directory),
            telemetry: Telemetry::new(),
            config,
        });
        let (server, address) = serve(&state)?;
        Ok(Self { server, address, registry, sealer: Arc::clone(&state.sealer) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For stopping it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until SIGTERM or SIGINT, finishes what is under way, and closes its connections.
    ///
    /// # Errors
    /// When accepting connections fails for good.
    pub async fn run(self) -> std::io::Result<()> {
        let sealing = tokio::spawn(Arc::clone(&self.sealer).run(Arc::clone(&self.registry)));
        let result = self.server.await;
        sealing.abort();
        self.sealer.seal_each(&self.registry).await;
        self.registry.close();
        result
    }
}

/// The store, when there is one. Nothing is asked of it: the first signature asks for credentials.
async fn object_store(config: &S3Config) -> Option<ObjectStore> {
    if config.bucket.is_empty() {
        return None;
    }
    Some(ObjectStore::new(&objects::sdk_config(config).await, config))
}

fn serve(state: &Arc<State>) -> Result<(Server, SocketAddr), StartError> {
    let http = &state.config.http;
    let failed = |source| StartError::Listen { address: http.listen, source };
    let listener = TcpListener::bind(http.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let reports_errors = state.config.sentry.dsn.as_deref().is_some_and(|dsn| !dsn.is_empty());
    let data = web::Data::new(Arc::clone(state));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .wrap(Condition::new(reports_errors, sentry_actix::Sentry::new()))
            .wrap(from_fn(http::around))
            .configure(http::routes)
    });
    let workers = match http.workers {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        given => given,
    };
    let server = server
        .workers(workers)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .client_request_timeout(Duration::from_millis(http.client_timeout_ms))
        .keep_alive(Duration::from_millis(http.keep_alive_ms))
        .shutdown_timeout(http.shutdown_timeout_ms.div_ceil(1000))
        .listen(listener)
        .map_err(failed)?
        .run();
    Ok((server, address))
}
