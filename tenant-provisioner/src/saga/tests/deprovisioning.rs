//! Deleting, suspending and resuming tenants.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use freehold_catalog::{SuspendReason, TenantState};
use freehold_ids::Slug;

use super::fixture::{At, End, World, code, lines, world};
use crate::saga::FaultPoint;
use crate::{CreatedTenant, NoProgress, ProvisionError};

const STEPS: [&str; 6] = ["fence", "close", "drop_database", "drop_roles", "destroy_key", "bury"];

fn acme() -> Slug {
    "acme".parse().unwrap()
}

fn create(world: &World, slug: &str) -> CreatedTenant {
    world.provisioner().create_tenant(&world.request(slug), &NoProgress).unwrap()
}

/// A tombstone, a released name, a destroyed key, and nothing on the server.
fn assert_gone(world: &World, tenant: &CreatedTenant, why: &str) {
    let left: Vec<String> =
        world.everything(tenant.tenant_id).iter().map(|row| row.split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(left, ["tenant", "tenant_name", "tenant_key"], "{why}");
    assert_eq!(world.catalog().tenant_key(tenant.tenant_id).unwrap(), None, "{why}");
    assert_eq!(world.catalog().tenant(tenant.tenant_id).unwrap().state, TenantState::Erased, "{why}");
    assert_eq!(world.catalog().live_operations().unwrap().len(), 0, "{why}");
    let request = world.request(tenant.slug.as_str());
    assert_eq!(code(world.provisioner().create_tenant(&request, &NoProgress)), "NAME_RETIRED", "{why}");
}

#[test]
fn a_deleted_tenant_leaves_a_tombstone_and_its_neighbours_untouched() {
    let world = world();
    let (tenant, neighbour) = (create(&world, "acme"), create(&world, "globex"));
    let before = world.everything(neighbour.tenant_id);
    let mut inside = PgConnection::establish(&world.login_url(&tenant.slug)).unwrap();
    assert_eq!(world.provisioner().delete_tenant(&acme(), &NoProgress).unwrap(), tenant.tenant_id);
    assert!(diesel::sql_query("SELECT 1").execute(&mut inside).is_err(), "its sessions ended");
    assert_gone(&world, &tenant, "deleted");
    assert_eq!(code(world.provisioner().delete_tenant(&acme(), &NoProgress)), "NO_TENANT");
    assert_eq!(world.everything(neighbour.tenant_id), before);
    let actions: Vec<String> = world.catalog().audit_log(10).unwrap().into_iter().rev().map(|entry| entry.action).collect();
    assert_eq!(actions, ["server.add", "tenant.create", "tenant.create", "tenant.delete", "tenant.erase"]);
}

#[test]
fn a_deletion_that_dies_at_any_step_is_finished_by_the_next_call() {
    let world = world();
    for (n, step) in STEPS.into_iter().enumerate() {
        for (m, point) in [FaultPoint::AfterRun, FaultPoint::AfterReceipt].into_iter().enumerate() {
            let tenant = create(&world, &format!("t{n}{m}"));
            let dying = world.dying(At(End::Die, point, step));
            assert_eq!(code(dying.delete_tenant(&tenant.slug, &NoProgress)), "LEASE_LOST", "{step} {point:?}");
            let again = world.provisioner().delete_tenant(&tenant.slug, &NoProgress);
            assert_eq!(again.unwrap(), tenant.tenant_id, "{step} {point:?}");
            assert_gone(&world, &tenant, &format!("{step} {point:?}"));
        }
    }
}

#[test]
fn a_deletion_that_fails_before_it_began_changes_nothing_and_later_is_stuck() {
    let world = world();
    let tenant = create(&world, "acme");
    let before = world.everything(tenant.tenant_id);
    let failing = world.provisioner().with_faults(At(End::Fail, FaultPoint::BeforeRun, "fence"));
    assert_eq!(code(failing.delete_tenant(&acme(), &NoProgress)), "SYSTEM");
    assert_eq!(world.everything(tenant.tenant_id), before);

    let failing = world.provisioner().with_faults(At(End::Fail, FaultPoint::BeforeRun, "drop_database"));
    match failing.delete_tenant(&acme(), &NoProgress) {
        Err(ProvisionError::Stuck { step, .. }) => assert_eq!(step, "drop_database"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.catalog().tenant(tenant.tenant_id).unwrap().state, TenantState::Erasing);
    world.provisioner().delete_tenant(&acme(), &NoProgress).unwrap();
    assert_gone(&world, &tenant, "repaired");
}

#[test]
fn a_database_with_another_mark_is_not_dropped() {
    let world = world();
    let tenant = create(&world, "acme");
    let mut admin = world.conn("postgres");
    admin.batch_execute(&format!("COMMENT ON DATABASE {} IS 'restored by hand'", tenant.database)).unwrap();
    assert_eq!(code(world.provisioner().delete_tenant(&acme(), &NoProgress)), "OPERATION_STUCK");
    let there = format!("SELECT datname::text AS line FROM pg_database WHERE datname = '{}'", tenant.database);
    assert_eq!(lines(&mut admin, &there), [tenant.database.as_str()]);
}

#[test]
fn a_suspended_tenant_is_shut_out_and_resumed_with_everything() {
    let world = world();
    let tenant = create(&world, "acme");
    let before = world.everything(tenant.tenant_id);
    let url = world.login_url(&tenant.slug);
    let mut inside = PgConnection::establish(&url).unwrap();
    for _ in 0..2 {
        let suspended = world.provisioner().suspend_tenant(&acme(), SuspendReason::Billing).unwrap();
        assert_eq!((suspended.state, suspended.reason), (TenantState::Suspended, Some(SuspendReason::Billing)));
        assert!(diesel::sql_query("SELECT 1").execute(&mut inside).is_err());
        assert!(PgConnection::establish(&url).is_err());
    }
    for _ in 0..2 {
        let resumed = world.provisioner().resume_tenant(&acme()).unwrap();
        assert_eq!((resumed.state, resumed.reason), (TenantState::Active, None));
        assert_eq!(lines(&mut PgConnection::establish(&url).unwrap(), "SELECT name AS line FROM site"), ["Main"]);
    }
    let after = world.everything(tenant.tenant_id);
    assert_eq!(before[1..], after[1..], "only the tenant's row counts the changes");
    let actions: Vec<String> = world.catalog().audit_log(2).unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["tenant.resume", "tenant.suspend"]);
    assert_eq!(code(world.provisioner().suspend_tenant(&"nobody".parse().unwrap(), SuspendReason::Idle)), "NO_TENANT");

    world.provisioner().suspend_tenant(&acme(), SuspendReason::Abuse).unwrap();
    world.provisioner().delete_tenant(&acme(), &NoProgress).unwrap();
    assert_gone(&world, &tenant, "a suspended tenant can be deleted");
}
