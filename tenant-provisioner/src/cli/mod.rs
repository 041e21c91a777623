//! Reading the command line, running one command, printing its answer.
//!
//! Standard output holds the answer and nothing else; progress, hints and errors go to standard error. With `--output json` the
//! answer is one JSON document, and so is an error. Nothing is asked without a terminal.

pub(crate) mod args;
mod audit;
mod audit_all;
pub(crate) mod context;
pub(crate) mod doctor;
mod documents;
mod duration;
pub(crate) mod failure;
mod manifest;
pub(crate) mod output;
mod plan;
pub(crate) mod progress;
pub(crate) mod schema;
mod server;
pub(crate) mod tenant;
mod token;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use freehold_telemetry::{LogFormat, LogSettings, SentrySettings};
use tokio::runtime::Handle;

use args::{Cli, Command};
use failure::{Exit, Failure};
use output::Output;

/// Parses the arguments, runs the command, and tells how it went.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" too; they go to standard output with code 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let output = Output::new(cli.global.output);
    match start(cli, output) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}

/// For threads to end. One that ends while the process does meets OpenSSL, which libpq uses, taking itself apart: now and then that is a segmentation fault. Only a call
/// that was interrupted takes longer, and need not end first: every step of a saga can be cut off anywhere.
const PATIENCE: Duration = Duration::from_millis(250);

fn start(cli: Cli, output: Output) -> Result<Exit, Failure> {
    let level = match cli.global.verbose {
        0 => "warn",
        1 => "warn,freehold=info,freehold_provisioner=info",
        _ => "info,freehold=debug,freehold_provisioner=debug,freehold_devstack=debug",
    };
    let log = LogSettings { format: LogFormat::Compact, filter: level.to_owned() };
    let _guard = freehold_telemetry::init("cli", env!("CARGO_PKG_VERSION"), &log, &SentrySettings::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("RUNTIME", format!("cannot start: {error}")))?;
    if let Command::Dev(args) = cli.command {
        return crate::dev::run(&runtime, args, output);
    }
    let handle = runtime.handle().clone();
    let answer = runtime.block_on(async {
        // On a thread of its own, so that Ctrl-C is seen even while the command waits for a database.
        let command = tokio::task::spawn_blocking(move || dispatch(cli, &handle, output));
        tokio::select! {
            answer = command => answer.unwrap_or_else(|error| Err(Failure::local("PANIC", format!("the command failed unexpectedly: {error}")))),
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        }
    });
    runtime.shutdown_timeout(PATIENCE);
    answer
}

fn dispatch(cli: Cli, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let context = cli.global.context.as_deref();
    match cli.command {
        Command::Tenant(command) => tenant::run(command, context, runtime, output),
        Command::Plan(command) => plan::run(command, context, runtime, output),
        Command::Schema(command) => schema::run(command, context, runtime, output),
        Command::Documents(command) => documents::run(command, context, runtime, output),
        Command::Token(command) => token::run(command, context, output),
        Command::Server(command) => server::run(command, context, runtime, output),
        Command::Audit(command) => audit::run(command, context, runtime, output),
        Command::Doctor => doctor::run(context, runtime, output),
        Command::Dev(_) => unreachable!("handled before, because it owns the runtime"),
    }
}
