//! PostgreSQL, the network and the catalogue failing in every way that one machine can stage.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_devstack::{PostgresCluster, test_cluster};
use freehold_executor::{ExecuteError, PoolConfig, RouteError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::World;
use crate::{registry, route, run, soon, statement, text};

/// A cluster that a test may break.
fn own_cluster() -> &'static PostgresCluster {
    Box::leak(Box::new(PostgresCluster::temporary().unwrap()))
}

#[tokio::test]
async fn a_slow_statement_ends_at_its_deadline_here_and_there() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let made = world.tenant("acme", "").await;
    let tenant = route(&registry, &made).await;
    let start = Instant::now();
    let result =
        registry.query(&tenant, &statement("SELECT 0, pg_sleep(6)::text"), vec![], start + Duration::from_millis(300)).await;
    assert!(matches!(result, Err(ExecuteError::DeadlineExceeded)), "{result:?}");
    assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
    let gone = async {
        while world.sessions(&made.login) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), gone).await.expect("the backend was cancelled and its connection closed");
    assert_eq!(text(&registry, &tenant, "SELECT 0, '1'", vec![]).await, "1");
}

#[tokio::test]
async fn a_request_whose_client_has_gone_is_cancelled() {
    let world = World::on(test_cluster());
    let registry = Arc::new(registry(&world, PoolConfig::for_testing()));
    let made = world.tenant("acme", "").await;
    let tenant = route(&registry, &made).await;
    let request = tokio::spawn({
        let registry = Arc::clone(&registry);
        async move { run(&registry, &tenant, "SELECT 0, pg_sleep(6)::text", vec![]).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.sessions(&made.login), 1);
    request.abort();
    let gone = async {
        while world.sessions(&made.login) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), gone).await.unwrap();
}

#[tokio::test]
async fn backends_that_were_killed_are_replaced_without_an_error() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let made = world.tenant("acme", "").await;
    let tenant = route(&registry, &made).await;
    let one = statement("SELECT 0, '1'");
    for _ in 0..3 {
        registry.query(&tenant, &one, vec![], soon()).await.unwrap();
        world.admin(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'", made.login),
        );
        registry.query(&tenant, &one, vec![], soon()).await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_its_table_is_made_anew() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig { max_connections_per_tenant: 1, ..PoolConfig::for_testing() });
    let made = world.tenant("acme", "CREATE TABLE content.t (a text); INSERT INTO content.t VALUES ('x')").await;
    let tenant = route(&registry, &made).await;
    let all = statement("SELECT 0, t.* FROM content.t");
    for _ in 0..3 {
        registry.query(&tenant, &all, vec![], soon()).await.unwrap();
    }
    world.admin(&made.database, "ALTER TABLE content.t ALTER a TYPE varchar(5)");
    assert_eq!(registry.query(&tenant, &all, vec![], soon()).await.unwrap()[0].value.as_ref(), b"x");
}

#[tokio::test]
async fn a_database_of_another_tenant_is_never_served() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let (acme, globex) = (world.tenant("acme", "").await, world.tenant("globex", "").await);
    // The catalogue is wrong, and acme's login may even connect.
    world.control(&format!(
        "UPDATE placement SET database_name = '{}x' WHERE tenant_id = '{}'",
        globex.database,
        globex.id.as_uuid()
    ));
    world.control(&format!(
        "UPDATE placement SET database_name = '{}' WHERE tenant_id = '{}'",
        globex.database,
        acme.id.as_uuid()
    ));
    world.admin(
        &globex.database,
        &format!("GRANT USAGE ON SCHEMA freehold TO {0}; GRANT SELECT ON freehold.tenant_marker TO {0}", acme.login),
    );
    let tenant = route(&registry, &acme).await;
    let result = run(&registry, &tenant, "SELECT 0, '1'", vec![]).await;
    assert!(matches!(&result, Err(ExecuteError::WrongDatabase { .. })), "{result:?}");
    assert_eq!(result.unwrap_err().code(), "DATABASE_UNAVAILABLE");
}

