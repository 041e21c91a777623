//! `freehold dev --detach`: the supervisor in the background.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::Runtime;

use super::home::{Home, failed};
use super::summary;
use crate::cli::args::DevOptions;
use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;

const HOW_TO_STOP: &str = "`freehold dev stop` stops it and keeps the data";

pub(super) fn start(runtime: &Runtime, home: &Home, options: &DevOptions, output: Output) -> Result<Exit, Failure> {
    if home.running_pid().is_some() {
        if !home.ready_file().exists() {
            return Err(home.already_running());
        }
        output.note("already running");
    } else {
        let (supervisor, log) = spawn(home, options)?;
        runtime.block_on(wait_until_ready(home, supervisor, log))?;
    }
    summary::print(home, &Context::read(&home.context_file())?, output, HOW_TO_STOP);
    Ok(Exit::Done)
}

fn spawn(home: &Home, options: &DevOptions) -> Result<(Child, File), Failure> {
    home.create()?;
    let _ = std::fs::remove_file(home.ready_file());
    let path = home.logs().join("dev.log");
    let open = || -> std::io::Result<(File, File, File)> {
        let written = File::create(&path)?;
        Ok((written.try_clone()?, written, File::open(&path)?))
    };
    let (stdout, stderr, read) = open().map_err(|error| failed("open", &path, &error))?;
    let program = std::env::current_exe().map_err(|error| failed("find", std::path::Path::new("freehold"), &error))?;
    let mut command = Command::new(program);
    command.args(["dev", "--detached"]).arg("--dir").arg(home.dir());
    for (option, port) in [("--engine-port", options.engine_port), ("--images-port", options.images_port)] {
        if let Some(port) = port {
            command.arg(option).arg(port.to_string());
        }
    }
    // A process group of its own: neither Ctrl-C here nor closing this terminal reaches it.
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
    let child =
        command.spawn().map_err(|error| Failure::local("DEV_DETACH", format!("cannot start in the background: {error}")))?;
    Ok((child, read))
}

/// Repeats what the supervisor says until it is ready.
async fn wait_until_ready(home: &Home, mut supervisor: Child, mut log: File) -> Result<(), Failure> {
    loop {
        let ended = supervisor.try_wait().map_err(|error| failed("watch", home.dir(), &error))?;
        let mut text = Vec::new();
        let _ = log.read_to_end(&mut text);
        let _ = std::io::stderr().write_all(&text);
        if home.ready_file().exists() {
            return Ok(());
        }
        if let Some(status) = ended {
            let failure = Failure::local("DEV_DETACH", format!("the supervisor gave up ({status})"));
            return Err(failure.hint(format!("what it said is in `{}`", home.logs().join("dev.log").display())));
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
            _ = tokio::signal::ctrl_c() => {
                let pid = i32::try_from(supervisor.id()).map(Pid::from_raw);
                let _ = pid.map(|pid| kill(pid, Signal::SIGTERM));
                let _ = tokio::task::spawn_blocking(move || supervisor.wait()).await;
                return Err(Failure::new(Exit::Interrupted, "INTERRUPTED", "interrupted; what was started is stopped again"));
            }
        }
    }
}
