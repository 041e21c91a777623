//! The catalogue against a real PostgreSQL.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use freehold_devstack::test_cluster;
use freehold_ids::{ReleaseId, ServerId, Slug, TenantId};
use serde_json::json;
use uuid::Uuid;

mod documents;
mod plans;

use crate::*;

/// A catalogue in a database of its own.
fn catalog() -> (Catalog, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("catalog_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::establish(&test_cluster().url("postgres")).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let url = test_cluster().url(&name);
    let catalog = Catalog::connect(&url, 4).unwrap();
    catalog.migrate().unwrap();
    (catalog, url)
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn audit(action: &'static str) -> NewAuditEntry {
    NewAuditEntry { actor: "test".to_owned(), action, tenant: None, detail: json!({ "b": 1, "a": "line\nbreak" }) }
}

fn new_operation(kind: OperationKind) -> NewOperation {
    NewOperation { kind, subject: "acme".to_owned(), actor: "test".to_owned(), input: json!({}) }
}

fn reserve(catalog: &Catalog, name: &str) -> (TenantId, freehold_ids::OperationId) {
    let new = NewTenant { slug: slug(name), limits: TenantLimits::default(), operation: new_operation(OperationKind::Provision) };
    match catalog.reserve_tenant(&new).unwrap() {
        Reservation::New { tenant, operation } => (tenant, operation),
        Reservation::Existing(tenant) => panic!("{tenant:?} has the name"),
    }
}

fn add_server(catalog: &Catalog, name: &str, max_databases: u32) -> NewServer {
    let new = NewServer {
        id: ServerId::generate(),
        name: name.to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 5432,
        system_identifier: name.to_owned(),
        server_version: 150_000,
        max_databases,
        connection_budget: 90,
        template_database: "freehold_template_0".to_owned(),
        sealed_admin_url: vec![1],
        wrapped_key: vec![2],
    };
    catalog.add_server(&new, &audit("server.add")).unwrap();
    new
}

/// Everything a tenant has by the time it is activated.
fn furnish(catalog: &Catalog, id: TenantId) -> ReleaseId {
    let release = catalog.add_release("{}").unwrap();
    catalog.place(id, &id.database(), None).unwrap();
    catalog.keep_tenant_key(id, &[3]).unwrap();
    catalog.keep_credential(id, &format!("{}_a", id.database()), &[4]).unwrap();
    catalog.set_tenant_release(id, &release).unwrap();
    release
}

fn become_state(catalog: &Catalog, id: TenantId, state: TenantState) {
    catalog.transition(&catalog.tenant(id).unwrap(), state, None, &audit("test.transition")).unwrap();
}

fn code<T>(result: Result<T, CatalogError>) -> &'static str {
    result.err().map_or("OK", |error| error.code())
}

#[test]
fn migrating_twice_and_at_once_applies_each_migration_once() {
    let (migrated, url) = catalog();
    assert_eq!(migrated.pending_migrations().unwrap(), Vec::<String>::new());
    assert_eq!(migrated.migrate().unwrap(), Vec::<String>::new());
    let mut conn = PgConnection::establish(&url).unwrap();
    conn.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").unwrap();
    let applied: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| migrated.migrate().unwrap().len())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(applied, 3);
}

#[test]
fn the_migrations_can_be_taken_back() {
    let (_, url) = catalog();
    let mut conn = PgConnection::establish(&url).unwrap();
    for down in [
        include_str!("../../../migrations/control/2026-11-26-000001_documents/down.sql"),
        include_str!("../../../migrations/control/2026-11-21-000001_catalog/down.sql"),
    ] {
        conn.batch_execute(down).unwrap();
    }
}

