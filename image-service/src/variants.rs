//! Finished images: made once for all who ask at the same time, and kept for those who ask soon after.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use freehold_ids::ObjectKey;
use freehold_tokens::image::{ImageRequest, Operations, Resize};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use lru::LruCache;
use ring::digest::{SHA256, digest};

use crate::admission::Admission;
use crate::config::{CacheConfig, WorkConfig};
use crate::error::Failure;
use crate::metrics::ImageMetrics;
use crate::pipeline::{Job, Limits, REVISION};
use crate::storage::Storage;

/// What makes two results the same. The tenant is part of the object's name: nothing is ever shared between tenants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VariantKey {
    object: ObjectKey,
    version: String,
    resize: Resize,
}

impl VariantKey {
    pub(crate) fn new(request: &ImageRequest, resize: Resize) -> Self {
        Self { object: request.object.clone(), version: request.version.clone(), resize }
    }

    /// Known before anything is read: the version in the URL stands for the object's state. Weak, because another processor may round
    /// differently.
    pub(crate) fn etag(&self) -> String {
        let text = format!("{}\n{}\n{}\n{REVISION}", self.object, self.version, Operations::Resize(self.resize));
        let digest = digest(&SHA256, text.as_bytes());
        format!("W/\"{}\"", data_encoding::BASE64URL_NOPAD.encode(&digest.as_ref()[..16]))
    }
}

type Flight = Shared<BoxFuture<'static, Result<Bytes, Failure>>>;
type Flights = Mutex<HashMap<VariantKey, WeakShared<BoxFuture<'static, Result<Bytes, Failure>>>>>;

/// Makes and keeps variants.
pub(crate) struct Variants {
    flights: Arc<Flights>,
    maker: Arc<Maker>,
}

/// Everything that making a variant needs.
struct Maker {
    storage: Storage,
    limits: Limits,
    admission: Admission,
    kept: Mutex<Kept>,
    metrics: ImageMetrics,
}

impl Variants {
    pub(crate) fn new(storage: Storage, limits: Limits, work: &WorkConfig, cache: &CacheConfig, metrics: ImageMetrics) -> Self {
        let kept = Mutex::new(Kept { images: LruCache::unbounded(), n_bytes: 0, max_bytes: cache.memory_bytes });
        let maker = Maker { storage, limits, admission: Admission::new(work), kept, metrics };
        Self { flights: Arc::default(), maker: Arc::new(maker) }
    }

    /// The finished image, from memory, from somebody who is making it right now, or made.
    pub(crate) async fn get(&self, request: &ImageRequest, key: VariantKey) -> Result<Bytes, Failure> {
        if let Some(bytes) = lock(&self.maker.kept).get(&key) {
            self.maker.metrics.variant("kept");
            return Ok(bytes);
        }
        self.flight(request, key)?.await
    }

    /// Images that are made or wait.
    pub(crate) fn n_queued(&self) -> usize {
        self.maker.admission.n_queued()
    }

    /// Joins whoever is making this image, or starts. Work ends unfinished when the last who waits for it has left.
    fn flight(&self, request: &ImageRequest, key: VariantKey) -> Result<Flight, Failure> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&key).and_then(WeakShared::upgrade) {
            self.maker.metrics.variant("joined");
            return Ok(flight);
        }
        let place = self.maker.admission.enter(request.tenant)?;
        self.maker.metrics.variant("made");
        let landing = Landing { flights: Arc::clone(&self.flights), key: key.clone() };
        let maker = Arc::clone(&self.maker);
        let flight = async move {
            let (_landing, _place) = (landing, place);
            maker.make(&_landing.key).await
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        Ok(flight)
    }
}

/// Takes the flight from the list, whether it arrived or was abandoned.
struct Landing {
    flights: Arc<Flights>,
    key: VariantKey,
}

impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.key);
    }
}

impl Maker {
    async fn make(&self, key: &VariantKey) -> Result<Bytes, Failure> {
        // Held until the end: it bounds how many sources are in memory.
        let _fetch = self.admission.fetch().await?;
        let timer = self.metrics.stage("fetch");
        let source = self.storage.read(&key.object, self.limits.max_source_bytes).await?;
        timer.observe_duration();
        let job = Job::prepare(source, key.resize, &self.limits)?;
        let slot = self.admission.decode(job.estimated_bytes()).await?;
        let timer = self.metrics.stage("transform");
        let made = tokio::task::spawn_blocking(move || {
            // Inside, so that an abandoned image still holds its core until it is really done.
            let _slot = slot;
            job.run()
        });
        let made = made.await.map_err(|error| {
            tracing::error!(error = %error, "making an image broke down");
            Failure::Internal
        })?;
        let bytes = Bytes::from(made?);
        timer.observe_duration();
        lock(&self.kept).put(key.clone(), bytes.clone());
        Ok(bytes)
    }
}

/// Finished images up to a number of bytes; who was asked for longest ago leaves first.
struct Kept {
    images: LruCache<VariantKey, Bytes>,
    n_bytes: usize,
    max_bytes: usize,
}

impl Kept {
    fn get(&mut self, key: &VariantKey) -> Option<Bytes> {
        self.images.get(key).cloned()
    }

    fn put(&mut self, key: VariantKey, bytes: Bytes) {
        // One giant must not push out everything else.
        if bytes.len() > self.max_bytes / 8 {
            return;
        }
        self.n_bytes += bytes.len();
        if let Some((_, replaced)) = self.images.push(key, bytes) {
            self.n_bytes -= replaced.len();
        }
        while self.n_bytes > self.max_bytes {
            let Some((_, oldest)) = self.images.pop_lru() else { break };
            self.n_bytes -= oldest.len();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use freehold_tokens::image::{Fit, Format};

    use super::*;

    fn object(key: &str) -> ObjectKey {
        ObjectKey::new("aaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap(), key).unwrap()
    }

    fn key(version: u32) -> VariantKey {
        let resize = Resize::new(Some(8), None, Fit::Contain, Format::Jpeg, None).unwrap();
        VariantKey { object: object("k"), version: version.to_string(), resize }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_leave() {
        let mut kept = Kept { images: LruCache::unbounded(), n_bytes: 0, max_bytes: 1000 };
        for version in 0..20 {
            kept.put(key(version), Bytes::from(vec![0; 100]));
            assert!(kept.get(&key(0)).is_some(), "{version}");
        }
        assert_eq!((kept.n_bytes, kept.images.len()), (1000, 10));
        assert!(kept.get(&key(1)).is_none() && kept.get(&key(19)).is_some());
        kept.put(key(19), Bytes::from(vec![0; 50]));
        assert_eq!((kept.n_bytes, kept.images.len()), (950, 10));
        kept.put(key(99), Bytes::from(vec![0; 126]));
        assert!(kept.get(&key(99)).is_none());
    }

    #[test]
    fn every_difference_changes_the_etag() {
        let base = key(1);
        let mut others = [base.clone(), base.clone(), base.clone()];
        others[0].object = object("k2");
        others[1].version = "2".to_owned();
        others[2].resize = Resize::new(Some(9), None, Fit::Contain, Format::Jpeg, None).unwrap();
        for other in others {
            assert_ne!(other.etag(), base.etag());
        }
    }
}
