//! Sending many requests over a few keep-alive connections, and what they took.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use freehold_tests::Client;

/// Where requests go.
pub struct Target {
    /// For the table.
    pub name: &'static str,
    /// Where operations are posted.
    pub url: String,
    /// Bearer token, if it wants one.
    pub token: Option<String>,
}

impl Target {
    fn headers(&self) -> Vec<(&'static str, String)> {
        self.token.iter().map(|token| ("Authorization", format!("Bearer {token}"))).collect()
    }

    /// One request; its answer must be a success with data in it.
    pub fn send(&self, client: &Client, body: &str) -> anyhow::Result<Vec<u8>> {
        let answer = client.post(&self.url, &self.headers(), body.as_bytes())?;
        let start = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
        ensure!(answer.status == 200 && start.starts_with(r#"{"data""#), "{} answered {}: {start}", self.name, answer.status);
        ensure!(!start.contains(r#""ok":false"#), "{} refused a write: {start}", self.name);
        Ok(answer.body)
    }
}

/// How long the requests of one run took.
#[derive(Debug, Clone)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// The value below which that share of the requests stayed, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let at = ((self.0.len() - 1) as f64 * share).round() as usize;
        self.0[at].as_secs_f64() * 1e3
    }
}

/// Sends `bodies` in order over `connections` connections, each request when one of them is free.
pub fn run(target: &Target, bodies: &[String], connections: usize) -> anyhow::Result<Latencies> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<Duration>> {
        // A client of its own is a connection of its own.
        let client = Client::default();
        let mut took = Vec::new();
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            target.send(&client, body)?;
            took.push(start.elapsed());
        }
        Ok(took)
    };
    let mut all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a client thread does not panic"))
            .collect::<anyhow::Result<Vec<_>>>()
    })?
    .concat();
    all.sort_unstable();
    ensure!(all.len() == bodies.len(), "some requests got lost");
    Ok(Latencies(all))
}
