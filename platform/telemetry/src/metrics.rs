//! Metrics of a service in the text format of Prometheus.

use prometheus::core::Collector;
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// `Content-Type` of [`Metrics::render`].
pub const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The registry behind `/metrics`. Cheap to clone; clones share their metrics.
///
/// Labels are for small closed sets (a route, a status class). A tenant, a path or a user would make one series each and is not
/// for strangers to read.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// An empty registry with `freehold_build_info`.
    #[must_use]
    pub fn new(service: &str, version: &str) -> Self {
        let metrics = Self { registry: Registry::new() };
        let info = metrics.gauge("freehold_build_info", "The running version; always 1", &["service", "version"]);
        info.with_label_values(&[service, version]).set(1);
        metrics
    }

    /// Something that is counted. Its name ends in `_total`.
    ///
    /// # Panics
    /// On a name that is invalid or taken: both are mistakes in the source, and the first start shows them.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels).expect("metric names in the source are valid"))
    }

    /// Something that goes up and down.
    ///
    /// # Panics
    /// As [`Metrics::counter`].
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels).expect("metric names in the source are valid"))
    }

    /// A distribution of durations in seconds, from 0.5 ms to 10 s. Its name ends in `_seconds`.
    ///
    /// # Panics
    /// As [`Metrics::counter`].
    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let buckets = vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.register(HistogramVec::new(options, labels).expect("metric names in the source are valid"))
    }

    /// The body of `/metrics`.
    ///
    /// # Panics
    /// Never: the encoder writes UTF-8 to memory.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("writing to memory does not fail");
        String::from_utf8(text).expect("the text format is UTF-8")
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.registry.register(Box::new(collector.clone())).expect("metric names in the source are unique");
        collector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_rendered_with_their_labels() {
        let metrics = Metrics::new("engine", "1.2.3");
        let requests = metrics.counter("freehold_requests_total", "Requests", &["status"]);
        requests.with_label_values(&["2xx"]).inc_by(3);
        metrics.histogram("freehold_request_seconds", "Durations", &[]).with_label_values(&[] as &[&str]).observe(0.003);
        let text = metrics.render();
        assert!(text.contains("freehold_build_info{service=\"engine\",version=\"1.2.3\"} 1"), "{text}");
        assert!(text.contains("freehold_requests_total{status=\"2xx\"} 3"), "{text}");
        assert!(text.contains("freehold_request_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("freehold_request_seconds_bucket{le=\"0.0025\"} 0"), "{text}");
    }
}
