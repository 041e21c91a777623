//! A whole Freehold in a temporary folder: what `make dev` gives a newcomer, for one test binary or benchmark run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::binaries;
use crate::database::{self, Database};

/// Started by `freehold dev --detach`, stopped and removed when dropped, or when the process that started it ends in whatever way.
pub struct Installation {
    directory: PathBuf,
    guard: Guard,
    /// The content of `dev.json`.
    pub dev: Dev,
}

/// The installation that the tests of one process share.
pub fn shared() -> &'static Installation {
    static SHARED: OnceLock<Installation> = OnceLock::new();
    SHARED.get_or_init(|| Installation::start().expect("the shared installation starts"))
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
        let directory = tempfile::Builder::new().prefix("freehold-test-").permissions(permissions).tempdir()?.keep();
        let guard = Guard::watch(&directory)?;
        let output = command(&directory).args(["dev", "--detach"]).output().context("cannot start freehold dev")?;
        ensure!(output.status.success(), "freehold dev failed: {}{}", text(&output.stdout), text(&output.stderr));
        let dev = std::fs::read(directory.join("dev.json")).context("freehold dev wrote no dev.json")?;
        Ok(Installation { dev: serde_json::from_slice(&dev).context("dev.json has another form")?, guard, directory })
    }

    /// The folder that holds `dev.json`.
    pub fn path(&self) -> &Path {
        &self.directory
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

    /// An administrator's connection string of one of the cluster's databases.
    pub fn database_url(&self, database: &str) -> anyhow::Result<String> {
        database::sibling_url(&self.dev.control_database_url, database)
    }

    /// An administrator's connection to one of the cluster's databases.
    pub fn database(&self, database: &str) -> anyhow::Result<Database> {
        Database::connect(&self.database_url(database)?)
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
}

impl Drop for Installation {
    fn drop(&mut self) {
        let stopped = self.guard.release();
        if !std::thread::panicking() {
            stopped.expect("the installation stops");
        }
    }
}

/// A process that waits for its input to end and then stops and removes an installation.
///
/// A test that is killed runs no destructors, and a static is never dropped; but a pipe is closed by the kernel, whatever happens to its owner.
struct Guard {
    child: Child,
}

impl Guard {
    fn watch(directory: &Path) -> anyhow::Result<Guard> {
        const SCRIPT: &str =
            r#"trap '' INT TERM HUP; cat >/dev/null; "$0" dev stop >/dev/null 2>&1; rm -rf -- "$FREEHOLD_DEV_DIR""#;
        let freehold = binaries::directory().join("freehold");
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).arg(freehold).env("FREEHOLD_DEV_DIR", directory).stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Guard { child: shell.spawn().context("sh starts")? })
    }

    fn release(&mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        ensure!(self.child.wait()?.success(), "the installation's folder could not be removed");
        Ok(())
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(binaries::directory().join("freehold"));
    command.current_dir(binaries::repository()).env("FREEHOLD_DEV_DIR", directory).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Direct children of a process, with the first 15 characters of their names, which is what Linux keeps.
fn children(parent: i32) -> Vec<(i32, String)> {
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| stat(pid).filter(|stat| stat.parent == parent).map(|stat| (pid, stat.command))).collect()
}

struct Stat {
    command: String,
    parent: i32,
}

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold spaces and parentheses itself; the state follows, then the parent.
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let parent = text[close + 1..].split_whitespace().nth(1)?.parse().ok()?;
    Some(Stat { command: text[open + 1..close].to_owned(), parent })
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
