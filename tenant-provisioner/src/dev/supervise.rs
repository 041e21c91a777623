//! The supervisor's life: start, watch, stop.

use std::time::{Duration, Instant};

use freehold_devstack::OwnedProcess;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::home::Home;
use super::services::Service;
use super::start::{Running, start};
use super::summary;
use crate::cli::args::DevOptions;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;

/// How often it looks after its children.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// A service that ends more often than this within [`RESTART_WINDOW`] is broken rather than unlucky.
const MAX_RESTARTS: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);

pub(super) fn run(runtime: &Runtime, home: &Home, options: &DevOptions, output: Output) -> Result<Exit, Failure> {
    if home.running_pid().is_some() {
        return Err(home.already_running());
    }
    let mut signals = runtime.block_on(async { Signals::new(options.detached) })?;
    let handle = runtime.handle().clone();
    let started = runtime.block_on(async {
        let work = {
            let (home, options) = (home.clone(), options.clone());
            tokio::task::spawn_blocking(move || start(&home, &options, &handle))
        };
        tokio::select! {
            started = work => Some(started.unwrap_or_else(|error| Err(Failure::local("PANIC", format!("starting failed unexpectedly: {error}"))))),
            () = signals.next() => None,
        }
    });
    let Some(started) = started else {
        // What was started ends by itself as soon as this process does.
        output.note("interrupted; stopping");
        return Ok(Exit::Interrupted);
    };
    let mut running = started?;
    if !options.detached {
        summary::print(home, &running.context, output, "Ctrl-C stops it and keeps the data");
    }
    super::home::write_private(&home.ready_file(), &format!("{}\n", std::process::id()))?;
    let outcome = runtime.block_on(watch(&mut running, &mut signals, output));
    output.note("stopping …");
    let _ = std::fs::remove_file(home.ready_file());
    stop(running);
    output.note("stopped; the data stays");
    outcome.map(|()| Exit::Done)
}

/// Returns when it is time to stop.
async fn watch(running: &mut Running, signals: &mut Signals, output: Output) -> Result<(), Failure> {
    let mut restarts: Vec<Instant> = Vec::new();
    let mut postgres_ran = true;
    loop {
        tokio::select! {
            () = signals.next() => return Ok(()),
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
        }
        for (service, process) in &mut running.services {
            let Some(how) = process.ended() else { continue };
            report(service, &how, output);
            restarts.retain(|restart| restart.elapsed() < RESTART_WINDOW);
            if restarts.len() >= MAX_RESTARTS {
                return Err(service.failure(&format!("{} {how}, again and again", service.name)));
            }
            restarts.push(Instant::now());
            *process = restart(service)?;
        }
        // Not restarted: whoever stopped it on purpose, to see what happens, would not want that.
        let runs = running.postgres.is_running();
        if postgres_ran && !runs {
            output.note(&format!("PostgreSQL has stopped; its log is `{}`", running.postgres.log_file().display()));
        }
        postgres_ran = runs;
    }
}

fn report(service: &Service, how: &str, output: Output) {
    output.note(&format!("{} {how}; starting it again. The end of its log:\n{}", service.name, service.log_end().join("\n")));
}

fn restart(service: &Service) -> Result<OwnedProcess, Failure> {
    service.spawn()
}

/// The S3 server's task goes on, on the runtime's own threads, until the image service has finished.
fn stop(running: Running) {
    let Running { mut services, objects, postgres, context: _, lock } = running;
    for (_, process) in &mut services {
        process.ask_to_stop();
    }
    services.into_iter().for_each(|(_, process)| process.stop());
    drop(objects);
    postgres.stop();
    drop(lock);
}

/// Ctrl-C, `freehold dev stop`, and the terminal going away.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// A supervisor in the background outlives the terminal.
    hangup: Option<Signal>,
}

impl Signals {
    /// Needs the runtime's context.
    fn new(detached: bool) -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::local("SIGNALS", format!("cannot listen for signals: {error}")));
        // Listening, even without heeding it, replaces the default of being killed.
        let hangup = listen(SignalKind::hangup())?;
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: (!detached).then_some(hangup),
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hangup(&mut self.hangup) => {}
        }
    }
}

async fn hangup(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
