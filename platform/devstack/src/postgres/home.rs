//! The cluster's folder: where it is, who owns it, and what is left in it by an earlier run.
//!
//! `data/` is PostgreSQL's, `password` the superuser's, `log` the server's; `lock` belongs to the process that runs it.

use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::account::Account;
use super::binaries::Binaries;
use super::{Durability, settings};
use crate::error::{DevstackError, io};

/// In the folder the caller named, when the data is elsewhere: the path of the data.
const LOCATION: &str = "LOCATION";

/// How long a server of a killed owner may take to go away by itself.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
}

/// The right to run what is in the folder, given back on drop.
#[derive(Debug)]
pub(super) struct HomeLock(File);

impl Drop for HomeLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked and that is no program of its own yet has the file open, too.
        let _ = self.0.unlock();
    }
}

impl Home {
    /// `dir` itself, or a place that PostgreSQL's user can reach.
    pub(super) fn open(dir: &Path, account: &Account) -> Result<Self, DevstackError> {
        std::fs::create_dir_all(dir).map_err(io("create", dir))?;
        let dir = dir.canonicalize().map_err(io("open", dir))?;
        let parent = dir.parent().unwrap_or(&dir);
        if account.can_enter(parent) {
            return Self::prepare(dir, account);
        }
        let elsewhere = match recorded_place(&dir) {
            Some(place) => place,
            None => {
                let place = reachable_place(&dir);
                // Left behind by a folder of the same name that was removed by hand: keys and catalogue are gone, so is its meaning.
                Self::remove_place(&place, account)?;
                std::fs::write(dir.join(LOCATION), format!("{}\n", place.display())).map_err(io("write", dir.join(LOCATION)))?;
                place
            }
        };
        match std::fs::create_dir(&elsewhere) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(io("create", elsewhere)(error)),
            Err(_) => check_owner(&elsewhere, account)?,
            Ok(()) => {}
        }
        Self::prepare(elsewhere, account)
    }

    /// A new folder that PostgreSQL's user can reach.
    pub(super) fn temporary(account: &Account) -> Result<Self, DevstackError> {
        let system = std::env::temp_dir();
        let root = if account.can_enter(&system) { system } else { PathBuf::from("/var/tmp") };
        let dir = tempfile::Builder::new().prefix("freehold-test-").tempdir_in(&root).map_err(io("create a folder in", root))?;
        Self::prepare(dir.keep(), account)
    }

    fn prepare(path: PathBuf, account: &Account) -> Result<Self, DevstackError> {
        account.own(&path)?;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&path, private).map_err(io("protect", &path))?;
        Ok(Self { path })
    }

    /// Removes what [`Home::open`] would open.
    pub(super) fn remove(dir: &Path, account: &Account) -> Result<(), DevstackError> {
        let Ok(dir) = dir.canonicalize() else { return Ok(()) };
        if let Some(place) = recorded_place(&dir) {
            Self::remove_place(&place, account)?;
        } else {
            Self { path: dir.clone() }.lock()?;
        }
        std::fs::remove_dir_all(&dir).map_err(io("remove", dir))
    }

    fn remove_place(place: &Path, account: &Account) -> Result<(), DevstackError> {
        if !place.exists() {
            return Ok(());
        }
        check_owner(place, account)?;
        let _lock = Self { path: place.to_owned() }.lock()?;
        std::fs::remove_dir_all(place).map_err(io("remove", place))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Whether the server takes connections: the last line of its pid file says so.
    pub(super) fn is_ready(&self) -> bool {
        let pid_file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        pid_file.lines().nth(7).is_some_and(|state| state.trim() == "ready")
    }

    /// An empty log, which PostgreSQL's user may write.
    pub(super) fn begin_log(&self, account: &Account) -> Result<(), DevstackError> {
        let path = self.log();
        File::create(&path).map_err(io("create", &path))?;
        account.own(&path)
    }

    /// One owner at a time.
    pub(super) fn lock(&self) -> Result<HomeLock, DevstackError> {
        let path = self.path.join("lock");
        let file = File::create(&path).map_err(io("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(HomeLock(file)),
            Err(TryLockError::WouldBlock) => Err(DevstackError::InUse { dir: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(io("lock", path)(error)),
        }
    }

    /// The superuser's password, made on the first call.
    pub(super) fn password(&self, account: &Account) -> Result<String, DevstackError> {
        let path = self.path.join("password");
        if let Ok(password) = std::fs::read_to_string(&path) {
            return Ok(password.trim().to_owned());
        }
        let password = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 24]>());
        let mut options = File::options();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(io("create", &path))?;
        std::io::Write::write_all(&mut file, password.as_bytes()).map_err(io("write", &path))?;
        account.own(&path)?;
        Ok(password)
    }

    pub(super) fn initdb(&self, binaries: &Binaries, account: &Account, durability: Durability) -> Result<(), DevstackError> {
        // Into another name first: a half-made data directory is never mistaken for a cluster.
        let unfinished = self.path.join("data.new");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(io("remove", &unfinished))?;
        }
        let mut command = account.command(binaries.initdb());
        command.arg("-D").arg(&unfinished).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"]);
        command.args(["-A", "scram-sha-256"]).arg(format!("--pwfile={}", self.path.join("password").display()));
        if durability == Durability::Fast {
            command.arg("--no-sync");
        }
        let output = command.stdin(Stdio::null()).output().map_err(io("run", binaries.initdb()))?;
        if !output.status.success() {
            return Err(DevstackError::Initdb { message: last_lines(&String::from_utf8_lossy(&output.stderr), 5) });
        }
        settings::write_authentication(&unfinished)?;
        std::fs::rename(&unfinished, self.data()).map_err(io("rename", unfinished))
    }

    /// Deals with `postmaster.pid` of an earlier run. In a container its number may belong to somebody else by now, which makes
    /// PostgreSQL refuse to start; a server whose owner was killed a moment ago is given time to stop.
    pub(super) fn clear_stale_pid(&self, binaries: &Binaries, account: &Account) -> Result<(), DevstackError> {
        let data = self.data();
        let deadline = Instant::now() + ORPHAN_PATIENCE;
        while let Some(pid) = postmaster_pid(&data) {
            if !is_server_of(pid, &data) {
                let path = data.join("postmaster.pid");
                return std::fs::remove_file(&path).or_else(ignore_missing).map_err(io("remove", path));
            }
            if Instant::now() > deadline {
                let mut stop = account.command(binaries.pg_ctl());
                stop.arg("-D").arg(&data).args(["-m", "immediate", "-w", "stop"]).stdout(Stdio::null()).stderr(Stdio::null());
                let _ = stop.status().map_err(io("run", binaries.pg_ctl()))?;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn recorded_place(dir: &Path) -> Option<PathBuf> {
    Some(PathBuf::from(std::fs::read_to_string(dir.join(LOCATION)).ok()?.trim()))
}

fn reachable_place(dir: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    PathBuf::from(format!("/var/tmp/freehold-{:016x}", hasher.finish()))
}

/// `/var/tmp` is open to everybody: a folder that another user laid there must not become our data directory.
fn check_owner(dir: &Path, account: &Account) -> Result<(), DevstackError> {
    let metadata = dir.symlink_metadata().map_err(io("open", dir))?;
    let is_ours = metadata.is_dir() && [0, account.uid()].contains(&metadata.uid());
    if is_ours { Ok(()) } else { Err(DevstackError::Foreign { dir: dir.to_owned() }) }
}

pub(super) fn postmaster_pid(data: &Path) -> Option<u32> {
    std::fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// The working directory of a PostgreSQL process is its data directory. Without `/proc` PostgreSQL's own check has to do.
fn is_server_of(pid: u32, data: &Path) -> bool {
    if !Path::new("/proc/self/cwd").exists() {
        return true;
    }
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data)
}

pub(super) fn last_lines(text: &str, n_lines: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(n_lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_given_back_although_a_child_still_has_it_open() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home { path: dir.path().to_owned() };
        let lock = home.lock().unwrap();
        assert_eq!(home.lock().unwrap_err().code(), "DEVSTACK_IN_USE");
        let _of_the_child = lock.0.try_clone().unwrap();
        drop(lock);
        home.lock().unwrap();
    }
}
