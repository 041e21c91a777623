//! SDL and JSON say the same.

use super::{BLOG_JSON, BLOG_SDL, EXAMPLE, TINY_JSON, json, sdl};
use crate::Schema;

pub(super) fn check(schema: &Schema) {
    let text = schema.to_sdl();
    let again = sdl(&text);
    assert_eq!(&again, schema, "{text}");
    assert_eq!(again.to_sdl(), text);
    let document = schema.to_json();
    let from_json = json(&document);
    assert_eq!(&from_json, schema, "{document}");
    assert_eq!(from_json.to_json(), document);
    assert_eq!(from_json.to_sdl(), text, "SDL -> JSON -> SDL");
    assert_eq!(again.canonical(), schema.canonical());
    assert_eq!(json(&schema.canonical()), *schema);
}

#[test]
fn known_schemas_survive() {
    for schema in [sdl(BLOG_SDL), sdl(EXAMPLE), json(BLOG_JSON), json(TINY_JSON)] {
        check(&schema);
    }
}

#[test]
fn canonical_sdl_reads_well() {
    insta::assert_snapshot!(sdl(BLOG_SDL).to_sdl(), @r#"
    extend schema
      @role(name: "editor", variables: [{ name: "site", entity: "Site" }, { name: "me", caller: identityID }])
      @role(name: "reader", variables: [{ name: "level", condition: true }, { name: "me", caller: identityID }])
      @role(name: "senior", inherits: ["editor"])

    enum state {
      draft
      published
      archived
    }

    "A website of the organisation."
    type Site
      @allow(roles: ["editor"], read: true, when: { id: "$site" })
      @allow(roles: ["reader"], read: ["slug"])
    {
      slug: String! @unique
      name: String
      articles: [Article!] @inverse(of: "site", orderBy: ["rank"])
      setting: SiteSetting @inverse(of: "site")
    }

    type SiteSetting {
      theme: String @default(value: "light")
      site: Site! @oneToOne(onDelete: CASCADE)
    }

    "Something to read. Readers see published articles only."
    type Article
      @unique(fields: ["site", "slug"])
      @allow(roles: ["editor"], read: true, create: true, update: ["title", "slug", "state", "rank", "author", "tags", "locales"], delete: true, when: { site: { id: "$site" } })
      @allow(roles: ["reader"], read: ["title", "slug", "rank", "author", "tags", "locales"], when: { state: { eq: "published" } })
      @allow(roles: ["reader"], read: ["secret"], when: { rank: "$level" })
    {
      title: String @required(message: "Title is mandatory")
      "Part of the article's address; unique within its site."
      slug: String!
      state: state! @default(value: draft)
      rank: Int
      price: Decimal @column(type: "numeric(20, 4)")
      ratio: Float
      active: Boolean! @default(value: true)
      publishedAt: DateTime @index
      day: Date
      at: Time
      meta: Json
      external: UUID
      keywords: [String!]
      secret: String
      seq: Int! @sequence
      url: String @scalar(name: "Url")
      site: Site!
      author: Author @relation(onDelete: SET_NULL)
      tags: [Tag!] @relation(orderBy: ["name"])
      locales: [ArticleLocale!] @inverse(of: "article", orderBy: ["locale"])
      cover: Image @oneToOne(removeOrphan: true)
    }

    type ArticleLocale
      @unique(fields: ["article", "locale"])
      @allow(roles: ["editor"], read: true, create: true, update: true, delete: true, when: { article: { site: { id: "$site" } } })
      @allow(roles: ["reader"], read: true, through: true)
    {
      article: Article! @relation(onDelete: CASCADE)
      locale: String!
      text: String
    }

    type Author
      @allow(roles: ["editor", "reader"], read: true)
    {
      name: String!
      email: String @unique
      articles: [Article!] @inverse(of: "author")
    }

    type Tag
      @orderBy(fields: ["name"])
      @allow(roles: ["editor"], read: true, create: true, update: true)
      @allow(roles: ["reader"], read: true)
    {
      name: String! @unique
      articles: [Article!] @inverse(of: "tags")
    }

    type Image {
      url: String!
      coverOf: Article @inverse(of: "cover")
    }

    type SiteStat
      @view(sql: "SELECT site_id AS id, site_id, count(*)::int AS cnt FROM article GROUP BY site_id", dependencies: ["Article"])
    {
      site: Site @oneToOne
      cnt: Int
    }
    "#);
}

#[test]
fn what_roles_may_do_with_objects_survives_both_forms() {
    let text = r#"
        extend schema
          @role(name: "content_admin", s3: [])
          @role(name: "editor", s3: [
            { keys: "articles/**", read: true, upload: true, maxSize: 10000000 }
            { keys: "a \"b\"/*.jpg", upload: true }
            { keys: "old/**", read: true }
            { keys: "nothing/**", upload: false }
          ])
          @role(name: "admin", s3: { keys: "**", read: true, upload: true })
        type A { a: Int }
    "#;
    let schema = sdl(text);
    check(&schema);
    insta::assert_snapshot!(schema.to_sdl(), @r#"
    extend schema
      @role(name: "content_admin", s3: [])
      @role(name: "editor", s3: [{ keys: "articles/**", read: true, upload: true, maxSize: 10000000 }, { keys: "a \"b\"/*.jpg", upload: true }, { keys: "old/**", read: true }])

    type A {
      a: Int
    }
    "#);
    let document: serde_json::Value = serde_json::from_str(&schema.to_json()).unwrap();
    let s3 = |role: &str| document["acl"]["roles"][role]["s3"].to_string();
    assert_eq!(s3("content_admin"), "{}");
    let editor =
        r#"{"articles/**":{"read":true,"upload":{"maxSize":10000000}},"a \"b\"/*.jpg":{"upload":true},"old/**":{"read":true}}"#;
    assert_eq!(s3("editor"), editor);
    assert_eq!(document["acl"]["roles"].get("admin"), None, "it says what is so without it");
}

#[test]
fn what_is_searched_survives_both_forms() {
    let text =
        "type A { a: String @searchable b: String! @searchable(weight: B) c: Int freehold_search: Int @column(name: \"d\") }
        type B { a: String @searchable(language: \"german\") }";
    let schema = sdl(text);
    check(&schema);
    insta::assert_snapshot!(schema.to_sdl(), @r#"
    type A {
      a: String @searchable
      b: String! @searchable(weight: B)
      c: Int
      freehold_search: Int @column(name: "d")
    }

    type B {
      a: String @searchable(language: "german")
    }
    "#);
    let document: serde_json::Value = serde_json::from_str(&schema.to_json()).unwrap();
    let field = |entity: &str, field: &str| document["model"]["entities"][entity]["fields"][field]["search"].to_string();
    assert_eq!(field("A", "a"), r#"{"language":"simple","weight":"D"}"#);
    assert_eq!(field("B", "a"), r#"{"language":"german","weight":"D"}"#);
    assert_eq!(field("A", "c"), "null");
    let short = schema.to_json().replace(r#""language": "simple","#, "").replace(r#""weight": "D""#, r#""weight": null"#);
    assert_eq!(json(&short), schema);
}

#[test]
fn what_is_encrypted_survives_both_forms() {
    let schema = sdl("type A { a: String @encrypted(lookup: true) b: Json! @encrypted c: String @encrypted(lookup: false) }");
    check(&schema);
    insta::assert_snapshot!(schema.to_sdl(), @r#"
    type A {
      a: String @encrypted(lookup: true)
      b: Json! @encrypted
      c: String @encrypted
    }
    "#);
    let document: serde_json::Value = serde_json::from_str(&schema.to_json()).unwrap();
    let field = &document["model"]["entities"]["A"]["fields"]["a"];
    assert_eq!((field["columnType"].as_str(), field["encryption"].to_string()), (Some("bytea"), r#"{"lookup":true}"#.to_owned()));
}
