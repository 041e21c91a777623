//! A whole Freehold in a temporary folder: what `make dev` gives a newcomer, for one test binary or benchmark run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;

/// Started by `freehold dev --detach`, stopped when dropped.
pub struct Installation {
    directory: TempDir,
    /// The content of `dev.json`.
    pub dev: Dev,
}

/// What `dev.json` says, as far as tests use it.
#[derive(Debug, Deserialize)]
pub struct Dev {
    /// Base URL of the engine.
    pub engine: String,
    /// Base URL of the image service.
    pub images: String,
    /// Connection string of the control plane.
    pub control_database_url: String,
    /// The tenants that came with the installation.
    pub tenants: Vec<Tenant>,
}

/// One entry of `tenants`.
#[derive(Debug, Clone, Deserialize)]
pub struct Tenant {
    /// Name in URLs.
    pub slug: String,
    /// The id that never changes.
    pub tenant_id: String,
    /// Where its content API answers.
    pub content_url: String,
    /// A token of an admin.
    pub token: String,
    /// A signed image URL.
    pub image_url: String,
}

impl Installation {
    /// Builds the programs if need be and starts everything; returns once all is ready.
    pub fn start() -> anyhow::Result<Installation> {
        // PostgreSQL may run as another user, who must be able to walk into the folder.
        let permissions = std::fs::Permissions::from_mode(0o755);
        let directory = tempfile::Builder::new().prefix("freehold-test-").permissions(permissions).tempdir()?;
        let output = command(directory.path()).args(["dev", "--detach"]).output().context("cannot start freehold dev")?;
        ensure!(output.status.success(), "freehold dev failed: {}{}", text(&output.stdout), text(&output.stderr));
        let dev = std::fs::read(directory.path().join("dev.json")).context("freehold dev wrote no dev.json")?;
        Ok(Installation { dev: serde_json::from_slice(&dev).context("dev.json has another form")?, directory })
    }

    /// The folder that holds `dev.json`.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// One of the tenants that came with the installation.
    pub fn tenant(&self, slug: &str) -> &Tenant {
        self.dev.tenants.iter().find(|tenant| tenant.slug == slug).expect("dev.json names the example's tenants")
    }

    /// The command line, pointed at this installation.
    pub fn cli(&self) -> Command {
        let mut command = command(self.path());
        command.env("FREEHOLD_CONTEXT", self.path().join("dev.json"));
        command
    }

    /// Runs the command line and returns what it did, whether it succeeded or not.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.cli().args(arguments).output().expect("the command line starts")
    }

    /// Runs the command line with `--output json` and returns its answer.
    pub fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.cli().args(arguments).args(["--output", "json"]).output()?;
        ensure!(
            output.status.success(),
            "freehold {} failed: {}{}",
            arguments.join(" "),
            text(&output.stdout),
            text(&output.stderr)
        );
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("freehold {} printed {}", arguments.join(" "), text(&output.stdout)))
    }

    /// A fresh token of a role.
    pub fn token(&self, tenant: &str, role: &str) -> anyhow::Result<String> {
        let answer = self.json(&["token", "create", "--tenant", tenant, "--role", role, "--ttl", "1h"])?;
        Ok(answer["token"].as_str().context("no token in the answer")?.to_owned())
    }

    /// Writes a file into the installation's folder.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("a temporary folder is writable");
        path
    }

    /// Processes of this installation with that name: `freehold-engine`, `postgres`.
    pub fn processes(&self, name: &str) -> Vec<i32> {
        let mut wanted = vec![self.supervisor().expect("the installation is running")];
        let mut found = Vec::new();
        while let Some(parent) = wanted.pop() {
            for (pid, command) in children(parent) {
                wanted.push(pid);
                if command == name.get(..15).unwrap_or(name) {
                    found.push(pid);
                }
            }
        }
        found.sort_unstable();
        found
    }

    fn supervisor(&self) -> Option<i32> {
        std::fs::read_to_string(self.path().join("dev.pid")).ok()?.trim().parse().ok()
    }

    /// Asks everything to stop and waits for it.
    fn stop(&self) -> anyhow::Result<()> {
        let Some(supervisor) = self.supervisor() else { return Ok(()) };
        let deadline = Instant::now() + Duration::from_secs(60);
        if kill(Pid::from_raw(supervisor), Signal::SIGTERM).is_err() {
            return Ok(());
        }
        while kill(Pid::from_raw(supervisor), None).is_ok() && !is_zombie(supervisor) {
            if Instant::now() > deadline {
                bail!("the installation did not stop within a minute");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let stopped = self.stop();
        if !std::thread::panicking() {
            stopped.expect("the installation stops");
        }
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(binaries::directory().join("freehold"));
    command
        .current_dir(binaries::repository())
        .env("FREEHOLD_DEV_DIR", directory)
        .env("NO_COLOR", "1")
        .stdin(std::process::Stdio::null());
    command
}

/// Direct children of a process, with the first 15 characters of their names, which is what Linux keeps.
pub(crate) fn children(parent: i32) -> Vec<(i32, String)> {
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| stat(pid).filter(|stat| stat.parent == parent).map(|stat| (pid, stat.command))).collect()
}

struct Stat {
    command: String,
    state: char,
    parent: i32,
}

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold spaces and parentheses itself.
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let mut rest = text[close + 1..].split_whitespace();
    Some(Stat {
        command: text[open + 1..close].to_owned(),
        state: rest.next()?.chars().next()?,
        parent: rest.next()?.parse().ok()?,
    })
}

fn is_zombie(pid: i32) -> bool {
    stat(pid).is_none_or(|stat| stat.state == 'Z')
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
