//! What a request can be refused for, before any database is asked: statuses, texts, codes, and what they must not tell.

use freehold_devstack::test_cluster;
use serde_json::{Value, json};

use crate::running::Engine;

/// Method, path, headers, body; status, code, the only error.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str, u16, &'a str, Value);

const READ: &str = "{ listNote { title } }";

#[test]
fn every_refusal_has_the_contracts_status_and_text() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let token = engine.token(&acme, "admin");
    let bearer = format!("Bearer {token}");
    let expired = format!("Bearer {}", engine.token_until(&acme, "admin", -1));
    let read = json!({ "query": READ }).to_string();
    let (json_type, good) = (("content-type", "application/json"), ("authorization", bearer.as_str()));
    let http = |status: u16, message: &str| json!({ "code": status, "message": message });
    let cases: Vec<Case<'_>> = vec![
        ("POST", "/content/acme", vec![json_type], &read, 401, "UNAUTHENTICATED", http(401, "Authentication required")),
        (
            "POST",
            "/content/acme",
            vec![json_type, ("authorization", "Bearer 9999999999999999999999999999999999999999")],
            &read,
            401,
            "TOKEN_REFUSED",
            http(401, "Authorization failure: API key was not found"),
        ),
        (
            "POST",
            "/content/acme",
            vec![json_type, ("authorization", "Bearer a-b c")],
            &read,
            401,
            "AUTHORIZATION_MALFORMED",
            http(401, "Authorization failure: invalid Authorization header format"),
        ),
        (
            "POST",
            "/content/acme",
            vec![json_type, ("authorization", &expired)],
            &read,
            401,
            "TOKEN_EXPIRED",
            http(401, "Authorization failure: the token has expired"),
        ),
        (
            "POST",
            "/content/nobody/live",
            vec![json_type, good],
            &read,
            404,
            "TENANT_NOT_FOUND",
            http(404, "Project nobody NOT found"),
        ),
        ("POST", "/content/acme/nope", vec![json_type, good], &read, 404, "STAGE_NOT_FOUND", http(404, "Stage nope NOT found")),
        ("POST", "/nope", vec![json_type, good], &read, 404, "ROUTE_NOT_FOUND", http(404, "Route not found")),
        (
            "POST",
            "/content/acme",
            vec![json_type, good],
            "{}",
            400,
            "MISSING_QUERY",
            json!({ "message": "Missing request query" }),
        ),
        (
            "POST",
            "/content/acme",
            vec![json_type, good],
            r#"[{"query":"{ a }"}]"#,
            400,
            "MISSING_QUERY",
            json!({ "message": "Missing request query" }),
        ),
        (
            "POST",
            "/content/acme",
            vec![good, ("content-type", "text/plain")],
            &read,
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            http(415, "the body must be sent as Content-Type: application/json"),
        ),
        (
            "PUT",
            "/content/acme",
            vec![json_type, good],
            &read,
            405,
            "METHOD_NOT_ALLOWED",
            http(405, "only GET and POST are answered here"),
        ),
        (
            "POST",
            "/content/acme",
            vec![json_type, good],
            r#"{"query":"{ listNote { nope } }"}"#,
            400,
            "GRAPHQL_VALIDATION_FAILED",
            json!({ "message": "Cannot query field \"nope\" on type \"Note\".", "locations": [{ "line": 1, "column": 14 }] }),
        ),
        (
            "POST",
            "/content/acme",
            vec![json_type, good],
            r#"{"query":"{ listNote { title "}"#,
            400,
            "GRAPHQL_PARSE_FAILED",
            json!({ "message": "Syntax Error: Expected Name, found <EOF>.", "locations": [{ "line": 1, "column": 20 }] }),
        ),
    ];
    for (method, path, headers, body, status, code, error) in cases {
        let reply = engine.send(method, path, &headers, body.to_owned());
        assert_eq!(reply.status, status, "{method} {path} {body}: {}", reply.text);
        assert_eq!(reply.json()["errors"], json!([error]), "{method} {path} {body}");
        assert_eq!(reply.code(), code);
        assert!(reply.header("x-request-id").is_some());
    }
    let broken = engine.send("POST", "/content/acme", &[json_type, good], "{".to_owned());
    assert_eq!((broken.status, broken.text.as_str()), (400, "Bad Request"));
}

#[test]
fn another_tenants_slug_looks_like_nobodys() {
    let engine = Engine::start(test_cluster());
    let (acme, _globex) = (engine.tenant("acme"), engine.tenant("globex"));
    let token = engine.token(&acme, "admin");
    let [other, nobody] = ["globex", "nobodyy"].map(|slug| engine.query(slug, &token, READ));
    assert_eq!((other.status, nobody.status), (404, 404));
    assert_eq!(other.text, nobody.text.replace("nobodyy", "globex"));
    let names = |reply: &crate::running::Reply| {
        let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&other), names(&nobody));
    assert_eq!(engine.query("acme", &token, READ).status, 200);
    let roleless = engine.token(&acme, "no-such-role");
    assert_eq!(engine.query("acme", &roleless, READ).text, other.text.replace("globex", "acme"));
}

