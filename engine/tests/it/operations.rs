//! Requests that are carried out.

use freehold_devstack::test_cluster;
use serde_json::{Value, json};

use crate::running::Engine;

#[test]
fn a_note_is_written_and_read_back() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let create = "mutation($t: String!) { a: createNote(data: {title: $t, slug: \"second\"}) { ok errorMessage node { title } } \
                  again: createNote(data: {title: $t, slug: \"second\"}) { ok errors { type } } query { listNote(orderBy: [{slug: asc}]) { slug } } }";
    let reply = engine.post("acme", &token, &json!({ "query": create, "variables": { "t": "Zwei \"ä\"" } }));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let data = &reply.json()["data"];
    assert_eq!(data["a"], json!({ "ok": true, "errorMessage": null, "node": { "title": "Zwei \"ä\"" } }));
    assert_eq!(data["again"], json!({ "ok": false, "errors": [{ "type": "UniqueConstraintViolation" }] }));
    assert_eq!(data["query"]["listNote"], json!([{ "slug": "first" }, { "slug": "second" }]));
}

#[test]
fn a_failed_root_field_leaves_the_others() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let reply = engine.query("acme", &token, "{ ok: listNote { slug } bad: getNote(by: {}) { slug } }");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["data"], json!({ "ok": [{ "slug": "first" }], "bad": null }));
    assert_eq!((reply.code().as_str(), &reply.json()["errors"][0]["path"]), ("NON_UNIQUE_WHERE", &json!([])));
}

#[test]
fn plans_are_shared_by_tenants_and_separate_by_role() {
    let engine = Engine::start(test_cluster());
    let (acme, globex) = (engine.tenant("acme"), engine.tenant("globex"));
    let read = "query Shared { listNote { title } }";
    for tenant in [&acme, &globex] {
        assert_eq!(engine.query(&tenant.slug, &engine.token(tenant, "admin"), read).status, 200);
    }
    let metrics = engine.send("GET", "/metrics", &[], ()).text;
    assert!(metrics.contains("freehold_plan_cache_total{result=\"hit\"} 1"), "{metrics}");
    let reader = engine.token(&acme, "reader");
    assert_eq!(engine.query("acme", &reader, read).status, 200);
    let hidden = engine.query("acme", &reader, "{ listNote { slug } }");
    assert_eq!((hidden.status, hidden.code().as_str()), (400, "GRAPHQL_VALIDATION_FAILED"));
    let writing = engine.query("acme", &reader, "mutation { deleteNote(by: {slug: \"first\"}) { ok } }");
    assert_eq!((writing.status, &writing.json()["data"]), (400, &Value::Null), "{}", writing.text);
}

#[test]
fn texts_that_differ_in_literals_share_a_plan() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let ask = |query: &str| engine.query("acme", &token, query);
    let hits = || {
        let metrics = engine.send("GET", "/metrics", &[], ()).text;
        let line = metrics.lines().find(|line| line.starts_with("freehold_plan_cache_total{result=\"hit\"}")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()
    };
    let by_slug = |slug: &str| format!("{{ listNote(filter: {{slug: {{in: [\"{slug}\", \"none\"]}}}}, limit: 3) {{ slug }} }}");
    assert_eq!(ask(&by_slug("first")).json()["data"], json!({ "listNote": [{ "slug": "first" }] }));
    assert_eq!(hits(), 0);
    assert_eq!(ask(&by_slug("other")).json()["data"], json!({ "listNote": [] }));
    assert_eq!(ask(&by_slug("first").replace(' ', "\n ")).json()["data"], json!({ "listNote": [{ "slug": "first" }] }));
    assert_eq!(hits(), 2);
    // A literal that is none of its type is told of at its place in the text that has it.
    assert_eq!(ask("{ getNote(by: {id: \"00000000-0000-0000-0000-000000000000\"}) { slug } }").status, 200);
    let wrong = ask("{\n  getNote(by: {id: \"no uuid\"}) { slug } }");
    assert_eq!((wrong.status, &wrong.json()["errors"][0]["locations"]), (400, &json!([{ "line": 2, "column": 20 }])));
    // So is a root field that fails.
    let not_unique = |before: &str| {
        let query = format!("{{ x: listNote(filter: {{slug: {{eq: \"{before}\"}}}}) {{ slug }} getNote(by: {{}}) {{ slug }} }}");
        let reply = engine.post_with("acme", &token, &[("accept", "*/*")], &json!({ "query": query }));
        reply.json()["errors"][0]["locations"][0]["column"].as_u64().unwrap()
    };
    assert_eq!(not_unique("long long") - not_unique("a"), 8);
}

