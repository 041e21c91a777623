//! House rules of the repository, checked as a test: layers, sizes, links, folders, error codes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folders of the map in ARCHITECTURE.md. A new one needs a strong reason, written there.
const TOP_LEVEL: &[&str] =
    &[".ci", "engine", "examples", "image-service", "infra", "migrations", "platform", "schema", "tenant-provisioner", "tests"];

/// Providers of cryptography and TLS that must stay out: ring and rustls do it all, and libpq brings the system's OpenSSL by itself.
const FOREIGN_CRYPTOGRAPHY: &[&str] = &["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys", "openssl", "openssl-sys", "native-tls"];

/// What a pure crate must not reach, however far away: databases, run times, servers, the clock.
const IMPURE: &[&str] =
    &["diesel", "r2d2", "pq-sys", "tokio", "actix-web", "actix-rt", "chrono", "async-graphql", "reqwest", "ureq", "hyper"];

const LONGEST_FILE: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the repository")
}

/// Tracked files and new ones that are not ignored, so that a rule is broken before the commit and not after it.
fn repository_files() -> Vec<PathBuf> {
    let output = git(&["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    output.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).filter(|name| root().join(name).is_file()).collect()
}

fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(root()).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("file names are UTF-8")
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Every package that `package` needs to build, run and be tested.
fn dependencies_of(package: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "--locked", "-p", package, "-e", "normal,build,dev", "--prefix", "none", "--format", "{p}"]);
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Workspace members with what their manifest asks for by name. What only a crate's own tests need is left out: they may look at a database.
fn members() -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"])).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let requirements = |package: &Value| {
        package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|d| d["kind"] != "dev")
            .map(|d| text(&d["name"]))
            .collect()
    };
    packages
        .iter()
        .map(|package| (text(&package["name"]), (text(&package["manifest_path"]).into(), requirements(package))))
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn schema_and_compiler_are_pure() {
    for package in ["freehold-schema", "freehold-compiler"] {
        let dependencies = dependencies_of(package);
        assert!(dependencies.contains(package), "cargo tree printed nothing about {package}");
        let impure: Vec<_> = IMPURE.iter().filter(|name| dependencies.contains(**name)).collect();
        assert!(impure.is_empty(), "{package} must do no I/O, but depends on {impure:?}");
    }
}

#[test]
fn layers_point_one_way() {
    let ours = |package: &str| -> BTreeSet<String> {
        dependencies_of(package).into_iter().filter(|name| name.starts_with("freehold-") && name != package).collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| format!("freehold-{name}")).collect::<BTreeSet<_>>();
    assert_eq!(ours("freehold-schema"), set(&[]));
    assert_eq!(ours("freehold-ids"), set(&[]));
    assert_eq!(ours("freehold-compiler"), set(&["schema"]));
    assert!(
        ours("freehold-images").is_disjoint(&set(&["catalog", "executor", "compiler", "schema", "vault"])),
        "images must come while databases are down"
    );
    assert!(!ours("freehold-executor").contains("freehold-engine"), "the executor must not know the server");
    for service in ["engine", "images", "executor", "catalog"] {
        assert!(
            !ours(&format!("freehold-{service}")).contains("freehold-provisioner"),
            "{service} must not depend on the command line"
        );
    }
}

#[test]
fn only_three_crates_run_sql() {
    // The tests package too: its thin benchmark server is the ceiling the engine is measured against.
    let allowed = ["freehold-catalog", "freehold-executor", "freehold-provisioner", "freehold-tests"];
    let members = members();
    for (name, (_, requirements)) in &members {
        let drivers: Vec<_> = ["diesel", "diesel_migrations", "r2d2", "pq-sys", "tokio-postgres", "sqlx"]
            .iter()
            .filter(|driver| requirements.contains(**driver))
            .collect();
        assert!(drivers.is_empty() || allowed.contains(&name.as_str()), "{name} must not depend on {drivers:?}");
    }
    assert!(members["freehold-executor"].1.contains("diesel"), "the rule is looking at the wrong names");
}

