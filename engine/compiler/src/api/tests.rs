//! The recorded peer's APIs are reproduced to the letter (tests/golden).

use freehold_schema::Schema;
use freehold_schema::acl::EntityGrants;
use freehold_schema::model::{ColumnKind, FieldKind};
use freehold_schema::names::{EntityName, FieldName, RoleName};

use super::{AggregateFunction, Api, Meaning};
use crate::caller::RoleSet;
use crate::permissions::Permissions;
use crate::testing::{api, blog, blog_with, tiny};

/// Our SDL without what it has beyond the recorded contract (CONTENT-API.md, "Beyond the recorded contract"): whole types, fields and arguments. They stand behind
/// the recorded ones, so that taking them away leaves the recorded text.
fn without_additions(sdl: &str) -> String {
    /// Types: the first words of their blocks.
    const TYPES: &[&str] = &["Aggregate", "Group", "CreateManyResult", "UpdateManyResult", "DeleteManyResult"];
    /// Lines within a type.
    const LINES: &[&str] = &[
        "hasNextPage: Boolean!",
        "hasPreviousPage: Boolean!",
        "startCursor: String",
        "endCursor: String",
        "cursor: String!",
        "  TooManyRows",
        "  createMany",
        "  updateMany",
        "  deleteMany",
        "  aggregate",
        "  group",
    ];
    /// Arguments behind others.
    const ARGUMENTS: &[&str] = &[", after: String, before: String, last: Int"];
    let is_added = |text: &str, added: &[&str]| added.iter().any(|added| text.contains(added));
    let mut beyond = false;
    let kept = sdl.trim_end().split("\n\n").filter(|block| {
        let is_added = is_added(block.lines().next().unwrap_or_default(), TYPES);
        beyond |= is_added;
        // What only added types lead to stands behind them: scalars.
        !(is_added || beyond && block.lines().any(|line| line.starts_with("scalar")))
    });
    let kept = kept.map(|block| block.lines().filter(|line| !is_added(line, LINES)).collect::<Vec<_>>().join("\n"));
    let kept = kept.collect::<Vec<_>>().join("\n\n") + "\n";
    ARGUMENTS.iter().fold(kept, |sdl, argument| sdl.replace(argument, ""))
}

#[track_caller]
fn assert_same(ours: &str, recorded: &str) {
    let ours = without_additions(ours);
    for (number, (ours, recorded)) in ours.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(ours, recorded, "line {}", number + 1);
    }
    assert_eq!(ours.lines().count(), recorded.lines().count());
}

/// The API of a server that has a store of objects, as the peer had.
fn sdl(schema: &Schema, role: &str) -> String {
    let permissions = Permissions::new(schema, &RoleSet::new([RoleName::new(role)]));
    Api::build_with_objects(schema, &permissions).sdl()
}

/// The blog's recordings come from an introspection that left deprecated arguments out.
fn blog_sdl(role: &str) -> String {
    const DEPRECATED: &str = r#", contentType: String @deprecated(reason: "Use input.contentType"), expiration: Int @deprecated(reason: "Use input.expiration"), prefix: String @deprecated(reason: "Use input.prefix"), acl: S3Acl @deprecated(reason: "Use input.acl")"#;
    sdl(&blog().in_api_order(), role).replace(DEPRECATED, "")
}

#[test]
fn tiny_is_reproduced() {
    let schema = tiny();
    assert_same(&sdl(&schema, "admin"), include_str!("../../tests/golden/tiny.admin.graphql"));
    assert_same(&sdl(&schema, "guest"), include_str!("../../tests/golden/tiny.guest.graphql"));
}

#[test]
fn blog_is_reproduced_for_admin() {
    assert_same(&blog_sdl("admin"), include_str!("../../tests/golden/blog.admin.graphql"));
}

#[test]
fn blog_is_reproduced_for_editor() {
    assert_same(&blog_sdl("editor"), include_str!("../../tests/golden/blog.editor.graphql"));
}

#[test]
fn blog_is_reproduced_for_reader() {
    assert_same(&blog_sdl("reader"), include_str!("../../tests/golden/blog.reader.graphql"));
}

/// The type or input of this name, as printed.
fn printed<'a>(sdl: &'a str, head: &str) -> &'a str {
    let start = sdl.find(&format!("{head} {{\n")).unwrap_or_else(|| panic!("no `{head}` in {sdl}"));
    &sdl[start..start + sdl[start..].find("\n}\n").unwrap() + 3]
}

