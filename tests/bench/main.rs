//! `make bench`: what an operation costs through the engine, as a multiple of what it costs through a server by hand.
//!
//! Both serve the same tenant database of the same PostgreSQL. Runs are interleaved (thin, engine, thin, engine, …), so that whatever else the machine
//! does hits both. The number to look at is CPU per request, server and PostgreSQL together: requests per second measure the machine.

mod load;
mod meter;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use freehold_tests::operations::{Bodies, Ids, OPERATIONS, Operation};
use freehold_tests::{Client, Database, Installation, binaries};
use load::{Latencies, Target};
use serde_json::Value;

/// Measures the six operations of the content benchmark and prints the ratios.
#[derive(Parser)]
struct Arguments {
    /// Runs per operation and server; the first one warms up and is not counted.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Share of the usual number of requests, for a quick look.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Only these operations, as in `ad`.
    #[arg(long, default_value = "abcdef")]
    only: String,
    /// Connections that send requests.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Record what the thin server writes in the event log, too: what is left of the ratio is the engine's own.
    #[arg(long)]
    log_thin: bool,
    /// Exit with a failure when a read costs more than this multiple of the thin server's CPU.
    #[arg(long)]
    bound: Option<f64>,
}

/// One run of one operation at one server.
struct Run {
    server_ms: f64,
    postgres_ms: f64,
    resident: u64,
    latencies: Latencies,
}

impl Run {
    fn cpu_ms(&self) -> f64 {
        self.server_ms + self.postgres_ms
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut bench = Bench::start(&arguments)?;
    let mut table = Table::default();
    for operation in OPERATIONS.iter().filter(|operation| arguments.only.contains(operation.letter)) {
        bench.compare_answers(operation)?;
        let requests = ((operation.requests as f64 * arguments.scale) as usize).max(arguments.connections);
        let (mut thin, mut engine) = (Vec::new(), Vec::new());
        for round in 0..=arguments.rounds {
            // Both servers get the same values in a round, and other values than in the round before.
            let bodies: Vec<Bodies> = (0..requests).map(|n| operation.bodies(round * requests + n, &bench.ids)).collect();
            let thin_run = bench.run(Server::Thin, operation, &bodies, &arguments)?;
            let engine_run = bench.run(Server::Engine, operation, &bodies, &arguments)?;
            if round > 0 {
                thin.push(thin_run);
                engine.push(engine_run);
            }
        }
        table.add(operation, &thin, &engine, bench.statements(operation)?);
    }
    table.finish(&arguments)
}

#[derive(Clone, Copy)]
enum Server {
    Thin,
    Engine,
}

/// The installation, the thin server beside it, and what tells them apart.
struct Bench {
    thin: Target,
    engine: Target,
    thin_process: ThinProcess,
    engine_pid: i32,
    postmaster: i32,
    database: Database,
    ids: Ids,
    // Last, so that it stops after the thin server let go of its database.
    _installation: Installation,
}

impl Bench {
    fn start(arguments: &Arguments) -> anyhow::Result<Bench> {
        progress("starting PostgreSQL, S3 and the engine");
        let installation = Installation::start()?;
        let schema = binaries::repository().join("tests/bench/schema.graphql");
        let schema = schema.to_str().context("the repository's path is UTF-8")?;
        let tenant = installation.json(&["tenant", "create", "bench", "--schema", schema])?;
        let name = tenant["database"].as_str().context("`tenant create` names the database")?;
        let mut database = installation.database(name)?;

        progress("seeding 20,000 articles and 100,000 comments");
        let ids = seed(&mut database)?;
        if arguments.log_thin {
            database.execute(include_str!("log_thin.sql"))?;
        }
        // Otherwise every run would pay for seals of the seed.
        installation.json(&["audit", "seal", "bench"])?;
        let thin_process = ThinProcess::start(&installation.database_url(name)?)?;
        let one = |name: &str| -> anyhow::Result<i32> {
            installation.processes(name).first().copied().with_context(|| format!("no {name} runs"))
        };
        Ok(Bench {
            thin: Target { name: "thin", url: thin_process.url(), token: None },
            engine: Target {
                name: "engine",
                url: tenant["content_url"].as_str().context("the tenant has a URL")?.to_owned(),
                token: Some(installation.token("bench", "admin")?),
            },
            thin_process,
            engine_pid: one("freehold-engine")?,
            // A cluster is no child of the program that started it, but every backend is a child of its postmaster.
            postmaster: meter::parent(database.backend()?)?,
            database,
            ids,
            _installation: installation,
        })
    }

