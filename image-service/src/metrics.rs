//! What is counted. No label holds a tenant, a key or anything else without bound.

use std::time::Instant;

use freehold_telemetry::Metrics;
use prometheus::{HistogramTimer, HistogramVec, IntCounterVec, IntGaugeVec};

/// The service's metrics.
#[derive(Clone)]
pub(crate) struct ImageMetrics {
    registry: Metrics,
    requests: IntCounterVec,
    seconds: HistogramVec,
    variants: IntCounterVec,
    stages: HistogramVec,
    queued: IntGaugeVec,
}

impl ImageMetrics {
    pub(crate) fn new() -> Self {
        let registry = Metrics::new("images", env!("CARGO_PKG_VERSION"));
        Self {
            requests: registry.counter("freehold_images_requests_total", "Answered requests", &["kind", "status", "code"]),
            seconds: registry.histogram("freehold_images_request_seconds", "Time until the answer's head", &["kind"]),
            variants: registry.counter("freehold_images_variants_total", "Resized images by origin", &["origin"]),
            stages: registry.histogram("freehold_images_stage_seconds", "Time of one stage of making an image", &["stage"]),
            queued: registry.gauge("freehold_images_queued", "Images that are made or wait", &[]),
            registry,
        }
    }

    pub(crate) fn answered(&self, kind: &str, status: u16, code: &str, started: Instant) {
        self.requests.with_label_values(&[kind, &status.to_string(), code]).inc();
        self.seconds.with_label_values(&[kind]).observe(started.elapsed().as_secs_f64());
    }

    pub(crate) fn variant(&self, origin: &str) {
        self.variants.with_label_values(&[origin]).inc();
    }

    pub(crate) fn stage(&self, stage: &str) -> HistogramTimer {
        self.stages.with_label_values(&[stage]).start_timer()
    }

    pub(crate) fn render(&self, n_queued: usize) -> String {
        let queued = i64::try_from(n_queued).unwrap_or(i64::MAX);
        self.queued.with_label_values(&[] as &[&str]).set(queued);
        self.registry.render()
    }
}
