//! Refs: nothing is sent again to whoever has it, and nothing is told to whoever may not know it.

use diesel::connection::SimpleConnection;
use freehold_devstack::test_cluster;
use serde_json::json;

use super::{BRANDS, connect};
use crate::running::{Engine, Reply};

const READ: &str = "{ listNote(orderBy: [{title: asc}]) { title } }";

fn ask(engine: &Engine, token: &str, reference: &str) -> Reply {
    engine.post_with("acme", token, &[("x-contember-ref", reference)], &json!({ "query": READ }))
}

/// The answer's ref, the same under both names.
fn reference(reply: &Reply) -> String {
    let [ours, theirs] = BRANDS.map(|brand| reply.header(&format!("{brand}ref").to_lowercase()));
    assert_eq!(ours, theirs);
    ours.unwrap_or_else(|| panic!("no ref: {} {}", reply.status, reply.text)).to_owned()
}

#[track_caller]
fn assert_known(reply: &Reply) {
    assert_eq!((reply.status, reply.text.as_str()), (304, ""));
    assert_eq!((reply.header("content-type"), reply.header("content-encoding")), (None, None));
}

#[test]
fn a_client_that_has_the_latest_is_told_so() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    let plain = engine.query("acme", &admin, READ);
    assert_eq!((plain.status, plain.header("x-contember-ref"), plain.header("x-freehold-ref")), (200, None, None));
    for brand in BRANDS {
        let name = format!("{brand}ref");
        let send = |reference: &str, query: &str| {
            engine.post_with("acme", &admin, &[(&name, reference), ("accept-encoding", "gzip")], &json!({ "query": query }))
        };
        let first = send("none", READ);
        assert_eq!(first.status, 200);
        let known = reference(&first);
        assert_known(&send(&known, READ));
        assert_eq!(reference(&send(&known, READ)), known);
        for other in ["", "0", "\"*\"", &known.to_uppercase(), &format!("{known}0")] {
            let reply = send(other, READ);
            assert_eq!((reply.status, reference(&reply)), (200, known.clone()), "{other}");
        }
        let create = format!("mutation {{ createNote(data: {{title: \"More\", slug: \"{name}\"}}) {{ ok }} }}");
        let written = send(&known, &create);
        assert_eq!(
            (written.status, written.header("x-contember-ref")),
            (200, None),
            "a mutation is carried out: {}",
            written.text
        );
        let after = send(&known, READ);
        assert_eq!(after.status, 200);
        assert_ne!(reference(&after), known);
        assert_known(&send(&reference(&after), READ));
    }
    assert_eq!(engine.query("acme", &admin, "{ listNote { slug } }").json()["data"]["listNote"].as_array().unwrap().len(), 3);
}

#[test]
fn failed_writes_change_no_ref_and_get_asks_like_post() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    let known = reference(&ask(&engine, &admin, "none"));
    let again = "mutation { createNote(data: {title: \"First\", slug: \"first\"}) { ok } }";
    assert_eq!(engine.query("acme", &admin, again).json()["data"]["createNote"]["ok"], json!(false));
    assert_known(&ask(&engine, &admin, &known));
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str()), ("x-freehold-ref", known.as_str()), ("x-freehold-force-ok", "1")];
    assert_known(&engine.send("GET", "/content/acme?query=%7B%20listNote%20%7B%20title%20%7D%20%7D", &headers, ()));
}

#[test]
fn refs_of_other_tenants_mean_nothing() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    let acmes = reference(&ask(&engine, &engine.token(&acme, "admin"), "none"));
    let reply =
        engine.post_with("globex", &engine.token(&globex, "admin"), &[("x-contember-ref", &acmes)], &json!({ "query": READ }));
    assert_eq!(reply.status, 200);
    assert_ne!(reference(&reply), acmes);
}

#[test]
fn where_nothing_was_ever_written_there_is_no_ref() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    engine.world.admin(&acme.database, "TRUNCATE freehold.event, freehold.event_seal, freehold.revision");
    let reply = ask(&engine, &engine.token(&acme, "admin"), "");
    assert_eq!((reply.status, reply.header("x-contember-ref")), (200, None), "{}", reply.text);
}

#[test]
fn a_database_from_before_changes_were_counted_answers_without_a_ref() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let admin = engine.token(&acme, "admin");
    let known = reference(&ask(&engine, &admin, "none"));
    engine.world.admin(&acme.database, "DROP TABLE freehold.revision");
    for sent in ["none", &known, &known] {
        let reply = ask(&engine, &admin, sent);
        assert_eq!((reply.status, reply.header("x-contember-ref"), reply.header("x-freehold-ref")), (200, None, None));
        assert_eq!(reply.json()["data"], json!({ "listNote": [{ "title": "First" }] }), "{}", reply.text);
    }
}

