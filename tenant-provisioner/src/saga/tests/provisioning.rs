//! Making tenants.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use freehold_catalog::{OperationState, TenantState};
use freehold_schema::Schema;

use super::fixture::{At, End, Recorder, World, code, lines, world, world_alone};
use crate::saga::{FaultPoint, SagaContext, provision};
use crate::{CreateTenant, NoProgress, Outcome, ProvisionError, Provisioner};

const STEPS: [&str; 10] = ["reserve", "place", "key", "roles", "database", "harden", "content", "seed", "verify", "activate"];

/// Steps whose receipt is known without running them.
const CHECKED: [&str; 1] = ["reserve"];

fn create(provisioner: &Provisioner, world: &World, slug: &str) -> crate::CreatedTenant {
    provisioner.create_tenant(&world.request(slug), &NoProgress).unwrap()
}

#[test]
fn a_tenant_is_made_and_can_be_used_by_nobody_else() {
    let world = world();
    let provisioner = world.provisioner();
    let progress = Recorder::default();
    let acme = provisioner.create_tenant(&world.request("acme"), &progress).unwrap();
    assert_eq!((acme.outcome, acme.release_id.clone(), acme.server.as_str()), (Outcome::Created, world.release.clone(), "one"));
    let expected: Vec<String> = STEPS.iter().flat_map(|step| [format!("{step} Started"), format!("{step} Done")]).collect();
    assert_eq!(progress.0.lock().unwrap()[1..], expected);
    assert_eq!(STEPS.len(), provision::Context::steps().len());

    let url = world.login_url(&acme.slug);
    let mut conn = PgConnection::establish(&url).unwrap();
    assert_eq!(lines(&mut conn, "SELECT name AS line FROM site"), ["Main"]);
    conn.batch_execute("INSERT INTO content.article (id, title, site_id) SELECT id, 'Hello', id FROM content.site").unwrap();
    for refused in [
        "CREATE TABLE content.mine ()",
        "CREATE TABLE public.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "DROP TABLE content.site",
        "TRUNCATE content.site",
        "UPDATE freehold.tenant_marker SET tenant_id = tenant_id",
        "UPDATE freehold.schema_state SET release_id = ''",
        "CREATE ROLE evil",
        &format!("SET ROLE {}", acme.database),
    ] {
        assert!(conn.batch_execute(refused).is_err(), "{refused}");
    }

    let globex = create(&provisioner, &world, "globex");
    for other in [globex.database.as_str(), "postgres", "template1"] {
        assert!(PgConnection::establish(&url.replace(&acme.database, other)).is_err(), "{other}");
        assert!(PgConnection::establish(&url.replace(&format!("/{}", acme.database), &format!("/{other}"))).is_err(), "{other}");
    }
    let route = world.catalog().route("acme").unwrap().unwrap();
    assert_eq!((route.state, route.epoch), (TenantState::Active, 2));
    assert_eq!(world.catalog().verify_audit_log().unwrap(), 3);
}

#[test]
fn the_same_request_again_finds_the_tenant_and_another_one_is_refused() {
    let world = world();
    let provisioner = world.provisioner();
    let first = create(&provisioner, &world, "acme");
    let before = world.everything(first.tenant_id);
    let again = create(&provisioner, &world, "acme");
    assert_eq!((again.outcome, again.tenant_id), (Outcome::Existing, first.tenant_id));
    assert_eq!(world.everything(first.tenant_id), before);

    let other_seed = CreateTenant { seed: None, ..world.request("acme") };
    assert_eq!(code(provisioner.create_tenant(&other_seed, &NoProgress)), "NAME_TAKEN");
    let other = provisioner.register_release(&Schema::from_sdl("t", "type Page { title: String! }").unwrap()).unwrap();
    let other_schema = CreateTenant { release_id: other, ..world.request("acme") };
    assert_eq!(code(provisioner.create_tenant(&other_schema, &NoProgress)), "NAME_TAKEN");
    let unknown = CreateTenant { release_id: "0".repeat(64).parse().unwrap(), ..world.request("new") };
    assert_eq!(code(provisioner.create_tenant(&unknown, &NoProgress)), "NO_RELEASE");
    assert_eq!(code(provisioner.undo_create(&first.slug, &NoProgress)), "TENANT_STATE");
    assert_eq!(world.everything(first.tenant_id), before);
}

#[test]
fn sixty_four_at_once_make_one_tenant() {
    let world = world();
    let catalog = world.catalog();
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..64).map(|_| scope.spawn(|| create(&world.provisioner_on(catalog.clone()), &world, "acme"))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(made.iter().all(|tenant| tenant.tenant_id == made[0].tenant_id));
    assert_eq!(made.iter().filter(|tenant| tenant.outcome == Outcome::Created).count(), 1);
    world.assert_clean_but(&[made[0].tenant_id], "64 at once");
}

