//! What a newcomer does with the README open.

use std::time::{Duration, Instant};

use freehold_tests::{Client, shared};
use serde_json::{Value, json};

const SHOP: &str = r#"
type Product {
  name: String! @unique
  price: Decimal
  category: Category
}

type Category {
  name: String! @unique
  products: [Product!] @inverse(of: "category")
}
"#;

fn slugs(content_url: &str, token: &str) -> Vec<String> {
    let answer = Client::default().graphql(content_url, Some(token), "{ listArticle { slug } }", json!({})).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let articles = answer.data("/listArticle");
    articles.as_array().unwrap().iter().map(|article| article["slug"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn both_tenants_answer_from_their_own_database() {
    let (acme, globex) = (shared().tenant("acme"), shared().tenant("globex"));
    let (at_acme, at_globex) = (slugs(&acme.content_url, &acme.token), slugs(&globex.content_url, &globex.token));
    assert!(at_acme.contains(&"evening-in-the-harbour".to_owned()), "{at_acme:?}");
    assert!(at_globex.contains(&"seven-ridges".to_owned()), "{at_globex:?}");
    assert!(at_acme.iter().all(|slug| !at_globex.contains(slug)), "{at_acme:?} {at_globex:?}");
}

#[test]
fn relations_filters_order_and_totals_work_over_http() {
    let acme = shared().tenant("acme");
    let query = r#"query($tag: String!) {
        paginateArticle(filter: { tags: { name: { eq: $tag } }, state: { eq: published } }, orderBy: [{ author: { name: asc } }, { title: asc }], first: 2) {
            pageInfo { totalCount }
            edges { node { title author { name } tags { name } site { slug } } }
        }
    }"#;
    let answer = Client::default().graphql(&acme.content_url, Some(&acme.token), query, json!({ "tag": "light" })).unwrap();
    assert_eq!(answer.data("/paginateArticle/pageInfo/totalCount"), 3);
    let edges = answer.data("/paginateArticle/edges");
    assert_eq!(edges.as_array().unwrap().len(), 2);
    assert_eq!(edges[0]["node"]["author"]["name"], "Marit Solberg");
    assert_eq!(edges[0]["node"]["title"], "Evening in the harbour");
    assert_eq!(edges[0]["node"]["tags"], json!([{ "name": "boats" }, { "name": "light" }]));
    assert_eq!(edges[1]["node"]["title"], "First light");
}

#[test]
fn readers_see_what_is_published_and_no_private_fields() {
    let acme = shared().tenant("acme");
    let (client, reader) = (Client::default(), shared().token("acme", "reader").unwrap());
    let total = |token: &str| {
        let answer = client.graphql(&acme.content_url, Some(token), r#"{ paginateArticle(filter: { site: { slug: { eq: "coast" } }, author: { name: { eq: "Tom Penrose" } } }) { pageInfo { totalCount } } }"#, json!({}));
        answer.unwrap().data("/paginateArticle/pageInfo/totalCount")
    };
    // Tom wrote three published articles and a draft.
    assert_eq!((total(&acme.token), total(&reader)), (json!(4), json!(3)));
    let answer = client.graphql(&acme.content_url, Some(&reader), "{ listAuthor { name email } }", json!({})).unwrap();
    assert_eq!((answer.status, answer.code().as_deref()), (400, Some("GRAPHQL_VALIDATION_FAILED")), "{}", answer.json());
}

#[test]
fn an_article_is_created_changed_and_deleted() {
    let globex = shared().tenant("globex");
    let client = Client::default();
    let ask = |query: &str, variables: Value| {
        let answer = client.graphql(&globex.content_url, Some(&globex.token), query, variables).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer
    };
    let created = ask(
        r#"mutation { createArticle(data: { title: "Hello", slug: "hello-e2e", site: { connect: { slug: "highlands" } } }) {
            ok errorMessage node { id title state site { name } } } }"#,
        json!({}),
    );
    assert_eq!(created.data("/createArticle/ok"), true, "{}", created.json());
    assert_eq!(created.data("/createArticle/node/state"), "draft", "the default of the schema");
    assert_eq!(created.data("/createArticle/node/site/name"), "Globex High Country Journal");
    let id = created.data("/createArticle/node/id");

    let twice = ask(
        r#"mutation { createArticle(data: { title: "Hello", slug: "hello-e2e", site: { connect: { slug: "highlands" } } }) { ok errors { type } node { id } } }"#,
        json!({}),
    );
    assert_eq!(
        twice.data("/createArticle"),
        json!({ "ok": false, "errors": [{ "type": "UniqueConstraintViolation" }], "node": null })
    );

    let incomplete = ask(
        r#"mutation { createArticle(data: { slug: "no-title" }) { ok validation { valid errors { message { text } } } } }"#,
        json!({}),
    );
    assert_eq!(incomplete.data("/createArticle/ok"), false);
    assert_eq!(incomplete.data("/createArticle/validation/valid"), false);

    let changed = ask(
        "mutation($id: UUID!) { updateArticle(by: { id: $id }, data: { title: \"Hello again\", state: published }) { ok node { title state } } }",
        json!({ "id": id }),
    );
    assert_eq!(changed.data("/updateArticle"), json!({ "ok": true, "node": { "title": "Hello again", "state": "published" } }));

    let deleted = ask("mutation($id: UUID!) { deleteArticle(by: { id: $id }) { ok node { title } } }", json!({ "id": id }));
    assert_eq!(deleted.data("/deleteArticle"), json!({ "ok": true, "node": { "title": "Hello again" } }));
    let gone = ask("query($id: UUID!) { getArticle(by: { id: $id }) { title } }", json!({ "id": id }));
    assert_eq!(gone.data("/getArticle"), Value::Null);
}

#[test]
fn a_tenant_lives_with_its_own_schema_from_creation_to_deletion() {
    let installation = shared();
    let schema = installation.write("shop.graphql", SHOP);
    let created = installation.json(&["tenant", "create", "shop", "--schema", schema.to_str().unwrap()]).unwrap();
    assert_eq!(created["slug"], "shop");
    let (url, database) = (created["content_url"].as_str().unwrap(), created["database"].as_str().unwrap());
    let (client, token) = (Client::default(), installation.token("shop", "admin").unwrap());
    let ask = |query: &str| client.graphql(url, Some(&token), query, json!({})).unwrap();

    assert_eq!(ask(r#"mutation { createCategory(data: { name: "Tea" }) { ok } }"#).data("/createCategory/ok"), true);
    let product = ask(
        r#"mutation { createProduct(data: { name: "Assam", price: "4.50", category: { connect: { name: "Tea" } } }) { ok node { price category { name } } } }"#,
    );
    assert_eq!(product.data("/createProduct"), json!({ "ok": true, "node": { "price": "4.50", "category": { "name": "Tea" } } }));
    assert_eq!(
        ask("{ listCategory { products { name } } }").data("/listCategory"),
        json!([{ "products": [{ "name": "Assam" }] }])
    );
    assert_eq!(ask("{ listArticle { title } }").status, 400, "the blog's schema is not the shop's");

    installation.json(&["tenant", "suspend", "shop"]).unwrap();
    let suspended = ask("{ listCategory { name } }");
    assert_eq!((suspended.status, suspended.code().as_deref()), (403, Some("TENANT_SUSPENDED")), "{}", suspended.json());
    installation.json(&["tenant", "resume", "shop"]).unwrap();
    eventually(|| Some(ask("{ listCategory { name } }")).filter(|answer| answer.status == 200));

    let unconfirmed = installation.run(&["tenant", "delete", "shop"]);
    assert_eq!(unconfirmed.status.code(), Some(8), "{unconfirmed:?}");
    assert_eq!(ask("{ listCategory { name } }").status, 200, "nothing was deleted");
    installation.json(&["tenant", "delete", "shop", "--confirm", "shop"]).unwrap();
    let deleted = ask("{ listCategory { name } }");
    assert_eq!((deleted.status, deleted.code().as_deref()), (404, Some("TENANT_NOT_FOUND")), "{}", deleted.json());
    let mut postgres = installation.database("postgres").unwrap();
    let left = postgres.texts(&format!("SELECT datname::text AS value FROM pg_database WHERE datname = '{database}' UNION ALL SELECT rolname::text FROM pg_roles WHERE rolname LIKE '{database}%'"));
    assert_eq!(left.unwrap(), Vec::<String>::new());
}

/// The engine looks at the catalogue again about a second after it last did; this asks until it has.
pub fn eventually<T>(attempt: impl FnMut() -> Option<T>) -> T {
    eventually_within(Duration::from_secs(15), attempt)
}

/// Asks until there is an answer, or the time is over.
pub fn eventually_within<T>(time: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not happen within {time:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
