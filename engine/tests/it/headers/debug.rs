//! Statements shown to those who may see them.

use freehold_devstack::test_cluster;
use serde_json::{Value, json};

use super::BRANDS;
use crate::running::{Engine, Reply};

fn ask(engine: &Engine, token: &str, header: (&str, &str), query: &str, variables: Value) -> Reply {
    engine.post_with("acme", token, &[header], &json!({ "query": query, "variables": variables }))
}

const BY_SLUG: &str = "query($s: String!) { getNote(by: {slug: $s}) { title } }";

#[test]
fn a_query_shows_its_statement_and_values() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    for brand in BRANDS {
        let reply = ask(&engine, &admin, (&format!("{brand}debug"), "1"), BY_SLUG, json!({ "s": "first" }));
        let json = reply.json();
        assert_eq!((reply.status, &json["data"]["getNote"]["title"]), (200, &json!("First")), "{}", reply.text);
        let [query] = json["extensions"]["dbQueries"].as_array().unwrap().as_slice() else { panic!("{}", reply.text) };
        assert!(query["sql"].as_str().unwrap().starts_with("SELECT") && query["sql"].as_str().unwrap().contains("$1"));
        assert!(query["bindings"].as_array().unwrap().contains(&json!("first")), "{query}");
        assert_eq!((&query["rowCount"], query.get("error"), query["elapsed"].is_u64()), (&json!(1), None, true));
        let timing = reply.header("server-timing").unwrap();
        for part in ["db;dur=", "compile;dur=", "total;dur="] {
            assert!(timing.contains(part), "{timing}");
        }
    }
}

#[test]
fn nobody_else_sees_anything() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let query = "{ listNote { title } }";
    for (role, value, shown) in [
        ("admin", "1", true),
        ("lead", "1", true),
        ("admin", "true", false),
        ("admin", "0", false),
        ("admin", "", false),
        ("content_admin", "1", false),
        ("reader", "1", false),
        ("clerk", "1", false),
    ] {
        let reply = ask(&engine, &engine.token(&acme, role), ("x-contember-debug", value), query, json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(
            (reply.json().get("extensions").is_some(), reply.header("server-timing").is_some()),
            (shown, shown),
            "{role} {value}"
        );
    }
    let stranger = ask(&engine, &engine.token(&acme, "no-such-role"), ("x-contember-debug", "1"), query, json!({}));
    assert_eq!((stranger.status, stranger.header("server-timing")), (404, None));
    assert!(!stranger.text.contains("dbQueries"));
}

#[test]
fn who_takes_a_lesser_place_still_sees_its_statements() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    let headers =
        [("x-contember-debug", "1"), ("x-contember-assume-membership", r#"{"memberships":[{"role":"reader","variables":[]}]}"#)];
    let reply = engine.post_with("acme", &admin, &headers, &json!({ "query": "{ listNote { title } }" }));
    assert_eq!(reply.json()["extensions"]["dbQueries"].as_array().unwrap().len(), 1, "{}", reply.text);
}

#[test]
fn mutations_show_the_statements_of_each_root_field() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    let create = "mutation($s: String!) { a: createNote(data: {title: \"T\", slug: $s}) { ok node { slug } } \
                  b: createNote(data: {title: \"T\", slug: $s}) { ok } query { listNote { slug } } }";
    let reply = ask(&engine, &admin, ("x-contember-debug", "1"), create, json!({ "s": "new" }));
    let json = reply.json();
    assert_eq!((&json["data"]["a"]["ok"], &json["data"]["b"]["ok"]), (&json!(true), &json!(false)), "{}", reply.text);
    let queries = json["extensions"]["dbQueries"].as_array().unwrap();
    let paths: Vec<&Value> = queries.iter().map(|query| &query["path"]).collect();
    assert_eq!(paths, [&json!(["a"]), &json!(["b"]), &json!(["query"])]);
    let errors: Vec<bool> = queries.iter().map(|query| query.get("error").is_some()).collect();
    assert_eq!(errors, [false, true, false]);
    assert!(queries[1]["error"].as_str().unwrap().starts_with("23505: duplicate key value"), "{}", queries[1]);
    assert!(reply.header("server-timing").is_some());
}

#[test]
fn a_refusal_shows_what_ran_before_it() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    let debug = ("x-freehold-debug", "1");
    let late = ask(&engine, &admin, debug, "{ listNote(filter: {day: {eq: \"2024-13-01\"}}) { title } }", json!({}));
    assert_eq!((late.status, late.code().as_str()), (400, "BAD_USER_INPUT"), "{}", late.text);
    let json = late.json();
    let queries = json["extensions"]["dbQueries"].as_array().unwrap();
    assert_eq!(queries.len(), 1, "{}", late.text);
    assert!(queries[0]["error"].as_str().unwrap().contains("out of range"), "{}", late.text);
    assert_eq!(json["data"], Value::Null);
    let early = ask(&engine, &admin, debug, "{ nope }", json!({}));
    assert_eq!((early.status, &early.json()["extensions"]["dbQueries"]), (400, &json!([])), "{}", early.text);
    assert!(late.header("server-timing").is_some() && early.header("server-timing").is_some());
}
