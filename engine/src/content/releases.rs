//! Compiled schema releases, and the API of each set of roles. Shared by every tenant on the release (ARCHITECTURE D2, D6).

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use freehold_compiler::api::Api;
use freehold_compiler::caller::RoleSet;
use freehold_compiler::permissions::Permissions;
use freehold_executor::{Registry, RouteError};
use freehold_ids::ReleaseId;
use freehold_schema::Schema;
use lru::LruCache;
use tokio::sync::OnceCell;

use crate::content::introspection::TypeSystem;

/// Numbers of APIs, so that caches can name them in eight bytes.
static NEXT_API: AtomicU64 = AtomicU64::new(1);

/// Loaded releases; the least recently used are forgotten.
pub struct Releases {
    roles_per_release: NonZeroUsize,
    offers_objects: bool,
    known: Mutex<LruCache<ReleaseId, Arc<OnceCell<Arc<Release>>>>>,
}

/// One release.
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// What it says.
    pub schema: Schema,
    offers_objects: bool,
    apis: Mutex<LruCache<RoleSet, Arc<OnceCell<Arc<RoleApi>>>>>,
}

/// What one set of roles sees of a release.
pub struct RoleApi {
    /// Different for every API that this process ever made.
    pub number: u64,
    /// What the roles may do.
    pub permissions: Permissions,
    /// Whether they may read all there is.
    pub reads_everything: bool,
    /// The GraphQL types.
    pub api: Api,
    types: OnceLock<Result<TypeSystem, String>>,
}

/// Why a release could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The catalogue does not answer.
    #[error(transparent)]
    Catalog(#[from] RouteError),
    /// The catalogue's document is no schema of this version.
    #[error("release `{release}` cannot be read: {problem}")]
    Unreadable {
        /// Which.
        release: ReleaseId,
        /// The first error.
        problem: String,
    },
    /// Building it panicked.
    #[error("release `{0}` could not be built")]
    Panicked(ReleaseId),
}

impl Releases {
    /// Keeps at most `most` releases with `roles_per_release` APIs each, which offer signed addresses of objects where this process has a store of them.
    pub fn new(most: usize, roles_per_release: usize, offers_objects: bool) -> Self {
        let at_least_one = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        let known = Mutex::new(LruCache::new(at_least_one(most)));
        Self { roles_per_release: at_least_one(roles_per_release), offers_objects, known }
    }

    /// The release, loaded once however many ask at the same time.
    pub async fn get(&self, registry: &Registry, id: &ReleaseId) -> Result<Arc<Release>, ReleaseError> {
        let cell = Arc::clone(lock(&self.known).get_or_insert_ref(id, Arc::default));
        cell.get_or_try_init(|| async {
            let document = registry.release(id).await?.document;
            let (id, roles, offers_objects) = (id.clone(), self.roles_per_release, self.offers_objects);
            let for_panic = id.clone();
            // Seconds of work for the largest schemas must not stop the thread's other requests.
            let built = tokio::task::spawn_blocking(move || Release::read(id, &document, roles, offers_objects)).await;
            built.map_err(|_| ReleaseError::Panicked(for_panic))?
        })
        .await
        .cloned()
    }
}

impl Release {
    fn read(id: ReleaseId, document: &str, roles: NonZeroUsize, offers_objects: bool) -> Result<Arc<Self>, ReleaseError> {
        let schema = Schema::from_json("release", document).map_err(|errors| ReleaseError::Unreadable {
            release: id.clone(),
            problem: errors.first().map_or_else(String::new, ToString::to_string),
        })?;
        let schema = schema.in_api_order();
        Ok(Arc::new(Self { id, schema, offers_objects, apis: Mutex::new(LruCache::new(roles)) }))
    }

    /// The API of a role set, built once however many ask at the same time.
    pub async fn api(self: &Arc<Self>, roles: &RoleSet) -> Result<Arc<RoleApi>, ReleaseError> {
        let cell = Arc::clone(lock(&self.apis).get_or_insert_ref(roles, Arc::default));
        cell.get_or_try_init(|| async {
            let (release, roles) = (Arc::clone(self), roles.clone());
            let built = tokio::task::spawn_blocking(move || Arc::new(RoleApi::build(&release, &roles))).await;
            built.map_err(|_| ReleaseError::Panicked(self.id.clone()))
        })
        .await
        .cloned()
    }
}

impl RoleApi {
    fn build(release: &Release, roles: &RoleSet) -> Self {
        let schema = &release.schema;
        let permissions = Permissions::new(schema, roles);
        let build = if release.offers_objects { Api::build_with_objects } else { Api::build };
        let api = build(schema, &permissions);
        let reads_everything = permissions.read_everything(schema);
        Self { number: NEXT_API.fetch_add(1, Ordering::Relaxed), permissions, reads_everything, api, types: OnceLock::new() }
    }

    /// The same types for async-graphql, made when somebody first introspects.
    pub fn type_system(&self) -> Result<&TypeSystem, String> {
        self.types.get_or_init(|| TypeSystem::build(&self.api)).as_ref().map_err(Clone::clone)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
