//! Documents and their errors, as graphql-js words and places them.

use crate::api::Api;
use crate::error::{ErrorCode, RequestError};
use crate::prepare::{Limits, prepare};
use crate::testing::{api, blog, tiny};

fn errors(api: &Api, text: &str) -> Vec<RequestError> {
    prepare(api, text, None, &Limits::default()).err().unwrap_or_default()
}

/// `message @line:column line:column`
fn printed(errors: &[RequestError]) -> Vec<String> {
    let places =
        |error: &RequestError| error.locations.iter().map(|pos| format!(" {}:{}", pos.line, pos.column)).collect::<String>();
    errors.iter().map(|error| format!("{} @{}", error.message, places(error).trim_start())).collect()
}

#[track_caller]
fn check(api: &Api, table: &[(&str, &[&str])]) {
    for (text, expected) in table {
        assert_eq!(printed(&errors(api, text)), *expected, "{text}");
    }
}

#[test]
fn recorded_errors_are_reproduced() {
    let (reads, acl) = (include_str!("../../tests/golden/blog-reads.json"), include_str!("../../tests/golden/blog-acl.json"));
    let schema = blog();
    let mut compared = 0;
    for text in [reads, acl] {
        let scenario: serde_json::Value = serde_json::from_str(text).unwrap();
        for step in scenario["steps"].as_array().unwrap() {
            compared += usize::from(compare_with_recorded(&schema, step));
        }
    }
    assert!(compared >= 14, "only {compared} recorded errors were compared");
}

/// Tells whether the step is one that validation answers.
fn compare_with_recorded(schema: &freehold_schema::Schema, step: &serde_json::Value) -> bool {
    let request = &step["request"];
    let recorded = &step["response"]["body"]["errors"][0];
    let body = if request["rawBody"].is_object() { &request["rawBody"] } else { request };
    let Some(text) = body["query"].as_str() else { return false };
    let is_unread = request["path"].is_string() || !request["token"].is_null() || recorded["code"].is_number();
    let is_later = recorded["path"].is_array() || recorded["message"] == "Internal server error";
    if is_unread || is_later || request.get("token").is_some() {
        return false;
    }
    let roles: Vec<&str> = match request["as"].as_array() {
        Some(memberships) => memberships.iter().map(|membership| membership["role"].as_str().unwrap()).collect(),
        None => vec!["admin"],
    };
    let api = api(schema, &roles);
    let prepared = prepare(&api, text, body["operationName"].as_str(), &Limits::default());
    let found = prepared.and_then(|prepared| {
        // Ids that the recording captured earlier stand in it as `$$name`.
        let mut variables = request["variables"].as_object().cloned().unwrap_or_default();
        for value in variables.values_mut().filter(|value| value.as_str().is_some_and(|text| text.starts_with("$$"))) {
            *value = "00000000-0000-0000-0000-000000000000".into();
        }
        prepared.coerce(&api, &variables).map(drop)
    });
    let name = &step["name"];
    if recorded.is_null() {
        assert_eq!(found, Ok(()), "{name}");
        return false;
    }
    let error = found.expect_err(&format!("{name} should fail")).remove(0);
    assert_eq!(error.message, recorded["message"].as_str().unwrap(), "{name}");
    let places: Vec<_> = error.locations.iter().map(|pos| serde_json::json!({"line": pos.line, "column": pos.column})).collect();
    assert_eq!(places.as_slice(), recorded["locations"].as_array().map_or(&[][..], |places| places), "{name}");
    true
}

#[test]
fn operations_and_their_names() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            (
                "query A { _info { description } } query A { _info { description } }",
                &["There can be only one operation named \"A\". @1:7 1:41"],
            ),
            (
                "{ _info { description } } query A { _info { description } }",
                &["This anonymous operation must be the only defined operation. @1:1"],
            ),
            (
                "query A { _info { description } } query B { _info { description } }",
                &["Must provide operation name if query contains multiple operations. @"],
            ),
            ("fragment F on Query { _info { description } }", &["Fragment \"F\" is never used. @1:1"]),
            ("subscription { a }", &["Schema is not configured to execute subscription operation. @1:1"]),
            ("type A { b: Int }", &["The \"A\" definition is not executable. @1:1"]),
        ],
    );
    check(
        &api(&tiny(), &["guest"]),
        &[(
            "mutation { deleteAuthor(by: {name: \"a\"}) { ok } }",
            &["Schema is not configured to execute mutation operation. @1:1"],
        )],
    );
}

