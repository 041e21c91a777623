//! Assumed memberships beyond the plain case, and forced statuses.

use freehold_devstack::test_cluster;
use serde_json::{Value, json};

use super::BRANDS;
use crate::running::{Engine, Reply};
use crate::world::MadeTenant;

const FIRST: &str = "11111111-1111-1111-1111-111111111111";
const SECOND: &str = "22222222-2222-2222-2222-222222222222";

fn assume(engine: &Engine, token: &str, header: &str) -> Reply {
    engine.post_with(
        "acme",
        token,
        &[("x-contember-assume-membership", header)],
        &json!({ "query": "{ listNote(orderBy: [{slug: asc}]) { slug } }" }),
    )
}

fn owner_of(values: &[&str]) -> String {
    json!({"memberships": [{"role": "owner", "variables": [{"name": "note", "values": values}]}]}).to_string()
}

fn with_two_notes(engine: &Engine) -> MadeTenant {
    let acme = engine.tenant("acme");
    engine
        .world
        .admin(&acme.database, &format!("INSERT INTO content.note (id, title, slug) VALUES ('{SECOND}', 'Second', 'second')"));
    acme
}

#[test]
fn only_values_of_ones_own_variable_are_handed_on() {
    let engine = Engine::start(test_cluster());
    let acme = with_two_notes(&engine);
    let lead = engine.token_with(&acme, "lead", "note", FIRST);
    let own = assume(&engine, &lead, &owner_of(&[FIRST]));
    assert_eq!((own.status, &own.json()["data"]), (200, &json!({"listNote": [{"slug": "first"}]})), "{}", own.text);
    for values in [&[SECOND][..], &[FIRST, SECOND]] {
        let others = assume(&engine, &lead, &owner_of(values));
        let what = json!({"role": "owner", "variables": [{"name": "note", "values": values}]});
        let message = format!("You are not allow to assume membership {what}");
        assert_eq!((others.status, others.code().as_str()), (403, "ASSUME_MEMBERSHIP_FORBIDDEN"));
        assert_eq!(others.json()["errors"], json!([{"code": 403, "message": message}]));
    }
    let admin = engine.token(&acme, "admin");
    assert_eq!(assume(&engine, &admin, &owner_of(&[SECOND])).json()["data"], json!({"listNote": [{"slug": "second"}]}));
}

#[test]
fn predefined_variables_may_be_given() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let admin = engine.token(&acme, "admin");
    engine.world.admin(&acme.database, &format!("UPDATE content.note SET keeper = '{SECOND}'"));
    let keeper =
        |values: Value| json!({"memberships": [{"role": "keeper", "variables": [{"name": "me", "values": values}]}]}).to_string();
    assert_eq!(assume(&engine, &admin, &keeper(json!([SECOND]))).json()["data"], json!({"listNote": [{"slug": "first"}]}));
    assert_eq!(assume(&engine, &admin, &keeper(json!([FIRST]))).json()["data"], json!({"listNote": []}));
    let own = r#"{"memberships":[{"role":"keeper","variables":[]}]}"#;
    assert_eq!(assume(&engine, &admin, own).json()["data"], json!({"listNote": []}), "the caller's own identity");
    assert_eq!(assume(&engine, &admin, &keeper(json!(["me"]))).status, 400);
}

#[test]
fn the_bodys_memberships_win_over_the_headers() {
    let engine = Engine::start(test_cluster());
    let admin = engine.token(&engine.tenant("acme"), "admin");
    let body = json!({ "query": "{ listNote { slug } }", "assumeMembership": { "memberships": [{ "role": "clerk", "variables": [] }] } });
    for header in [r#"{"memberships":[{"role":"reader","variables":[]}]}"#, "not JSON"] {
        let reply = engine.post_with("acme", &admin, &[("x-freehold-assume-membership", header)], &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_nothing_is_nothing() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let admin = engine.token(&acme, "admin");
    for (header, problem) in [
        ("not JSON", "not JSON"),
        ("[]", "value at path /: must be object, [] given"),
        (r#"{"memberships":[{"variables":[]}]}"#, "value at path /memberships/0: missing property role"),
    ] {
        let reply = assume(&engine, &admin, header);
        let message = format!("Invalid format of \"assume membership\": {problem}");
        assert_eq!(reply.json()["errors"], json!([{"code": 400, "message": message}]), "{header}");
    }
    assert_eq!(assume(&engine, &admin, " ").status, 200);
    let stranger = engine.token(&acme, "no-such-role");
    for header in ["not JSON", r#"{"memberships":[{"role":"reader","variables":[]}]}"#] {
        let reply = assume(&engine, &stranger, header);
        assert_eq!((reply.status, reply.code().as_str()), (404, "TENANT_NOT_FOUND"), "a stranger learns nothing from {header}");
    }
}

#[test]
fn a_status_is_forced_only_when_there_is_another_one() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    for brand in BRANDS {
        let force = format!("{brand}force-ok");
        for (value, forced) in
            [("1", true), ("true", true), (" ON ", true), ("yes", true), ("0", false), ("off", false), ("", false)]
        {
            let reply = engine.post_with("acme", &token, &[(&force, value)], &json!({ "query": "{ nope }" }));
            let originals = BRANDS.map(|brand| reply.header(&format!("{brand}original-status").to_lowercase()));
            let expected = if forced { (200, [Some("400"); 2]) } else { (400, [None; 2]) };
            assert_eq!((reply.status, originals), expected, "{force}: {value}");
        }
        let good = engine.post_with("acme", &token, &[(&force, "1")], &json!({ "query": "{ listNote { slug } }" }));
        assert_eq!((good.status, good.header("x-contember-original-status")), (200, None));
    }
}
