//! `freehold-engine [--config FILE]`: the GraphQL server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use freehold_engine::{Application, Config};

const USAGE: &str = "usage: freehold-engine [--config FILE]

Serves the GraphQL APIs of all tenants. Settings and their variables: engine/config.default.toml.
";

#[actix_web::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logging may not have started.
            #[allow(clippy::print_stderr)]
            {
                eprintln!("freehold-engine: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn start() -> anyhow::Result<()> {
    let Some(file) = config_file(std::env::args().skip(1))? else {
        #[allow(clippy::print_stdout)]
        {
            print!("{USAGE}");
        }
        return Ok(());
    };
    let config = Config::load(file.as_deref())?;
    let _guard = freehold_telemetry::init("engine", env!("CARGO_PKG_VERSION"), &config.log, &config.sentry)?;
    for name in freehold_telemetry::settings::unknown_variables::<Config>("FREEHOLD") {
        tracing::debug!(variable = name, "variable `{name}` is no setting of the engine");
    }
    let application = Application::build(config).await.context("cannot start")?;
    let address = application.address();
    tracing::info!(%address, "listening on http://{address}");
    application.run().await.context("stopped")?;
    tracing::info!("stopped");
    Ok(())
}

/// The file given with `--config`; the outer None is a wish for help.
fn config_file(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<Option<PathBuf>>> {
    let mut file = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--config" => file = Some(arguments.next().context("--config needs a file")?.into()),
            "--help" | "-h" => return Ok(None),
            other => match other.strip_prefix("--config=") {
                Some(path) => file = Some(path.into()),
                None => anyhow::bail!("unknown argument `{other}`\n{USAGE}"),
            },
        }
    }
    Ok(Some(file))
}
