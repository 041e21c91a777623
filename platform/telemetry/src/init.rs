//! Logging and error reports, set up once at the start of a program.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::log_buffer::LogBuffer;
use crate::request_lines::RequestLines;
use crate::sentry_filter;

/// How events are written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// One line for people.
    Compact,
}

/// `[log]` of a service's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// JSON or compact.
    pub format: LogFormat,
    /// Levels by target in the syntax of `EnvFilter`, e.g. `info,freehold_engine=debug`.
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".to_owned() }
    }
}

/// `[sentry]` of a service's settings.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SentrySettings {
    /// Where errors are reported; absent or empty turns reports off. A DSN holds a key, so it is not printed.
    pub dsn: Option<String>,
    /// Name of the installation in reports.
    pub environment: String,
}

impl Default for SentrySettings {
    fn default() -> Self {
        Self { dsn: None, environment: "development".to_owned() }
    }
}

impl std::fmt::Debug for SentrySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dsn = self.dsn.as_ref().map(|_| "[secret]");
        f.debug_struct("SentrySettings").field("dsn", &dsn).field("environment", &self.environment).finish()
    }
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is no filter.
    #[error("`{filter}` is not a log filter: {message}; try `info` or `info,freehold_engine=debug`")]
    Filter {
        /// As configured.
        filter: String,
        /// Where it goes wrong.
        message: String,
    },
    /// `sentry.dsn` is no DSN. Its text is not repeated: it holds a key.
    #[error("`sentry.dsn` is not a Sentry DSN; copy it from the project's settings in Sentry")]
    Dsn,
    /// There is no thread for the log.
    #[error("cannot start logging: {0}")]
    Thread(#[source] std::io::Error),
    /// A subscriber is installed already.
    #[error("logging was started before")]
    Started,
}

impl TelemetryError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Filter { .. } => "LOG_FILTER_INVALID",
            Self::Dsn => "SENTRY_DSN_INVALID",
            Self::Thread(_) => "LOG_THREAD",
            Self::Started => "LOG_STARTED",
        }
    }
}

/// Keep it until the program ends: dropping it writes the last lines of the log and sends the last error reports.
#[must_use = "error reports stop when the guard is dropped"]
pub struct Guard {
    log: LogBuffer,
    _sentry: Option<sentry::ClientInitGuard>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.log.flush();
    }
}

/// Starts logging to standard error, and error reports when a DSN is set. Call once, before the first thread.
///
/// # Errors
/// When a setting does not parse, or logging was started before.
pub fn init(service: &'static str, version: &str, log: &LogSettings, sentry: &SentrySettings) -> Result<Guard, TelemetryError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| TelemetryError::Filter { filter: log.filter.clone(), message: error.to_string() })?;
    let dsn = sentry.dsn.as_deref().filter(|dsn| !dsn.is_empty());
    let dsn = dsn.map(|dsn| sentry::types::Dsn::from_str(dsn).map_err(|_| TelemetryError::Dsn)).transpose()?;

    let buffer = LogBuffer::start(std::io::stderr()).map_err(TelemetryError::Thread)?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(buffer.clone()).with_span_events(FmtSpan::NONE);
    match log.format {
        LogFormat::Json => {
            let subscriber = subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false);
            subscriber.map_event_format(RequestLines).try_init()
        }
        LogFormat::Compact => subscriber.compact().with_target(false).try_init(),
    }
    .map_err(|_| TelemetryError::Started)?;

    let guard = dsn.map(|dsn| {
        let mut options = sentry_options(service, version, &sentry.environment);
        options.dsn = Some(dsn);
        sentry::init(options)
    });
    Ok(Guard { log: buffer, _sentry: guard })
}

pub(crate) fn sentry_options(service: &str, version: &str, environment: &str) -> sentry::ClientOptions {
    let mut options = sentry::ClientOptions::new();
    options.release = Some(format!("freehold-{service}@{version}").into());
    options.environment = Some(environment.to_owned().into());
    options.send_default_pii = false;
    options.max_request_body_size = sentry::MaxRequestBodySize::None;
    options.attach_stacktrace = true;
    options.before_send = Some(Arc::new(|event| Some(sentry_filter::event(event))));
    options.before_breadcrumb = Some(Arc::new(|breadcrumb| Some(sentry_filter::breadcrumb(breadcrumb))));
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_refused_before_anything_starts() {
        let log = LogSettings { filter: "info,=".to_owned(), ..LogSettings::default() };
        let error = init("engine", "0", &log, &SentrySettings::default()).err().map(|error| error.code());
        assert_eq!(error, Some("LOG_FILTER_INVALID"));
        let sentry = SentrySettings { dsn: Some("not-a-dsn-with-hunter2".to_owned()), ..SentrySettings::default() };
        let error = init("engine", "0", &LogSettings::default(), &sentry).err().map(|error| (error.code(), error.to_string()));
        assert!(matches!(&error, Some((code, text)) if *code == "SENTRY_DSN_INVALID" && !text.contains("hunter2")), "{error:?}");
        assert!(!format!("{sentry:?}").contains("hunter2"));
    }
}
