//! Starting everything, in order.

use std::fs::File;

use freehold_devstack::{Durability, OwnedProcess, PostgresCluster, S3Server};
use freehold_provisioner::AddServer;
use freehold_vault::SecretString;
use tokio::runtime::Handle;

use super::example::{Example, TENANTS};
use super::home::Home;
use super::keys::Keys;
use super::objects::Bucket;
use super::ports::{self, Ports};
use super::services::{self, Service};
use super::{control, tenants};
use crate::cli::args::DevOptions;
use crate::cli::context::{Context, S3};
use crate::cli::failure::Failure;
use crate::cli::progress::{Progress, SagaProgress, Style};
use crate::cli::schema;

const SERVER_NAME: &str = "local";
const ACCESS_KEY: &str = "freehold";
const BUCKET: &str = "freehold-media";
const REGION: &str = "us-east-1";

/// Everything that runs. Fields are dropped in this order: services before what they stand on, the lock last.
pub(super) struct Running {
    pub(super) services: Vec<(Service, OwnedProcess)>,
    pub(super) objects: S3Server,
    pub(super) postgres: PostgresCluster,
    pub(super) context: Context,
    pub(super) lock: File,
}

/// Blocking; runs on a thread of its own.
pub(super) fn start(home: &Home, options: &DevOptions, runtime: &Handle) -> Result<Running, Failure> {
    let example = Example::find()?;
    services::check_programs()?;
    home.create()?;
    let lock = home.lock()?;
    let _ = std::fs::remove_file(home.ready_file());
    let last = home.previous_context().map(|context| Ports::of(&context)).unwrap_or_default();
    let engine_port = ports::choose(options.engine_port, last.engine, "FREEHOLD_ENGINE_PORT")?;
    let images_port = ports::choose(options.images_port, last.images, "FREEHOLD_IMAGES_PORT")?;
    let mut progress = Progress::new(Style::Lines);

    let is_new = !home.postgres().exists();
    progress.begin(if is_new { "making a PostgreSQL cluster" } else { "starting PostgreSQL" });
    let postgres = PostgresCluster::start(&home.postgres(), ports::still_free(last.postgres), Durability::Safe)?;
    progress.done(&format!("PostgreSQL on port {}", postgres.port()));

    progress.begin("starting the S3 server");
    let keys = Keys::open(home)?;
    let objects_dir = home.objects();
    let started = S3Server::start(&objects_dir, ports::still_free(last.objects), ACCESS_KEY, keys.s3_secret.expose());
    let objects = runtime.block_on(started)?;
    progress.done(&format!("S3 server on port {}", objects.port()));

    progress.begin("migrating the control plane");
    let engines_control_url = control::prepare(&postgres, &keys.control_password)?;
    progress.done("control plane");

    let mut context = Context {
        engine: format!("http://127.0.0.1:{engine_port}"),
        images: format!("http://127.0.0.1:{images_port}"),
        // The administrator's: dev.json is for the command line and for looking around, the engine gets the other one.
        control_database_url: postgres.url(control::NAME),
        s3: Some(S3 {
            endpoint: objects.endpoint(),
            bucket: BUCKET.to_owned(),
            region: REGION.to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: keys.s3_secret.expose().to_owned(),
        }),
        vault: keys.vault,
        keyrings: keys.keyrings,
        tenants: Vec::new(),
    };
    let tenants = provision(&context, &example, &postgres, runtime, &mut progress)?;

    let mut services = Vec::new();
    for service in [Service::engine(home, &context, engines_control_url, &example.graphiql())?, Service::images(home, &context)?]
    {
        progress.begin(&format!("starting {}", service.name));
        let process = service.spawn()?;
        services.push((service, process));
    }
    for (service, process) in &mut services {
        service.wait_until_ready(process)?;
        progress.done(service.name);
    }

    progress.begin("asking each tenant a first question");
    let caller_keys = context.caller_keys()?;
    for tenant in &tenants {
        let entry = tenants::entry(tenant, &context, &caller_keys)?;
        context.tenants.push(entry);
    }
    progress.done("first query and first image of each tenant");
    home.write_context(&context)?;
    Ok(Running { services, objects, postgres, context, lock })
}

fn provision(
    context: &Context,
    example: &Example,
    postgres: &PostgresCluster,
    runtime: &Handle,
    progress: &mut Progress,
) -> Result<Vec<freehold_catalog::Tenant>, Failure> {
    progress.begin("adding the server");
    let provisioner = context.provisioner(runtime)?;
    // The same server under the same name is brought up to date: its port may have changed.
    provisioner.add_server(&AddServer {
        name: SERVER_NAME.to_owned(),
        admin_url: SecretString::new(postgres.url("postgres")),
        max_databases: 2000,
        reserved_connections: 50,
    })?;
    let schema = schema::read(&example.schema())?;
    let release_id = provisioner.register_release(&schema)?;
    progress.done("server and schema release");

    let bucket = match &context.s3 {
        Some(s3) => Some(runtime.block_on(Bucket::open(s3))?),
        None => None,
    };
    let mut tenants = Vec::new();
    for slug in TENANTS {
        progress.begin(&format!("tenant {slug}"));
        let saga_progress = SagaProgress::quiet();
        let slug = slug.parse().expect("the example's tenants have valid names");
        let tenant = tenants::provide(&provisioner, &release_id, &slug, example, &saga_progress)?;
        if let Some(bucket) = &bucket {
            runtime.block_on(bucket.upload(tenant.id, &example.photographs(slug.as_str())?))?;
        }
        progress.done(&format!("tenant {slug}, with its photographs"));
        if tenant.release_id.as_ref() != Some(&release_id) {
            progress
                .line(&format!("      {slug} was made with another version of examples/blog; `freehold dev reset` starts over"));
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}
