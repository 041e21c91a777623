#![allow(clippy::unwrap_used)]

use std::io::Write;

use serde::Deserialize;

use super::*;

const DEFAULTS: &str = "[pool]\nmax_connections = 10\nnames = []\n[log]\nfilter = \"info\"\n";

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Settings {
    pool: Pool,
    log: Log,
    vault: Option<Vault>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Pool {
    max_connections: u32,
    names: Vec<String>,
    password: Option<String>,
    verbose: Option<bool>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Log {
    filter: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Vault {
    master_key_file: Option<std::path::PathBuf>,
}

fn load_settings(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.unwrap_or_default().as_bytes()).unwrap();
    let path = file.map(|_| written.path());
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_with(DEFAULTS, path, "FREEHOLD", environment)
}

#[test]
fn later_sources_win() {
    assert_eq!(load_settings(None, &[]).unwrap().pool.max_connections, 10);
    let file = Some("[pool]\nmax_connections = 20\n");
    assert_eq!(load_settings(file, &[]).unwrap().pool.max_connections, 20);
    let settings = load_settings(file, &[("FREEHOLD_POOL__MAX_CONNECTIONS", "30")]).unwrap();
    assert_eq!(settings.pool.max_connections, 30);
    assert_eq!(settings.log.filter, "info");
}

#[test]
fn optional_settings_and_sections_come_from_the_environment_too() {
    let settings = load_settings(
        None,
        &[
            ("FREEHOLD_VAULT__MASTER_KEY_FILE", "/keys/master.key"),
            ("FREEHOLD_POOL__NAMES", "a, b,"),
            ("FREEHOLD_POOL__VERBOSE", "true"),
        ],
    )
    .unwrap();
    assert_eq!(settings.vault, Some(Vault { master_key_file: Some("/keys/master.key".into()) }));
    assert_eq!(settings.pool.names, ["a", "b"]);
    assert_eq!(settings.pool.verbose, Some(true));
}

#[test]
fn a_password_of_digits_keeps_its_spelling() {
    let settings = load_settings(None, &[("FREEHOLD_POOL__PASSWORD", "1e5")]).unwrap();
    assert_eq!(settings.pool.password.as_deref(), Some("1e5"));
}

#[test]
fn other_programs_variables_are_left_alone() {
    let environment =
        [("FREEHOLD_CONTEXT", "x"), ("FREEHOLD_S3__BUCKET", "x"), ("FREEHOLD_POOL__MAX_CONECTIONS", "x"), ("POOL__NAMES", "x")];
    assert_eq!(load_settings(None, &environment).unwrap(), load_settings(None, &[]).unwrap());
}

#[test]
fn an_unknown_key_in_a_file_is_an_error_that_names_it() {
    let error = load_settings(Some("[pool]\nmax_conections = 20\n"), &[]).unwrap_err();
    assert_eq!(error.code(), "SETTINGS_INVALID");
    assert!(error.to_string().contains("max_conections"), "{error}");
    assert!(error.to_string().contains("max_connections"), "{error}");
}

#[test]
fn wrong_values_name_the_setting_and_where_it_came_from() {
    let error = load_settings(None, &[("FREEHOLD_POOL__MAX_CONNECTIONS", "many")]).unwrap_err().to_string();
    assert!(error.contains("pool.max_connections") && error.contains("FREEHOLD_POOL__MAX_CONNECTIONS"), "{error}");
}

#[test]
fn unreadable_and_broken_files_are_told_apart() {
    let error = load_settings(Some("[pool"), &[]).unwrap_err();
    assert_eq!(error.code(), "SETTINGS_SYNTAX");
    let missing = load_with::<Settings>(DEFAULTS, Some(Path::new("/nonexistent/x.toml")), "FREEHOLD", std::iter::empty());
    assert_eq!(missing.unwrap_err().code(), "SETTINGS_UNREADABLE");
}

#[test]
fn keys_are_found_without_values() {
    let names: Vec<String> = known_keys::<Settings>().iter().map(Key::path).collect();
    let expected = ["pool.max_connections", "pool.names", "pool.password", "pool.verbose", "log.filter", "vault.master_key_file"];
    assert_eq!(names, expected);
}
