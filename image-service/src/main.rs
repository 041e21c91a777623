//! The image service's process: settings, logging, then [`freehold_images::Application`].

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use freehold_images::{Application, Config};

/// Serves images of tenants' buckets to whoever holds a signed URL.
#[derive(Parser)]
#[command(name = "freehold-images", version)]
struct Arguments {
    /// Settings file; see config.default.toml for all settings and their variables.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = Config::load(arguments.config.as_deref())?;
    let _guard = freehold_telemetry::init("images", env!("CARGO_PKG_VERSION"), &config.log, &config.sentry)?;
    for variable in Config::unknown_variables() {
        tracing::debug!("the variable {variable} is no setting of this program");
    }
    Application::build(config).await?.run().await.context("the server broke down")?;
    tracing::info!("stopped");
    Ok(())
}
