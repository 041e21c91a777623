//! Settings. `config.default.toml` is their manual and equals the `Default` implementations here.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_telemetry::settings::{self, SettingsError};
use freehold_telemetry::{LogSettings, SentrySettings};
use serde::Deserialize;

use crate::pipeline::Limits;

const DEFAULT_TOML: &str = include_str!("../config.default.toml");
const ENV_PREFIX: &str = "FREEHOLD";
/// libwebp's largest side; JPEG and PNG can do more.
const MAX_SIDE: u32 = 16_383;

/// All settings of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "sections are described by their types")]
pub struct Config {
    pub http: HttpConfig,
    pub s3: S3Config,
    pub keyrings: KeyringsConfig,
    pub limits: Limits,
    pub work: WorkConfig,
    pub cache: CacheConfig,
    pub log: LogSettings,
    pub sentry: SentrySettings,
}

/// Where requests come in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port.
    pub listen: String,
    /// Threads; 0 means one for each core.
    pub workers: usize,
    /// Time to finish running requests after SIGTERM.
    pub shutdown_seconds: u64,
}

/// Where objects are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Config {
    /// Bucket of all tenants' objects.
    pub bucket: String,
    /// Region of the bucket.
    pub region: String,
    /// Another endpoint than AWS's.
    pub endpoint_url: Option<String>,
    /// Bucket in the path instead of the host name.
    pub force_path_style: bool,
    /// Time to connect.
    pub connect_timeout_ms: u64,
    /// Time to wait for an answer, and for each piece of it.
    pub read_timeout_ms: u64,
}

/// Keys of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyringsConfig {
    /// Keyring file of the image tokens.
    pub image: PathBuf,
}

/// How much is done at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkConfig {
    /// Images decoded at the same time; 0 means one for each core.
    pub cpu_permits: usize,
    /// Sources held at the same time; 0 means four for each CPU permit.
    pub fetch_permits: usize,
    /// Memory of all decoders together, by estimate.
    pub max_decoding_bytes: u64,
    /// Images that are made or wait.
    pub max_queue: usize,
    /// The same for one tenant.
    pub max_queue_per_tenant: usize,
    /// Time after which a waiting image is given up.
    pub max_wait_ms: u64,
}

/// What is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Longest `max-age`.
    pub max_age_seconds: i64,
    /// Memory for finished images.
    pub memory_bytes: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8081".to_owned(), workers: 0, shutdown_seconds: 20 }
    }
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            region: "us-east-1".to_owned(),
            endpoint_url: None,
            force_path_style: false,
            connect_timeout_ms: 1000,
            read_timeout_ms: 5000,
        }
    }
}

impl Default for WorkConfig {
    fn default() -> Self {
        Self {
            cpu_permits: 0,
            fetch_permits: 0,
            max_decoding_bytes: 512 * 1024 * 1024,
            max_queue: 128,
            max_queue_per_tenant: 64,
            max_wait_ms: 10_000,
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { max_age_seconds: 2 * 24 * 60 * 60, memory_bytes: 64 * 1024 * 1024 }
    }
}

impl HttpConfig {
    /// Threads, never none.
    #[must_use]
    pub fn n_workers(&self) -> usize {
        or_cores(self.workers)
    }
}

impl S3Config {
    /// Time to connect.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// Time to wait for an answer, and for each piece of it.
    #[must_use]
    pub fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
    }
}

impl WorkConfig {
    /// Images decoded at the same time, never none.
    #[must_use]
    pub fn n_cpu_permits(&self) -> usize {
        or_cores(self.cpu_permits)
    }

    /// Sources held at the same time: enough to fetch while others are decoded.
    #[must_use]
    pub fn n_fetch_permits(&self) -> usize {
        NonZeroUsize::new(self.fetch_permits).map_or(4 * self.n_cpu_permits(), NonZeroUsize::get)
    }

    /// Time after which a waiting image is given up.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms)
    }
}

/// `available_parallelism` knows the limits of containers.
fn or_cores(number: usize) -> usize {
    NonZeroUsize::new(number).or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

impl Config {
    /// Defaults, then the file, then the environment.
    ///
    /// # Errors
    /// When a setting is unknown, of the wrong type, missing or out of range.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let config: Self = settings::load(DEFAULT_TOML, file, ENV_PREFIX)?;
        config.validate().map_err(SettingsError::Invalid)?;
        Ok(config)
    }

    /// Variables that look like settings of this program but are none; worth a warning.
    #[must_use]
    pub fn unknown_variables() -> Vec<String> {
        settings::unknown_variables::<Self>(ENV_PREFIX)
    }

    fn validate(&self) -> Result<(), String> {
        let rules = [
            (!self.s3.bucket.is_empty(), "set `s3.bucket` (FREEHOLD_S3__BUCKET) to the bucket of the tenants' objects"),
            (!self.keyrings.image.as_os_str().is_empty(), "set `keyrings.image` (FREEHOLD_KEYRINGS__IMAGE) to the image keyring"),
            ((1..=MAX_SIDE).contains(&self.limits.max_output_side), "`limits.max_output_side` must be 1 to 16383"),
            (self.limits.max_source_pixels > 0, "`limits.max_source_pixels` must be positive"),
            (self.limits.max_source_bytes > 0, "`limits.max_source_bytes` must be positive"),
            (self.limits.max_output_pixels > 0, "`limits.max_output_pixels` must be positive"),
            (
                self.work.max_queue > 0 && self.work.max_queue_per_tenant > 0,
                "`work.max_queue` and `work.max_queue_per_tenant` must be positive",
            ),
            (self.s3.connect_timeout_ms > 0 && self.s3.read_timeout_ms > 0, "timeouts in `s3` must be positive"),
            (self.cache.max_age_seconds >= 0, "`cache.max_age_seconds` must not be negative"),
        ];
        let broken: Vec<_> = rules.iter().filter(|(holds, _)| !holds).map(|(_, rule)| *rule).collect();
        if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_equals_the_defaults() {
        let manual: Config = toml::from_str(DEFAULT_TOML).unwrap();
        assert_eq!(manual, Config::default());
    }

    #[test]
    fn the_manual_names_every_setting() {
        let config = format!("{:?}", Config::default());
        let fields = config.split([' ', '{', ',']).filter_map(|word| word.strip_suffix(':'));
        for field in fields {
            let is_there = [format!("[{field}]"), format!("\n{field} = "), format!("\n# {field} = ")];
            assert!(is_there.iter().any(|text| DEFAULT_TOML.contains(text)), "{field}");
        }
    }

    #[test]
    fn every_missing_setting_is_named_at_once() {
        let error = Config::default().validate().unwrap_err();
        assert!(error.contains("FREEHOLD_S3__BUCKET") && error.contains("FREEHOLD_KEYRINGS__IMAGE"), "{error}");
    }
}
