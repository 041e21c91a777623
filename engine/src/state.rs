//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use freehold_compiler::prepare::Limits;
use freehold_executor::Registry;
use freehold_tokens::image::Signer;

use crate::config::Config;
use crate::content::documents::Documents;
use crate::content::persisted::Persisted;
use crate::content::releases::Releases;
use crate::content::sessions::Sessions;
use crate::objects::ObjectStore;
use crate::sealer::Sealer;
use crate::system::SystemApi;
use crate::telemetry::Telemetry;

/// One per process.
pub struct State {
    /// Settings.
    pub config: Config,
    /// Tenants and their pools.
    pub registry: Arc<Registry>,
    /// Compiled releases.
    pub releases: Releases,
    /// Documents and plans.
    pub documents: Documents,
    /// Documents that requests name instead of sending them.
    pub persisted: Persisted,
    /// Verified tokens.
    pub sessions: Sessions,
    /// Seals event logs after writes.
    pub sealer: Arc<Sealer>,
    /// The types of the system API.
    pub system: SystemApi,
    /// Signs image URLs.
    pub image_signer: Signer,
    /// What image URLs begin with, without a slash at the end.
    pub images_url: String,
    /// Signs addresses of objects, where there is a store of them.
    pub objects: Option<ObjectStore>,
    /// Bounds of a document.
    pub limits: Limits,
    /// Where the GraphiQL bundle was found.
    pub graphiql: Option<PathBuf>,
    /// Metrics.
    pub telemetry: Telemetry,
}