#[test]
fn fields_and_leaves() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            ("{ listAuthor { nam } }", &["Cannot query field \"nam\" on type \"Author\". Did you mean \"name\"? @1:16"]),
            (
                "{ listAuthors { name } }",
                &["Cannot query field \"listAuthors\" on type \"Query\". Did you mean \"listAuthor\" or \"getAuthor\"? @1:3"],
            ),
            ("{ x: listAuthor { y: zzzzzzzz } }", &["Cannot query field \"zzzzzzzz\" on type \"Author\". @1:19"]),
            (
                "{ listAuthor }",
                &[
                    "Field \"listAuthor\" of type \"[Author!]!\" must have a selection of subfields. Did you mean \"listAuthor { ... }\"? @1:3",
                ],
            ),
            (
                "{ listAuthor { name { first } } }",
                &["Field \"name\" must not have a selection since type \"String!\" has no subfields. @1:21"],
            ),
            ("{ __typename listAuthor { __typename } _info { __typename description } }", &[]),
            ("{ listAuthor { __schema { types { name } } } }", &["Cannot query field \"__schema\" on type \"Author\". @1:16"]),
            (
                "{ schema { entities { fields { enumName } } } }",
                &[
                    "Cannot query field \"enumName\" on type \"_Field\". Did you mean to use an inline fragment on \"_Column\"? @1:32",
                ],
            ),
            (
                "mutation { deleteAuthor(by: {name: \"a\"}) { errors { paths { index } } } }",
                &[
                    "Cannot query field \"index\" on type \"_PathFragment\". Did you mean to use an inline fragment on \"_IndexPathFragment\"? @1:61",
                ],
            ),
        ],
    );
}

#[test]
fn arguments() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            (
                "{ listAuthor(limits: 1) { name } }",
                &["Unknown argument \"limits\" on field \"Query.listAuthor\". Did you mean \"limit\"? @1:14"],
            ),
            ("{ listAuthor(limit: 1, limit: 2) { name } }", &["There can be only one argument named \"limit\". @1:14 1:24"]),
            (
                "{ getAuthor { name } }",
                &[
                    "Field \"getAuthor\" argument \"by\" of type \"AuthorUniqueWhere!\" is required, but it was not provided. @1:3",
                ],
            ),
            ("{ getAuthor(by: null) { name } }", &["Expected value of type \"AuthorUniqueWhere!\", found null. @1:17"]),
            (
                "{ listAuthor @skip { name } }",
                &["Directive \"@skip\" argument \"if\" of type \"Boolean!\" is required, but it was not provided. @1:14"],
            ),
            (
                "{ listAuthor @skip(if: true, iff: true) { name } }",
                &["Unknown argument \"iff\" on directive \"@skip\". Did you mean \"if\"? @1:30"],
            ),
        ],
    );
}