#[test]
fn introspection_shows_what_the_role_sees() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let query = "query I { __schema { queryType { name } mutationType { name } types { name fields { name } } } __type(name: \"Note\") { name kind } me: __typename listNote { title } }";
    let replies = ["admin", "reader", "admin"].map(|role| engine.query("acme", &engine.token(&acme, role), query));
    let [admin, reader, again] = replies.map(|reply| {
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"].clone()
    });
    assert_eq!(admin, again);
    assert_eq!(admin["__type"], json!({ "name": "Note", "kind": "OBJECT" }));
    assert_eq!((&admin["me"], &admin["listNote"][0]["title"]), (&json!("Query"), &json!("First")));
    let fields = |data: &Value| {
        let types = data["__schema"]["types"].as_array().unwrap();
        let note = types.iter().find(|ty| ty["name"] == "Note").unwrap();
        let names: Vec<String> =
            note["fields"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect();
        names
    };
    assert!(fields(&admin).contains(&"slug".to_owned()));
    assert!(!fields(&reader).contains(&"slug".to_owned()), "{:?}", fields(&reader));
    assert_eq!(
        (admin["__schema"]["mutationType"]["name"].as_str(), &reader["__schema"]["mutationType"]),
        (Some("Mutation"), &Value::Null)
    );
}

#[test]
fn memberships_are_assumed_by_header_or_body() {
    let engine = Engine::start(test_cluster());
    let acme = engine.tenant("acme");
    let admin = engine.token(&acme, "admin");
    let assume = r#"{"memberships":[{"role":"reader","variables":[]}]}"#;
    let hidden = json!({ "query": "{ listNote { slug } }" });
    for name in ["x-freehold-assume-membership", "x-contember-assume-membership"] {
        assert_eq!(engine.post_with("acme", &admin, &[(name, assume)], &hidden).status, 400);
    }
    let in_body = json!({ "query": "{ listNote { slug } }", "assumeMembership": { "memberships": [{ "role": "reader" }] } });
    assert_eq!(engine.post("acme", &admin, &in_body).status, 400);
    let ghost = r#"{"memberships":[{"role":"ghost","variables":[]}]}"#;
    let reply = engine.post_with("acme", &admin, &[("x-contember-assume-membership", ghost)], &hidden);
    let message = "Invalid memberships in x-contember-assume-membership header:\n{\"role\":\"ghost\",\"error\":\"roleNotFound\"}";
    assert_eq!(reply.json()["errors"], json!([{ "code": 400, "message": message }]));
    let up = engine.post_with(
        "acme",
        &engine.token(&acme, "reader"),
        &[("x-contember-assume-membership", r#"{"memberships":[{"role":"admin"}]}"#)],
        &hidden,
    );
    assert_eq!((up.status, up.code().as_str()), (403, "ASSUME_MEMBERSHIP_FORBIDDEN"));
    let nobody = engine.post_with("acme", &admin, &[("x-contember-assume-membership", r#"{"memberships":[]}"#)], &hidden);
    assert_eq!(nobody.status, 404);
}

#[test]
fn image_urls_are_signed_for_the_tenant() {
    let engine = Engine::start_with(test_cluster(), |config| config.images.public_url = "https://images.example".to_owned());
    let acme = engine.tenant("acme");
    let image = r#"{"key":"photos/a.jpg","width":10,"height":20,"contentType":"image/jpeg","version":"v1"}"#;
    engine.world.admin(&acme.database, &format!("UPDATE content.note SET picture = '{image}'"));
    let query = "query($w: Int) { listNote { picture { key small: url(width: $w) whole: url } } }";
    let reply = engine.post("acme", &engine.token(&acme, "admin"), &json!({ "query": query, "variables": { "w": 400 } }));
    let picture = &reply.json()["data"]["listNote"][0]["picture"];
    assert_eq!(picture["key"], "photos/a.jpg", "{}", reply.text);
    for (name, operations) in [("small", "w400.webp"), ("whole", "o")] {
        let url = picture[name].as_str().unwrap();
        let end = format!("/{}/{operations}/v1/photos/a.jpg", acme.id);
        assert!(url.starts_with("https://images.example/i/") && url.ends_with(&end), "{url}");
    }
}

#[test]
fn statuses_are_forced_and_ids_kept_when_the_client_asks() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let headers = [("x-contember-force-ok", "1"), ("x-request-id", "my-request-0001")];
    let reply = engine.post_with("acme", &token, &headers, &json!({ "query": "{ nope }" }));
    assert_eq!((reply.status, reply.header("x-contember-original-status")), (200, Some("400")));
    assert_eq!(reply.header("x-request-id"), Some("my-request-0001"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[test]
fn answers_are_compressed_only_for_those_who_ask() {
    let engine = Engine::start(test_cluster());
    let token = engine.token(&engine.tenant("acme"), "admin");
    let body = json!({ "query": "{ __schema { types { name fields { name } } } }" });
    let plain = engine.post("acme", &token, &body);
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.status, 200);
    let gzip = [("accept-encoding", "br, gzip;q=0.8")];
    let small = engine.post_with("acme", &token, &gzip, &body);
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    let refusing = engine.post_with("acme", &token, &[("accept-encoding", "gzip;q=0, br")], &body);
    assert_eq!(refusing.header("content-encoding"), None);
    // Not worth it.
    let tiny = engine.post_with("acme", &token, &gzip, &json!({ "query": "{ __typename }" }));
    assert_eq!((tiny.status, tiny.header("content-encoding")), (200, None));
}
