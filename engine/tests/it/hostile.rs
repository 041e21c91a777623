//! Requests made to hurt: each is the caller's mistake or answered, never a failure of the server, which goes on serving.

use freehold_devstack::test_cluster;
use serde_json::{Value, json};

use crate::running::Engine;

fn nested(n: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(n), close.repeat(n))
}

#[test]
fn no_operation_breaks_the_server() {
    let engine = Engine::start_with(test_cluster(), |config| config.http.max_body_bytes = 2_000_000);
    let token = engine.token(&engine.tenant("acme"), "admin");
    let by_title = "query($t: String) { listNote(filter: {title: {eq: $t}}) { slug } }";
    let by_filter = "query($f: NoteWhere) { listNote(filter: $f) { slug } }";
    let deep = |n: usize| (0..n).fold(json!({ "title": { "eq": "a" } }), |filter, _| json!({ "not": filter }));
    let doubling: String = (0..40).map(|i| format!("fragment F{} on Note {{ ...F{i} ...F{i} }} ", i + 1)).collect();
    let query = |text: String| json!({ "query": text });
    let requests: Vec<(Value, u16, &str)> = vec![
        (query(nested(50_000, "{ a ", "", "}")), 400, "TOO_DEEP"),
        (query(format!("{{ listNote(filter: {}) {{ slug }} }}", nested(10_000, "{not: ", "{}", "}"))), 400, "TOO_DEEP"),
        (query(format!("{{ listNote {{ ...F40 }} }} fragment F0 on Note {{ slug }} {doubling}")), 400, "TOO_COMPLEX"),
        (query(format!("{{ {} }}", "listNote { slug } ".repeat(4_900))), 400, "TOO_COMPLEX"),
        (query(format!("{{ listNote {{ slug }} }} #{}", "x".repeat(300_000))), 400, "TOO_COMPLEX"),
        (query("# nothing".to_owned()), 400, "GRAPHQL_PARSE_FAILED"),
        (query("\0".to_owned()), 400, "GRAPHQL_PARSE_FAILED"),
        (query("{ listNote(filter: {title: {eq: \"\\u0000\"}}) { slug } }".to_owned()), 400, "BAD_USER_INPUT"),
        (json!({ "query": by_title, "variables": { "t": "a\0b" } }), 400, "BAD_USER_INPUT"),
        (json!({ "query": by_title, "variables": { "t": ["a", "b"] } }), 400, "BAD_USER_INPUT"),
        (
            json!({ "query": by_filter, "variables": { "f": { "title": { "in": vec![json!(1); 100_000] } } } }),
            400,
            "BAD_USER_INPUT",
        ),
        (json!({ "query": by_filter, "variables": { "f": { "id": { "eq": "\0" } } } }), 400, "BAD_USER_INPUT"),
    ];
    for (body, status, code) in &requests {
        let reply = engine.post("acme", &token, body);
        let start: String = body.to_string().chars().take(120).collect();
        assert_eq!((reply.status, reply.code().as_str()), (*status, *code), "{start}");
        assert!(reply.text.len() < 100_000, "{} bytes for {start}", reply.text.len());
    }
    // As deep as a JSON body may be, and deeper.
    let deepest = engine.post("acme", &token, &json!({ "query": by_filter, "variables": { "f": deep(120) } }));
    assert!(matches!(deepest.status, 200 | 400), "{}", deepest.text);
    let text =
        format!("{{\"query\": {}, \"variables\": {{\"f\": {}}}}}", json!(by_filter), nested(100_000, "{\"not\": ", "{}", "}"));
    let headers = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(engine.send("POST", "/content/acme", &headers, text).status, 400);

    let many = json!({ "query": "query($t: [String!]) { listNote(filter: {title: {in: $t}}) { slug } }", "variables": { "t": vec!["a"; 100_000] } });
    assert_eq!(engine.post("acme", &token, &many).status, 200);
    let branches = format!("{{ listNote(filter: {{or: [{}]}}) {{ slug }} }}", "{title: {eq: \"First\"}} ".repeat(1_000));
    let reply = engine.post("acme", &token, &query(branches));
    assert_eq!(reply.json()["data"]["listNote"], json!([{ "slug": "first" }]));
}