#[test]
fn diesels_view_of_the_tables_is_the_databases() {
    #[derive(QueryableByName)]
    struct Column {
        #[diesel(sql_type = diesel::sql_types::Text)]
        column: String,
    }
    let (catalog, _) = catalog();
    let query = "SELECT format('%I.%I', table_name, column_name) AS column FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' ORDER BY 1";
    let found: Vec<Column> = catalog.read(|conn| Ok(diesel::sql_query(query).load(conn)?)).unwrap();
    let found: Vec<String> = found.into_iter().map(|row| row.column).collect();
    let mut expected: Vec<String> = Vec::new();
    macro_rules! columns {
        ($($table:ident)*) => {$(
            let sql = diesel::debug_query::<diesel::pg::Pg, _>(&schema::$table::table.select(schema::$table::all_columns)).to_string();
            let list = sql.strip_prefix("SELECT ").unwrap().split(" FROM ").next().unwrap().to_owned();
            expected.extend(list.replace('"', "").split(", ").map(ToOwned::to_owned));
        )*};
    }
    columns!(server tenant plan tenant_name placement credential tenant_key quota schema_release tenant_schema document document_alias operation operation_step audit);
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn one_of_many_wins_a_name() {
    let (catalog, _) = catalog();
    let new =
        NewTenant { slug: slug("acme"), limits: TenantLimits::default(), operation: new_operation(OperationKind::Provision) };
    let mut tenants: Vec<(bool, TenantId)> = std::thread::scope(|scope| {
        let attempt = || match catalog.reserve_tenant(&new).unwrap() {
            Reservation::New { tenant, .. } => (true, tenant),
            Reservation::Existing(tenant) => (false, tenant.id),
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(attempt)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(tenants.iter().filter(|(new, _)| *new).count(), 1);
    tenants.dedup_by_key(|(_, id)| *id);
    assert_eq!(tenants.len(), 1, "all of them see the same tenant");
    assert_eq!(catalog.tenants(true).unwrap().len(), 1);
    assert_eq!(catalog.live_operations().unwrap().len(), 1);
}

#[test]
fn a_name_is_free_after_an_undo_and_reserved_for_ever_after_a_deletion() {
    let (catalog, url) = catalog();
    add_server(&catalog, "one", 10);
    let (undone, _) = reserve(&catalog, "acme");
    catalog.forget_tenant(undone).unwrap();
    let (id, operation) = reserve(&catalog, "acme");
    furnish(&catalog, id);
    become_state(&catalog, id, TenantState::Active);
    assert_eq!(code(catalog.forget_tenant(id)), "CATALOG_QUERY", "a tenant that served leaves its tombstone");
    let lease = catalog.acquire_lease(operation, Uuid::new_v4(), Duration::from_secs(5)).unwrap().unwrap();
    catalog.finish_operation(&lease, OperationState::Succeeded).unwrap();

    become_state(&catalog, id, TenantState::Erasing);
    catalog.destroy_tenant_key(id).unwrap();
    catalog.drop_credentials(id).unwrap();
    catalog.unplace(id).unwrap();
    catalog.bury_tenant(&catalog.tenant(id).unwrap(), &audit("tenant.erase")).unwrap();

    assert_eq!(catalog.route("acme").unwrap(), None);
    assert_eq!(catalog.tenant_key(id).unwrap(), None);
    assert!(catalog.keep_tenant_key(id, &[9]).is_err(), "a destroyed key is not replaced");
    let new =
        NewTenant { slug: slug("acme"), limits: TenantLimits::default(), operation: new_operation(OperationKind::Provision) };
    assert_eq!(code(catalog.reserve_tenant(&new)), "NAME_RETIRED");
    assert_eq!(catalog.tenants(false).unwrap().len(), 0);
    assert_eq!(catalog.tenants(true).unwrap()[0].state, TenantState::Erased);
    let mut conn = PgConnection::establish(&url).unwrap();
    for sneaky in ["DELETE FROM tenant_name", "UPDATE tenant_name SET released_at = NULL", "DELETE FROM tenant"] {
        assert!(conn.batch_execute(sneaky).is_err(), "{sneaky}");
    }
}

#[test]
fn a_transition_needs_the_state_and_the_version_it_was_decided_on() {
    let (catalog, _) = catalog();
    let (id, _) = reserve(&catalog, "acme");
    let read = catalog.tenant(id).unwrap();
    assert_eq!(code(catalog.transition(&read, TenantState::Suspended, None, &audit("x"))), "TENANT_STATE");
    catalog.transition(&read, TenantState::Active, None, &audit("x")).unwrap();
    assert_eq!(code(catalog.transition(&read, TenantState::Undoing, None, &audit("x"))), "TENANT_CHANGED");
    let active = catalog.tenant(id).unwrap();
    catalog.transition(&active, TenantState::Suspended, Some(SuspendReason::Billing), &audit("x")).unwrap();
    assert_eq!(catalog.tenant(id).unwrap().reason, Some(SuspendReason::Billing));
    assert_eq!(catalog.audit_log(10).unwrap().len(), 2, "what did not happen is not in the audit log");
}

#[test]
fn the_epoch_rises_with_placement_credential_and_address() {
    let (catalog, url) = catalog();
    let mut server = add_server(&catalog, "one", 10);
    let (id, _) = reserve(&catalog, "acme");
    let epoch = || catalog.tenant(id).unwrap().epoch;
    assert_eq!(epoch(), 0);
    catalog.place(id, &id.database(), None).unwrap();
    assert_eq!(epoch(), 1);
    catalog.keep_credential(id, "login", &[1]).unwrap();
    assert_eq!(epoch(), 2);
    catalog.keep_credential(id, "login", &[2]).unwrap();
    assert_eq!((epoch(), catalog.credential(id).unwrap().unwrap().sealed_password), (2, vec![1]), "the first one counts");
    catalog.update_server(&server, &audit("server.update")).unwrap();
    assert_eq!(epoch(), 2);
    server.port = 6000;
    catalog.update_server(&server, &audit("server.update")).unwrap();
    assert_eq!(epoch(), 3);
    catalog.drop_credentials(id).unwrap();
    catalog.unplace(id).unwrap();
    assert_eq!(epoch(), 5);
    assert!(PgConnection::establish(&url).unwrap().batch_execute("UPDATE tenant SET epoch = 0").is_err());
}

#[test]
fn a_route_holds_everything_and_exists_only_for_whole_tenants() {
    let (catalog, url) = catalog();
    let server = add_server(&catalog, "one", 10);
    let (id, _) = reserve(&catalog, "acme");
    assert_eq!(catalog.route("acme").unwrap(), None);
    assert_eq!(catalog.route("nobody").unwrap(), None);
    let release = furnish(&catalog, id);
    become_state(&catalog, id, TenantState::Active);
    let route = catalog.route("acme").unwrap().unwrap();
    let expected = TenantRoute {
        tenant_id: id,
        slug: slug("acme"),
        state: TenantState::Active,
        epoch: 2,
        server: ServerAddress { id: server.id, host: "127.0.0.1".to_owned(), port: 5432, connection_budget: 90 },
        database: id.database(),
        login_role: format!("{}_a", id.database()),
        sealed_password: vec![4],
        wrapped_key: vec![3],
        release_id: release,
        limits: TenantLimits::default(),
        documents: DocumentMode::Any,
        documents_version: 0,
    };
    assert_eq!(route, expected);

    let alias = format!("INSERT INTO tenant_name VALUES ('old-name', '{}', 'alias')", id.as_uuid());
    PgConnection::establish(&url).unwrap().batch_execute(&alias).unwrap();
    assert_eq!(catalog.route("old-name").unwrap(), Some(expected), "an alias leads to the same tenant and tells its slug");
    become_state(&catalog, id, TenantState::Suspended);
    assert!(!catalog.route("acme").unwrap().unwrap().state.is_routable());
}

#[test]
fn releases_are_named_by_their_content_and_never_change() {
    let (catalog, url) = catalog();
    let id = catalog.add_release("{\"a\":1}").unwrap();
    assert_eq!(catalog.add_release("{\"a\":1}").unwrap(), id);
    assert_eq!(id.as_str(), "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
    assert_eq!(catalog.release(&id).unwrap().unwrap().document, "{\"a\":1}");
    assert_eq!(catalog.release(&Release::id_of("{}")).unwrap(), None);
    let mut conn = PgConnection::establish(&url).unwrap();
    assert!(conn.batch_execute("UPDATE schema_release SET document = '{}'").is_err());
    assert!(conn.batch_execute(&format!("INSERT INTO schema_release VALUES ('{}', 'x')", "0".repeat(64))).is_err());
}

#[test]
fn a_lease_has_one_holder_and_fences_the_one_before() {
    let (catalog, _) = catalog();
    let (_, operation) = reserve(&catalog, "acme");
    let (long, short) = (Duration::from_secs(30), Duration::from_millis(50));
    let first = catalog.acquire_lease(operation, Uuid::new_v4(), short).unwrap().unwrap();
    catalog.begin_step(&first, 1, "one").unwrap();
    std::thread::sleep(short * 2);
    assert_eq!(code(catalog.finish_step(&first, 1, &json!({}))), "LEASE_LOST", "it ran out");
    let second = catalog.acquire_lease(operation, Uuid::new_v4(), long).unwrap().unwrap();
    assert!(second.generation > first.generation);
    assert_eq!(catalog.acquire_lease(operation, Uuid::new_v4(), long).unwrap(), None);
    for refused in [
        catalog.renew_lease(&first, long),
        catalog.begin_step(&first, 1, "one"),
        catalog.mark_step(&first, 1, StepState::Undone, None),
        catalog.set_operation_state(&first, OperationState::Undoing, None),
        catalog.finish_operation(&first, OperationState::Succeeded),
    ] {
        assert_eq!(code(refused), "LEASE_LOST");
    }
    catalog.release_lease(&first).unwrap();
    assert_eq!(catalog.acquire_lease(operation, Uuid::new_v4(), long).unwrap(), None, "only the holder gives it back");
    catalog.begin_step(&second, 1, "one").unwrap();
    catalog.finish_step(&second, 1, &json!({ "made": "it" })).unwrap();
    let steps = catalog.steps(operation).unwrap();
    assert_eq!((steps.len(), steps[0].attempts, steps[0].state), (1, 2, StepState::Done));
    catalog.finish_operation(&second, OperationState::Succeeded).unwrap();
    assert_eq!(catalog.acquire_lease(operation, Uuid::new_v4(), long).unwrap(), None, "nothing is left to do");
}

#[test]
fn one_operation_at_a_time_changes_a_tenant() {
    let (catalog, _) = catalog();
    let (tenant, operation) = reserve(&catalog, "acme");
    assert_eq!(catalog.begin_operation(&new_operation(OperationKind::Provision), tenant).unwrap(), operation);
    assert_eq!(code(catalog.begin_operation(&new_operation(OperationKind::Deprovision), tenant)), "OPERATION_RUNNING");
    let lease = catalog.acquire_lease(operation, Uuid::new_v4(), Duration::from_secs(5)).unwrap().unwrap();
    catalog.finish_operation(&lease, OperationState::Succeeded).unwrap();
    assert_ne!(catalog.begin_operation(&new_operation(OperationKind::Deprovision), tenant).unwrap(), operation);
}

#[test]
fn the_last_place_on_a_server_is_given_once() {
    let (catalog, _) = catalog();
    add_server(&catalog, "large", 3);
    add_server(&catalog, "small", 1);
    let tenants: Vec<TenantId> = (0..5).map(|n| reserve(&catalog, &format!("tenant-{n}")).0).collect();
    assert_eq!(code(catalog.place(tenants[0], "x", Some("nowhere"))), "SERVER_UNKNOWN");
    let mut outcomes: Vec<&str> = std::thread::scope(|scope| {
        let threads: Vec<_> = tenants.iter().map(|id| scope.spawn(|| code(catalog.place(*id, &id.database(), None)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["NO_SERVER", "OK", "OK", "OK", "OK"]);
    let servers = catalog.servers().unwrap();
    assert_eq!(
        servers.iter().map(|server| (server.name.as_str(), server.n_databases)).collect::<Vec<_>>(),
        [("large", 3), ("small", 1)]
    );
    assert_eq!(
        code(catalog.add_server(&NewServer { id: ServerId::generate(), ..add_server_record() }, &audit("x"))),
        "SERVER_EXISTS"
    );
}

fn add_server_record() -> NewServer {
    NewServer {
        id: ServerId::generate(),
        name: "large".to_owned(),
        host: "h".to_owned(),
        port: 1,
        system_identifier: "other".to_owned(),
        server_version: 150_000,
        max_databases: 1,
        connection_budget: 1,
        template_database: "t".to_owned(),
        sealed_admin_url: vec![],
        wrapped_key: vec![],
    }
}

#[test]
fn the_audit_log_is_one_chain_and_shows_every_edit() {
    let (catalog, url) = catalog();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| catalog.record(&audit("test.act")).unwrap()));
        }
    });
    assert_eq!(catalog.verify_audit_log().unwrap(), 40);
    let mut conn = PgConnection::establish(&url).unwrap();
    for refused in ["UPDATE audit SET actor = 'me' WHERE seq = 7", "DELETE FROM audit", "TRUNCATE audit"] {
        assert!(conn.batch_execute(refused).is_err(), "{refused}");
    }
    let edits = [
        ("UPDATE audit SET actor = 'me' WHERE seq = 7", 7),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 7", 7),
        ("DELETE FROM audit WHERE seq = 7", 8),
        (
            "UPDATE audit SET seq = CASE seq WHEN 7 THEN 108 ELSE 107 END WHERE seq IN (7, 8); UPDATE audit SET seq = seq - 100 WHERE seq > 100",
            7,
        ),
    ];
    for (edit, first_bad) in edits {
        let undo =
            "ALTER TABLE audit DISABLE TRIGGER ALL; BEGIN; CREATE TEMPORARY TABLE kept ON COMMIT PRESERVE ROWS AS TABLE audit;";
        conn.batch_execute(&format!("{undo} {edit}; COMMIT")).unwrap();
        match catalog.verify_audit_log() {
            Err(CatalogError::AuditBroken { seq }) => assert_eq!(seq, first_bad, "{edit}"),
            other => panic!("{edit}: {other:?}"),
        }
        conn.batch_execute(
            "DELETE FROM audit; INSERT INTO audit TABLE kept; DROP TABLE kept; ALTER TABLE audit ENABLE TRIGGER ALL",
        )
        .unwrap();
        assert_eq!(catalog.verify_audit_log().unwrap(), 40);
    }
}

#[test]
fn a_restart_of_the_control_database_is_not_noticed() {
    let (catalog, url) = catalog();
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| catalog.ping().unwrap()))));
    let mut conn = PgConnection::establish(&url).unwrap();
    let end_all = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // Often, because a connection's death is noticed either when a command is sent or when its reply is awaited.
    for _ in 0..20 {
        conn.batch_execute(end_all).unwrap();
        assert_eq!(catalog.route("acme").unwrap(), None);
    }
    conn.batch_execute(end_all).unwrap();
    catalog.record(&audit("test.act")).unwrap();
    assert_eq!(catalog.verify_audit_log().unwrap(), 1);
}

#[test]
fn a_control_database_that_is_down_is_a_clear_error_in_seconds() {
    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let catalog = Catalog::connect(&format!("postgres://u:hunter2@127.0.0.1:{free_port}/d"), 2).unwrap();
    let started = std::time::Instant::now();
    let error = catalog.route("acme").unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(8));
    assert_eq!((error.code(), error.is_retryable()), ("CATALOG_UNAVAILABLE", true));
    assert!(!format!("{error:?} {catalog:?}").contains("hunter2"));
}
