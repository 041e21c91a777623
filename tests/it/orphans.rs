//! Rows that go with the one row that held them, and what those held in turn.

use freehold_tests::OwnTenant;
use serde_json::json;

const SCHEMA: &str = r#"
extend schema @role(name: "writer")

type Article @allow(roles: ["writer"], read: true, update: true, delete: true) {
  title: String! @unique
  cover: Cover @oneToOne(removeOrphan: true)
}
type Cover @allow(roles: ["writer"], read: true, delete: true) {
  name: String! @unique
  article: Article @inverse(of: "cover")
  photo: Photo @oneToOne(removeOrphan: true)
  credit: Credit @oneToOne(removeOrphan: true)
}
type Photo @allow(roles: ["writer"], read: true, delete: true) { name: String! cover: Cover @inverse(of: "photo") print: Print @oneToOne(removeOrphan: true) }
type Credit @allow(roles: ["writer"], read: true) { name: String! cover: Cover @inverse(of: "credit") }
type Print @allow(roles: ["writer"], read: true, delete: true) { name: String! photo: Photo @inverse(of: "print") }
"#;

/// An article with everything below it, `credit` if asked for.
fn article(tenant: &OwnTenant, title: &str, credit: bool) {
    let credit = if credit { ", credit: {create: {name: \"c\"}}" } else { "" };
    let field = format!(
        r#"createArticle(data: {{title: "{title}", cover: {{create: {{name: "{title}", photo: {{create: {{name: "p", print: {{create: {{name: "x"}}}}}}}}{credit}}}}}}}) {{ ok }}"#
    );
    assert_eq!(tenant.mutate("admin", &field)["ok"], true);
}

/// Rows of articles, covers, photos, credits, prints.
fn rows(tenant: &mut OwnTenant) -> String {
    let count = |table: &str| format!("(SELECT count(*) FROM content.{table})");
    let counts = ["article", "cover", "photo", "credit", "print"].map(count).join(" || ' ' || ");
    tenant.database.texts(&format!("SELECT {counts} AS value")).unwrap().remove(0)
}

#[test]
fn a_chain_of_orphans_goes_from_end_to_end() {
    let mut tenant = OwnTenant::create("orphans-chain", SCHEMA);
    article(&tenant, "a", true);
    article(&tenant, "b", true);
    assert_eq!(rows(&mut tenant), "2 2 2 2 2");
    let gone =
        tenant.mutate("admin", r#"deleteArticle(by: {title: "a"}) { ok node { title cover { photo { print { name } } } } }"#);
    assert_eq!(gone, json!({ "ok": true, "node": { "title": "a", "cover": { "photo": { "print": { "name": "x" } } } } }));
    assert_eq!(rows(&mut tenant), "1 1 1 1 1");
    // The same where it is another cover that takes the place.
    let replaced =
        tenant.mutate("admin", r#"updateArticle(by: {title: "b"}, data: {cover: {create: {name: "new"}}}) { ok errorMessage }"#);
    assert_eq!(replaced["ok"], true, "{replaced}");
    assert_eq!(rows(&mut tenant), "1 1 0 0 0");
}

/// Covers hold photos here, so many articles cannot go at once; photos hold prints, which hold nothing.
#[test]
fn many_go_with_what_they_held() {
    let mut tenant = OwnTenant::create("orphans-many", SCHEMA);
    for title in ["a", "b", "c"] {
        article(&tenant, title, false);
    }
    let refused = tenant.answer("admin", "mutation { deleteManyArticle(filter: {}) { ok } }");
    assert_eq!(refused.code().as_deref(), Some("NOT_SUPPORTED"), "{}", refused.json());
    tenant.database.execute("UPDATE content.cover SET photo_id = NULL WHERE name <> 'c'").unwrap();
    let gone = tenant.mutate("admin", "deleteManyPhoto(filter: {cover: {name: {isNull: true}}}) { ok affected }");
    assert_eq!(gone, json!({ "ok": true, "affected": 2 }));
    assert_eq!(rows(&mut tenant), "3 3 1 0 1");
}

#[test]
fn nothing_goes_when_one_of_the_chain_may_not() {
    let mut tenant = OwnTenant::create("orphans-denied", SCHEMA);
    article(&tenant, "a", true);
    article(&tenant, "b", false);
    let kept = tenant.mutate("writer", r#"deleteArticle(by: {title: "a"}) { ok errors { type } }"#);
    assert_eq!(kept["ok"], false, "{kept}");
    assert_eq!(rows(&mut tenant), "2 2 2 1 2");
    assert_eq!(tenant.mutate("writer", r#"deleteArticle(by: {title: "b"}) { ok }"#)["ok"], true);
    assert_eq!(rows(&mut tenant), "1 1 1 1 1");
}
