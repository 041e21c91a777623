//! Settings: compiled-in defaults, then a file, then the environment.
//!
//! `FREEHOLD_POOL__MAX_CONNECTIONS=40` sets `max_connections` of `[pool]`. Only variables that name a setting of the program are
//! read: several programs share one environment (`FREEHOLD_CONTEXT` belongs to the command line, `FREEHOLD_S3__BUCKET` to the image
//! service), so others are left alone and can be listed with [`unknown_variables`]. In a file, whose every line is meant for this
//! program, an unknown key is an error; settings structs say `#[serde(deny_unknown_fields)]`.

mod keys;

use std::path::{Path, PathBuf};

use config::{Config, ConfigError, File, FileFormat, Value, ValueKind};
use serde::de::DeserializeOwned;

use keys::{Key, known_keys};

/// Why settings could not be read. All are mistakes of whoever starts the program.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file named with `--config` is missing or unreadable.
    #[error("cannot read the settings file `{}`; give a readable TOML file with --config or leave it out", path.display())]
    Unreadable {
        /// The file as named by the caller.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("settings file `{}` is not valid TOML: {message}", path.display())]
    Syntax {
        /// The file as named by the caller.
        path: PathBuf,
        /// Line, column and reason.
        message: String,
    },
    /// A key is unknown, missing, or has a value of the wrong type.
    #[error("invalid settings: {0}")]
    Invalid(String),
}

impl SettingsError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "SETTINGS_UNREADABLE",
            Self::Syntax { .. } => "SETTINGS_SYNTAX",
            Self::Invalid(_) => "SETTINGS_INVALID",
        }
    }
}

/// Reads settings from defaults, an optional file and the process's environment; later ones win.
///
/// `env_prefix` is written without the underscore that follows it, e.g. `FREEHOLD`.
///
/// # Errors
/// When the file cannot be read, or a value does not fit.
pub fn load<T: DeserializeOwned>(default_toml: &str, file: Option<&Path>, env_prefix: &str) -> Result<T, SettingsError> {
    load_with(default_toml, file, env_prefix, environment())
}

/// Variables with the prefix and a section (`PREFIX_SECTION__KEY`) that name no setting of `T`. Worth a warning at start: one of them may be a typing mistake.
#[must_use]
pub fn unknown_variables<T: DeserializeOwned>(env_prefix: &str) -> Vec<String> {
    let keys = known_keys::<T>();
    let prefix = format!("{env_prefix}_");
    let is_unknown = |name: &str| {
        name.strip_prefix(&prefix).is_some_and(|rest| rest.contains("__") && !keys.iter().any(|key| key.variable() == rest))
    };
    let mut names: Vec<String> = environment().map(|(name, _)| name).filter(|name| is_unknown(name)).collect();
    names.sort();
    names
}

/// Variables that are not valid UTF-8 cannot be ours; `std::env::vars` would panic on them.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn load_with<T: DeserializeOwned>(
    default_toml: &str,
    file: Option<&Path>,
    env_prefix: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<T, SettingsError> {
    let mut builder = Config::builder().add_source(File::from_str(default_toml, FileFormat::Toml));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        // Parsed by itself first, so that a syntax error names the file; the library would only say "from a string".
        let source = File::from_str(&text, FileFormat::Toml);
        Config::builder()
            .add_source(source.clone())
            .build()
            .map_err(|error| SettingsError::Syntax { path: path.to_owned(), message: one_line(&error) })?;
        builder = builder.add_source(source);
    }
    let keys = known_keys::<T>();
    let prefix = format!("{env_prefix}_");
    for (name, value) in environment {
        let Some(key) = name.strip_prefix(&prefix).and_then(|rest| keys.iter().find(|key| key.variable() == rest)) else {
            continue;
        };
        let value = environment_value(&name, value, key);
        builder = builder.set_override(key.path(), value).map_err(invalid)?;
    }
    builder.build().map_err(invalid)?.try_deserialize().map_err(invalid)
}

/// Values stay text and are converted by the type they are read into: guessing types here would turn the password `1e5` into `100000`.
fn environment_value(name: &str, value: String, key: &Key) -> Value {
    let origin = format!("the environment variable {name}");
    let kind = if key.is_list() {
        let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        ValueKind::Array(items.map(|item| Value::new(Some(&origin), ValueKind::String(item.to_owned()))).collect())
    } else {
        ValueKind::String(value)
    };
    Value::new(Some(&origin), kind)
}

fn invalid(error: ConfigError) -> SettingsError {
    SettingsError::Invalid(one_line(&error))
}

fn one_line(error: &ConfigError) -> String {
    let text = error.to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
