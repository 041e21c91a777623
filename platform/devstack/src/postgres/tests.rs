use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::*;

/// Set in a child of this test binary: it starts a cluster, tells where it is, and waits to be killed.
const OWNER: &str = "FREEHOLD_TEST_CLUSTER_OWNER";

fn connect(url: &str) -> diesel::ConnectionResult<PgConnection> {
    PgConnection::establish(url)
}

#[test]
fn roles_need_their_own_password() {
    let cluster = test_cluster();
    let mut admin = connect(&cluster.url("postgres")).unwrap();
    admin.batch_execute("CREATE ROLE visitor LOGIN PASSWORD 'right'").unwrap();
    let as_visitor = |password: &str| format!("postgres://visitor:{password}@127.0.0.1:{}/postgres", cluster.port());
    assert!(connect(&as_visitor("right")).is_ok());
    for wrong in [as_visitor("wrong"), as_visitor(""), format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port())] {
        let refused = connect(&wrong).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("password"), "{refused}");
    }
}

#[test]
fn data_outlives_a_restart_and_a_stale_pid_file() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("postgres");
    let cluster = PostgresCluster::start(&home, None, Durability::Fast).unwrap();
    connect(&cluster.url("postgres")).unwrap().batch_execute("CREATE DATABASE kept").unwrap();
    let second = PostgresCluster::start(&home, None, Durability::Fast).unwrap_err();
    assert_eq!(second.code(), "DEVSTACK_IN_USE");
    // `immediate` stands for a crash here; a checkpoint makes the database durable although fsync is off.
    connect(&cluster.url("postgres")).unwrap().batch_execute("CHECKPOINT").unwrap();
    let data = cluster.home.join("data");
    drop(cluster);
    assert_eq!(home::postmaster_pid(&data), None);

    // The number of a process that runs and is no PostgreSQL of ours, as after a crash in a container.
    std::fs::write(data.join("postmaster.pid"), format!("{}\n{}\n", std::process::id(), data.display())).unwrap();
    let cluster = PostgresCluster::start(&home, None, Durability::Fast).unwrap();
    assert!(connect(&cluster.url("kept")).is_ok());
    assert!(cluster.is_running());
    cluster.stop();
    cluster.stop();
    assert!(!cluster.is_running());
    assert!(connect(&cluster.url("kept")).is_err());
    drop(cluster);
    PostgresCluster::remove(&home).unwrap();
    assert!(!home.exists() && !data.exists());
}

#[test]
fn a_temporary_cluster_leaves_nothing_behind() {
    let cluster = PostgresCluster::temporary().unwrap();
    let home = cluster.home.clone();
    assert!(home.exists());
    drop(cluster);
    assert!(!home.exists());
}

#[test]
fn a_taken_port_is_reported_with_the_servers_own_words() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("postgres");
    let error = PostgresCluster::start(&home, Some(taken.local_addr().unwrap().port()), Durability::Fast).unwrap_err();
    assert_eq!(error.code(), "POSTGRES_START_FAILED");
    assert!(error.to_string().contains("Address already in use"), "{error}");
    PostgresCluster::remove(&home).unwrap();
}

#[test]
#[allow(clippy::disallowed_methods, reason = "this process plays two parts, told apart by a variable")]
fn a_killed_owner_takes_its_cluster_along() {
    if std::env::var_os(OWNER).is_some() {
        let cluster = PostgresCluster::temporary().unwrap();
        println!("cluster {} {}", cluster.pid().unwrap(), cluster.home.display());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::tests::a_killed_owner_takes_its_cluster_along", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(owner.stdout.take().unwrap());
    let lines = std::io::BufRead::lines(output).map_while(Result::ok);
    let line = lines.into_iter().find_map(|line| Some(line.split_once("cluster ")?.1.to_owned())).unwrap();
    let (pid, home) = line.split_once(' ').unwrap();
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while Path::new(&format!("/proc/{pid}")).exists() || Path::new(home).exists() {
        assert!(Instant::now() < deadline, "the server of a killed owner still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}
