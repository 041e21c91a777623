//! The installation's folder, and who is running it.
//!
//! `dev.pid` is locked by the supervisor for as long as it lives, so its content is believed only while the lock is held: process
//! numbers are given out again.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_devstack::PostgresCluster;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};

/// Requests under way may finish, and PostgreSQL writes its checkpoint.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// The folder, by default `.freehold`.
#[derive(Debug, Clone)]
pub(super) struct Home {
    dir: PathBuf,
}

impl Home {
    pub(super) fn new(dir: &Path) -> Result<Self, Failure> {
        // Absolute: paths in dev.json are read by programs that were started elsewhere.
        Ok(Self { dir: std::path::absolute(dir).map_err(|error| failed("find", dir, &error))? })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.dir.join("s3")
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    pub(super) fn context_file(&self) -> PathBuf {
        self.dir.join("dev.json")
    }

    /// Exists while everything is up.
    pub(super) fn ready_file(&self) -> PathBuf {
        self.dir.join("ready")
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("dev.pid")
    }

    pub(super) fn create(&self) -> Result<(), Failure> {
        // PostgreSQL's user must be able to pass through the folder itself, not to look into the keys.
        for (dir, mode) in [(self.dir.clone(), 0o755), (self.keys(), 0o700), (self.objects(), 0o700), (self.logs(), 0o755)] {
            let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(&dir);
            made.map_err(|error| failed("create", &dir, &error))?;
        }
        // Whoever has the folder below a repository must not commit its keys.
        let ignore = self.dir.join(".gitignore");
        std::fs::write(&ignore, "*\n").map_err(|error| failed("write", &ignore, &error))
    }

    /// Makes this process the one that runs the installation, until the returned file is dropped.
    pub(super) fn lock(&self) -> Result<File, Failure> {
        let path = self.pid_file();
        let mut options = File::options();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(|error| failed("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.already_running()),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path, &error)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| failed("write", &path, &error))?;
        Ok(file)
    }

    /// The process that runs the installation now.
    pub(super) fn running_pid(&self) -> Option<u32> {
        let mut file = File::open(self.pid_file()).ok()?;
        if file.try_lock_shared().is_ok() {
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    pub(super) fn already_running(&self) -> Failure {
        let pid = self.running_pid().map(|pid| format!(" (process {pid})")).unwrap_or_default();
        Failure::new(
            Exit::Conflict,
            "DEV_RUNNING",
            format!("an installation is already running in `{}`{pid}", self.dir.display()),
        )
        .hint("`freehold dev stop` stops it; --dir or FREEHOLD_DEV_DIR names another folder")
    }

    /// What an earlier start wrote.
    pub(super) fn previous_context(&self) -> Option<Context> {
        Context::read(&self.context_file()).ok()
    }

    pub(super) fn write_context(&self, context: &Context) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(context).expect("a context has text keys and serialises");
        write_private(&self.context_file(), &format!("{text}\n"))
    }

    /// Stops the process that runs the installation and waits for it; `false` when there is none.
    pub(super) fn stop(&self) -> Result<bool, Failure> {
        let Some(pid) = self.running_pid() else { return Ok(false) };
        let process = i32::try_from(pid).map(Pid::from_raw).map_err(|_| self.already_running())?;
        kill(process, Signal::SIGTERM)
            .map_err(|error| Failure::new(Exit::Auth, "DEV_STOP", format!("cannot stop process {pid}: {error}")))?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.running_pid() == Some(pid) {
            if Instant::now() > deadline {
                let failure =
                    Failure::new(Exit::Retryable, "DEV_STOP", format!("process {pid} was asked to stop and still runs"));
                return Err(failure.hint(format!("look at `{}`", self.logs().display())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(true)
    }

    /// Deletes everything; `false` when there is nothing.
    pub(super) fn remove(&self) -> Result<bool, Failure> {
        if !self.dir.exists() {
            return Ok(false);
        }
        // A mistyped FREEHOLD_DEV_DIR must not cost anybody their files.
        if !self.pid_file().exists() {
            let message = format!("`{}` is no folder of `freehold dev`: it has no dev.pid", self.dir.display());
            return Err(Failure::local("DEV_FOREIGN_DIRECTORY", message));
        }
        PostgresCluster::remove(&self.postgres())?;
        std::fs::remove_dir_all(&self.dir).map_err(|error| failed("delete", &self.dir, &error))?;
        Ok(true)
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let unfinished = path.with_extension("new");
    let _ = std::fs::remove_file(&unfinished);
    let mut options = File::options();
    let written =
        options.write(true).create_new(true).mode(0o600).open(&unfinished).and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| std::fs::rename(&unfinished, path)).map_err(|error| failed("write", path, &error))
}

pub(super) fn failed(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::local("DEV_IO", format!("cannot {action} `{}`: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_process_runs_an_installation_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(&dir.path().join("dev")).unwrap();
        home.create().unwrap();
        assert_eq!(home.running_pid(), None);
        let lock = home.lock().unwrap();
        assert_eq!(home.running_pid(), Some(std::process::id()));
        assert_eq!(home.lock().unwrap_err().exit, Exit::Conflict);
        drop(lock);
        // The number is still in the file, and means nothing any more.
        assert_eq!(home.running_pid(), None);
        assert!(!home.stop().unwrap());
    }

    #[test]
    fn only_a_folder_of_ours_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        let foreign = Home::new(dir.path()).unwrap();
        assert_eq!(foreign.remove().unwrap_err().code, "DEV_FOREIGN_DIRECTORY");
        assert!(dir.path().join("thesis.txt").exists());
        let home = Home::new(&dir.path().join("dev")).unwrap();
        assert!(!home.remove().unwrap());
        home.create().unwrap();
        drop(home.lock().unwrap());
        assert!(home.remove().unwrap());
        assert!(!home.dir().exists());
    }
}