#[tokio::test]
async fn a_database_that_is_gone_and_a_password_that_is_wrong_are_told_from_a_server_that_is_down() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let (gone, locked) = (world.tenant("gone", "").await, world.tenant("locked", "").await);
    world.admin("postgres", &format!("DROP DATABASE {}", gone.database));
    world.admin("postgres", &format!("ALTER ROLE {} PASSWORD 'other'", locked.login));
    for (made, sqlstate) in [(&gone, "3D000"), (&locked, "28P01")] {
        let tenant = route(&registry, made).await;
        for _ in 0..4 {
            let start = Instant::now();
            let error = run(&registry, &tenant, "SELECT 0, '1'", vec![]).await.unwrap_err();
            assert!(
                matches!(&error, ExecuteError::DatabaseUnavailable { sqlstate: found, .. } if *found == sqlstate),
                "{error:?}"
            );
            assert!(start.elapsed() < Duration::from_secs(1), "it does not wait for a connection that cannot come");
        }
    }
    assert!(!registry.servers()[0].breaker_is_open, "the server is well");
}

#[tokio::test]
async fn a_frozen_server_costs_one_deadline_and_then_fails_fast_until_it_thaws() {
    let cluster = own_cluster();
    let world = World::on(cluster);
    let registry = Arc::new(registry(&world, PoolConfig::for_testing()));
    let tenant = route(&registry, &world.tenant("acme", "").await).await;
    assert_eq!(text(&registry, &tenant, "SELECT 0, '1'", vec![]).await, "1");
    let frozen = freeze(cluster);

    let start = Instant::now();
    let deadline = start + Duration::from_millis(500);
    let result = registry.query(&tenant, &statement("SELECT 0, '1'"), vec![], deadline).await;
    assert!(matches!(result, Err(ExecuteError::DeadlineExceeded)), "{result:?}");
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());

    let refused = async {
        while !registry.servers()[0].breaker_is_open {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(8), refused).await.expect("the cancel found out that the server hangs");
    let start = Instant::now();
    let error = run(&registry, &tenant, "SELECT 0, '1'", vec![]).await.unwrap_err();
    assert_eq!(error.code(), "SERVER_UNAVAILABLE");
    assert!(error.retry_after().is_some() && start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());

    thaw(&frozen);
    let back = async {
        while run(&registry, &tenant, "SELECT 0, '1'", vec![]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), back).await.expect("it serves again");
    cluster.stop();
}

#[tokio::test]
async fn a_server_that_is_down_fails_fast_and_routes_outlive_the_catalogue() {
    let cluster = own_cluster();
    let world = World::on(cluster);
    let registry = registry(&world, PoolConfig { route_ttl_ms: 50, ..PoolConfig::for_testing() });
    let made = world.tenant("acme", "").await;
    let tenant = route(&registry, &made).await;
    assert_eq!(text(&registry, &tenant, "SELECT 0, '1'", vec![]).await, "1");
    cluster.stop();
    tokio::time::sleep(Duration::from_millis(60)).await;
    for _ in 0..3 {
        let error = run(&registry, &tenant, "SELECT 0, '1'", vec![]).await.unwrap_err();
        assert_eq!(error.code(), "SERVER_UNAVAILABLE", "{error:?}");
    }
    assert!(registry.servers()[0].breaker_is_open);
    assert!(Arc::ptr_eq(&tenant, &route(&registry, &made).await), "the last known route serves while the catalogue is down");
    assert!(matches!(registry.route("unheard-of", made.id).await, Err(RouteError::CatalogUnavailable { .. })));
}

/// Stops a cluster's processes as a whole, as a host without CPU would.
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

fn thaw(pids: &[Pid]) {
    for pid in pids {
        kill(*pid, Signal::SIGCONT).unwrap();
    }
}