#[test]
fn cryptography_is_ring() {
    let tree = cargo(&[
        "tree",
        "--locked",
        "--workspace",
        "--target",
        "all",
        "-e",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let packages: BTreeSet<_> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(packages.contains("ring"), "cargo tree printed nothing useful");
    let foreign: Vec<_> = FOREIGN_CRYPTOGRAPHY.iter().filter(|name| packages.contains(**name)).collect();
    assert!(foreign.is_empty(), "{foreign:?} came in; find who asks with `cargo tree -i`, and turn its feature off");
}

#[test]
fn members_share_lints_and_package_fields() {
    let mut found = Vec::new();
    for (name, (manifest, _)) in members() {
        let manifest: toml::Table = std::fs::read_to_string(&manifest).expect("a manifest").parse().expect("TOML");
        let inherits = |table: &toml::Table, field: &str| {
            table.get(field).and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) != Some(true) {
            found.push(format!("{name} lacks `[lints] workspace = true`"));
        }
        let package = manifest["package"].as_table().expect("[package]");
        for field in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(package, field) {
                found.push(format!("{name} does not take `{field}` from the workspace"));
            }
        }
    }
    assert_none(&found, "manifests");
}

#[test]
fn top_level_folders_are_the_ones_of_the_map() {
    let folders: BTreeSet<_> = repository_files()
        .iter()
        .filter(|path| path.components().count() > 1)
        .filter_map(|path| path.components().next())
        .map(|component| component.as_os_str().to_string_lossy().into_owned())
        .collect();
    let known: BTreeSet<_> = TOP_LEVEL.iter().map(|name| (*name).to_owned()).collect();
    let new: Vec<_> = folders.difference(&known).cloned().collect();
    assert_none(&new, "folders at the top that ARCHITECTURE.md does not know");
    for expected in ["engine", "schema", "platform", "tests"] {
        assert!(folders.contains(expected), "the listing of files is wrong: no {expected}");
    }
}

#[test]
fn source_files_fit_in_a_head() {
    let mut found = Vec::new();
    for path in repository_files().iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let lines = read(path).lines().count();
        if lines > LONGEST_FILE {
            found.push(format!("{}: {lines} lines", path.display()));
        }
        if path.file_stem().is_some_and(|name| name == "utils" || name == "helpers" || name == "common") {
            found.push(format!("{}: name it after what it is about", path.display()));
        }
    }
    assert_none(&found, &format!("files to split (more than {LONGEST_FILE} lines)"));
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut found = Vec::new();
    for path in repository_files().iter().filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let text = without_code_blocks(&read(path));
        for target in link_targets(&text) {
            if target.starts_with("https://") || target.starts_with("http://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let linked = if file.is_empty() { path.clone() } else { path.parent().unwrap_or(Path::new("")).join(file) };
            if !root().join(&linked).exists() {
                found.push(format!("{}: {target} does not exist", path.display()));
            } else if !anchor.is_empty() && !headings(&read(&linked)).contains(anchor) {
                found.push(format!("{}: {target} names no heading", path.display()));
            }
        }
    }
    assert_none(&found, "broken links");
}

/// Paths in backticks that look like files of ours must exist: documents walk the reader through the code by file names.
#[test]
fn file_names_in_documents_exist() {
    let top: Vec<String> = TOP_LEVEL.iter().map(|name| format!("{name}/")).collect();
    let mut found = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "ERRORS.md", "examples/blog/README.md"] {
        let text = without_code_blocks(&read(Path::new(document)));
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = top.iter().any(|folder| quoted.starts_with(folder)) && !quoted.contains([' ', '*', '<', '{', '…']);
            if is_path && !root().join(quoted).exists() {
                found.push(format!("{document}: `{quoted}`"));
            }
        }
    }
    assert_none(&found, "files that documents name and that do not exist");
}

