//! Wiring: settings in, a listening server out.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use freehold_tokens::{Keyring, KeyringError};

use crate::config::Config;
use crate::http::{self, Service};
use crate::metrics::ImageMetrics;
use crate::storage::{Storage, sdk_config};
use crate::variants::Variants;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No keys, no images.
    #[error("cannot read the keyring of the image tokens")]
    Keyring(#[from] KeyringError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}; choose another `http.listen` (FREEHOLD_HTTP__LISTEN)")]
    Listen {
        /// As configured.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A server that listens and has not answered yet.
pub struct Application {
    server: Server,
    port: u16,
}

impl Application {
    /// Reads the keyring, prepares the object store's client and listens. The object store is not called yet: `/readyz` does.
    ///
    /// # Errors
    /// When the keyring cannot be read or the address not be listened on.
    pub async fn build(config: Config) -> Result<Self, StartError> {
        let sdk = sdk_config(&config.s3).await;
        Self::build_with(config, &sdk)
    }

    /// With AWS settings (credentials above all) made elsewhere.
    ///
    /// # Errors
    /// As [`Application::build`].
    pub fn build_with(config: Config, sdk: &aws_config::SdkConfig) -> Result<Self, StartError> {
        let keys = Keyring::load(&config.keyrings.image)?;
        let storage = Storage::new(sdk, &config.s3);
        let metrics = ImageMetrics::new();
        let variants = Variants::new(storage.clone(), config.limits.clone(), &config.work, &config.cache, metrics.clone());
        let service = Arc::new(Service { keys, storage, variants, metrics, max_age_seconds: config.cache.max_age_seconds });

        let failed = |source| StartError::Listen { address: config.http.listen.clone(), source };
        let listener = TcpListener::bind(&config.http.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let server = HttpServer::new(move || {
            let observed = Arc::clone(&service);
            App::new()
                .wrap(from_fn(move |request, next| http::observe(Arc::clone(&observed), request, next)))
                .wrap(sentry_actix::Sentry::new())
                .configure(http::configure(Data::from(Arc::clone(&service))))
        })
        .workers(config.http.n_workers())
        .shutdown_timeout(config.http.shutdown_seconds)
        // Who hangs up wants no answer: otherwise abandoned images would keep their place in the queue.
        .h1_allow_half_closed(false)
        .listen(listener)
        .map_err(failed)?
        .run();
        tracing::info!("listening on http://{address}");
        Ok(Self { server, port: address.port() })
    }

    /// The port, when a free one was asked for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until SIGTERM or SIGINT, then finishes what runs.
    ///
    /// # Errors
    /// When the server breaks down.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }
}
