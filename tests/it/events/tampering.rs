//! Somebody with all rights in the database changes what was sealed.

use freehold_tests::shared;
use serde_json::{Value, json};

use super::{Tenant, id, write};

/// A tenant with `n` events, sealed by fours, and its exported head.
fn sealed(slug: &'static str, n: u32) -> (Tenant, String) {
    let tenant = Tenant::create(slug);
    let mut login = tenant.login();
    for i in 1..=n {
        write(&mut login, &format!("INSERT INTO content.tag VALUES ('{}', 'tag {i}')", id(i)));
        if i % 4 == 0 || i == n {
            assert_eq!(tenant.seal(), i64::from((i - 1) % 4 + 1));
        }
    }
    let head = shared().json(&["audit", "head", slug]).unwrap()["head"].as_str().unwrap().to_owned();
    assert_eq!(tenant.is_whole()["head"], head);
    (tenant, head)
}

/// Does something, sees what is found, and takes it back.
#[track_caller]
fn finds(tenant: &Tenant, statements: &str, more: &[&str], problem: &str, position: Value) {
    let saved = ["event", "event_seal", "event_chain"];
    let mut admin = tenant.admin();
    let copies: String = saved.iter().map(|table| format!("CREATE TABLE public.{table} AS TABLE freehold.{table};")).collect();
    admin.execute(&copies).unwrap();
    admin.execute(statements).unwrap();
    let (answer, exit) = tenant.verify(more);
    let restores: String = saved
        .iter()
        .map(|table| {
            format!("TRUNCATE freehold.{table}; INSERT INTO freehold.{table} OVERRIDING SYSTEM VALUE TABLE public.{table}; DROP TABLE public.{table};")
        })
        .collect();
    admin.execute(&restores).unwrap();
    assert_eq!(
        (&answer["bad"]["problem"], &answer["bad"]["position"], exit),
        (&json!(problem), &position, Some(1)),
        "{statements}: {answer}"
    );
    tenant.is_whole();
}