#[test]
fn values() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            ("{ listAuthor(limit: \"1\") { name } }", &["Int cannot represent non-integer value: \"1\" @1:21"]),
            ("{ listAuthor(limit: 1.0) { name } }", &["Int cannot represent non-integer value: 1.0 @1:21"]),
            (
                "{ listAuthor(limit: 9999999999) { name } }",
                &["Int cannot represent non 32-bit signed integer value: 9999999999 @1:21"],
            ),
            ("{ listAuthor(limit: [1]) { name } }", &["Int cannot represent non-integer value: [1] @1:21"]),
            ("{ listAuthor(filter: {name: {eq: 1}}) { name } }", &["String cannot represent a non string value: 1 @1:34"]),
            ("{ listAuthor(filter: {name: {isNull: 1}}) { name } }", &["Boolean cannot represent a non boolean value: 1 @1:38"]),
            ("{ listAuthor(filter: {id: {in: [\"x\"]}}) { name } }", &["Expected value of type \"UUID!\", found \"x\". @1:33"]),
            ("{ listAuthor(filter: {id: {in: \"00000000000000000000000000000000\"}}) { name } }", &[]),
            ("{ listAuthor(filter: {name: {in: [null]}}) { name } }", &["Expected value of type \"String!\", found null. @1:35"]),
            ("{ listAuthor(filter: 1) { name } }", &["Expected value of type \"AuthorWhere\", found 1. @1:22"]),
            (
                "{ listAuthor(filter: {name: \"a\"}) { name } }",
                &["Expected value of type \"StringCondition\", found \"a\". @1:29"],
            ),
            (
                "{ listAuthor(filter: {nam: {eq: \"a\"}}) { name } }",
                &["Field \"nam\" is not defined by type \"AuthorWhere\". Did you mean \"name\", \"and\", or \"not\"? @1:23"],
            ),
            (
                "{ listAuthor(filter: {name: {eq: \"a\", eq: \"b\"}}) { name } }",
                &["There can be only one input field named \"eq\". @1:30 1:39"],
            ),
            (
                "{ listBook(filter: {level: {eq: medium}}) { title } }",
                &["Value \"medium\" does not exist in \"Level\" enum. @1:33"],
            ),
            (
                "{ listBook(filter: {level: {eq: lo}}) { title } }",
                &["Value \"lo\" does not exist in \"Level\" enum. Did you mean the enum value \"low\"? @1:33"],
            ),
            (
                "{ listBook(filter: {level: {eq: \"low\"}}) { title } }",
                &["Enum \"Level\" cannot represent non-enum value: \"low\". Did you mean the enum value \"low\"? @1:33"],
            ),
            (
                "mutation { updateAuthor(by: {name: \"a\"}, data: {books: [{update: {by: {id: null}}}]}) { ok } }",
                &[
                    "Field \"AuthorUpdateBooksRelationInput.data\" of required type \"BookWithoutAuthorUpdateInput!\" was not provided. @1:66",
                ],
            ),
            ("{ listAuthor(orderBy: {name: asc}) { name } }", &[]),
        ],
    );
}

#[test]
fn scalars_of_the_contract() {
    check(
        &api(&blog(), &["admin"]),
        &[
            (
                "{ listArticle(filter: {price: {eq: \"abc\"}, at: {eq: \"25:00\"}}) { id } }",
                &[
                    "Expected value of type \"Decimal\", found \"abc\"; Value is not a valid decimal: abc @1:36",
                    "Expected value of type \"Time\", found \"25:00\"; Value is not a valid time: 25:00 @1:53",
                ],
            ),
            ("{ listArticle(filter: {price: {eq: 1.5}, ratio: {eq: 2}, day: {eq: \"whatever\"}}) { id } }", &[]),
            ("{ listArticle(filter: {day: {eq: 1}}) { id } }", &["Expected value of type \"Date\", found 1. @1:34"]),
            ("{ listArticle(filter: {meta: {includes: {a: [1, \"x\", E]}}}) { id } }", &[]),
            ("{ listArticle(filter: {ratio: {eq: \"1\"}}) { id } }", &["Float cannot represent non numeric value: \"1\" @1:36"]),
        ],
    );
}

