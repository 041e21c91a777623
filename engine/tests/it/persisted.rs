//! Documents that are named instead of sent, and tenants that run registered ones only.

use std::time::Duration;

use freehold_catalog::{Document, DocumentMode, NewAuditEntry, NewDocument};
use freehold_devstack::test_cluster;
use serde_json::{Value, json};

use crate::running::{Engine, Reply};
use crate::world::MadeTenant;

const READ: &str = "query Read { listNote { title } }";
const WRITE: &str = "mutation Write { deleteNote(by: {slug: \"first\"}) { ok } }";

fn by_hash(hash: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })
}

fn with_hash(text: &str) -> Value {
    let mut body = by_hash(&Document::id_of(text));
    body["query"] = json!(text);
    body
}

fn get(engine: &Engine, slug: &str, token: &str, query: &str) -> Reply {
    engine.send("GET", &format!("/content/{slug}?{query}"), &[("authorization", &format!("Bearer {token}"))], ())
}

fn get_by_hash(engine: &Engine, slug: &str, token: &str, text: &str, rest: &str) -> Reply {
    let hash = Document::id_of(text);
    let extensions = format!("extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22{hash}%22%7D%7D");
    get(engine, slug, token, &format!("{extensions}{rest}"))
}

fn audit() -> NewAuditEntry {
    NewAuditEntry { actor: "test".to_owned(), action: "test.documents", tenant: None, detail: Value::Null }
}

fn register(engine: &Engine, tenant: &MadeTenant, text: &str, id: Option<&str>) {
    let new = NewDocument::new(text.to_owned(), None, id).unwrap();
    engine.world.catalog.add_documents(tenant.id, &[new], &audit()).unwrap();
    until_the_route_is_renewed();
}

fn accept(engine: &Engine, tenant: &MadeTenant, mode: DocumentMode) {
    engine.world.catalog.set_document_mode(tenant.id, mode, &audit()).unwrap();
    until_the_route_is_renewed();
}

/// These engines keep a route for 50 ms.
fn until_the_route_is_renewed() {
    std::thread::sleep(Duration::from_millis(60));
}

#[track_caller]
fn served(reply: &Reply) {
    assert_eq!((reply.status, &reply.json()["data"]["listNote"][0]["title"]), (200, &json!("First")), "{}", reply.text);
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{}", reply.text);
    assert!(reply.json().get("data").is_none(), "{}", reply.text);
}

#[test]
fn a_hash_is_known_once_its_document_was_sent() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    let (at_acme, at_globex) = (engine.token(&acme, "admin"), engine.token(&globex, "admin"));
    let hash = by_hash(&Document::id_of(READ));
    let unknown = engine.post("acme", &at_acme, &hash);
    let entry = json!([{ "message": "PersistedQueryNotFound", "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND" } }]);
    assert_eq!((unknown.status, &unknown.json()["errors"]), (200, &entry), "in any style, because clients look for it");
    served(&engine.post("acme", &at_acme, &with_hash(READ)));
    served(&engine.post("acme", &at_acme, &hash));
    served(&get_by_hash(&engine, "acme", &at_acme, READ, ""));
    refused(&engine.post("globex", &at_globex, &hash), 200, "PERSISTED_QUERY_NOT_FOUND");
}

#[test]
fn a_document_may_be_taught_by_get_and_take_variables() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let text = "query Some($n: Int) { listNote(limit: $n) { title } }";
    let sent = "&query=query%20Some(%24n%3A%20Int)%20%7B%20listNote(limit%3A%20%24n)%20%7B%20title%20%7D%20%7D";
    served(&get_by_hash(&engine, "acme", &token, text, sent));
    let none = get_by_hash(&engine, "acme", &token, text, "&variables=%7B%22n%22%3A0%7D&operationName=Some");
    assert_eq!(none.json()["data"], json!({ "listNote": [] }), "{}", none.text);
}

/// Texts that differ in literals share a plan, and must not share a name.
#[test]
fn a_hash_runs_its_own_document_and_not_one_like_it() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let text = |limit: u32| format!("query Some {{ listNote(limit: {limit}) {{ title }} }}");
    for limit in [1, 0] {
        assert_eq!(engine.post("acme", &token, &with_hash(&text(limit))).status, 200);
    }
    served(&engine.post("acme", &token, &by_hash(&Document::id_of(&text(1)))));
    let none = engine.post("acme", &token, &by_hash(&Document::id_of(&text(0))));
    assert_eq!(none.json()["data"], json!({ "listNote": [] }), "{}", none.text);
    let too_large = text(1).replace("limit: 1", "limit: 99999999999");
    assert_eq!(engine.post("acme", &token, &with_hash(&too_large)).status, 400);
    refused(&engine.post("acme", &token, &by_hash(&Document::id_of(&too_large))), 200, "PERSISTED_QUERY_NOT_FOUND");
}

