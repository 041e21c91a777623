//! Finding the server's programs. Distributions keep them out of PATH, one folder per major version.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::DevstackError;

/// SQL of this project is written for 15 and newer.
const OLDEST_MAJOR: u32 = 15;

/// `initdb`, `pg_ctl` and `postgres` of one version.
#[derive(Debug)]
pub(super) struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// Those that fit the data directory; for a new one, the newest.
    pub(super) fn find(data: &Path) -> Result<Self, DevstackError> {
        let mut found: Vec<(u32, PathBuf)> =
            candidates().into_iter().filter_map(|dir| Some((major_version(&dir)?, dir))).collect();
        found.sort();
        found.retain(|(major, _)| *major >= OLDEST_MAJOR);
        let newest = found.last().ok_or(DevstackError::BinariesMissing)?;
        let dir = match std::fs::read_to_string(data.join("PG_VERSION")) {
            Err(_) => &newest.1,
            Ok(version) => {
                let fitting = found.iter().find(|(major, _)| version.trim() == major.to_string());
                let mismatch = || DevstackError::VersionMismatch { data: data.to_owned(), found: version.trim().to_owned() };
                &fitting.ok_or_else(mismatch)?.1
            }
        };
        Ok(Self { dir: dir.clone() })
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    pub(super) fn pg_ctl(&self) -> PathBuf {
        self.dir.join("pg_ctl")
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    // Debian and Ubuntu: a folder per major version.
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    dirs.extend(installed.map(|entry| entry.path().join("bin")));
    #[allow(clippy::disallowed_methods, reason = "PATH is where programs are found, not a setting of ours")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    for dir in std::env::split_paths(&path) {
        // A link in PATH leads to the folder where the other programs are, too.
        let initdb = dir.join("initdb").canonicalize().ok();
        dirs.extend(initdb.and_then(|initdb| Some(initdb.parent()?.to_owned())));
    }
    dirs.sort();
    dirs.dedup();
    dirs.retain(|dir| ["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file()));
    dirs
}

/// From `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major_version(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
