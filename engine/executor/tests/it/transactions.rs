//! Several statements together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use freehold_devstack::test_cluster;
use freehold_executor::{ExecuteError, Mode, Outcome, PoolConfig};

use crate::world::World;
use crate::{registry, route, soon, statement, text};

const COUNTER: &str = "CREATE TABLE content.counter (n int); INSERT INTO content.counter VALUES (0);
    CREATE TABLE content.parent (id int PRIMARY KEY);
    CREATE TABLE content.child (id int PRIMARY KEY, parent int REFERENCES content.parent DEFERRABLE INITIALLY DEFERRED)";

#[tokio::test]
async fn changes_stay_or_go_together() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let tenant = route(&registry, &world.tenant("acme", COUNTER).await).await;
    let add = statement("UPDATE content.counter SET n = n + 1 RETURNING 0, n::text");
    for (commits, expected) in [(true, "2"), (false, "2")] {
        let add = Arc::clone(&add);
        let n: usize = registry
            .transaction(&tenant, soon(), Mode::Several, move |transaction| {
                let n = transaction.query(&add, vec![])?.len() + transaction.query(&add, vec![])?.len();
                Ok(if commits { Outcome::Commit(n) } else { Outcome::Rollback(n) })
            })
            .await
            .unwrap();
        assert_eq!(n, 2);
        assert_eq!(text(&registry, &tenant, "SELECT 0, n::text FROM content.counter", vec![]).await, expected);
    }
}

#[tokio::test]
async fn transactions_that_meet_are_run_again() {
    let world = World::on(test_cluster());
    let registry = Arc::new(registry(&world, PoolConfig::for_testing()));
    let tenant = route(&registry, &world.tenant("acme", COUNTER).await).await;
    let (read, write) =
        (statement("SELECT n, n::text FROM content.counter"), statement("UPDATE content.counter SET n = $ RETURNING 0, ''"));
    let (attempts, mut all) = (Arc::new(AtomicU32::new(0)), tokio::task::JoinSet::new());
    for _ in 0..2 {
        let (registry, tenant, attempts) = (Arc::clone(&registry), Arc::clone(&tenant), Arc::clone(&attempts));
        let (read, write) = (Arc::clone(&read), Arc::clone(&write));
        all.spawn(async move {
            registry
                .transaction(&tenant, soon(), Mode::Several, move |transaction| {
                    attempts.fetch_add(1, Ordering::Relaxed);
                    let n = transaction.query(&read, vec![])?[0].ordinal;
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    let value = freehold_compiler::bind::BindValue::Int(Some(n + 1));
                    transaction.query(&write, vec![value])?;
                    Ok(Outcome::Commit(()))
                })
                .await
        });
    }
    while let Some(result) = all.join_next().await {
        result.unwrap().unwrap();
    }
    assert_eq!(text(&registry, &tenant, "SELECT 0, n::text FROM content.counter", vec![]).await, "2", "no update was lost");
    assert!(attempts.load(Ordering::Relaxed) > 2, "the second one was run again");
}

#[tokio::test]
async fn a_constraint_that_fails_at_commit_is_reported_with_its_name() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let tenant = route(&registry, &world.tenant("acme", COUNTER).await).await;
    let insert = statement("INSERT INTO content.child VALUES (1, 7) RETURNING 0, ''");
    let result = registry
        .transaction(&tenant, soon(), Mode::Several, move |transaction| {
            transaction.query(&insert, vec![]).map(|_| Outcome::Commit(()))
        })
        .await;
    let Err(ExecuteError::Database(error)) = result else { panic!("{result:?}") };
    assert_eq!((error.sqlstate, error.constraint.as_deref()), ("23503", Some("child_parent_fkey")));
    assert_eq!(text(&registry, &tenant, "SELECT 0, count(*)::text FROM content.child", vec![]).await, "0");
}

#[tokio::test]
async fn a_panic_in_the_middle_is_an_error_and_nothing_stays() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let tenant = route(&registry, &world.tenant("acme", COUNTER).await).await;
    let add = statement("UPDATE content.counter SET n = n + 1 RETURNING 0, n::text");
    let result: Result<(), _> = registry
        .transaction(&tenant, soon(), Mode::Several, move |transaction| {
            transaction.query(&add, vec![])?;
            panic!("a mistake of ours");
        })
        .await;
    assert_eq!(result.unwrap_err().code(), "INTERNAL_SERVER_ERROR");
    assert_eq!(text(&registry, &tenant, "SELECT 0, n::text FROM content.counter", vec![]).await, "0");
}

#[tokio::test]
async fn single_statements_that_meet_are_run_again() {
    const N: usize = 6;
    let world = World::on(test_cluster());
    let registry = Arc::new(registry(&world, PoolConfig { max_connections_per_tenant: 6, ..PoolConfig::for_testing() }));
    let tenant = route(&registry, &world.tenant("acme", COUNTER).await).await;
    // Everybody has taken the snapshot before the first one writes.
    let add = statement("UPDATE content.counter SET n = n + 1 WHERE pg_sleep(0.05) IS NOT NULL RETURNING 0, n::text");
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..N {
        let (registry, tenant, add) = (Arc::clone(&registry), Arc::clone(&tenant), Arc::clone(&add));
        all.spawn(async move {
            let work =
                move |transaction: &mut freehold_executor::Transaction<'_>| transaction.query(&add, vec![]).map(Outcome::Commit);
            registry.transaction(&tenant, soon(), Mode::Single, work).await
        });
    }
    while let Some(result) = all.join_next().await {
        result.unwrap().unwrap();
    }
    let n = text(&registry, &tenant, "SELECT 0, n::text FROM content.counter", vec![]).await;
    assert_eq!(n, N.to_string(), "each found the other's change");
}