#[test]
fn the_first_bad_entry_is_named() {
    let (tenant, head) = sealed("events-bad", 8);
    let exported = &["--head", head.as_str()][..];
    finds(&tenant, "UPDATE freehold.event SET authorship = NULL WHERE id = 5", &[], "changed", json!(5));
    finds(&tenant, r#"UPDATE freehold.event SET new_values = '{"name": "other"}' WHERE id IN (3, 6)"#, &[], "changed", json!(3));
    finds(&tenant, "UPDATE freehold.event SET created_at = 'infinity' WHERE id = 1", &[], "changed", json!(1));
    let rehashed =
        "UPDATE freehold.event_seal SET hashes = overlay(hashes PLACING sha256('other') FROM 97 FOR 32) WHERE position = 1";
    finds(&tenant, rehashed, &[], "changed", json!(4));
    finds(&tenant, "UPDATE freehold.event_seal SET hashes = substr(hashes, 1, 100) WHERE position = 5", &[], "changed", json!(8));
    finds(&tenant, "DELETE FROM freehold.event WHERE id = 2", &[], "missing", json!(2));
    finds(&tenant, "DELETE FROM freehold.event_seal WHERE position = 1", &[], "missing", json!(1));
    finds(&tenant, "UPDATE freehold.event_seal SET event_ids[2] = NULL WHERE position = 5", &[], "missing", json!(6));
    let without_the_second = "event_ids = event_ids[:1] || event_ids[3:], hashes = substr(hashes, 1, 32) || substr(hashes, 65)";
    finds(&tenant, &format!("UPDATE freehold.event_seal SET {without_the_second} WHERE position = 5"), &[], "changed", json!(6));
    finds(
        &tenant,
        "UPDATE freehold.event_seal SET event_ids[3] = 6 WHERE position = 1; UPDATE freehold.event_seal SET event_ids[2] = 3 WHERE position = 5",
        &[],
        "reordered",
        json!(3),
    );
    finds(
        &tenant,
        "UPDATE freehold.event_seal SET event_ids = '{6,5,7,8}', hashes = substr(hashes, 33, 32) || substr(hashes, 1, 32) || substr(hashes, 65)
         WHERE position = 5",
        &[],
        "reordered",
        json!(5),
    );
    let forged = "INSERT INTO freehold.event (id, transaction_id, created_at, kind, table_name, primary_key) OVERRIDING SYSTEM VALUE VALUES
                  (-3, '5', now(), 'create', 'tag', '{x}')";
    finds(&tenant, forged, &[], "inserted", Value::Null);
    let in_between = "UPDATE freehold.event_seal SET event_ids = -3 || event_ids,
                          hashes = (SELECT substr(hashes, 97) FROM freehold.event_seal WHERE position = 1) || hashes
                      WHERE position = 5";
    finds(&tenant, &format!("{forged}; {in_between}"), &[], "reordered", json!(5));

    // The end of the log, taken off cleanly, or the whole rewritten: only what was kept elsewhere tells.
    let cut = "DELETE FROM freehold.event WHERE id > 4; DELETE FROM freehold.event_seal WHERE position > 4; UPDATE freehold.event_chain SET settled_id = 4, pending_id = 4";
    finds(&tenant, cut, exported, "cut_off", json!(5));
    let rewritten = "UPDATE freehold.event SET authorship = NULL WHERE id = 5; TRUNCATE freehold.event_seal;
                     UPDATE freehold.event_chain SET settled_id = 0, pending_id = 0; SELECT freehold.seal_events(100)";
    finds(&tenant, rewritten, exported, "rewritten", json!(8));
    finds(&tenant, "DELETE FROM freehold.event_seal WHERE position = 5", &[], "inserted", Value::Null);
}

/// More than is read, sealed or deleted at once.
#[test]
fn a_long_log_is_followed_to_its_end() {
    let tenant = Tenant::create("events-long");
    let more = |from: u32, n: u32| {
        format!("INSERT INTO content.tag SELECT gen_random_uuid(), 'tag ' || n FROM generate_series({from}, {from} + {n} - 1) n")
    };
    write(&mut tenant.login(), &more(1, 2_600));
    assert_eq!(tenant.seal(), 2_600);
    write(&mut tenant.login(), &more(2_601, 100));
    assert_eq!(tenant.seal(), 100);
    assert_eq!(tenant.is_whole()["sealed"], 2_700);
    finds(&tenant, "UPDATE freehold.event SET authorship = NULL WHERE id = 2345", &[], "changed", json!(2_345));
    let moved = "UPDATE freehold.event_seal SET event_ids[7] = 2650 WHERE position = 1; UPDATE freehold.event_seal SET event_ids[50] = 7 WHERE position = 2601";
    finds(&tenant, moved, &[], "reordered", json!(7));

    // What goes was changed in that; what stays was not.
    tenant.admin().execute("UPDATE freehold.event SET created_at = created_at - interval '1 day' WHERE id <= 2650").unwrap();
    let pruned = shared().json(&["audit", "prune", tenant.slug, "--older-than", "12h"]).unwrap();
    assert_eq!(pruned["pruned"], 2_650);
    let answer = tenant.is_whole();
    assert_eq!((answer["sealed"].as_i64(), answer["pruned"].as_i64()), (Some(50), Some(2_650)), "{answer}");
    assert_eq!(tenant.admin().texts("SELECT min(id)::text AS value FROM freehold.event").unwrap(), ["2651"]);
}

#[test]
fn an_exported_head_is_read_from_a_file_and_stays_good() {
    let (tenant, head) = sealed("events-head", 3);
    write(&mut tenant.login(), &format!("INSERT INTO content.tag VALUES ('{}', 'later')", id(9)));
    tenant.seal();
    let plain = shared().write("head.txt", &format!("{head}\n"));
    let json = shared().write("head.json", &json!({ "slug": tenant.slug, "head": head }).to_string());
    for given in [head.as_str(), plain.to_str().unwrap(), json.to_str().unwrap()] {
        let (answer, exit) = tenant.verify(&["--head", given]);
        assert_eq!((answer["sealed"].as_i64(), exit), (Some(4), Some(0)), "{answer}");
    }
    let nonsense = shared().write("nonsense.txt", "8:abc");
    assert_eq!(shared().run(&["audit", "verify", tenant.slug, "--head", nonsense.to_str().unwrap()]).status.code(), Some(2));
}

#[test]
fn the_chain_goes_on_after_old_entries_were_pruned() {
    let (tenant, head) = sealed("events-old", 6);
    // What was recorded a day ago, four of them.
    tenant
        .admin()
        .execute(
            "UPDATE freehold.event SET created_at = created_at - interval '1 day' WHERE id <= 4; TRUNCATE freehold.event_seal;
             UPDATE freehold.event_chain SET settled_id = 0, pending_id = 0; SELECT freehold.seal_events(100)",
        )
        .unwrap();
    let pruned = shared().json(&["audit", "prune", tenant.slug, "--older-than", "12h"]).unwrap();
    assert_eq!(pruned["pruned"], 4);
    let answer = tenant.is_whole();
    assert_eq!((answer["sealed"].as_i64(), answer["pruned"].as_i64()), (Some(2), Some(4)), "{answer}");
    write(&mut tenant.login(), &format!("INSERT INTO content.tag VALUES ('{}', 'later')", id(9)));
    assert_eq!(tenant.seal(), 1);
    assert_eq!(tenant.is_whole()["head"].as_str().unwrap().split(':').next(), Some("7"));
    let (_, hash) = head.split_once(':').unwrap();
    let output = shared().run(&["audit", "verify", tenant.slug, "--head", &format!("2:{hash}")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("HEAD_PRUNED"), "{output:?}");
    finds(&tenant, "UPDATE freehold.event_chain SET pruned_hash = sha256(pruned_hash)", &[], "changed", json!(5));
}

/// The transaction with the greatest number draws the smaller id, and ends last: nothing that had ended when the other one's event was sealed tells of it.
#[test]
fn an_event_that_is_committed_late_is_no_tampering() {
    let tenant = Tenant::create("events-late");
    let (mut early, mut late, mut sealer) = (tenant.login(), tenant.login(), tenant.admin());
    let mut seal = || sealer.texts("SELECT freehold.seal_events(100)::text AS value").unwrap().remove(0);
    early.execute("BEGIN; SELECT pg_current_xact_id()").unwrap();
    late.execute(&format!("BEGIN; INSERT INTO content.tag VALUES ('{}', 'late')", id(1))).unwrap();
    early.execute(&format!("INSERT INTO content.tag VALUES ('{}', 'early'); COMMIT", id(2))).unwrap();
    assert_eq!((seal(), seal()), ("1".to_owned(), "0".to_owned()));
    late.execute("COMMIT").unwrap();
    tenant.is_whole();
    assert_eq!(seal(), "1");
    assert_eq!(tenant.is_whole()["unsealed"], 0);
}
