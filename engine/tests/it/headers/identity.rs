//! Assumed identities: who is recorded as the author of what is written.

use diesel::PgConnection;
use freehold_devstack::test_cluster;
use serde_json::json;

use super::{BRANDS, connect, texts};
use crate::running::{CALLER, Engine};
use crate::world::MadeTenant;

const OTHER: &str = "99999999-9999-4999-8999-999999999999";

/// What a trigger of the test's own sees, as the event log's will.
fn watch(engine: &Engine, tenant: &MadeTenant) -> PgConnection {
    engine.world.admin(
        &tenant.database,
        "CREATE TABLE content.seen (n int GENERATED ALWAYS AS IDENTITY, author text);
         GRANT INSERT ON content.seen TO PUBLIC;
         CREATE FUNCTION content.see() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO content.seen (author) VALUES (split_part(current_setting('freehold.authorship', true), ' ', 1)); RETURN NULL; END $$;
         CREATE TRIGGER see AFTER INSERT OR UPDATE ON content.note FOR EACH ROW EXECUTE FUNCTION content.see()",
    );
    connect(engine, tenant)
}

fn seen(database: &mut PgConnection) -> Vec<String> {
    let seen = texts(database, "SELECT author AS value FROM content.seen ORDER BY n");
    texts(database, "DELETE FROM content.seen RETURNING 'gone' AS value");
    seen
}

fn rename(engine: &Engine, token: &str, headers: &[(&str, &str)]) {
    let mutation = "mutation { updateNote(by: {slug: \"first\"}, data: {title: \"Renamed\"}) { ok errorMessage } }";
    let reply = engine.post_with("acme", token, headers, &json!({ "query": mutation }));
    assert_eq!((reply.status, &reply.json()["data"]["updateNote"]["ok"]), (200, &json!(true)), "{}", reply.text);
}

#[test]
fn writes_have_an_author() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let mut database = watch(&engine, &acme);
    engine.world.admin(&acme.database, &format!("ALTER TABLE content.note DISABLE TRIGGER see; UPDATE content.note SET keeper = '{CALLER}'; ALTER TABLE content.note ENABLE TRIGGER see"));
    for role in ["admin", "keeper", "clerk"] {
        let token = engine.token(&acme, role);
        rename(&engine, &token, &[]);
        assert_eq!(seen(&mut database), [CALLER.to_string()]);
        for brand in BRANDS {
            let name = format!("{brand}assume-identity");
            rename(&engine, &token, &[(&name, OTHER)]);
            // A clerk may not, and is not told.
            let expected = if role == "clerk" { CALLER.to_string() } else { OTHER.to_owned() };
            assert_eq!(seen(&mut database), [expected], "{role} {name}");
            for malformed in ["", "me", "9999", "99999999-9999-4999-8999-999999999999'; DROP TABLE content.note; --"] {
                rename(&engine, &token, &[(&name, malformed)]);
                assert_eq!(seen(&mut database), [CALLER.to_string()], "{role} {malformed}");
            }
        }
    }
}

#[test]
fn the_authors_permissions_stay_the_callers() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    engine.world.admin(&acme.database, &format!("UPDATE content.note SET keeper = '{CALLER}'"));
    let keeper = engine.token(&acme, "keeper");
    let notes = |identity: &str| {
        let headers = [("x-contember-assume-identity", identity)];
        engine.post_with("acme", &keeper, &headers, &json!({ "query": "{ listNote { slug } }" })).json()["data"]["listNote"]
            .clone()
    };
    assert_eq!(notes(OTHER), json!([{ "slug": "first" }]));
    engine.world.admin(&acme.database, &format!("UPDATE content.note SET keeper = '{OTHER}'"));
    assert_eq!(notes(OTHER), json!([]));
}

#[test]
fn the_assumed_roles_decide() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let mut database = watch(&engine, &acme);
    let admin = engine.token(&acme, "admin");
    let as_clerk = ("x-contember-assume-membership", r#"{"memberships":[{"role":"clerk","variables":[]}]}"#);
    rename(&engine, &admin, &[as_clerk, ("x-contember-assume-identity", OTHER)]);
    assert_eq!(seen(&mut database), [CALLER.to_string()]);
}
