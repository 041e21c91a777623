//! The engine and the image service, as processes of their own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_devstack::OwnedProcess;

use super::home::Home;
use crate::cli::context::Context;
use crate::cli::doctor::is_ready;
use crate::cli::failure::{Exit, Failure};

/// A service that is not ready by then will not be.
const READY_PATIENCE: Duration = Duration::from_secs(60);

const ENGINE: &str = "freehold-engine";
const IMAGES: &str = "freehold-images";

/// Whether both services are built: better known before anything else is begun.
pub(super) fn check_programs() -> Result<(), Failure> {
    [ENGINE, IMAGES].into_iter().try_for_each(|name| beside_this_program(name).map(drop))
}

/// What is started, and how: everything a restart needs.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: &'static str,
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
    url: String,
    log: PathBuf,
}

impl Service {
    pub(super) fn engine(home: &Home, context: &Context, control_url: String, graphiql: &Path) -> Result<Self, Failure> {
        let mut environment = vec![
            ("FREEHOLD_HTTP__LISTEN", listen(&context.engine)),
            ("FREEHOLD_CONTROL__DATABASE_URL", control_url),
            ("FREEHOLD_VAULT__MASTER_KEY_FILE", text(context.vault.master_key_file.as_deref().unwrap_or(Path::new("")))),
            ("FREEHOLD_KEYRINGS__CALLER", text(&context.keyrings.caller)),
            ("FREEHOLD_KEYRINGS__IMAGE", text(&context.keyrings.image)),
            ("FREEHOLD_IMAGES__PUBLIC_URL", context.images.clone()),
            ("FREEHOLD_GRAPHIQL__DIRECTORY", text(graphiql)),
        ];
        environment.extend(object_store(context));
        Self::new(ENGINE, environment, &context.engine, home.logs().join("engine.log"))
    }

    pub(super) fn images(home: &Home, context: &Context) -> Result<Self, Failure> {
        let mut environment =
            vec![("FREEHOLD_HTTP__LISTEN", listen(&context.images)), ("FREEHOLD_KEYRINGS__IMAGE", text(&context.keyrings.image))];
        environment.extend(object_store(context));
        Self::new(IMAGES, environment, &context.images, home.logs().join("images.log"))
    }

    fn new(name: &'static str, environment: Vec<(&'static str, String)>, url: &str, log: PathBuf) -> Result<Self, Failure> {
        Ok(Self { name, program: beside_this_program(name)?, environment, url: url.to_owned(), log })
    }

    pub(super) fn spawn(&self) -> Result<OwnedProcess, Failure> {
        Ok(OwnedProcess::spawn(&self.program, &[], self.environment.iter().cloned(), &self.log)?)
    }

    /// Waits until the service is ready, or has ended, or time is over.
    pub(super) fn wait_until_ready(&self, process: &mut OwnedProcess) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_PATIENCE;
        loop {
            let last = match is_ready(&self.url) {
                Ok(()) => return Ok(()),
                Err(last) => last,
            };
            if let Some(how) = process.ended() {
                return Err(self.failure(&format!("{} {how} before it was ready", self.name)));
            }
            if Instant::now() > deadline {
                return Err(self.failure(&format!("{} is not ready after {} s: it {last}", self.name, READY_PATIENCE.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// With the end of the service's log.
    pub(super) fn failure(&self, message: &str) -> Failure {
        Failure::local("DEV_SERVICE", message).details(self.log_end()).hint(format!("its whole log is `{}`", self.log.display()))
    }

    pub(super) fn log_end(&self) -> Vec<String> {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<String> = text.lines().map(|line| format!("  | {line}")).collect();
        lines[lines.len().saturating_sub(8)..].to_vec()
    }
}

/// Settings of the object store, which are the same for both services.
fn object_store(context: &Context) -> Vec<(&'static str, String)> {
    let Some(s3) = &context.s3 else { return Vec::new() };
    vec![
        ("FREEHOLD_S3__ENDPOINT_URL", s3.endpoint.clone()),
        ("FREEHOLD_S3__BUCKET", s3.bucket.clone()),
        ("FREEHOLD_S3__REGION", s3.region.clone()),
        ("FREEHOLD_S3__FORCE_PATH_STYLE", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", s3.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", s3.secret_key.clone()),
    ]
}

fn listen(url: &str) -> String {
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn beside_this_program(name: &str) -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()
        .map_err(|error| Failure::local("DEV_PROGRAM", format!("cannot tell where this program is: {error}")))?;
    let program = here.with_file_name(name);
    if program.is_file() {
        return Ok(program);
    }
    let failure = Failure::new(Exit::NotFound, "DEV_PROGRAM", format!("`{}` does not exist", program.display()));
    Err(failure.hint("build all programs: `make dev` does, or `cargo build --release --workspace`"))
}
