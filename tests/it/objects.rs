//! Objects from a signed address to the store, and from there to the image service and back.

use freehold_tests::{Answer, Client, Tenant, binaries, shared};
use serde_json::{Value, json};

use crate::journey::eventually;

const UPLOAD: &str = "mutation($input: S3GenerateSignedUploadInput) {
    generateUploadUrl(input: $input) { url method objectKey bucket publicUrl headers { key value } } }";
const READ: &str = "mutation($key: String!, $expiration: Int) {
    generateReadUrl(objectKey: $key, expiration: $expiration) { url method objectKey headers { key } } }";

fn acme() -> &'static Tenant {
    shared().tenant("acme")
}

fn editor() -> String {
    shared().token("acme", "editor").unwrap()
}

fn photograph() -> Vec<u8> {
    std::fs::read(binaries::repository().join("examples/blog/photos/acme/dunes.jpg")).unwrap()
}

fn ask(token: &str, document: &str, variables: Value) -> Answer {
    Client::default().graphql(&acme().content_url, Some(token), document, variables).unwrap()
}

fn upload(token: &str, input: Value) -> Value {
    ask(token, UPLOAD, json!({ "input": input })).data("/generateUploadUrl")
}

fn read(token: &str, key: &str) -> Value {
    ask(token, READ, json!({ "key": key })).data("/generateReadUrl")
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{}", answer.json());
    assert_eq!(answer.json()["data"], Value::Null);
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn headers(signed: &Value) -> Vec<(String, String)> {
    let headers = signed["headers"].as_array().unwrap();
    headers.iter().map(|header| (text(header, "key").to_owned(), text(header, "value").to_owned())).collect()
}

fn put(signed: &Value, body: &[u8]) -> Answer {
    Client::default().put(text(signed, "url"), &headers(signed), body).unwrap()
}

fn get(url: &str) -> Answer {
    Client::default().get(url, &[]).unwrap()
}

/// What the store has under the key.
fn stored(token: &str, key: &str) -> Option<Vec<u8>> {
    let answer = get(text(&read(token, key), "url"));
    match answer.status {
        200 => Some(answer.body),
        404 => None,
        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

fn input(size: usize) -> Value {
    json!({ "contentType": "image/jpeg", "prefix": "articles/e2e", "suffix": "-dunes", "size": size })
}

#[test]
fn an_editor_uploads_a_photograph_that_an_article_then_shows() {
    let (editor, photograph) = (editor(), photograph());
    let signed = upload(
        &editor,
        json!({
            "contentType": "image/jpeg", "prefix": "articles/e2e", "suffix": "-dunes", "size": photograph.len(), "fileName": "a dune.jpg", "contentDisposition": "INLINE",
        }),
    );
    let key = text(&signed, "objectKey");
    assert!(key.starts_with("articles/e2e/") && key.ends_with("-dunes.jpg"), "{signed}");
    assert_eq!(text(&signed, "method"), "PUT");
    let expected = [
        ("Cache-Control", "immutable"),
        ("Content-Type", "image/jpeg"),
        ("Content-Disposition", "inline; filename*=UTF-8''a%20dune.jpg"),
    ];
    assert_eq!(headers(&signed), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let answer = put(&signed, &photograph);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));

    assert!(stored(&editor, key) == Some(photograph.clone()), "the bytes differ");
    let by_address = read(&editor, text(&signed, "publicUrl"));
    assert_eq!((text(&by_address, "objectKey"), text(&by_address, "method")), (key, "GET"));
    assert_eq!(by_address["headers"], json!([]));

    let document = r#"mutation($key: String!) { createArticle(data: { title: "Dunes", slug: "uploaded-e2e", site: { connect: { slug: "coast" } }, cover: { key: $key } }) {
        ok node { cover { key original: url small: url(width: 160, format: jpeg) } } } }"#;
    let cover = ask(&acme().token, document, json!({ "key": key })).data("/createArticle/node/cover");
    assert_eq!(text(&cover, "key"), key);
    assert!(get(text(&cover, "original")).body == photograph, "the image service has the same bytes");
    let small = get(text(&cover, "small"));
    assert_eq!((small.status, small.headers["content-type"].as_str()), (200, "image/jpeg"));
    assert!(small.body.len() < photograph.len());
}

