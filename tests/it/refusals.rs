//! Bad input at the engine's door: the right status, a documented code, a request id, and no word about what is behind the door.

use freehold_tests::{Answer, Client, Tenant, shared};
use serde_json::{Value, json};

/// A refusal, checked for what every refusal must be.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{text}");
    assert!(answer.headers.contains_key("x-request-id"), "no request id: {:?}", answer.headers);
    for leak in ["SELECT", "INSERT", "\"content\".", "postgres", "pg_", "t_0", "diesel", "/tmp", "panicked", "src/"] {
        assert!(!text.contains(leak), "`{leak}` leaked: {text}");
    }
}

fn acme() -> (&'static Tenant, Client) {
    (shared().tenant("acme"), Client::default())
}

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("Authorization", format!("Bearer {token}"))]
}

#[test]
fn a_token_opens_one_tenant() {
    let (acme, client) = acme();
    let globex = shared().tenant("globex");
    let ask = |tenant: &str, token: &str| {
        client.graphql(&acme.content_url.replace("acme", tenant), Some(token), "{ listArticle { title } }", json!({})).unwrap()
    };
    refused(&ask("globex", &acme.token), 404, "TENANT_NOT_FOUND");
    refused(&ask("acme", &globex.token), 404, "TENANT_NOT_FOUND");
    // A tenant that does not exist is refused alike, word for word: names cannot be found out by trying.
    let (other, nobody) = (ask("globex", &acme.token), ask("nobody", &acme.token));
    assert_eq!(nobody.status, other.status);
    assert_eq!(nobody.json().to_string(), other.json().to_string().replace("globex", "nobody"));
}

#[test]
fn without_a_good_token_nothing_is_said() {
    let (acme, client) = acme();
    let ask = |token: Option<&str>| client.graphql(&acme.content_url, token, "{ listArticle { title } }", json!({})).unwrap();
    refused(&ask(None), 401, "UNAUTHENTICATED");
    refused(&ask(Some("nonsense")), 401, "TOKEN_REFUSED");
    let (signed, signature) = acme.token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    refused(&ask(Some(&format!("{signed}.{other}{}", &signature[1..]))), 401, "TOKEN_REFUSED");
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", signed.split('.').nth(1).unwrap());
    refused(&ask(Some(&unsigned)), 401, "TOKEN_REFUSED");
    let image_token = acme.image_url.split("/i/").nth(1).unwrap().split('/').next().unwrap();
    refused(&ask(Some(image_token)), 401, "TOKEN_REFUSED");
    let brief = shared().json(&["token", "create", "--tenant", "acme", "--role", "reader", "--ttl", "1s"]).unwrap();
    let brief = brief["token"].as_str().unwrap();
    refused(&crate::journey::eventually(|| Some(ask(Some(brief))).filter(|answer| answer.status != 200)), 401, "TOKEN_EXPIRED");
}

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let (acme, client) = acme();
    let post = |body: &[u8]| client.post(&acme.content_url, &bearer(&acme.token), body).unwrap();
    assert_eq!(post(b"{\"query\": ").status, 400);
    assert_eq!(post(b"[1, 2]").status, 400);
    assert_eq!(post(b"{}").json()["errors"][0]["message"], "Missing request query");
    assert_eq!(post(b"\xff\xfe").status, 400);
    refused(&post(b"{\"query\": \"{ listArticle { \"}"), 400, "GRAPHQL_PARSE_FAILED");

    let ask = |query: &str, variables: Value| client.graphql(&acme.content_url, Some(&acme.token), query, variables).unwrap();
    let unknown = ask("{ listArticle { titel } }", json!({}));
    refused(&unknown, 400, "GRAPHQL_VALIDATION_FAILED");
    assert!(unknown.json()["errors"][0]["message"].as_str().unwrap().contains("Did you mean \"title\""), "{}", unknown.json());
    refused(&ask("{ listArticle(limit: \"ten\") { title } }", json!({})), 400, "GRAPHQL_VALIDATION_FAILED");
    refused(
        &ask("query($id: UUID!) { getArticle(by: { id: $id }) { title } }", json!({ "id": "no-uuid" })),
        400,
        "BAD_USER_INPUT",
    );
    refused(
        &ask("{ listArticle(filter: { publishedAt: { gt: \"yesterday-ish\" } }) { title } }", json!({})),
        400,
        "BAD_USER_INPUT",
    );
}

#[test]
fn requests_have_limits() {
    let (acme, client) = acme();
    let deep = format!("{{ listArticle {{ {} title {} }} }}", "site { articles { ".repeat(40), "} }".repeat(40));
    refused(&client.graphql(&acme.content_url, Some(&acme.token), &deep, json!({})).unwrap(), 400, "TOO_DEEP");
    let wide: String = (0..2000).map(|n| format!("a{n}: listArticle {{ title }} ")).collect();
    refused(
        &client.graphql(&acme.content_url, Some(&acme.token), &format!("{{ {wide} }}"), json!({})).unwrap(),
        400,
        "TOO_COMPLEX",
    );
    let large = client
        .graphql(&acme.content_url, Some(&acme.token), "{ __typename }", json!({ "padding": "x".repeat(4 << 20) }))
        .unwrap();
    assert_eq!((large.status, large.code().as_deref()), (413, Some("PAYLOAD_TOO_LARGE")));
}

#[test]
fn mutations_come_by_post_alone() {
    let (acme, client) = acme();
    let query = "mutation%20%7B%20deleteTag(by%3A%20%7B%20name%3A%20%22boats%22%20%7D)%20%7B%20ok%20%7D%20%7D";
    let answer = client.get(&format!("{}?query={query}", acme.content_url), &bearer(&acme.token)).unwrap();
    assert_eq!(answer.status, 405, "{}", String::from_utf8_lossy(&answer.body));
    let tags =
        client.graphql(&acme.content_url, Some(&acme.token), r#"{ getTag(by: { name: "boats" }) { name } }"#, json!({})).unwrap();
    assert_eq!(tags.data("/getTag/name"), "boats", "it was deleted all the same");
    let get =
        client.get(&format!("{}?query=%7B%20listTag%20%7B%20name%20%7D%20%7D", acme.content_url), &bearer(&acme.token)).unwrap();
    assert_eq!(get.status, 200, "queries may come by GET");
}

#[test]
fn a_value_never_becomes_sql() {
    let (acme, client) = acme();
    let hostile = r#"'; DROP TABLE content.tag; -- " \ $1 %s"#;
    for query in [
        "query($v: String) { listTag(filter: { name: { eq: $v } }) { name } }",
        "query($v: String) { listTag(filter: { name: { containsCI: $v } }) { name } }",
    ] {
        let answer = client.graphql(&acme.content_url, Some(&acme.token), query, json!({ "v": hostile })).unwrap();
        assert_eq!(answer.data("/listTag"), json!([]));
    }
    let all = client.graphql(&acme.content_url, Some(&acme.token), "{ listTag { name } }", json!({})).unwrap();
    assert!(all.data("/listTag").as_array().unwrap().len() >= 7);
}