#[test]
fn images_documentation_and_deprecations_are_part_of_the_api() {
    let mut schema = tiny();
    let author = schema.entities.get_mut("Author").unwrap();
    author.description = Some("Who wrote it.".to_owned());
    let mut portrait = author.fields["name"].clone();
    portrait.name = FieldName::new("portrait");
    portrait.description = Some("A \"good\" picture.".to_owned());
    portrait.deprecated = Some("Use `photo`.".to_owned());
    let FieldKind::Column(column) = &mut portrait.kind else { panic!("a column") };
    (column.kind, column.nullable) = (ColumnKind::StoredImage, true);
    author.fields.insert(portrait.name.clone(), portrait);
    schema.enums.get_mut("level").unwrap().values[1].deprecated = Some("No longer supported".to_owned());
    let api = Api::build(&schema, &Permissions::new(&everything(&schema), &RoleSet::new([RoleName::new("all")])));
    let sdl = api.sdl();
    assert!(sdl.contains("\"\"\"Who wrote it.\"\"\"\ntype Author {\n"));
    assert!(
        printed(&sdl, "type Author")
            .contains("\n\n  \"\"\"A \"good\" picture.\"\"\"\n  portrait: StoredImage @deprecated(reason: \"Use `photo`.\")\n")
    );
    let image = printed(&sdl, "type StoredImage");
    assert!(image.contains("  url(width: Int, height: Int, fit: ImageFit, format: ImageFormat): String!\n"), "{image}");
    assert!(image.contains("  key: String!\n  width: Int\n  height: Int\n  contentType: String\n"), "{image}");
    assert!(printed(&sdl, "input AuthorWhere").contains("  portrait: StoredImageCondition\n"));
    assert!(!printed(&sdl, "input StoredImageCondition").contains("eq:"));
    assert!(!printed(&sdl, "input AuthorOrderBy").contains("portrait"));
    assert!(printed(&sdl, "input AuthorCreateInput").contains("portrait: StoredImageInput\n"));
    assert!(printed(&sdl, "enum Level").contains("  high @deprecated\n"));
    let guest = Api::build(&schema, &Permissions::new(&schema, &RoleSet::new([RoleName::new("guest")])));
    assert!(!guest.types.contains_key("StoredImage") && !guest.types.contains_key("Level"));
}

/// The schema with a role `all` that may do everything: the recorded `admin` lists what it may do.
fn everything(schema: &Schema) -> Schema {
    let mut schema = schema.clone();
    let mut role = schema.roles["guest"].clone();
    role.name = RoleName::new("all");
    role.entities = EntityGrants::Everything;
    schema.roles.insert(role.name.clone(), role);
    schema
}

#[test]
fn every_field_of_an_entity_knows_its_meaning() {
    let api = api(&tiny(), &["admin"]);
    let meaning = |ty: &str, field: &str| api.output_field(ty, field).unwrap().meaning.clone();
    let field = |name: &str| FieldName::new(name);
    let entity = |name: &str| EntityName::new(name);
    let table = [
        ("Query", "getAuthor", Meaning::Get(entity("Author"))),
        ("Query", "transaction", Meaning::QueryTransaction),
        ("QueryTransaction", "listBook", Meaning::List(entity("Book"))),
        ("Query", "__typename", Meaning::Typename),
        ("Query", "__schema", Meaning::Introspection),
        ("Mutation", "upsertBook", Meaning::Upsert(entity("Book"))),
        ("MutationTransaction", "query", Meaning::MutationQuery),
        ("Author", "_meta", Meaning::Meta),
        ("AuthorMeta", "books", Meaning::MetaOf(field("books"))),
        ("Author", "name", Meaning::Column(field("name"))),
        ("Author", "books", Meaning::HasMany(field("books"))),
        ("Author", "booksBySlug", Meaning::ReducedHasMany(field("books"))),
        ("Author", "booksBy", Meaning::ReducedHasMany(field("books"))),
        ("Author", "paginateBooks", Meaning::PaginateHasMany(field("books"))),
        ("Author", "aggregateBooks", Meaning::AggregateHasMany(field("books"))),
        ("Author", "groupBooks", Meaning::GroupHasMany(field("books"))),
        ("Query", "aggregateBook", Meaning::Aggregate(entity("Book"))),
        ("QueryTransaction", "groupBook", Meaning::Group(entity("Book"))),
        ("BookAggregate", "count", Meaning::Count),
        ("BookGroup", "max", Meaning::Function(AggregateFunction::Max)),
        ("BookAggregateCounts", "author", Meaning::FunctionOf(field("author"))),
        ("BookGroup", "key", Meaning::GroupKey),
        ("BookGroupKeyValues", "author", Meaning::GroupKeyOf(field("author"), None)),
        ("Book", "author", Meaning::HasOne(field("author"))),
        ("BookConnection", "edges", Meaning::Edges),
        ("PageInfo", "totalCount", Meaning::TotalCount),
        ("AuthorUpdateResult", "node", Meaning::Node),
        ("AuthorUpdateResult", "ok", Meaning::Plain),
        ("FieldMeta", "updatable", Meaning::MetaUpdatable),
    ];
    for (ty, name, expected) in table {
        assert_eq!(meaning(ty, name), expected, "{ty}.{name}");
    }
    assert!(api.output_field("QueryTransaction", "__schema").is_none());
    let mut possible: Vec<&str> = api.possible_types("_PathFragment").map(|object| &*object.name).collect();
    possible.sort_unstable();
    assert_eq!(possible, ["_FieldPathFragment", "_IndexPathFragment"]);
}

