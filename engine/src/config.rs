//! Settings. `config.default.toml` is their manual; a test keeps it equal to `Default`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_compiler::prepare::Limits;
use freehold_executor::PoolConfig;
use freehold_telemetry::settings::{self, SettingsError};
use freehold_telemetry::{LogSettings, SentrySettings};
use freehold_vault::{SecretString, VaultConfig};
use serde::Deserialize;

/// The compiled-in defaults, and the manual.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Everything that can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub http: HttpConfig,
    /// The control database.
    pub control: ControlConfig,
    /// The master key.
    pub vault: VaultConfig,
    /// Keys of tokens.
    pub keyrings: KeyringsConfig,
    /// The image service.
    pub images: ImagesConfig,
    /// Objects that clients upload.
    pub s3: S3Config,
    /// Connections to tenants' databases.
    pub pool: PoolConfig,
    /// Bounds of a document.
    pub limits: LimitsConfig,
    /// What is kept in memory.
    pub cache: CacheConfig,
    /// The page for people.
    pub graphiql: GraphiqlConfig,
    /// Logging.
    pub log: LogSettings,
    /// Error reports.
    pub sentry: SentrySettings,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Threads; 0 for one per core.
    pub workers: usize,
    /// Longest request body.
    pub max_body_bytes: usize,
    /// Time for an answer.
    pub request_timeout_ms: u64,
    /// Time for a request's headers.
    pub client_timeout_ms: u64,
    /// Life of an idle connection.
    pub keep_alive_ms: u64,
    /// Time for requests to finish after SIGTERM.
    pub shutdown_timeout_ms: u64,
}

/// `[control]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlConfig {
    /// The control database.
    pub database_url: SecretString,
    /// Connections to it.
    pub max_connections: u32,
}

/// `[keyrings]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyringsConfig {
    /// Keys of caller tokens.
    pub caller: PathBuf,
    /// Keys of image URLs.
    pub image: PathBuf,
}

/// `[images]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesConfig {
    /// What image URLs begin with.
    pub public_url: String,
}

/// `[s3]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Bucket of all tenants' objects; without one, the API has no fields for them.
    pub bucket: String,
    /// Region of the bucket.
    pub region: String,
    /// Another endpoint than AWS's.
    pub endpoint_url: Option<String>,
    /// Bucket in the path instead of the host name.
    pub force_path_style: bool,
}

/// `[limits]`, see [`Limits`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a document.
    pub bytes: usize,
    /// Tokens.
    pub tokens: usize,
    /// Braces and brackets inside each other.
    pub nesting: usize,
    /// Fields inside each other.
    pub depth: usize,
    /// The same for introspection.
    pub introspection_depth: usize,
    /// Fields.
    pub fields: usize,
    /// Aliases.
    pub aliases: usize,
    /// Errors reported.
    pub errors: usize,
    /// Operations of one document.
    pub operations: usize,
}

/// `[cache]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Compiled releases.
    pub releases: usize,
    /// Role sets of one release.
    pub roles_per_release: usize,
    /// Documents.
    pub documents: usize,
    /// Bytes of their texts.
    pub document_bytes: usize,
    /// Plans of one document.
    pub plans_per_document: usize,
    /// Verified tokens.
    pub tokens: usize,
    /// Automatic persisted queries.
    pub persisted_queries: usize,
    /// Bytes of their texts.
    pub persisted_query_bytes: usize,
    /// Registered documents.
    pub registered_documents: usize,
    /// Bytes of their texts.
    pub registered_document_bytes: usize,
}

/// `[graphiql]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphiqlConfig {
    /// Whether browsers get the page.
    pub enabled: bool,
    /// Where its bundle is.
    pub directory: PathBuf,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: 0,
            max_body_bytes: 1_000_000,
            request_timeout_ms: 10_000,
            client_timeout_ms: 5_000,
            keep_alive_ms: 75_000,
            shutdown_timeout_ms: 30_000,
        }
    }
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self { database_url: SecretString::default(), max_connections: 4 }
    }
}

impl Default for ImagesConfig {
    fn default() -> Self {
        Self { public_url: "http://127.0.0.1:8081".to_owned() }
    }
}

