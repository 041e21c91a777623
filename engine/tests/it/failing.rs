//! Databases that are gone, frozen or down, as a caller sees it.

use std::time::{Duration, Instant};

use freehold_devstack::{PostgresCluster, test_cluster};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::running::Engine;

const READ: &str = "{ listNote { title } }";

#[test]
fn a_database_that_is_gone_is_reported_without_names() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    engine.world.admin("postgres", &format!("DROP DATABASE {}", acme.database));
    let reply = engine.query("acme", &engine.token(&acme, "admin"), READ);
    assert_eq!((reply.status, reply.code().as_str()), (503, "DATABASE_UNAVAILABLE"));
    for secret in [acme.database.as_str(), "FATAL", "127.0.0.1", "does not exist"] {
        assert!(!reply.text.contains(secret), "{}", reply.text);
    }
    assert_eq!(engine.query("globex", &engine.token(&globex, "admin"), READ).status, 200);
}

#[test]
fn a_table_that_is_gone_is_our_mistake_and_tells_no_sql() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    engine.world.admin(&acme.database, "DROP TABLE content.note");
    let reply = engine.query("acme", &engine.token(&acme, "admin"), READ);
    assert_eq!((reply.status, reply.code().as_str()), (500, "INTERNAL_SERVER_ERROR"));
    assert!(!reply.text.contains("note"), "{}", reply.text);
}

#[test]
fn a_frozen_server_costs_the_deadline_and_thaws() {
    let cluster: &'static PostgresCluster = Box::leak(Box::new(PostgresCluster::temporary().unwrap()));
    let engine = Engine::start_with(cluster, |config| {
        config.http.request_timeout_ms = 1_000;
        config.pool.queue_timeout_ms = 500;
        // The control database is on the same cluster.
        config.pool.route_timeout_ms = 200;
    });
    let acme = engine.tenant("acme");
    let token = engine.token(&acme, "admin");
    assert_eq!(engine.query("acme", &token, READ).status, 200);
    let processes = freeze(cluster);
    let start = Instant::now();
    let reply = engine.query("acme", &token, READ);
    assert_eq!((reply.status, reply.code().as_str()), (504, "DEADLINE_EXCEEDED"), "{}", reply.text);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(engine.send("GET", "/healthz", &[], ()).status, 200);
    assert_eq!(engine.send("GET", "/readyz", &[], ()).status, 503);
    for pid in processes {
        kill(pid, Signal::SIGCONT).unwrap();
    }
    let give_up = Instant::now() + Duration::from_secs(20);
    while engine.query("acme", &token, READ).status != 200 {
        assert!(Instant::now() < give_up, "it serves again");
        std::thread::sleep(Duration::from_millis(100));
    }
    engine.stop();
    cluster.stop();
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    // The read waits for the lock until the writer lets go.
    engine
        .world
        .admin(&acme.database, "CREATE FUNCTION content.slow() RETURNS text LANGUAGE sql AS 'SELECT pg_sleep(0.5)::text'");
    let token = engine.token(&acme, "admin");
    let (url, bearer) = (engine.url("/content/acme"), format!("Bearer {token}"));
    engine.world.admin(
        &acme.database,
        "ALTER TABLE content.note RENAME TO note_stored; \
         CREATE VIEW content.note AS SELECT n.* FROM content.note_stored n, LATERAL (SELECT content.slow() WHERE n.id IS NOT NULL) s; \
         GRANT SELECT ON content.note TO PUBLIC; GRANT EXECUTE ON FUNCTION content.slow() TO PUBLIC",
    );
    let request = std::thread::spawn(move || {
        ureq::post(&url)
            .header("authorization", &bearer)
            .header("content-type", "application/json")
            .send(r#"{"query":"{ listNote { title } }"}"#)
            .map(|mut response| response.body_mut().read_to_string().unwrap())
    });
    std::thread::sleep(Duration::from_millis(250));
    engine.stop();
    assert_eq!(request.join().unwrap().unwrap(), r#"{"data":{"listNote":[{"title":"First"}]}}"#);
}

/// Stops a cluster's processes as a whole.
fn freeze(cluster: &PostgresCluster) -> Vec<Pid> {
    let postmaster = cluster.pid().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
    let pids = std::iter::once(postmaster).chain(children.split_whitespace().map(|pid| pid.parse().unwrap()));
    let pids: Vec<Pid> = pids.map(|pid| Pid::from_raw(pid.try_into().unwrap())).collect();
    for pid in &pids {
        kill(*pid, Signal::SIGSTOP).unwrap();
    }
    pids
}
