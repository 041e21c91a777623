//! The small process that starts the server and stops it when its owner is gone.
//!
//! A shell holds the reading end of a pipe whose writing end only the owner has. However the owner ends, the operating system
//! closes the pipe, and the shell stops the server. (A parent-death signal would do too, but setting one is unsafe code.) The
//! shell also starts the server, so that there is no moment at which a killed owner leaves one behind.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use super::Durability;
use super::account::Account;
use super::binaries::Binaries;
use super::home::{Home, last_lines};
use crate::error::{DevstackError, io};

const SCRIPT: &str = r#"
pg_ctl=$1 data=$2 log=$3 mode=$4 remove=$5
if ! "$pg_ctl" -D "$data" -l "$log" -w -t 60 start </dev/null >/dev/null 2>&1; then
    echo failed
    [ -z "$remove" ] || rm -rf -- "$remove"
    exit 1
fi
echo ready
exec >/dev/null
while read -r _; do :; done
"$pg_ctl" -D "$data" -m "$mode" -w -t 60 stop </dev/null >/dev/null 2>&1
[ -z "$remove" ] || rm -rf -- "$remove"
"#;

/// Stops the server and waits for it when dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    process: Child,
}

impl Watchdog {
    pub(super) fn start(
        home: &Home,
        binaries: &Binaries,
        account: &Account,
        port: u16,
        durability: Durability,
        temporary: bool,
    ) -> Result<Self, DevstackError> {
        let _ = std::fs::remove_file(home.log());
        let mode = if durability == Durability::Fast { "immediate" } else { "fast" };
        let mut command = account.command("/bin/sh");
        command.args(["-c", SCRIPT, "freehold-postgres"]).arg(binaries.pg_ctl()).arg(home.data()).arg(home.log()).arg(mode);
        command.arg(if temporary { home.path().as_os_str() } else { "".as_ref() });
        // A process group of its own: Ctrl-C in the owner's terminal is the owner's to handle.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut process = command.spawn().map_err(io("run", "/bin/sh"))?;
        let output = process.stdout.take().expect("standard output is piped");
        let mut answer = String::new();
        let read = BufReader::new(output).read_line(&mut answer);
        if read.is_ok() && answer.trim() == "ready" {
            return Ok(Self { process });
        }
        // The log may be gone already with a temporary folder; then there is nothing better to say.
        let log = std::fs::read_to_string(home.log()).unwrap_or_default();
        drop(Self { process });
        Err(DevstackError::Start { port, message: last_lines(&log, 8) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
