//! What every service of Freehold does about itself: reading its settings, logging, metrics, request ids, error reports.
//!
//! ```no_run
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     log: freehold_telemetry::LogSettings,
//!     sentry: freehold_telemetry::SentrySettings,
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config: Config = freehold_telemetry::settings::load(include_str!("config.example.toml"), None, "FREEHOLD")?;
//! let _guard = freehold_telemetry::init("engine", env!("CARGO_PKG_VERSION"), &config.log, &config.sentry)?;
//! # Ok(()) }
//! ```
//!
//! Nothing here may ever let a token, a cookie, a query string, a connection string or a person's data out of the process:
//! [`redact`] is the one place that knows what such things look like.

mod init;
mod log_buffer;
mod metrics;
pub mod redact;
mod request_id;
mod request_lines;
mod sentry_filter;
pub mod settings;

pub use init::{Guard, LogFormat, LogSettings, SentrySettings, TelemetryError, init};
pub use metrics::{METRICS_CONTENT_TYPE, Metrics};
pub use request_id::RequestId;
