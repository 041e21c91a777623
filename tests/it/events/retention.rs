//! How long events are kept: the plan says it, `freehold audit prune` does it.

use freehold_tests::{Installation, shared};
use serde_json::{Value, json};

use super::{SCHEMA, Tenant, id, write};

/// Six sealed events, four of which are a hundred days old.
fn with_old_events(installation: &Installation, slug: &str, plan: Option<&str>) -> String {
    let schema = installation.write("retention.graphql", SCHEMA);
    let mut create = vec!["tenant", "create", slug, "--schema", schema.to_str().unwrap()];
    create.extend(plan.into_iter().flat_map(|plan| ["--plan", plan]));
    let database = installation.json(&create).unwrap()["database"].as_str().unwrap().to_owned();
    let mut admin = installation.database(&database).unwrap();
    for n in 1..=6 {
        admin.execute(&format!("INSERT INTO content.tag VALUES ('{}', 'tag {n}')", id(n))).unwrap();
    }
    admin.execute("UPDATE freehold.event SET created_at = now() - interval '100 days' WHERE id <= 4").unwrap();
    assert_eq!(installation.json(&["audit", "seal", slug]).unwrap()["sealed"], 6);
    database
}

fn n_events(installation: &Installation, database: &str) -> usize {
    installation.database(database).unwrap().texts("SELECT id::text AS value FROM freehold.event").unwrap().len()
}

#[test]
fn every_tenant_keeps_its_events_as_long_as_its_plan_says() {
    let installation = Installation::start().unwrap();
    for (plan, kept) in [("free", "30d"), ("paid", "365d"), ("gold", "forever")] {
        installation.json(&["plan", "set", plan, "--keep-events", kept]).unwrap();
    }
    let planned = |slug| with_old_events(&installation, slug, Some(if slug == "gone" { "free" } else { slug }));
    let [free, paid, gold, gone] = ["free", "paid", "gold", "gone"].map(planned);
    let [later, none] = ["later", "none"].map(|slug| with_old_events(&installation, slug, None));
    let schema = installation.path().join("retention.graphql");
    for unknown in [
        &["tenant", "plan", "later", "silver"][..],
        &["tenant", "create", "silver", "--schema", schema.to_str().unwrap(), "--plan", "silver"],
    ] {
        let output = installation.run(unknown);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
    assert_eq!(installation.run(&["tenant", "show", "silver"]).status.code(), Some(3), "nothing was begun");
    assert_eq!(installation.json(&["tenant", "plan", "later", "free", "--dry-run"]).unwrap()["changed"], true);
    assert_eq!(installation.json(&["tenant", "show", "later"]).unwrap()["plan"], Value::Null);
    installation.json(&["tenant", "plan", "later", "free"]).unwrap();
    let plans = installation.json(&["plan", "list"]).unwrap();
    assert_eq!(plans["plans"][0], json!({ "plan": "free", "event_retention_days": 30, "tenants": 3 }));

    // Of one: its plan, unless another age is given.
    let prune = |slug: &str, more: &[&str]| installation.json(&[&["audit", "prune", slug], more].concat()).unwrap();
    assert_eq!(prune("gold", &[])["older_than"], Value::Null);
    assert_eq!(prune("later", &[])["pruned"], 4);
    assert_eq!(prune("paid", &["--older-than", "99d"])["pruned"], 4);

    // Of all: a server that fails for one is told, and the others are done.
    let mut postgres = installation.database("postgres").unwrap();
    postgres.execute(&format!("ALTER DATABASE {gone} RENAME TO elsewhere")).unwrap();
    let output = installation.run(&["audit", "prune", "--all", "--output", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["pruned"]), (Some(6), &json!(4)), "{answer}");
    assert_eq!((answer["failed"].as_array().unwrap().len(), &answer["failed"][0]["slug"]), (1, &json!("gone")), "{answer}");
    // The two of the example have none either.
    assert_eq!(answer["kept_for_ever"], 4, "{answer}");
    let left = [&free, &later, &paid, &gold, &none].map(|database| n_events(&installation, database));
    assert_eq!(left, [2, 2, 2, 6, 6]);

    // The same again finishes what could not be done.
    postgres.execute(&format!("ALTER DATABASE elsewhere RENAME TO {gone}")).unwrap();
    assert_eq!(installation.json(&["audit", "prune", "--all"]).unwrap()["pruned"], 4);
    assert_eq!(n_events(&installation, &gone), 2);
    for slug in ["free", "gone", "none"] {
        assert_eq!(installation.json(&["audit", "verify", slug]).unwrap()["ok"], true, "{slug}");
    }
}

#[test]
fn the_heads_of_all_tenants_are_one_file_to_verify_with() {
    let tenants = [Tenant::create("heads-one"), Tenant::create("heads-two")];
    for (tenant, n) in tenants.iter().zip([2, 3]) {
        for tag in 1..=n {
            write(&mut tenant.login(), &format!("INSERT INTO content.tag VALUES ('{}', 'tag {tag}')", id(tag)));
        }
        tenant.seal();
    }
    // Other tests make and delete tenants meanwhile, so some may fail.
    let output = shared().run(&["audit", "head", "--all", "--output", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 6)), "{output:?}");
    let file = shared().write("heads.json", &String::from_utf8(output.stdout).unwrap());
    let exported = ["--head", file.to_str().unwrap()];
    for tenant in &tenants {
        assert_eq!(tenant.verify(&exported).1, Some(0), "{}", tenant.slug);
    }
    // Each is compared with its own.
    let cut = "DELETE FROM freehold.event WHERE id > 2; UPDATE freehold.event_seal SET event_ids = '{1,2}', hashes = substr(hashes, 1, 64), last_id = 2;
               UPDATE freehold.event_chain SET settled_id = 2, pending_id = 2";
    tenants[1].admin().execute(cut).unwrap();
    let (answer, exit) = tenants[1].verify(&exported);
    assert_eq!((&answer["bad"]["problem"], exit), (&json!("cut_off"), Some(1)), "{answer}");
    assert_eq!(tenants[0].verify(&exported).1, Some(0));
    let other = shared().write("other-heads.json", &json!({ "heads": [{ "slug": "heads-one", "head": "9:00" }] }).to_string());
    let missing = shared().run(&["audit", "verify", "heads-two", "--head", other.to_str().unwrap()]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}
