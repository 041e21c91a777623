//! The `freehold` command line.

mod cli;
mod dev;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