#[test]
fn fragments() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            ("{ listAuthor { ...F } }", &["Unknown fragment \"F\". @1:19"]),
            (
                "{ listAuthor { ...F } } fragment F on Author { name } fragment F on Author { id }",
                &["There can be only one fragment named \"F\". @1:34 1:64"],
            ),
            ("{ listAuthor { ...F } } fragment F on Nope { name }", &["Unknown type \"Nope\". @1:39"]),
            ("{ listAuthor { ... on Autor { name } } }", &["Unknown type \"Autor\". Did you mean \"Author\"? @1:23"]),
            ("{ listAuthor { ... on Level { name } } }", &["Fragment cannot condition on non composite type \"Level\". @1:23"]),
            (
                "{ listAuthor { ...F } } fragment F on BookWhere { name }",
                &["Fragment \"F\" cannot condition on non composite type \"BookWhere\". @1:39"],
            ),
            (
                "{ listAuthor { ...F } } fragment F on Book { title }",
                &["Fragment \"F\" cannot be spread here as objects of type \"Author\" can never be of type \"Book\". @1:16"],
            ),
            (
                "{ listAuthor { ... on Book { title } } }",
                &["Fragment cannot be spread here as objects of type \"Author\" can never be of type \"Book\". @1:16"],
            ),
            ("{ schema { entities { fields { ... on _Column { enumName } ... on _Field { name } } } } }", &[]),
            (
                "{ listAuthor { ...A } } fragment A on Author { ...B } fragment B on Author { ...A }",
                &["Cannot spread fragment \"A\" within itself via \"B\". @1:48 1:78"],
            ),
            (
                "{ listAuthor { ...A } } fragment A on Author { name ...A }",
                &["Cannot spread fragment \"A\" within itself. @1:53"],
            ),
        ],
    );
}

#[test]
fn variables() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            (
                "query($a: Int, $a: Int) { listAuthor(limit: $a) { name } }",
                &["There can be only one variable named \"$a\". @1:8 1:17"],
            ),
            (
                "query($a: Author) { listAuthor(limit: $a) { name } }",
                &[
                    "Variable \"$a\" cannot be non-input type \"Author\". @1:11",
                    "Variable \"$a\" of type \"Author\" used in position expecting type \"Int\". @1:7 1:39",
                ],
            ),
            ("query($a: Nope) { listAuthor(limit: $a) { name } }", &["Unknown type \"Nope\". @1:11"]),
            ("{ listAuthor(limit: $a) { name } }", &["Variable \"$a\" is not defined. @1:21 1:1"]),
            ("query Q { listAuthor(limit: $a) { name } }", &["Variable \"$a\" is not defined by operation \"Q\". @1:29 1:1"]),
            ("query($a: Int) { listAuthor { name } }", &["Variable \"$a\" is never used. @1:7"]),
            ("query Q($a: Int) { listAuthor { name } }", &["Variable \"$a\" is never used in operation \"Q\". @1:9"]),
            (
                "query($a: String) { listAuthor(limit: $a) { name } }",
                &["Variable \"$a\" of type \"String\" used in position expecting type \"Int\". @1:7 1:39"],
            ),
            (
                "query($a: AuthorUniqueWhere) { getAuthor(by: $a) { name } }",
                &[
                    "Variable \"$a\" of type \"AuthorUniqueWhere\" used in position expecting type \"AuthorUniqueWhere!\". @1:7 1:46",
                ],
            ),
            ("query($a: Boolean = true) { listAuthor @include(if: $a) { name } }", &[]),
            (
                "query($a: Boolean) { listAuthor @include(if: $a) { name } }",
                &["Variable \"$a\" of type \"Boolean\" used in position expecting type \"Boolean!\". @1:7 1:46"],
            ),
            ("query($a: [String!]) { listAuthor(filter: {name: {in: $a}}) { ...F } } fragment F on Author { name }", &[]),
            (
                "query($a: String!) { listAuthor(filter: {name: {in: $a}}) { name } }",
                &["Variable \"$a\" of type \"String!\" used in position expecting type \"[String!]\". @1:7 1:53"],
            ),
            (
                "query($a: String!) { listAuthor(filter: {name: {in: [$a]}}) { ...F } } fragment F on Author { books(limit: $b) { id } }",
                &["Variable \"$b\" is not defined. @1:108 1:1"],
            ),
            (
                "query($a: Int = \"x\") { listAuthor(limit: $a) { name } }",
                &["Int cannot represent non-integer value: \"x\" @1:17"],
            ),
            (
                "query($a: Int! = null) { listAuthor(limit: $a) { name } }",
                &["Expected value of type \"Int!\", found null. @1:18"],
            ),
        ],
    );
}