#[test]
fn a_page_of_another_origin_uploads_and_reads() {
    let (editor, origin, body) = (editor(), "https://pages.example", b"from a browser".as_slice());
    let signed = upload(&editor, input(body.len()));
    let names = headers(&signed).into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect::<Vec<_>>().join(",");
    let allowed = Client::default().preflight(text(&signed, "url"), origin, "PUT", &names).unwrap();
    assert_eq!(allowed.status, 200);
    for about in ["origin", "methods", "headers"] {
        assert_eq!(allowed.headers[&format!("access-control-allow-{about}")], "*");
    }
    let from_page = [headers(&signed), vec![("Origin".to_owned(), origin.to_owned())]].concat();
    let send = |body: &[u8]| Client::default().put(text(&signed, "url"), &from_page, body).unwrap();
    let read = read(&editor, text(&signed, "objectKey"));
    let fetch = || Client::default().get(text(&read, "url"), &[("Origin", origin.to_owned())]).unwrap();
    // What was refused is told to the page, too.
    for (answer, status) in [(send(b"x"), 403), (fetch(), 404), (send(body), 200), (fetch(), 200)] {
        assert_eq!((answer.status, answer.headers["access-control-allow-origin"].as_str()), (status, "*"));
    }
}

#[test]
fn an_upload_must_be_what_was_signed() {
    // Short: the store answers before it has read a body that it refuses.
    let (editor, body) = (editor(), b"as long as it was signed".as_slice());
    let signed = upload(&editor, input(body.len()));
    let (url, headers) = (text(&signed, "url"), headers(&signed));
    let with = |name: &str, value: &str| -> Vec<(String, String)> {
        let other = |(known, old): &(String, String)| (known.clone(), if known == name { value.to_owned() } else { old.clone() });
        headers.iter().map(other).collect()
    };
    let larger = [body, b"x"].concat();
    let attempts = [
        ("a larger body", url.to_owned(), headers.clone(), larger.as_slice()),
        ("a smaller body", url.to_owned(), headers.clone(), &body[1..]),
        ("another type", url.to_owned(), with("Content-Type", "text/html"), body),
        ("other caching", url.to_owned(), with("Cache-Control", "no-cache"), body),
        ("another key", url.replace("-dunes", "-other"), headers.clone(), body),
        ("another tenant", url.replace(&acme().tenant_id, &shared().tenant("globex").tenant_id), headers.clone(), body),
        ("a longer life", url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000"), headers.clone(), body),
    ];
    for (what, address, headers, sent) in attempts {
        let answer = Client::default().put(&address, &headers, sent).unwrap();
        assert_eq!(answer.status, 403, "{what}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(stored(&editor, text(&signed, "objectKey")), None, "nothing was stored");
    assert_eq!(put(&signed, body).status, 200, "what was signed is accepted");
}

#[test]
fn rules_decide_what_may_be_uploaded_and_read() {
    let editor = editor();
    let refused_upload =
        |input: Value, status: u16, code: &str| refused(&ask(&editor, UPLOAD, json!({ "input": input })), status, code);
    refused_upload(json!({ "size": 1 }), 403, "UPLOAD_FORBIDDEN");
    refused_upload(json!({ "size": 1, "prefix": "photos" }), 403, "UPLOAD_FORBIDDEN");
    refused_upload(json!({ "size": 1, "prefix": "Articles" }), 403, "UPLOAD_FORBIDDEN");
    refused_upload(json!({ "prefix": "articles" }), 403, "UPLOAD_SIZE_REQUIRED");
    refused_upload(json!({ "prefix": "articles", "size": 10_000_001 }), 403, "UPLOAD_TOO_LARGE");
    refused_upload(json!({ "prefix": "articles/..", "size": 1 }), 400, "OBJECT_KEY_INVALID");
    refused_upload(json!({ "prefix": "articles", "size": 1, "acl": "PUBLIC_READ" }), 400, "ACL_NOT_SUPPORTED");
    for expiration in [0, -1, 604_801] {
        refused_upload(json!({ "prefix": "articles", "size": 1, "expiration": expiration }), 400, "BAD_USER_INPUT");
    }
    let refused_read = |key: &str, status: u16, code: &str| refused(&ask(&editor, READ, json!({ "key": key })), status, code);
    refused_read("photos/dunes.jpg", 403, "READ_FORBIDDEN");
    refused_read("articles/../photos/dunes.jpg", 400, "OBJECT_KEY_INVALID");
    // An administrator may, and so it is there.
    assert!(stored(&acme().token, "photos/dunes.jpg").is_some());

    let reader = shared().token("acme", "reader").unwrap();
    refused_validation(&ask(&reader, "mutation { generateReadUrl(objectKey: \"articles/a.jpg\") { url } }", json!({})));
}

/// The reader's API has no mutation at all.
#[track_caller]
fn refused_validation(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_deref()), (400, Some("OPERATION_NOT_OFFERED")), "{}", answer.json());
}

#[test]
fn no_tenant_reaches_the_objects_of_another() {
    let globex = shared().tenant("globex");
    let admin = &acme().token;
    let theirs = format!("{}/photos/sunrise.jpg", globex.tenant_id);
    let ours = text(&read(admin, "photos/sunrise.jpg"), "url").split('?').next().unwrap().to_owned();
    let address = ours.replace(&acme().tenant_id, &globex.tenant_id);
    assert_ne!(address, ours);
    let nobody = format!("{}/x", "a".repeat(26));
    let answers: Vec<Value> = [theirs.as_str(), &address, &nobody]
        .iter()
        .map(|key| {
            let answer = ask(admin, READ, json!({ "key": key }));
            refused(&answer, 403, "OBJECT_KEY_FOREIGN");
            json!(answer.json()["errors"][0]["message"].as_str().unwrap().replace(key, "…"))
        })
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "there or not, the words are the same: {answers:?}");
    for prefix in [globex.tenant_id.clone(), format!("../{}", globex.tenant_id), format!("{}/photos", globex.tenant_id)] {
        refused(&ask(admin, UPLOAD, json!({ "input": { "prefix": prefix } })), 400, "OBJECT_KEY_INVALID");
    }
    // With its own prefix a key means the same as without.
    let whole = format!("{}/photos/sunrise.jpg", acme().tenant_id);
    assert_eq!(text(&read(admin, &whole), "objectKey"), "photos/sunrise.jpg");
    assert_ne!(stored(admin, &whole), None);
}

