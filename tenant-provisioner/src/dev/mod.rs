//! `freehold dev`: a whole installation on this machine, supervised by one process.
//!
//! The same programs and libraries as in production, with a private PostgreSQL and an S3 server below them. Everything is in one
//! folder, listens on loopback, and ends when the supervisor ends, whatever ends it.

mod control;
mod detach;
mod example;
mod home;
mod keys;
mod objects;
mod ports;
mod services;
mod start;
mod summary;
mod supervise;
mod tenants;

use tokio::runtime::Runtime;

use crate::cli::args::{DevAction, DevArgs};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use home::Home;

pub(crate) fn run(runtime: &Runtime, args: DevArgs, output: Output) -> Result<Exit, Failure> {
    let home = Home::new(&args.options.dir)?;
    match args.action {
        None if args.options.detach => detach::start(runtime, &home, &args.options, output),
        None => supervise::run(runtime, &home, &args.options, output),
        Some(DevAction::Stop) => {
            let stopped = home.stop()?;
            let text = if stopped { "stopped; its data stays" } else { "nothing is running" };
            output.answer(&serde_json::json!({ "stopped": stopped }), || text.to_owned());
            Ok(Exit::Done)
        }
        Some(DevAction::Reset) => {
            home.stop()?;
            let removed = home.remove()?;
            let text = if removed {
                "data, keys and logs are deleted; `freehold dev` starts afresh"
            } else {
                "there is nothing to delete"
            };
            output.answer(&serde_json::json!({ "removed": removed }), || text.to_owned());
            Ok(Exit::Done)
        }
    }
}