#[test]
fn directives() {
    check(
        &api(&tiny(), &["admin"]),
        &[
            ("{ listAuthor @nope { name } }", &["Unknown directive \"@nope\". @1:14"]),
            ("query @skip(if: true) { listAuthor { name } }", &["Directive \"@skip\" may not be used on QUERY. @1:7"]),
            ("{ listAuthor @deprecated { name } }", &["Directive \"@deprecated\" may not be used on FIELD. @1:14"]),
            (
                "{ listAuthor @skip(if: true) @skip(if: false) { name } }",
                &["The directive \"@skip\" can only be used once at this location. @1:14 1:30"],
            ),
            ("{ ... @include(if: true) { listAuthor { name ...F @skip(if: false) } } } fragment F on Author { id }", &[]),
        ],
    );
}

#[test]
fn overlapping_fields() {
    let tail = "Use different aliases on the fields to fetch both if this was intentional.";
    let table: &[(&str, &[&str])] = &[
        ("{ listAuthor { name name } }", &[]),
        (
            "{ listAuthor { a: name a: id } }",
            &["Fields \"a\" conflict because \"name\" and \"id\" are different fields. @1:16 1:24"],
        ),
        (
            "{ listAuthor(limit: 1) { name } listAuthor(limit: 2) { name } }",
            &["Fields \"listAuthor\" conflict because they have differing arguments. @1:3 1:33"],
        ),
        (
            "{ listAuthor(filter: {name: {eq: \"a\", lt: \"b\"}}) { name } listAuthor(filter: {name: {lt: \"b\", eq: \"a\"}}) { id } }",
            &[],
        ),
        (
            "{ listAuthor { a: name } listAuthor { a: id } }",
            &[
                "Fields \"listAuthor\" conflict because subfields \"a\" conflict because \"name\" and \"id\" are different fields. @1:3 1:16 1:26 1:39",
            ],
        ),
        (
            "{ listAuthor { a: name b: name } listAuthor { a: id b: id } }",
            &[
                "Fields \"listAuthor\" conflict because subfields \"a\" conflict because \"name\" and \"id\" are different fields and subfields \"b\" conflict because \"name\" and \"id\" are different fields. @1:3 1:16 1:24 1:34 1:47 1:53",
            ],
        ),
        (
            "{ listAuthor { a: name ...F } } fragment F on Author { a: id }",
            &["Fields \"a\" conflict because \"name\" and \"id\" are different fields. @1:16 1:56"],
        ),
        (
            "{ listAuthor { ...F ...G } } fragment F on Author { a: id } fragment G on Author { a: name }",
            &["Fields \"a\" conflict because \"id\" and \"name\" are different fields. @1:53 1:84"],
        ),
        ("{ schema { entities { fields { ... on _Column { a: enumName } ... on _Relation { a: ownedBy } } } } }", &[]),
        (
            "{ schema { entities { fields { ... on _Column { a: enumName } ... on _Relation { a: targetEntity } } } } }",
            &["Fields \"a\" conflict because they return conflicting types \"String\" and \"String!\". @1:49 1:82"],
        ),
    ];
    let api = api(&tiny(), &["admin"]);
    for (text, expected) in table {
        let expected: Vec<String> = expected.iter().map(|error| error.replace(". @", &format!(". {tail} @"))).collect();
        assert_eq!(printed(&errors(&api, text)), expected, "{text}");
    }
}

#[test]
fn errors_come_in_the_order_of_the_document() {
    check(
        &api(&tiny(), &["admin"]),
        &[(
            "query Q($x: Int) {\n  a: listAuthor(nope: 1) { zzzzzz }\n  listBook(limit: \"1\") { title @nope }\n}",
            &[
                "Unknown argument \"nope\" on field \"Query.listAuthor\". @2:17",
                "Cannot query field \"zzzzzz\" on type \"Author\". @2:28",
                "Int cannot represent non-integer value: \"1\" @3:19",
                "Unknown directive \"@nope\". @3:32",
                "Variable \"$x\" is never used in operation \"Q\". @1:9",
            ],
        )],
    );
}

#[test]
fn many_errors_are_summed_up() {
    let api = api(&tiny(), &["admin"]);
    let found = errors(&api, &format!("{{ listAuthor {{ {} }} }}", "zzzzzz ".repeat(300)));
    assert_eq!(found.len(), 101);
    assert_eq!(found[100].message, "Too many validation errors, error limit reached. Validation aborted.");
}