#[test]
fn a_hash_must_be_the_documents_own_and_of_version_one() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let mut wrong = by_hash(&Document::id_of("{ __typename }"));
    wrong["query"] = json!(READ);
    let mut later = with_hash(READ);
    later["extensions"]["persistedQuery"]["version"] = json!(2);
    for accept in ["*/*", "application/json"] {
        let post = |body: &Value| engine.post_with("acme", &token, &[("accept", accept)], body);
        refused(&post(&wrong), 400, "PERSISTED_QUERY_MISMATCH");
        refused(&post(&later), 400, "PERSISTED_QUERY_VERSION");
    }
    let not_remembered = engine.post("acme", &token, &by_hash(&Document::id_of("{ __typename }")));
    refused(&not_remembered, 200, "PERSISTED_QUERY_NOT_FOUND");
}

#[test]
fn what_does_not_fit_the_api_is_not_remembered() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    for (text, code) in [("{ nope }", "GRAPHQL_VALIDATION_FAILED"), ("{ listNote {", "GRAPHQL_PARSE_FAILED")] {
        let sent = engine.post("acme", &token, &with_hash(text));
        assert_eq!((sent.status, sent.code().as_str()), (400, code), "{}", sent.text);
        refused(&engine.post("acme", &token, &by_hash(&Document::id_of(text))), 200, "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[test]
fn only_so_many_documents_are_remembered() {
    let engine = Engine::start_with(test_cluster(), |config| config.cache.persisted_queries = 2);
    let token = engine.token(&engine.tenant("acme"), "admin");
    let texts = ["one", "two", "three"].map(|name| format!("query {name} {{ listNote {{ title }} }}"));
    for text in &texts {
        served(&engine.post("acme", &token, &with_hash(text)));
    }
    refused(&engine.post("acme", &token, &by_hash(&Document::id_of(&texts[0]))), 200, "PERSISTED_QUERY_NOT_FOUND");
    for text in &texts[1..] {
        served(&engine.post("acme", &token, &by_hash(&Document::id_of(text))));
    }
}

#[test]
fn a_mutation_is_not_run_by_get_under_any_name() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let token = engine.token(&acme, "admin");
    register(&engine, &acme, WRITE, Some("write"));
    refused(&get(&engine, "acme", &token, "documentId=write"), 405, "METHOD_NOT_ALLOWED");
    refused(&get_by_hash(&engine, "acme", &token, WRITE, ""), 405, "METHOD_NOT_ALLOWED");
    served(&engine.query("acme", &token, READ));
    let written = engine.post("acme", &token, &json!({ "documentId": "write" }));
    assert_eq!(written.json()["data"], json!({ "deleteNote": { "ok": true } }), "{}", written.text);
}

#[test]
fn registered_documents_are_run_by_every_id() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    let (at_acme, at_globex) = (engine.token(&acme, "admin"), engine.token(&globex, "admin"));
    let hash = Document::id_of(READ);
    let prefixed = format!("sha256:{hash}");
    refused(&engine.post("acme", &at_acme, &json!({ "documentId": prefixed })), 400, "DOCUMENT_NOT_FOUND");
    register(&engine, &acme, READ, Some("d41d8cd98f00b204e9800998ecf8427e"));
    for id in [prefixed.as_str(), hash.as_str(), "d41d8cd98f00b204e9800998ecf8427e"] {
        served(&engine.post("acme", &at_acme, &json!({ "documentId": id })));
        served(&get(&engine, "acme", &at_acme, &format!("documentId={id}")));
        served(&engine.post("acme", &at_acme, &by_hash(id)));
    }
    register(&engine, &globex, "{ __typename }", None);
    for id in [prefixed.as_str(), "no-such", &"x".repeat(2000)] {
        refused(&engine.post("globex", &at_globex, &json!({ "documentId": id })), 400, "DOCUMENT_NOT_FOUND");
    }
    let explicit = [("accept", "application/json")];
    let reply = engine.post_with("globex", &at_globex, &explicit, &json!({ "documentId": prefixed }));
    refused(&reply, 200, "DOCUMENT_NOT_FOUND");
    engine.world.catalog.remove_document(acme.id, &hash, &audit()).unwrap();
    until_the_route_is_renewed();
    refused(&engine.post("acme", &at_acme, &json!({ "documentId": prefixed })), 400, "DOCUMENT_NOT_FOUND");
}

