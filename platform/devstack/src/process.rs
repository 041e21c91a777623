//! A program that ends with its owner, even when the owner is killed.
//!
//! A shell holds the reading end of a pipe whose writing end only the owner has. However the owner ends, the operating system closes
//! the pipe; the shell then asks the program to stop, and insists (SIGKILL) when it does not. (A parent-death signal would do too,
//! but setting one is unsafe code.) The shell is what starts the program, so there is no moment at which a killed owner leaves it behind.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::error::{DevstackError, io};

// The program gets nothing on standard input; file descriptor 3 is the owner's pipe. A background job of a shell would get
// /dev/null as standard input, hence the detour.
const SCRIPT: &str = r#"
signal=$1 patience=$2 remove=$3; shift 3
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
( while read -r _ <&3; do :; done
  kill -"$signal" "$program" 2>/dev/null
  while [ "$patience" -gt 0 ] && kill -0 "$program" 2>/dev/null; do sleep 1; patience=$((patience - 1)); done
  kill -KILL "$program" 2>/dev/null ) >/dev/null 2>&1 &
watcher=$!
wait "$program"; status=$?
kill "$watcher" 2>/dev/null
[ -z "$remove" ] || rm -rf -- "$remove"
exit "$status"
"#;

/// How a program is asked to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Farewell<'a> {
    /// Signal without `SIG`.
    pub(crate) signal: &'static str,
    /// Seconds until SIGKILL.
    pub(crate) patience_seconds: u32,
    /// A folder to remove afterwards.
    pub(crate) remove: Option<&'a Path>,
}

/// A running program.
#[derive(Debug)]
pub struct OwnedProcess {
    shell: Child,
}

impl OwnedProcess {
    /// Starts `program` with variables added to our own environment; what it prints is appended to `log`. It is stopped with
    /// SIGTERM and may take 35 seconds to finish.
    ///
    /// # Errors
    /// When the log cannot be opened or there is no shell. A program that cannot be run exits with code 126 or 127.
    pub fn spawn<'a>(
        program: &Path,
        arguments: &[&OsStr],
        environment: impl IntoIterator<Item = (&'a str, String)>,
        log: &Path,
    ) -> Result<Self, DevstackError> {
        let mut shell = Command::new("/bin/sh");
        shell.envs(environment);
        let farewell = Farewell { signal: "TERM", patience_seconds: 35, remove: None };
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Self::spawn_with(shell, farewell, program, &arguments, log)
    }

    /// `shell` is a command of `/bin/sh`, whose user and environment the program will have.
    pub(crate) fn spawn_with(
        mut shell: Command,
        farewell: Farewell,
        program: &Path,
        arguments: &[OsString],
        log: &Path,
    ) -> Result<Self, DevstackError> {
        let output = File::options().create(true).append(true).open(log).map_err(io("open", log))?;
        let errors = output.try_clone().map_err(io("open", log))?;
        shell.args(["-c", SCRIPT, "freehold-process", farewell.signal]).arg(farewell.patience_seconds.to_string());
        shell.arg(farewell.remove.map_or(OsStr::new(""), Path::as_os_str)).arg(program).args(arguments);
        // A process group of its own: Ctrl-C in the owner's terminal is the owner's to handle.
        shell.stdin(Stdio::piped()).stdout(output).stderr(errors).process_group(0);
        Ok(Self { shell: shell.spawn().map_err(io("run", "/bin/sh"))? })
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&mut self) -> Option<String> {
        self.shell.try_wait().ok().flatten().map(describe)
    }

    /// Asks it to stop; [`OwnedProcess::stop`] waits for it. Asking several at once lets them finish together.
    pub fn ask_to_stop(&mut self) {
        drop(self.shell.stdin.take());
    }

    /// Stops it and waits until it is gone.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.ask_to_stop();
        let _ = self.shell.wait();
    }
}

impl Drop for OwnedProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// The shell reports a program that a signal ended as 128 and the signal's number.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code @ 129..=192), _) => format!("was ended by signal {}", code - 128),
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn wait_for(mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < deadline, "waited for too long");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn shell(script: &str, log: &Path) -> OwnedProcess {
        let arguments: [&OsStr; 2] = ["-c".as_ref(), script.as_ref()];
        OwnedProcess::spawn(Path::new("/bin/sh"), &arguments, [("GREETING", "hello".to_owned())], log).unwrap()
    }

    #[test]
    fn it_is_asked_to_stop_and_may_finish() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let script = "trap 'echo finishing; exit 0' TERM; echo \"$GREETING\"; while :; do sleep 0.05; done";
        let mut process = shell(script, &log);
        wait_for(|| std::fs::read_to_string(&log).unwrap().contains("hello"));
        assert_eq!(process.ended(), None);
        process.stop();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "hello\nfinishing\n");
    }

    #[test]
    fn what_does_not_stop_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let farewell = Farewell { signal: "TERM", patience_seconds: 1, remove: None };
        let script = "trap '' TERM; echo deaf; while :; do sleep 0.05; done";
        let arguments = ["-c".into(), script.into()];
        let process =
            OwnedProcess::spawn_with(Command::new("/bin/sh"), farewell, Path::new("/bin/sh"), &arguments, &log).unwrap();
        wait_for(|| std::fs::read_to_string(&log).unwrap().contains("deaf"));
        let started = Instant::now();
        process.stop();
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn how_it_ended_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        for (script, expected) in [("exit 3", "exited with code 3"), ("kill -KILL $$", "was ended by signal 9")] {
            let mut process = shell(script, &log);
            let mut ended = None;
            wait_for(|| {
                ended = process.ended();
                ended.is_some()
            });
            assert_eq!(ended.as_deref(), Some(expected));
        }
        let mut missing = OwnedProcess::spawn(Path::new("/nonexistent/program"), &[], [], &log).unwrap();
        wait_for(|| missing.ended().is_some());
        assert!(std::fs::read_to_string(&log).unwrap().contains("/nonexistent/program"));
    }
}