impl Default for S3Config {
    fn default() -> Self {
        Self { bucket: String::new(), region: "us-east-1".to_owned(), endpoint_url: None, force_path_style: false }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let Limits { bytes, tokens, nesting, depth, introspection_depth, fields, aliases, errors, operations } =
            Limits::default();
        Self { bytes, tokens, nesting, depth, introspection_depth, fields, aliases, errors, operations }
    }
}

impl From<&LimitsConfig> for Limits {
    fn from(config: &LimitsConfig) -> Self {
        let LimitsConfig { bytes, tokens, nesting, depth, introspection_depth, fields, aliases, errors, operations } = *config;
        Self { bytes, tokens, nesting, depth, introspection_depth, fields, aliases, errors, operations }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            releases: 64,
            roles_per_release: 64,
            documents: 10_000,
            document_bytes: 16 * 1024 * 1024,
            plans_per_document: 32,
            tokens: 10_000,
            persisted_queries: 10_000,
            persisted_query_bytes: 16 * 1024 * 1024,
            registered_documents: 10_000,
            registered_document_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Default for GraphiqlConfig {
    fn default() -> Self {
        Self { enabled: true, directory: PathBuf::from("engine/graphiql/dist") }
    }
}

/// Settings that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    /// As in the file.
    pub setting: &'static str,
    /// What is wrong and what would be right.
    pub problem: &'static str,
}

impl Config {
    /// Defaults, then the file, then the environment.
    ///
    /// # Errors
    /// When the file cannot be read or a value does not fit.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        settings::load(DEFAULTS, file, "FREEHOLD")
    }

    /// Rules that concern several settings, or that no default can satisfy.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rules = [
            ("control.database_url", self.control.database_url.is_empty(), "is required; set FREEHOLD_CONTROL__DATABASE_URL"),
            ("keyrings.caller", self.keyrings.caller.as_os_str().is_empty(), "is required; set FREEHOLD_KEYRINGS__CALLER"),
            ("keyrings.image", self.keyrings.image.as_os_str().is_empty(), "is required; set FREEHOLD_KEYRINGS__IMAGE"),
            (
                "images.public_url",
                !is_http_url(&self.images.public_url),
                "must begin with http:// or https:// and hold no path, quote or space",
            ),
            (
                "pool.queue_timeout_ms",
                self.pool.queue_timeout_ms >= self.http.request_timeout_ms,
                "must be less than http.request_timeout_ms, or a full queue looks like a slow database",
            ),
            ("http.request_timeout_ms", self.http.request_timeout_ms == 0, "must be more than 0"),
        ];
        match rules.into_iter().find(|(_, is_broken, _)| *is_broken) {
            Some((setting, _, problem)) => Err(ConfigError { setting, problem }),
            None => Ok(()),
        }
    }

    /// Time for an answer.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.http.request_timeout_ms)
    }
}

/// The URL is written into JSON texts as it is, so it may hold nothing that would have to be escaped there.
fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_equals_the_defaults() {
        let read: Config = settings::load(DEFAULTS, None, "FREEHOLD_ENGINE_TEST").unwrap();
        assert_eq!(format!("{read:#?}"), format!("{:#?}", Config::default()));
    }

    #[test]
    fn every_setting_stands_in_the_manual() {
        let printed = format!("{:#?}", Config::default());
        let settings = printed.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name);
        for name in settings.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
            let stands = DEFAULTS.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{name} =")) || line == format!("[{name}]")
            });
            assert!(stands, "`{name}` is missing in config.default.toml");
        }
    }

    #[test]
    fn what_no_default_can_satisfy_is_said_with_the_variables_name() {
        let mut config = Config::default();
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "control.database_url: is required; set FREEHOLD_CONTROL__DATABASE_URL"
        );
        config.control.database_url = SecretString::new("postgres://x");
        config.keyrings = KeyringsConfig { caller: "a".into(), image: "b".into() };
        assert_eq!(config.validate(), Ok(()));
        for url in ["ftp://x", "https://", "https://x/path", "https://x\""] {
            config.images.public_url = url.to_owned();
            assert_eq!(config.validate().unwrap_err().setting, "images.public_url", "{url}");
        }
    }
}
