//! Registered documents, from the command line to the answer of the content API.

use freehold_tests::{Answer, Client, shared};
use serde_json::{Value, json};

use crate::journey::eventually;

const SHOP: &str = "type Product { name: String! @unique }";

const PRODUCTS: &str = "query Products { listProduct { name } }";
const NAMES: &str = "query Names($first: Int) { listProduct(limit: $first) { name } }";

struct Shop {
    slug: &'static str,
    url: String,
    token: String,
}

impl Shop {
    fn open(slug: &'static str) -> Self {
        let schema = shared().write("documents-shop.graphql", SHOP);
        let created = shared().json(&["tenant", "create", slug, "--schema", schema.to_str().unwrap()]).unwrap();
        let url = created["content_url"].as_str().unwrap().to_owned();
        Self { slug, url, token: shared().token(slug, "admin").unwrap() }
    }

    fn ask(&self, body: &Value) -> Answer {
        let headers = [("Authorization", format!("Bearer {}", self.token))];
        Client::default().post(&self.url, &headers, body.to_string().as_bytes()).unwrap()
    }

    /// The engine looks at the catalogue again about a second after it last did.
    fn until(&self, body: &Value, status: u16) {
        eventually(|| Some(self.ask(body)).filter(|answer| answer.status == status));
    }
}

#[test]
fn a_tenant_goes_from_any_document_to_registered_ones_and_back() {
    let (acme, other) = (Shop::open("documents-shop"), Shop::open("documents-other"));
    let file = shared().write("products.graphql", PRODUCTS);
    let relay = shared().write("persisted.json", &json!({ "d41d8cd98f00b204e9800998ecf8427e": NAMES }).to_string());
    let files = [file.to_str().unwrap(), relay.to_str().unwrap()];
    let documents = |arguments: &[&str]| shared().json(&[&["documents"], arguments].concat()).unwrap();

    let planned = documents(&["add", "--tenant", acme.slug, "--dry-run", files[0], files[1]]);
    assert_eq!((planned["added"].as_array().unwrap().len(), &planned["dry_run"]), (2, &json!(true)));
    assert_eq!(documents(&["list", "--tenant", acme.slug])["documents"], json!([]), "a dry run adds nothing");
    let added = documents(&["add", "--tenant", acme.slug, files[0], files[1]]);
    assert_eq!(added["added"], planned["added"]);
    let again = documents(&["add", "--tenant", acme.slug, files[0], files[1]]);
    assert_eq!((&again["added"], &again["unchanged"]), (&json!([]), &json!(2)));
    let listed = documents(&["list", "--tenant", acme.slug]);
    let names: Vec<&str> = listed["documents"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["Names", "Products"]);
    let id = listed["documents"][1]["sha256"].as_str().unwrap();

    let accept = |which: &str, more: &[&str]| {
        shared().json(&[&["tenant", "documents", acme.slug, "--accept", which], more].concat()).unwrap()
    };
    accept("trusted", &["--dry-run"]);
    assert_eq!(shared().json(&["tenant", "show", acme.slug]).unwrap()["documents"], "any");
    assert_eq!(accept("trusted", &[])["changed"], true);
    assert_eq!(accept("trusted", &[])["changed"], false);
    assert_eq!(shared().json(&["tenant", "show", acme.slug]).unwrap()["documents"], "trusted");
    let arbitrary = json!({ "query": "{ listProduct { id } }" });
    acme.until(&arbitrary, 403);
    assert_eq!(acme.ask(&arbitrary).code().as_deref(), Some("DOCUMENT_NOT_TRUSTED"));
    for body in [
        json!({ "query": PRODUCTS }),
        json!({ "documentId": format!("sha256:{id}") }),
        json!({ "documentId": "d41d8cd98f00b204e9800998ecf8427e", "variables": { "first": 1 } }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": id } } }),
    ] {
        assert_eq!(acme.ask(&body).data("/listProduct"), json!([]), "{body}");
    }
    assert_eq!(other.ask(&arbitrary).status, 200, "the other tenant accepts any document");

    documents(&["remove", "--tenant", acme.slug, "--dry-run", id]);
    assert_eq!(acme.ask(&json!({ "documentId": id })).status, 200, "a dry run removes nothing");
    documents(&["remove", "--tenant", acme.slug, id]);
    acme.until(&json!({ "documentId": id }), 403);
    assert_eq!(acme.ask(&json!({ "query": PRODUCTS })).code().as_deref(), Some("DOCUMENT_NOT_TRUSTED"));
    accept("any", &[]);
    acme.until(&arbitrary, 200);

    let control = shared().database(shared().dev.control_database_url.rsplit('/').next().unwrap().split('?').next().unwrap());
    let actions = "SELECT string_agg(action, ' ' ORDER BY seq) AS value FROM audit JOIN tenant_name USING (tenant_id)
                   WHERE name = 'documents-shop' AND action LIKE '%documents%'";
    let recorded = control.unwrap().texts(actions).unwrap();
    assert_eq!(recorded, ["documents.add tenant.documents documents.remove tenant.documents"], "one entry for every change");
}

#[test]
fn what_cannot_be_registered_is_refused_as_a_whole() {
    let shop = Shop::open("documents-wrong");
    let failed = |arguments: &[&str], exit: i32, code: &str| {
        let output = shared().run(&[&["documents"], arguments, &["--tenant", shop.slug, "--output", "json"]].concat());
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["error"]["code"], code, "{error}");
    };
    let write = |name: &str, manifest: &Value| shared().write(name, &manifest.to_string()).to_str().unwrap().to_owned();
    let good = write("good.json", &json!({ "one": PRODUCTS }));
    failed(&["add", &good, &write("broken.json", &json!({ "two": "query {" }))], 1, "DOCUMENT_INVALID");
    failed(&["add", &good, &write("array.json", &json!([PRODUCTS]))], 1, "MANIFEST_INVALID");
    failed(&["add", &good, &write("other.txt", &json!({}))], 2, "MANIFEST_FORM");
    failed(&["add", &good, "no-such-file.json"], 3, "FILE_UNREADABLE");
    failed(&["remove", "one"], 3, "NO_DOCUMENT");
    failed(&["remove", "one", "--dry-run"], 3, "NO_DOCUMENT");
    shared().json(&["documents", "add", "--tenant", shop.slug, &good]).unwrap();
    for dry_run in [&["--dry-run"][..], &[]] {
        failed(
            &[&["add", &write("taken.json", &json!({ "one": NAMES, "three": NAMES }))], dry_run].concat(),
            5,
            "DOCUMENT_ID_TAKEN",
        );
    }
    let listed = shared().json(&["documents", "list", "--tenant", shop.slug]).unwrap();
    assert_eq!(listed["documents"].as_array().unwrap().len(), 1);
}