#[test]
fn an_address_lives_as_long_as_it_was_signed_for() {
    let answer = ask(&acme().token, READ, json!({ "key": "photos/map.png", "expiration": 2 }));
    let signed = answer.data("/generateReadUrl");
    assert!(text(&signed, "url").contains("X-Amz-Expires=2&"), "{signed}");
    assert_eq!(get(text(&signed, "url")).status, 200);
    eventually(|| (get(text(&signed, "url")).status == 403).then_some(()));
}

#[test]
fn addresses_come_beside_writes_and_before_any_of_them() {
    let admin = &acme().token;
    let document = r#"mutation($slug: String!, $key: String!) {
        createTag(data: { name: $slug }) { ok }
        again: generateReadUrl(objectKey: $key) { objectKey }
        transaction { ok deleteTag(by: { name: $slug }) { ok } generateUploadUrl(prefix: "articles", contentType: "image/webp") { objectKey headers { value } } }
        query { s3DummyQuery listTag(filter: { name: { eq: $slug } }) { name } }
    }"#;
    let answer = ask(admin, document, json!({ "slug": "signed-e2e", "key": "photos/map.png" }));
    assert_eq!(answer.data("/createTag/ok"), true);
    assert_eq!(answer.data("/again"), json!({ "objectKey": "photos/map.png" }));
    assert_eq!(answer.data("/transaction/ok"), true);
    let signed = answer.data("/transaction/generateUploadUrl");
    assert!(text(&signed, "objectKey").starts_with("articles/") && text(&signed, "objectKey").ends_with(".webp"), "{signed}");
    assert_eq!(signed["headers"], json!([{ "value": "immutable" }, { "value": "image/webp" }]));
    assert_eq!(answer.data("/query"), json!({ "s3DummyQuery": null, "listTag": [] }));

    refused(&ask(admin, document, json!({ "slug": "unsigned-e2e", "key": "../photos/map.png" })), 400, "OBJECT_KEY_INVALID");
    let tags = ask(admin, "{ listTag(filter: { name: { eq: \"unsigned-e2e\" } }) { name } }", json!({})).data("/listTag");
    assert_eq!(tags, json!([]), "the first field was not carried out");
}