#[test]
fn a_tenant_that_trusts_registered_documents_runs_no_others() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    let (at_acme, at_globex) = (engine.token(&acme, "admin"), engine.token(&globex, "admin"));
    let other = "query Other { listNote { slug } }";
    assert_eq!(engine.post("acme", &at_acme, &with_hash(other)).status, 200, "remembered before the switch");
    accept(&engine, &acme, DocumentMode::Trusted);
    refused(&engine.query("acme", &at_acme, READ), 403, "DOCUMENT_NOT_TRUSTED");
    register(&engine, &acme, READ, Some("read"));

    let hash = Document::id_of(READ);
    served(&engine.query("acme", &at_acme, READ));
    served(&engine.post("acme", &at_acme, &with_hash(READ)));
    for body in
        [by_hash(&hash), by_hash("read"), json!({ "documentId": format!("sha256:{hash}") }), json!({ "documentId": "read" })]
    {
        served(&engine.post("acme", &at_acme, &body));
    }
    served(&get_by_hash(&engine, "acme", &at_acme, READ, ""));
    served(&get(&engine, "acme", &at_acme, "documentId=read&query="));

    let other_hash = Document::id_of(other);
    for body in [
        json!({ "query": other }),
        json!({ "query": format!("{READ} ") }),
        json!({ "query": "{ __schema { queryType { name } } }" }),
        json!({ "query": "{" }),
        json!({ "query": other, "documentId": "read" }),
        by_hash(&other_hash),
        with_hash(other),
        json!({ "documentId": format!("sha256:{other_hash}") }),
        json!({ "documentId": "nobody" }),
    ] {
        refused(&engine.post("acme", &at_acme, &body), 403, "DOCUMENT_NOT_TRUSTED");
    }
    refused(&get(&engine, "acme", &at_acme, "query=%7B__typename%7D"), 403, "DOCUMENT_NOT_TRUSTED");
    served(&engine.query("globex", &at_globex, READ));

    engine.world.catalog.remove_document(acme.id, "read", &audit()).unwrap();
    until_the_route_is_renewed();
    for body in [json!({ "query": READ }), by_hash(&hash), json!({ "documentId": "read" })] {
        refused(&engine.post("acme", &at_acme, &body), 403, "DOCUMENT_NOT_TRUSTED");
    }
    accept(&engine, &acme, DocumentMode::Any);
    served(&engine.query("acme", &at_acme, READ));
}

#[test]
fn whoever_may_not_come_in_learns_nothing_about_documents() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    register(&engine, &acme, READ, Some("read"));
    let (roleless, foreign) = (engine.token(&acme, "no-such-role"), engine.token(&globex, "admin"));
    for mode in [DocumentMode::Any, DocumentMode::Trusted] {
        accept(&engine, &acme, mode);
        for body in [
            json!({ "query": READ }),
            json!({ "query": "{ nope }" }),
            json!({ "documentId": "read" }),
            json!({ "documentId": "x" }),
        ] {
            for token in [&roleless, &foreign] {
                refused(&engine.post("acme", token, &body), 404, "TENANT_NOT_FOUND");
            }
            refused(&engine.post("acme", "nonsense", &body), 401, "TOKEN_REFUSED");
        }
    }
}

#[test]
fn a_registered_document_shows_a_role_no_more_than_it_may_see() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    register(&engine, &acme, "{ listNote { slug } }", Some("slugs"));
    let body = json!({ "documentId": "slugs" });
    assert_eq!(engine.post("acme", &engine.token(&acme, "admin"), &body).json()["data"]["listNote"][0]["slug"], "first");
    let reader = engine.post("acme", &engine.token(&acme, "reader"), &body);
    assert_eq!((reader.status, reader.code().as_str()), (400, "GRAPHQL_VALIDATION_FAILED"));
}

#[test]
fn without_the_catalogue_known_documents_are_served_and_hashes_fall_back() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let token = engine.token(&acme, "admin");
    register(&engine, &acme, READ, Some("read"));
    served(&engine.post("acme", &token, &json!({ "documentId": "read" })));
    engine.world.control("ALTER TABLE document RENAME TO document_gone");
    served(&engine.post("acme", &token, &json!({ "documentId": "read" })));
    refused(&engine.post("acme", &token, &json!({ "documentId": "other" })), 503, "CATALOG_UNAVAILABLE");
    refused(&engine.post("acme", &token, &by_hash(&Document::id_of("{ __typename }"))), 200, "PERSISTED_QUERY_NOT_FOUND");
}