fn refused(text: &str) -> (ErrorCode, String) {
    let found = errors(&api(&tiny(), &["admin"]), text);
    assert_eq!(found.len(), 1, "{found:?}");
    (found[0].code, found[0].message.clone())
}

#[test]
fn hostile_documents_are_refused_before_work() {
    let nested = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    assert_eq!(refused(&format!("{{ a{} }}", nested("{a", "}", 5_000))).0, ErrorCode::TooDeep);
    assert_eq!(refused(&format!("{{ a(b: {}) }}", nested("[", "]", 5_000))).0, ErrorCode::TooDeep);
    assert_eq!(refused(&format!("{{ a(b: {}1{}) }}", "{c:".repeat(5_000), "}".repeat(5_000))).0, ErrorCode::TooDeep);
    assert_eq!(refused(&format!("query($a: {}) {{ a }}", nested("[", "]", 5_000))).0, ErrorCode::TooDeep);
    assert_eq!(refused(&"{ a ".repeat(30_000)).0, ErrorCode::TooDeep);
    assert_eq!(refused(&format!("{{ {} }}", "a ".repeat(30_000))).0, ErrorCode::TooComplex);
    assert_eq!(refused(&format!("{{ a }}{}", " ".repeat(300_000))).0, ErrorCode::TooComplex);
    let deep = format!("{{ listAuthor {{ {} name {} }} }}", "books { author { ".repeat(12), "} } ".repeat(12));
    assert_eq!(refused(&deep), (ErrorCode::TooDeep, "The operation is 26 fields deep, allowed are 24.".to_owned()));
    let aliases: String = (0..600).map(|index| format!("a{index}: name ")).collect();
    assert_eq!(refused(&format!("{{ listAuthor {{ {aliases} }} }}")).1, "The operation has 600 aliases, allowed are 500.");
}

#[test]
fn a_bomb_of_fragments_is_counted_not_expanded() {
    let mut text = "{ listAuthor { ...F0 } } ".to_owned();
    for index in 0..60 {
        let next = index + 1;
        text.push_str(&format!("fragment F{index} on Author {{ ...F{next} ...F{next} }} "));
    }
    text.push_str("fragment F60 on Author { name }");
    assert_eq!(refused(&text).0, ErrorCode::TooComplex);
    let chain: String = (0..2_000).map(|index| format!("fragment F{index} on Author {{ ...F{} }} ", index + 1)).collect();
    assert_eq!(
        refused(&format!("{{ listAuthor {{ ...F0 }} }} {chain} fragment F2000 on Author {{ name }}")).0,
        ErrorCode::TooDeep
    );
}

#[test]
fn fragments_that_nobody_uses_are_counted_too() {
    let big = format!("fragment Big on Author {{ {} }} ", "name ".repeat(100));
    let many: String = (0..300).map(|index| format!("fragment F{index} on Author {{ ...Big }} ")).collect();
    let found = refused(&format!("{{ listAuthor {{ id }} }} {big} {many}"));
    assert_eq!(found.1, "The document's operations and fragments together have too many fields.");
}

#[test]
fn many_pairs_of_equal_fields_are_refused() {
    let text = format!("{{ listAuthor {{ {} }} }}", "name ".repeat(2_000));
    assert_eq!(refused(&text).1, "The operation repeats fields too often to be checked.");
}

#[test]
fn the_standard_introspection_query_passes() {
    let text = include_str!("../../tests/golden/introspection.graphql");
    assert_eq!(errors(&api(&tiny(), &["guest"]), text), []);
}

#[test]
fn introspection_that_multiplies_itself_is_refused() {
    let nested = (0..6).fold("name".to_owned(), |inner, _| format!("fields {{ type {{ {inner} }} }}"));
    let repeated: String =
        (0..200).map(|index| format!("a{index}: __schema {{ types {{ name fields {{ name }} }} }} ")).collect();
    for text in [format!("{{ __schema {{ types {{ {nested} }} }} }}"), format!("{{ {repeated} }}")] {
        assert_eq!(refused(&text).1, "The introspection asks for too much at once.");
    }
}
