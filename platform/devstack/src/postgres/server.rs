//! Running the server: a child of the owner's shell, ready when its pid file says so.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::Durability;
use super::account::Account;
use super::binaries::Binaries;
use super::home::{Home, last_lines};
use crate::error::DevstackError;
use crate::process::{Farewell, OwnedProcess};

/// Recovery after a crash may take a while on a slow disk.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Starts the server and waits until it takes connections.
pub(super) fn start(
    home: &Home,
    binaries: &Binaries,
    account: &Account,
    port: u16,
    durability: Durability,
    temporary: bool,
) -> Result<OwnedProcess, DevstackError> {
    home.begin_log(account)?;
    let farewell = Farewell {
        // SIGINT: everybody is disconnected and a checkpoint is written. SIGQUIT: at once, for data nobody will read again.
        signal: if durability == Durability::Fast { "QUIT" } else { "INT" },
        patience_seconds: 60,
        remove: temporary.then(|| home.path()),
    };
    let arguments = [OsString::from("-D"), home.data().into_os_string()];
    let mut process =
        OwnedProcess::spawn_with(account.command("/bin/sh"), farewell, &binaries.postgres(), &arguments, &home.log())?;
    let deadline = Instant::now() + START_PATIENCE;
    while !home.is_ready() {
        // Read before the process is asked, because a temporary folder vanishes with it.
        let log = std::fs::read_to_string(home.log()).unwrap_or_default();
        if process.ended().is_some() || Instant::now() > deadline {
            let log = std::fs::read_to_string(home.log()).unwrap_or(log);
            return Err(DevstackError::Start { port, message: last_lines(&log, 8) });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(process)
}