#[test]
fn a_role_without_grants_has_an_api_without_entities() {
    let api = api(&tiny(), &["nobody"]);
    assert!(!api.has_mutation);
    let fields: Vec<&str> = api.types["Query"].output_fields().unwrap().keys().map(|name| &**name).collect();
    assert_eq!(fields, ["schema", "transaction", "_info"]);
}

#[test]
fn what_only_relations_may_show_can_be_null() {
    let tags = serde_json::json!({ "Tag": { "predicates": {}, "operations": { "read": { "articles": true } } } });
    let through = serde_json::json!({
        "Tag": { "predicates": {}, "operations": { "read": { "name": true }, "noRoot": ["read"] } },
        "Article": { "predicates": {}, "operations": { "read": { "tags": true } } },
    });
    let mut schema = blog_with("visitor", tags);
    schema.roles.extend(blog_with("through", through).roles);
    let name = |roles: &[&str]| {
        let sdl = api(&schema, roles).sdl();
        let tag = sdl.split("type Tag {").nth(1).unwrap();
        tag.lines().find(|line| line.trim_start().starts_with("name:")).unwrap().trim().to_owned()
    };
    assert_eq!(name(&["through"]), "name: String!");
    assert_eq!(name(&["through", "visitor"]), "name: String");
}

#[test]
fn searching_is_offered_where_a_text_may_be_read() {
    let text = r#"
        extend schema @role(name: "all", everything: true) @role(name: "some") @role(name: "hidden")
        type Page
          @allow(roles: ["some"], read: ["body"], when: { plain: { eq: "a" } })
          @allow(roles: ["hidden"], read: ["plain"])
        { title: String @searchable body: String @searchable plain: String }
        type Own { text: String @searchable _search: Int _relevance: Int }
        type Plain { text: String }
    "#;
    let schema = Schema::from_sdl("schema.graphql", text).unwrap();
    let sdl = |role: &str| api(&schema, &[role]).sdl();
    for (role, offered) in [("all", true), ("some", true), ("hidden", false)] {
        let sdl = sdl(role);
        let (filter, order) = (printed(&sdl, "input PageWhere"), printed(&sdl, "input PageOrderBy"));
        assert_eq!(filter.ends_with("  _search: String\n}\n"), offered, "{filter}");
        assert_eq!(order.ends_with("  _relevance: String\n}\n"), offered, "{order}");
    }
    let all = sdl("all");
    let own = printed(&all, "input OwnWhere");
    assert!(own.contains("  _search: IntCondition\n") && own.ends_with("  not: OwnWhere\n}\n"), "{own}");
    assert!(printed(&all, "input OwnOrderBy").ends_with("  _relevance: OrderDirection\n}\n"));
    assert!(!printed(&all, "input PlainWhere").contains("_search"));
}

#[test]
fn signed_urls_are_offered_where_there_is_a_store_and_a_rule() {
    let text = r#"
        extend schema
          @role(name: "uploader", s3: [{ keys: "a/**", upload: true }])
          @role(name: "viewer", inherits: ["uploader"])
          @role(name: "reader")
        type A @allow(roles: ["reader", "uploader"], read: true) { a: Int }
    "#;
    let schema = Schema::from_sdl("schema.graphql", text).unwrap();
    for (role, offered) in [("uploader", true), ("viewer", true), ("admin", true), ("reader", false), ("deployer", false)] {
        let with_store = sdl(&schema, role);
        assert_eq!(with_store.contains("generateUploadUrl"), offered, "{role}");
        assert_eq!(with_store.contains("s3DummyQuery"), offered, "{role}");
        assert_eq!(with_store.contains("type S3SignedUpload"), offered, "{role}");
        assert!(!api(&schema, &[role]).sdl().contains("S3"), "{role} without a store");
    }
    // Such a role writes nothing else.
    let mutation = sdl(&schema, "uploader");
    let mutation = printed(&mutation, "type Mutation");
    let names: Vec<&str> = mutation.lines().skip(1).filter_map(|line| line.trim().split(['(', ':']).next()).collect();
    assert_eq!(names, ["generateUploadUrl", "generateReadUrl", "transaction", "query", "}"]);
    // A model that has one of the names keeps it.
    let own = Schema::from_sdl("schema.graphql", "type S3Header { a: Int }").unwrap();
    let own = sdl(&own, "admin");
    assert!(printed(&own, "type S3Header").contains("  a: Int\n") && !own.contains("generateUploadUrl"));
}