    fn target(&self, server: Server) -> (&Target, i32) {
        match server {
            Server::Thin => (&self.thin, self.thin_process.pid()),
            Server::Engine => (&self.engine, self.engine_pid),
        }
    }

    fn run(&mut self, server: Server, operation: &Operation, bodies: &[Bodies], arguments: &Arguments) -> anyhow::Result<Run> {
        let (target, pid) = self.target(server);
        let bodies: Vec<String> = bodies
            .iter()
            .map(|bodies| match server {
                Server::Thin => bodies.thin.clone(),
                Server::Engine => bodies.engine.clone(),
            })
            .collect();
        let before = (meter::process(pid)?, meter::cluster(self.postmaster)?);
        let latencies = load::run(target, &bodies, arguments.connections)?;
        if !operation.read {
            self.settle()?;
        }
        let after = (meter::process(pid)?, meter::cluster(self.postmaster)?);
        let per_request = |seconds: f64| seconds * 1e3 / bodies.len() as f64;
        Ok(Run {
            server_ms: per_request(after.0.cpu - before.0.cpu),
            postgres_ms: per_request(after.1.cpu - before.1.cpu),
            resident: after.0.resident,
            latencies,
        })
    }

    /// Waits until what was written is sealed: that belongs to the run that wrote it, and would otherwise fall into the other server's next one.
    fn settle(&mut self) -> anyhow::Result<()> {
        // The engine does it about a second after a write.
        std::thread::sleep(Duration::from_secs(2));
        let deadline = Instant::now() + Duration::from_secs(60);
        // NULL while the engine is at it; and what the thin server wrote is nobody else's to seal.
        let seal = "SELECT coalesce(freehold.seal_events(1000), -1)::text AS value";
        while self.database.texts(seal)? != ["0"] {
            ensure!(Instant::now() < deadline, "what was written is not sealed after a minute");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// How many statements the engine sends for an operation. A single one is also the only round trip: it needs no transaction around it.
    fn statements(&self, operation: &Operation) -> anyhow::Result<usize> {
        let body = &operation.bodies(1_000_003, &self.ids).engine;
        let token = self.engine.token.as_deref().unwrap_or_default();
        let headers = [("Authorization", format!("Bearer {token}")), ("X-Freehold-Debug", "1".to_owned())];
        let answer = Client::default().post(&self.engine.url, &headers, body.as_bytes())?;
        Ok(answer.json()["extensions"]["dbQueries"].as_array().context("the engine shows its statements to an admin")?.len())
    }

    /// A ratio means nothing unless both servers answer the same.
    fn compare_answers(&self, operation: &Operation) -> anyhow::Result<()> {
        let client = Client::default();
        for n in [1, 2, 3] {
            let bodies = operation.bodies(n, &self.ids);
            let thin = self.thin.send(&client, &bodies.thin)?;
            let engine = self.engine.send(&client, &bodies.engine)?;
            // Each server makes a row of its own.
            let own: &[&str] = if operation.letter == 'e' { &["id", "slug"] } else { &[] };
            let (thin, engine) = (normalised(&thin, own)?, normalised(&engine, own)?);
            ensure!(thin == engine, "operation {}: the answers differ\nthin:   {thin}\nengine: {engine}", operation.letter);
            ensure!(thin.to_string().len() > 100, "operation {}: nothing was found: {thin}", operation.letter);
        }
        Ok(())
    }
}

/// The answer with what may differ taken away: the server's `own` fields, the spelling of instants, and the order of tags, which nobody asked for.
fn normalised(body: &[u8], own: &[&str]) -> anyhow::Result<Value> {
    fn walk(value: &mut Value, own: &[&str]) {
        match value {
            Value::String(text) => {
                if let Ok(instant) = chrono::DateTime::parse_from_rfc3339(text) {
                    *text = instant.timestamp_millis().to_string();
                }
            }
            Value::Array(items) => {
                items.iter_mut().for_each(|item| walk(item, own));
                if items
                    .iter()
                    .all(|item| item.as_object().is_some_and(|object| object.len() == 1 && object.contains_key("name")))
                {
                    items.sort_by_key(Value::to_string);
                }
            }
            Value::Object(fields) => {
                fields.retain(|name, _| !own.contains(&name.as_str()));
                fields.values_mut().for_each(|field| walk(field, own));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut value = serde_json::from_slice(body)?;
    walk(&mut value, own);
    Ok(value)
}

fn seed(database: &mut Database) -> anyhow::Result<Ids> {
    database.execute(include_str!("seed.sql"))?;
    database.execute(include_str!("thin.sql"))?;
    // Without statistics and a visibility map the first runs would measure PostgreSQL's housekeeping.
    database.execute("VACUUM (ANALYZE)")?;
    Ok(Ids {
        articles: database.texts("SELECT id::text AS value FROM content.article ORDER BY id")?,
        authors: database.texts("SELECT id::text AS value FROM content.author ORDER BY id")?,
        tags: database.texts("SELECT id::text AS value FROM content.tag ORDER BY id")?,
    })
}

/// The thin server as a process of its own, killed when dropped.
struct ThinProcess {
    child: Child,
    port: u16,
}

impl ThinProcess {
    fn start(database_url: &str) -> anyhow::Result<ThinProcess> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // Planned as in the engine's sessions (README.md), and with the rights of an ordinary role: the ratio is to compare servers and statements, not settings of PostgreSQL.
        let separator = if database_url.contains('?') { '&' } else { '?' };
        let database_url = &format!("{database_url}{separator}options=-c%20random_page_cost%3D1.1&user=thin&password=thin");
        let child = Command::new(binaries::directory().join("thin"))
            .args(["--database-url", database_url, "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the thin server")?;
        let thin = ThinProcess { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("the thin server does not answer");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(thin)
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for ThinProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The ratios, one line per operation, printed as they come.
#[derive(Default)]
struct Table {
    ratios: Vec<(char, bool, f64)>,
}

impl Table {
    #[allow(clippy::print_stdout)] // The table is what this program is for.
    fn add(&mut self, operation: &Operation, thin: &[Run], engine: &[Run], statements: usize) {
        if self.ratios.is_empty() {
            println!("CPU in ms per request, median of {} interleaved runs (best in brackets): server + PostgreSQL", thin.len());
            println!(
                "op | thin                     | engine                   | ratio median / best | p50 ms thin, engine | p99 ms thin, engine | RSS MB thin, engine | statements"
            );
        }
        let cell = |runs: &[Run]| {
            let (server, postgres) = (median(runs, |run| run.server_ms), median(runs, |run| run.postgres_ms));
            format!("{:6.3} + {:6.3} [{:6.3}]", server, postgres, best(runs))
        };
        let ratio = median(engine, Run::cpu_ms) / median(thin, Run::cpu_ms);
        let latency = |share: f64| {
            format!(
                "{:8.2}, {:8.2} ",
                median(thin, |run| run.latencies.percentile(share)),
                median(engine, |run| run.latencies.percentile(share))
            )
        };
        let memory = |runs: &[Run]| runs.iter().map(|run| run.resident).max().unwrap_or(0) as f64 / 1e6;
        println!(
            "{}  | {} | {} | {:7.2} / {:5.2}     | {} | {} | {:6.0}, {:6.0} | {statements}   {}",
            operation.letter,
            cell(thin),
            cell(engine),
            ratio,
            best(engine) / best(thin),
            latency(0.5),
            latency(0.99),
            memory(thin),
            memory(engine),
            operation.title,
        );
        self.ratios.push((operation.letter, operation.read, ratio));
    }

    #[allow(clippy::print_stdout)] // As above.
    fn finish(&self, arguments: &Arguments) -> anyhow::Result<()> {
        let log = if arguments.log_thin { "with the same one" } else { "without one" };
        println!("The engine records every change in the event log; the thin server writes to tables {log}.");
        let Some(bound) = arguments.bound else { return Ok(()) };
        let above: Vec<_> =
            self.ratios.iter().filter(|(_, read, ratio)| *read && *ratio > bound).map(|(letter, ..)| letter).collect();
        ensure!(above.is_empty(), "reads above {bound} times the thin server: {above:?}");
        Ok(())
    }
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn best(runs: &[Run]) -> f64 {
    runs.iter().map(Run::cpu_ms).fold(f64::INFINITY, f64::min)
}

#[allow(clippy::print_stderr)] // Progress of a program for people.
fn progress(what: &str) {
    eprintln!("{what} …");
}