#[test]
fn a_suspended_tenant_is_told_so_and_nobody_else_is() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    assert_eq!(engine.query("acme", &engine.token(&acme, "admin"), READ).status, 200);
    engine.world.control(&format!("UPDATE tenant SET state = 'suspended' WHERE id = '{}'", acme.id.as_uuid()));
    std::thread::sleep(std::time::Duration::from_millis(60));
    let own = engine.query("acme", &engine.token(&acme, "admin"), READ);
    assert_eq!((own.status, own.code().as_str()), (403, "TENANT_SUSPENDED"));
    assert_eq!(engine.query("acme", &engine.token(&globex, "admin"), READ).status, 404);
}

#[test]
fn explicit_accept_headers_get_what_graphql_over_http_says() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let graphql = "application/graphql-response+json";
    let bearer = format!("Bearer {token}");
    for (body, any, json, response) in [
        (json!({ "query": READ }), 200, 200, 200),
        (json!({ "query": "{" }), 400, 200, 400),
        (json!({ "query": "{ nope }" }), 400, 200, 400),
        (json!({ "query": "query($a: Int!) { listNote(limit: $a) { title } }" }), 400, 200, 400),
        (json!({ "query": "query($a: Int) { listNote(limit: $a) { title } }", "variables": { "a": -1 } }), 400, 200, 400),
        (json!({ "query": "{ listNote(filter: {day: {eq: \"2024-13-01\"}}) { title } }" }), 400, 200, 400),
        (json!({}), 400, 400, 400),
        (json!({ "query": 7 }), 400, 400, 400),
        (json!({ "query": READ, "variables": "x" }), 400, 400, 400),
        (json!("text"), 400, 400, 400),
    ] {
        for (accept, status) in [("*/*", any), ("application/json", json), (graphql, response)] {
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", accept)];
            let reply = engine.send("POST", "/content/acme", &headers, body.to_string());
            assert_eq!(reply.status, status, "{accept} {body}: {}", reply.text);
            let expected = if accept == graphql { graphql } else { "application/json" };
            assert_eq!(reply.header("content-type"), Some(format!("{expected}; charset=utf-8").as_str()));
            if let Some(error) = reply.json().get("errors") {
                assert!(error[0]["extensions"]["code"].is_string(), "{accept} {body}: {}", reply.text);
            }
        }
    }
}

#[test]
fn reading_by_get_is_fine_and_writing_is_not() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let bearer = format!("Bearer {token}");
    let get = |query: &str| engine.send("GET", &format!("/content/acme?{query}"), &[("authorization", &bearer)], ());
    let read =
        get("query=query%20A(%24n%3AInt)%7BlistNote(limit%3A%24n)%7Btitle%7D%7D&variables=%7B%22n%22%3A1%7D&operationName=A");
    assert_eq!(read.json(), json!({ "data": { "listNote": [{ "title": "First" }] } }));
    let write = get("query=mutation%7BdeleteNote(by%3A%7Bslug%3A%22first%22%7D)%7Bok%7D%7D");
    assert_eq!((write.status, write.code().as_str(), write.header("allow")), (405, "METHOD_NOT_ALLOWED", Some("POST")));
    assert_eq!(get("").status, 400);
    assert_eq!(engine.query("acme", &token, READ).json()["data"]["listNote"][0]["title"], "First");
}

#[test]
fn sizes_and_depths_have_limits() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let large = json!({ "query": READ, "variables": { "x": "x".repeat(200_000) } });
    let reply = engine.post("acme", &token, &large);
    assert_eq!((reply.status, reply.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
    // Without a declared length.
    let bearer = format!("Bearer {token}");
    let text = large.to_string();
    let mut reader = text.as_bytes();
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let chunked = engine.send("POST", "/content/acme", &headers, ureq::SendBody::from_reader(&mut reader));
    assert_eq!(chunked.status, 413, "{}", chunked.text);
    let deep = format!("{}__typename{}", "{ transaction ".repeat(30), " }".repeat(31));
    let deep = format!("{{ {} }}", deep.trim_start_matches("{ "));
    let reply = engine.query("acme", &token, &deep.replace("transaction ", "transaction {").replace("{{", "{"));
    assert_eq!(reply.status, 400, "{}", reply.text);
    let aliases: String = (0..600).map(|i| format!("a{i}: __typename ")).collect();
    let reply = engine.query("acme", &token, &format!("{{ {aliases} }}"));
    assert_eq!((reply.status, reply.code().as_str()), (400, "TOO_COMPLEX"), "{}", reply.text);
}

#[test]
fn any_site_may_ask_and_none_with_cookies() {
    let engine = Engine::start(test_cluster());
    let headers = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let preflight = engine.send("OPTIONS", "/content/acme", &headers, ());
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("authorization"));
    let refused = engine.send("POST", "/content/acme", &[("origin", "https://app.example")], "{}".to_owned());
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("*")), "the site may read why");
}