#[test]
fn a_stranger_is_told_nothing() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let known = reference(&ask(&engine, &engine.token(&acme, "admin"), "none"));
    let stranger = ask(&engine, &engine.token(&acme, "no-such-role"), &known);
    assert_eq!((stranger.status, stranger.code().as_str(), stranger.header("x-contember-ref")), (404, "TENANT_NOT_FOUND", None));
    let bad = engine.post_with("acme", "no.good.token", &[("x-contember-ref", &known)], &json!({ "query": READ }));
    assert_eq!(bad.status, 401);
}

#[test]
fn changes_that_a_caller_cannot_read_leave_his_refs_alone() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let (admin, reader) = (engine.token(&acme, "admin"), engine.token(&acme, "reader"));
    let (all, titles) = (reference(&ask(&engine, &admin, "none")), reference(&ask(&engine, &reader, "none")));
    assert_ne!(all, titles);
    assert_known(&ask(&engine, &reader, &titles));
    engine.world.admin(&acme.database, "UPDATE content.note SET slug = 'hidden'");
    assert_known(&ask(&engine, &reader, &titles));
    assert_eq!(ask(&engine, &admin, &all).status, 200);
    assert_eq!(ask(&engine, &reader, &all).status, 200, "the tenant's ref is not his");
    engine.world.admin(&acme.database, "UPDATE content.note SET title = 'Seen'");
    let seen = ask(&engine, &reader, &titles);
    assert_eq!((seen.status, &seen.json()["data"]), (200, &json!({ "listNote": [{ "title": "Seen" }] })));
    let titled = |title: &str, reference: &str| {
        let query = format!("{{ listNote(filter: {{title: {{eq: \"{title}\"}}}}) {{ title }} }}");
        engine.post_with("acme", &reader, &[("x-contember-ref", reference)], &json!({ "query": query }))
    };
    let nothing = titled("a", "none");
    assert_eq!(nothing.json()["data"], json!({ "listNote": [] }));
    assert_known(&titled("a", &reference(&nothing)));
    assert_eq!(titled("b", &reference(&nothing)).status, 200, "his ref answers one question, though the answers are equal");
}

#[test]
fn statements_that_failed_for_a_caller_are_answered() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    for role in ["admin", "reader"] {
        let reply =
            engine.post_with("acme", &engine.token(&acme, role), &[("x-contember-ref", "none")], &json!({ "query": "{ nope }" }));
        assert_eq!((reply.status, reply.header("x-contember-ref")), (400, None));
    }
}

#[test]
fn writers_do_not_wait_for_each_other() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let admin = engine.token(&acme, "admin");
    let (mut one, mut two) = (connect(&engine, &acme), connect(&engine, &acme));
    let before = reference(&ask(&engine, &admin, "none"));
    for (connection, slug) in [(&mut one, "one"), (&mut two, "two")] {
        let write = format!(
            "SET lock_timeout = '2s'; BEGIN ISOLATION LEVEL REPEATABLE READ;
             INSERT INTO content.note (id, title, slug) VALUES (gen_random_uuid(), '{slug}', '{slug}');
             UPDATE content.note SET title = '{slug}!' WHERE slug = '{slug}'"
        );
        connection.batch_execute(&write).unwrap();
    }
    assert_known(&ask(&engine, &admin, &before));
    two.batch_execute("COMMIT").unwrap();
    let between = reference(&ask(&engine, &admin, &before));
    one.batch_execute("COMMIT").unwrap();
    let after = reference(&ask(&engine, &admin, &between));
    assert!(before != between && between != after, "though the latter's events have the smaller ids");
    one.batch_execute("BEGIN; SAVEPOINT a; UPDATE content.note SET title = 'x'; ROLLBACK TO a; COMMIT").unwrap();
    assert_known(&ask(&engine, &admin, &after));
    one.batch_execute(
        "BEGIN; SAVEPOINT a; UPDATE content.note SET title = 'x'; ROLLBACK TO a; UPDATE content.note SET title = 'y'; COMMIT",
    )
    .unwrap();
    let changed = reference(&ask(&engine, &admin, &after));
    one.batch_execute("TRUNCATE content.note").unwrap();
    let emptied = reference(&ask(&engine, &admin, &changed));
    assert!(after != changed && changed != emptied);
}

#[test]
fn sealing_and_pruning_of_the_event_log_change_no_ref() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let admin = engine.token(&acme, "admin");
    let known = reference(&ask(&engine, &admin, "none"));
    for step in [
        "seal_events(1)",
        "seal_events(1000)",
        "prune_events(now() + interval '1 hour', 1)",
        "prune_events(now() + interval '1 hour', 1000)",
    ] {
        engine.world.admin(&acme.database, &format!("SELECT freehold.{step}"));
        assert_known(&ask(&engine, &admin, &known));
    }
    engine.world.admin(&acme.database, "UPDATE content.note SET title = 'Later'");
    assert_eq!(ask(&engine, &admin, &known).status, 200);
}