#[test]
fn failing_at_any_step_leaves_a_clean_slate() {
    let world = world();
    for step in STEPS {
        for point in [FaultPoint::BeforeRun, FaultPoint::AfterRun] {
            if CHECKED.contains(&step) || (step, point) == ("activate", FaultPoint::AfterRun) {
                continue;
            }
            let failing = world.provisioner().with_faults(At(End::Fail, point, step));
            let failed = failing.create_tenant(&world.request("acme"), &NoProgress);
            assert_eq!(code(failed), "SYSTEM", "{step} {point:?}");
            world.assert_clean_but(&[], &format!("{step} {point:?}"));
        }
    }
    let made = create(&world.provisioner(), &world, "acme");
    world.assert_clean_but(&[made.tenant_id], "the name is free after every failure");
    let failures = world.catalog().audit_log(100).unwrap();
    assert!(failures.iter().any(|entry| entry.action == "tenant.create.undo"));
}

#[test]
fn an_answer_lost_after_the_point_of_no_return_changes_nothing() {
    let world = world();
    let failing = world.provisioner().with_faults(At(End::Fail, FaultPoint::AfterRun, "activate"));
    let made = create(&failing, &world, "acme");
    assert_eq!(made.outcome, Outcome::Created);
    world.assert_clean_but(&[made.tenant_id], "active");
}

#[test]
fn a_process_that_dies_at_any_step_is_finished_by_the_next_call() {
    let world = world();
    let mut living = Vec::new();
    for (n, step) in STEPS.into_iter().enumerate() {
        // Before a step is after the receipt of the one before.
        for (m, point) in [FaultPoint::AfterRun, FaultPoint::AfterReceipt].into_iter().enumerate() {
            if CHECKED.contains(&step) && point != FaultPoint::AfterReceipt {
                continue;
            }
            let slug = format!("t{n}{m}");
            let dying = world.dying(At(End::Die, point, step));
            assert_eq!(code(dying.create_tenant(&world.request(&slug), &NoProgress)), "LEASE_LOST", "{slug}");
            let begun = world.catalog().tenant_named(&slug.parse().unwrap()).unwrap().unwrap();
            let made = create(&world.provisioner(), &world, &slug);
            assert_eq!(made.tenant_id, begun.id, "finished, not begun anew");
            living.push(made.tenant_id);
            world.assert_clean_but(&living, &format!("{step} {point:?}"));
            assert_eq!(lines(&mut world.conn(&made.database), "SELECT count(*)::text AS line FROM content.site"), ["1"]);
            PgConnection::establish(&world.login_url(&made.slug)).unwrap();
        }
    }
}

#[test]
fn a_process_that_dies_while_undoing_is_finished_by_the_next_call() {
    let world = world();
    for undone in ["database", "roles", "key", "place", "reserve"] {
        for point in [FaultPoint::BeforeUndo, FaultPoint::AfterUndo] {
            let faults = vec![At(End::Fail, FaultPoint::BeforeRun, "verify"), At(End::Die, point, undone)];
            let dying = world.dying(faults);
            assert_eq!(code(dying.create_tenant(&world.request("acme"), &NoProgress)), "LEASE_LOST", "{undone} {point:?}");
            std::thread::sleep(super::fixture::LAST_LEASE);
            match world.provisioner().undo_create(&"acme".parse().unwrap(), &NoProgress) {
                Ok(()) => {}
                // The last undo had removed the tenant already.
                Err(error) => assert_eq!((error.code(), undone, point), ("NO_TENANT", "reserve", FaultPoint::AfterUndo)),
            }
            world.assert_clean_but(&[], &format!("{undone} {point:?}"));
        }
    }
    let faults = vec![At(End::Fail, FaultPoint::BeforeRun, "verify"), At(End::Die, FaultPoint::BeforeUndo, "roles")];
    let dying = world.dying(faults);
    assert_eq!(code(dying.create_tenant(&world.request("acme"), &NoProgress)), "LEASE_LOST");
    let made = create(&world.provisioner(), &world, "acme");
    world.assert_clean_but(&[made.tenant_id], "create undoes what was begun, then begins anew");
}

#[test]
fn an_unfinished_tenant_can_be_undone() {
    let world = world();
    for step in STEPS.into_iter().filter(|step| *step != "activate") {
        let dying = world.dying(At(End::Die, FaultPoint::AfterReceipt, step));
        assert_eq!(code(dying.create_tenant(&world.request("acme"), &NoProgress)), "LEASE_LOST");
        assert_eq!(world.catalog().route("acme").unwrap().filter(|route| route.state.is_routable()), None);
        world.provisioner().undo_create(&"acme".parse().unwrap(), &NoProgress).unwrap();
        world.assert_clean_but(&[], step);
    }
}

#[test]
fn running_each_step_twice_changes_nothing() {
    let world = world();
    let provisioner = world.provisioner();
    let made = create(&provisioner, &world, "acme");
    let before = world.everything(made.tenant_id);
    let context = provision::Context::for_test(&provisioner, &made, &world.request("acme"));
    for step in provision::Context::steps() {
        (step.run)(&context).unwrap();
        assert_eq!(world.everything(made.tenant_id), before, "{}", step.name);
    }
    for step in provision::Context::steps() {
        (step.check)(&context).unwrap();
        assert_eq!(world.everything(made.tenant_id), before, "{}", step.name);
    }
}

