//! Who runs PostgreSQL: ourselves, or the user `postgres` when we are root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{User, geteuid};

use crate::error::{DevstackError, io};

/// The user PostgreSQL runs as.
#[derive(Debug)]
pub(super) struct Account {
    /// `None`: the user of this process.
    switch_to: Option<(u32, u32)>,
}

impl Account {
    pub(super) fn of_process() -> Result<Self, DevstackError> {
        if !geteuid().is_root() {
            return Ok(Self { switch_to: None });
        }
        let user = User::from_name("postgres").ok().flatten().ok_or(DevstackError::NoAccount)?;
        Ok(Self { switch_to: Some((user.uid.as_raw(), user.gid.as_raw())) })
    }

    pub(super) fn uid(&self) -> u32 {
        self.switch_to.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid)
    }

    /// A command of that user. The standard library drops root's supplementary groups when it changes the user.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.switch_to {
            command.uid(uid).gid(gid);
        }
        // A working directory the user cannot enter makes every PostgreSQL tool complain.
        command.current_dir("/").env("LC_ALL", "C").env("HOME", "/");
        command
    }

    /// Whether the user can enter the folder; asked of the operating system, because mode bits do not tell of ACLs.
    pub(super) fn can_enter(&self, dir: &Path) -> bool {
        if self.switch_to.is_none() {
            return true;
        }
        let mut command = self.command("/bin/sh");
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    pub(super) fn own(&self, path: &Path) -> Result<(), DevstackError> {
        match self.switch_to {
            Some((uid, gid)) => std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(io("change the owner of", path)),
            None => Ok(()),
        }
    }
}
