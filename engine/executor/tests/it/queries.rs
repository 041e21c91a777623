//! Statements, values, budgets.

use std::sync::Arc;
use std::time::Duration;

use freehold_compiler::bind::BindValue;
use freehold_devstack::test_cluster;
use freehold_executor::{PoolConfig, RouteError};
use freehold_ids::TenantId;

use crate::world::World;
use crate::{registry, route, run, soon, statement, text};

#[tokio::test]
async fn values_of_every_type_reach_postgresql() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let tenant = route(&registry, &world.tenant("acme", "").await).await;
    let id = uuid::Uuid::from_u128(7);
    let sql = "SELECT 0, json_build_array($::uuid, $::text, $::int4, $::int8, $::float8, $::bool, $::jsonb, $::uuid[], $::text[], $::int4[], $::float8[], $::bool[])::text";
    let some = vec![
        BindValue::Uuid(Some(id)),
        BindValue::Text(Some("it's \"ä\"".into())),
        BindValue::Int(Some(-1)),
        BindValue::BigInt(Some(1 << 40)),
        BindValue::Double(Some(1.5)),
        BindValue::Bool(Some(true)),
        BindValue::Json(Some("{\"b\": [1, 2]}".into())),
        BindValue::Uuids(Some(vec![Some(id), None])),
        BindValue::Texts(Some(vec![Some("a,b".into()), None])),
        BindValue::Ints(Some(vec![Some(3), None])),
        BindValue::Doubles(Some(vec![Some(0.5)])),
        BindValue::Bools(Some(vec![])),
    ];
    let uuid = "\"00000000-0000-0000-0000-000000000007\"";
    let expected = format!(
        r#"[{uuid}, "it's \"ä\"", -1, 1099511627776, 1.5, true, {{"b": [1, 2]}}, [{uuid},null], ["a,b",null], [3,null], [0.5], []]"#
    );
    assert_eq!(text(&registry, &tenant, sql, some).await, expected);
    let none = vec![
        BindValue::Uuid(None),
        BindValue::Text(None),
        BindValue::Int(None),
        BindValue::BigInt(None),
        BindValue::Double(None),
        BindValue::Bool(None),
        BindValue::Json(None),
        BindValue::Uuids(None),
        BindValue::Texts(None),
        BindValue::Ints(None),
        BindValue::Doubles(None),
        BindValue::Bools(None),
    ];
    assert_eq!(text(&registry, &tenant, sql, none).await, format!("[{}]", ["null"; 12].join(", ")));
}

#[tokio::test]
async fn a_slug_of_nobody_and_a_slug_of_another_tenant_look_alike() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig::for_testing());
    let acme = world.tenant("acme", "").await;
    for (slug, claimed) in [("nobody", acme.id), ("acme", TenantId::generate()), ("No Slug", acme.id), ("", acme.id)] {
        let found = registry.route(slug, claimed).await;
        assert!(matches!(found, Err(RouteError::NotFound)), "{slug}: {found:?}");
    }
    assert_eq!(route(&registry, &acme).await.id(), acme.id);
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_within_a_second_and_back_when_resumed() {
    let world = World::on(test_cluster());
    let registry = registry(&world, PoolConfig { route_ttl_ms: 50, ..PoolConfig::for_testing() });
    let acme = world.tenant("acme", "").await;
    let before = route(&registry, &acme).await;
    world.control("UPDATE tenant SET state = 'suspended'");
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(matches!(registry.route("acme", acme.id).await, Err(RouteError::NotActive { .. })));
    world.control("UPDATE tenant SET state = 'active'");
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(Arc::ptr_eq(&before, &route(&registry, &acme).await), "its connections are kept");
}

#[tokio::test]
async fn connections_are_capped_per_tenant_and_stolen_from_the_idle_when_the_server_is_full() {
    let world = World::on(test_cluster());
    let config = PoolConfig { max_connections_per_server: 3, max_connections_per_tenant: 2, ..PoolConfig::for_testing() };
    let registry = Arc::new(registry(&world, config));
    let mut tenants = Vec::new();
    for slug in ["one", "two", "three", "four"] {
        let made = world.tenant(slug, "").await;
        tenants.push((route(&registry, &made).await, made));
    }
    for round in 0..3 {
        let mut all = tokio::task::JoinSet::new();
        for (tenant, _) in &tenants {
            for _ in 0..4 {
                let (registry, tenant) = (Arc::clone(&registry), Arc::clone(tenant));
                all.spawn(async move { run(&registry, &tenant, "SELECT 0, pg_sleep(0.01)::text", vec![]).await });
            }
        }
        while let Some(result) = all.join_next().await {
            let result = result.unwrap();
            assert!(result.is_ok(), "round {round}: {result:?}");
        }
        assert!(registry.servers()[0].connections <= 3);
    }
    for (_, made) in &tenants {
        assert!(world.sessions(&made.login) <= 2);
    }
    assert!(registry.servers()[0].stolen > 0, "{:?}", registry.servers());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_long_wait_is_refused_in_time() {
    let world = World::on(test_cluster());
    let config = PoolConfig {
        max_connections_per_tenant: 1,
        max_waiting_per_tenant: 1,
        queue_timeout_ms: 100,
        ..PoolConfig::for_testing()
    };
    let registry = Arc::new(registry(&world, config));
    let tenant = route(&registry, &world.tenant("acme", "").await).await;
    let start = |millis: u64| {
        let (registry, tenant) = (Arc::clone(&registry), Arc::clone(&tenant));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            run(&registry, &tenant, "SELECT 0, pg_sleep(0.6)::text", vec![]).await
        })
    };
    let (runs, waits, refused) = (start(0), start(60), start(90));
    assert_eq!(refused.await.unwrap().unwrap_err().code(), "TENANT_OVERLOADED");
    let error = waits.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "TENANT_OVERLOADED");
    assert!(error.retry_after().is_some());
    assert!(runs.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_connection_is_replaced_before_it_holds_too_many_prepared_statements() {
    let world = World::on(test_cluster());
    let config = PoolConfig { max_statements_per_connection: 5, max_connections_per_tenant: 1, ..PoolConfig::for_testing() };
    let registry = registry(&world, config);
    let tenant = route(&registry, &world.tenant("acme", "").await).await;
    let prepared = statement("SELECT 0, count(*)::text FROM pg_prepared_statements");
    let mut most = 0;
    for i in 0..12 {
        let distinct = statement(&format!("SELECT {i}, 'x'"));
        for _ in 0..3 {
            registry.query(&tenant, &distinct, vec![], soon()).await.unwrap();
        }
        let rows = registry.query(&tenant, &prepared, vec![], soon()).await.unwrap();
        most = most.max(std::str::from_utf8(&rows[0].value).unwrap().parse::<u32>().unwrap());
    }
    assert!((2..=5).contains(&most), "{most}");
    assert!(registry.servers()[0].opened > 1);
}