#[test]
fn a_failed_undo_is_stuck_until_somebody_repairs_the_cause() {
    let world = world();
    let faults = vec![At(End::Fail, FaultPoint::BeforeRun, "verify"), At(End::Fail, FaultPoint::BeforeUndo, "database")];
    let failed = world.provisioner().with_faults(faults).create_tenant(&world.request("acme"), &NoProgress);
    match &failed {
        Err(ProvisionError::Stuck { step, source: Some(cause), .. }) => {
            assert_eq!((step.as_str(), cause.code()), ("database", "SYSTEM"))
        }
        other => panic!("{other:?}"),
    }
    let operation = world.catalog().live_operations().unwrap().remove(0);
    assert_eq!((operation.state, operation.error_code.as_deref()), (OperationState::Stuck, Some("SYSTEM")));
    assert!(operation.lease_until.is_none());
    let made = create(&world.provisioner(), &world, "acme");
    world.assert_clean_but(&[made.tenant_id], "repaired");
}

#[test]
fn what_is_not_ours_is_never_dropped() {
    let world = world();
    let dying = world.dying(At(End::Die, FaultPoint::AfterReceipt, "harden"));
    assert_eq!(code(dying.create_tenant(&world.request("acme"), &NoProgress)), "LEASE_LOST");
    let tenant = world.catalog().tenant_named(&"acme".parse().unwrap()).unwrap().unwrap();
    let mut admin = world.conn("postgres");
    admin.batch_execute(&format!("COMMENT ON DATABASE {} IS 'somebody else''s'", tenant.id.database())).unwrap();
    let undone = world.provisioner().undo_create(&tenant.slug, &NoProgress);
    assert_eq!(code(undone), "OPERATION_STUCK");
    assert!(PgConnection::establish(&world.cluster.url(&tenant.id.database())).is_ok(), "it is still there");
    admin.batch_execute(&format!("COMMENT ON DATABASE {} IS NULL", tenant.id.database())).unwrap();
    // Its owner bears our marker, so it is ours again.
    world.provisioner().undo_create(&tenant.slug, &NoProgress).unwrap();
    world.assert_clean_but(&[], "undone");
}

#[test]
fn a_seed_runs_as_the_owner_and_nothing_more() {
    let world = world();
    let create = |seed: &str| {
        let request = CreateTenant { seed: Some(seed.to_owned()), ..world.request("acme") };
        let made = world.provisioner().create_tenant(&request, &NoProgress);
        if made.is_err() {
            world.assert_clean_but(&[], seed);
        }
        made
    };
    match create("SELECT 1;\n\nINSERT INTO nowhere VALUES (1);") {
        Err(ProvisionError::Seed { message }) => assert_eq!(message, "line 3: relation \"nowhere\" does not exist"),
        other => panic!("{other:?}"),
    }
    for hostile in [
        "RESET ROLE; CREATE ROLE evil SUPERUSER LOGIN",
        "RESET SESSION AUTHORIZATION; ALTER ROLE postgres PASSWORD 'mine'",
        "COPY content.site TO PROGRAM 'true'",
        "CREATE DATABASE mine",
    ] {
        assert_eq!(code(create(hostile)), "SEED_FAILED", "{hostile}");
    }
    assert_eq!(code(create("COMMIT; INSERT INTO site VALUES (gen_random_uuid(), 'x', 'x')")), "SEED_FAILED");
    create("RESET ROLE; SELECT 1").unwrap();
}

#[test]
fn a_schema_that_postgresql_refuses_leaves_nothing() {
    let world = world();
    let sdl = "type Broken @view(sql: \"SELECT 1 AS id; DROP DATABASE postgres\") { title: String! }";
    let release = world.provisioner().register_release(&Schema::from_sdl("t", sdl).unwrap()).unwrap();
    let request = CreateTenant { release_id: release, ..world.request("acme") };
    assert_eq!(code(world.provisioner().create_tenant(&request, &NoProgress)), "SCHEMA_REFUSED");
    world.assert_clean_but(&[], "refused");
}

#[test]
fn passwords_never_reach_the_servers_log() {
    let world = world_alone();
    let mut admin = world.conn("postgres");
    admin.batch_execute("ALTER SYSTEM SET log_statement = 'all'").unwrap();
    diesel::sql_query("SELECT pg_reload_conf()").execute(&mut admin).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let made = create(&world.provisioner(), &world, "acme");
    let url = world.login_url(&made.slug);
    let password = url.split_once("_a:").unwrap().1.split_once('@').unwrap().0;
    let log = std::fs::read_to_string(world.cluster.log_file()).unwrap();
    assert!(log.contains("SCRAM-SHA-256$4096:"), "the log holds the statements");
    assert!(!log.contains(password));
    assert!(
        world.provisioner().doctor().unwrap().iter().all(|finding| finding.code == "none"),
        "{:?}",
        world.provisioner().doctor()
    );
}
