//! Servers and the doctor.

use diesel::connection::SimpleConnection;
use freehold_catalog::ServerState;
use freehold_vault::SecretString;

use super::fixture::{At, End, World, code, world, world_alone};
use crate::saga::FaultPoint;
use crate::{AddServer, NoProgress};

fn findings(world: &World) -> Vec<String> {
    world.provisioner().doctor().unwrap().into_iter().map(|finding| format!("{} {}", finding.code, finding.subject)).collect()
}

#[test]
fn adding_a_server_again_brings_it_up_to_date() {
    let world = world();
    let provisioner = world.provisioner();
    let before = provisioner.catalog().server_named("one").unwrap();
    let after = provisioner.add_server(&AddServer { max_databases: 7, ..world.server() }).unwrap();
    assert_eq!((after.id, after.max_databases), (before.id, 7));
    assert!(after.template_database.starts_with("freehold_template_"));
    assert!(!String::from_utf8_lossy(&after.sealed_admin_url).contains("postgres"));
    let twin = AddServer { name: "two".to_owned(), ..world.server() };
    assert_eq!(code(provisioner.add_server(&twin)), "SERVER_EXISTS");
    let greedy = AddServer { reserved_connections: 100_000, ..world.server() };
    assert_eq!(code(provisioner.add_server(&greedy)), "SERVER_UNFIT");
    let nonsense = AddServer { admin_url: SecretString::new("localhost"), ..world.server() };
    assert_eq!(code(provisioner.add_server(&nonsense)), "SERVER_URL");
    let away = AddServer { admin_url: SecretString::new("postgres://u:hunter2@127.0.0.1:1/postgres"), ..world.server() };
    let error = provisioner.add_server(&away).unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("SERVER_UNREACHABLE", true));
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn a_paused_server_takes_no_tenant() {
    let world = world();
    world.provisioner().set_server_state("one", ServerState::Paused).unwrap();
    assert_eq!(code(world.provisioner().create_tenant(&world.request("acme"), &NoProgress)), "NO_SERVER");
    world.assert_clean_but(&[], "no server");
    world.provisioner().set_server_state("one", ServerState::Active).unwrap();
    world.provisioner().create_tenant(&world.request("acme"), &NoProgress).unwrap();
}

#[test]
fn the_doctor_finds_what_is_left_over_missing_or_open() {
    let world = world_alone();
    let made = world.provisioner().create_tenant(&world.request("acme"), &NoProgress).unwrap();
    assert_eq!(findings(&world), Vec::<String>::new());
    let mut admin = world.conn("postgres");
    let database = &made.database;

    admin.batch_execute("GRANT CONNECT ON DATABASE template1 TO PUBLIC; CREATE DATABASE reports").unwrap_err();
    admin.batch_execute("GRANT CONNECT ON DATABASE template1 TO PUBLIC").unwrap();
    admin.batch_execute("CREATE DATABASE reports").unwrap();
    assert_eq!(findings(&world), ["OPEN_DATABASE one", "OPEN_DATABASE one"]);
    world.provisioner().add_server(&world.server()).unwrap();
    admin.batch_execute("DROP DATABASE reports").unwrap();
    assert_eq!(findings(&world), Vec::<String>::new(), "adding the server again repairs it");

    let stray = freehold_ids::TenantId::generate();
    admin.batch_execute(&format!("CREATE ROLE {}_a", stray.database())).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {}", stray.database())).unwrap();
    assert_eq!(findings(&world), ["ORPHAN_DATABASE one", "ORPHAN_ROLE one"]);
    admin.batch_execute(&format!("DROP DATABASE {}", stray.database())).unwrap();
    admin.batch_execute(&format!("DROP ROLE {}_a", stray.database())).unwrap();

    admin.batch_execute(&format!("GRANT CONNECT ON DATABASE {database} TO PUBLIC; ALTER ROLE {database}_a IN DATABASE {database} SET TimeZone = 'CET'; ALTER DATABASE {database} CONNECTION LIMIT 1")).unwrap();
    assert_eq!(findings(&world), ["TENANT_DEVIATES acme", "TENANT_DEVIATES acme", "TENANT_DEVIATES acme"]);
    admin.batch_execute(&format!("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC; ALTER ROLE {database}_a IN DATABASE {database} SET TimeZone = 'UTC'; ALTER DATABASE {database} CONNECTION LIMIT 16")).unwrap();

    admin.batch_execute(&format!("ALTER ROLE {database}_a NOLOGIN; CREATE ROLE {database}_m")).unwrap();
    assert_eq!(findings(&world), ["STALE_MIGRATOR one", "LOGIN_DEVIATES acme"]);
    world.provisioner().resume_tenant(&made.slug).unwrap();
    admin.batch_execute(&format!("DROP ROLE {database}_m")).unwrap();
    assert_eq!(findings(&world), Vec::<String>::new());

    let dying = world.dying(At(End::Die, FaultPoint::AfterRun, "database"));
    assert_eq!(code(dying.create_tenant(&world.request("globex"), &NoProgress)), "LEASE_LOST");
    std::thread::sleep(super::fixture::LAST_LEASE);
    let operation = world.catalog().live_operations().unwrap()[0].id;
    assert_eq!(findings(&world), [format!("OPERATION_ABANDONED {operation}")]);
    world.provisioner().undo_create(&"globex".parse().unwrap(), &NoProgress).unwrap();

    admin.batch_execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'template0'").unwrap();
    assert_eq!(findings(&world), ["INVALID_DATABASE one"]);
    admin.batch_execute("UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'template0'").unwrap();

    admin.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).unwrap();
    assert_eq!(findings(&world), ["NO_DATABASE acme"]);
    let mut control = world.control();
    control.batch_execute("ALTER TABLE audit DISABLE TRIGGER ALL; UPDATE audit SET actor = 'nobody' WHERE seq = 1").unwrap();
    assert_eq!(findings(&world), ["NO_DATABASE acme", "AUDIT_BROKEN audit log"]);
    world.cluster.stop();
}
