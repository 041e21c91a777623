//! The engine's metrics. Labels are closed sets: never a tenant, a path or a user.

use std::time::Duration;

use freehold_executor::{Registry, ServerStatus};
use freehold_telemetry::Metrics;

/// Counters, and gauges that are read when somebody asks.
pub struct Telemetry {
    metrics: Metrics,
    requests: Vec<Counter>,
    duration: Histogram,
    plan_hits: Counter,
    plan_misses: Counter,
    servers: Gauge,
    routes: Gauge,
}

// The types of the metrics library, named through what makes them, so that only the telemetry crate depends on it.
type Counter = Box<dyn Fn(u64) + Send + Sync>;
type Histogram = Box<dyn Fn(f64) + Send + Sync>;
type Gauge = Box<dyn Fn(&[&str], i64) + Send + Sync>;

const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Telemetry {
    /// Registers the engine's metrics.
    pub fn new() -> Self {
        let metrics = Metrics::new("engine", env!("CARGO_PKG_VERSION"));
        let requests = metrics.counter("freehold_http_requests_total", "Requests by class of status", &["status"]);
        let requests = STATUS_CLASSES.map(|class| {
            let counter = requests.with_label_values(&[class]);
            Box::new(move |n| counter.inc_by(n)) as Counter
        });
        let duration = metrics.histogram("freehold_http_request_seconds", "Time from a request's headers to its answer", &[]);
        let duration = duration.with_label_values(&[] as &[&str]);
        let plans = metrics.counter("freehold_plan_cache_total", "Documents looked up in the plan cache", &["result"]);
        let plan = |result| {
            let counter = plans.with_label_values(&[result]);
            Box::new(move |n| counter.inc_by(n)) as Counter
        };
        let (plan_hits, plan_misses) = (plan("hit"), plan("miss"));
        let servers = metrics.gauge(
            "freehold_pool",
            "Connections and requests by server: budget, connections, active, waiting, waits, wait_micros, opened, stolen, breaker_open",
            &["server", "what"],
        );
        let routes = metrics.gauge("freehold_routes", "Tenant routes in memory", &[]);
        Self {
            metrics,
            requests: requests.into(),
            duration: Box::new(move |seconds| duration.observe(seconds)),
            plan_hits,
            plan_misses,
            servers: Box::new(move |labels, value| servers.with_label_values(labels).set(value)),
            routes: Box::new(move |labels, value| routes.with_label_values(labels).set(value)),
        }
    }

    /// A request was answered.
    pub fn answered(&self, status: u16, time: Duration) {
        if let Some(count) = usize::from(status / 100).checked_sub(1).and_then(|class| self.requests.get(class)) {
            count(1);
        }
        (self.duration)(time.as_secs_f64());
    }

    /// A document was seen before.
    pub fn plan_hit(&self) {
        (self.plan_hits)(1);
    }

    /// A document is new.
    pub fn plan_miss(&self) {
        (self.plan_misses)(1);
    }

    /// The body of `/metrics`.
    pub fn render(&self, registry: &Registry) -> String {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for server in registry.servers() {
            let ServerStatus { id, budget, connections, active, waiting, waits, wait_micros, opened, stolen, breaker_is_open } =
                server;
            let id = id.to_string();
            for (what, value) in [
                ("budget", budget as u64),
                ("connections", connections as u64),
                ("active", active as u64),
                ("waiting", waiting as u64),
                ("waits", waits),
                ("wait_micros", wait_micros),
                ("opened", opened),
                ("stolen", stolen),
                ("breaker_open", u64::from(breaker_is_open)),
            ] {
                (self.servers)(&[&id, what], number(value));
            }
        }
        (self.routes)(&[], number(registry.n_routes() as u64));
        self.metrics.render()
    }
}