fn without_code_blocks(text: &str) -> String {
    text.split("```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// Targets of `[text](target)`.
fn link_targets(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|target| target.split_whitespace().next().unwrap_or("").to_owned())
        .collect()
}

/// Anchors of a document's headings, in GitHub's spelling.
fn headings(text: &str) -> BTreeSet<String> {
    let slug = |title: &str| -> String {
        title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    without_code_blocks(text)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#')))
        .collect()
}

/// Someone else's machine has neither our folders nor our package mirror.
#[test]
fn nothing_points_at_one_machine() {
    // Written in halves so that this file does not find itself.
    let local = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/."),
        concat!("/ho", "me/"),
        concat!("artifact", "ory"),
        concat!("mirror", ".internal"),
        concat!("/Us", "ers/"),
    ];
    let binary = ["jpg", "png", "ico", "woff2", "webp"];
    let mut found = Vec::new();
    for path in repository_files().iter().filter(|path| !path.extension().is_some_and(|e| binary.iter().any(|b| e == *b))) {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if local.iter().any(|needle| line.contains(needle)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
        if path.ends_with("package-lock.json") {
            let foreign =
                text.lines().filter(|line| line.contains("\"resolved\"") && !line.contains("https://registry.npmjs.org/"));
            found.extend(foreign.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
        if path.ends_with("Cargo.lock") {
            let foreign = text
                .lines()
                .filter(|line| line.starts_with("source = ") && !line.contains("github.com/rust-lang/crates.io-index"));
            found.extend(foreign.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    assert_none(&found, "local paths or private registries");
}

/// ERRORS.md is the published table of codes; it must say neither more nor less than the code does.
#[test]
fn every_error_code_is_documented() {
    let mut in_sources: BTreeMap<String, String> = BTreeMap::new();
    let sources = |path: &&PathBuf| path.extension().is_some_and(|e| e == "rs") && !path.starts_with("tests");
    for path in repository_files().iter().filter(sources) {
        for code in codes_in(&read(path)) {
            in_sources.entry(code).or_insert_with(|| path.display().to_string());
        }
    }
    assert!(in_sources.len() > 20, "found hardly any codes: {in_sources:?}");
    let documented: BTreeSet<String> = read(Path::new("ERRORS.md"))
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .map(str::to_owned)
        .collect();
    let mut found: Vec<_> = in_sources
        .iter()
        .filter(|(code, _)| !documented.contains(*code))
        .map(|(code, path)| format!("{code} ({path}) is not in ERRORS.md"))
        .collect();
    found.extend(
        documented
            .iter()
            .filter(|code| !in_sources.contains_key(*code))
            .map(|code| format!("{code} is in ERRORS.md but in no source")),
    );
    assert_none(&found, "error codes");
}

/// Codes that a source file defines: string literals in functions that name codes, the first literal of a failure made on the spot, and the names in
/// a list of codes.
fn codes_in(source: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for start in ["fn code(", "fn as_str(self) -> &'static str {\n        match self {\n            Self::Graphql"] {
        for rest in source.split(start).skip(1) {
            // The body ends where a line closes a brace no deeper than the function itself was indented: four spaces in an impl.
            let body = rest.split_once("\n    }").map_or(rest, |(body, _)| body);
            codes.extend(body.split('"').skip(1).step_by(2).filter(|literal| is_code(literal)).map(str::to_owned));
        }
    }
    for rest in source.split("Failure::new(").skip(1).chain(source.split("Failure::local(").skip(1)) {
        codes.extend(rest.split('"').nth(1).filter(|literal| is_code(literal)).map(str::to_owned));
    }
    codes.extend(source.lines().filter_map(|line| line.trim().strip_suffix(';')).filter(|name| is_code(name)).map(str::to_owned));
    codes
}

fn is_code(literal: &str) -> bool {
    literal.len() > 2
        && literal.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && literal.starts_with(|c: char| c.is_ascii_uppercase())
}

#[test]
fn codes_are_found_in_sources() {
    let source = "impl E {\n    pub fn code(&self) -> &'static str {\n        match self {\n            Self::A => \"ONE\",\n            Self::B(..) => \"TWO_2\",\n        }\n    }\n    fn other() { \"THREE\" }\n}";
    assert_eq!(codes_in(source), BTreeSet::from(["ONE".to_owned(), "TWO_2".to_owned()]));
}
