//! Operations made to hurt: each is answered or refused, with little work and on a small stack.
//!
//! Work is not timed but bounded: by what comes out, and by limits that are checked before work grows.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use freehold_compiler::api::Api;
use freehold_compiler::caller::{Caller, Membership};
use freehold_compiler::compile::compile;
use freehold_compiler::error::RequestError;
use freehold_compiler::permissions::Permissions;
use freehold_compiler::plan::Statement;
use freehold_compiler::prepare::{Limits, prepare};
use freehold_schema::Schema;
use freehold_schema::names::RoleName;
use serde_json::{Map, Value, json};

/// What became of an operation: the code and message of its first error, or its SQL.
#[derive(Debug)]
enum Outcome {
    Refused { code: &'static str, message: String, n_errors: usize },
    Compiled { sql: String, n_binds: usize },
}

impl Outcome {
    fn of(errors: &[RequestError]) -> Self {
        Outcome::Refused { code: errors[0].code.as_str(), message: errors[0].message.clone(), n_errors: errors.len() }
    }
}

fn outcome(document: &str, variables: &Map<String, Value>) -> Outcome {
    let schema = Schema::from_json("tiny.schema.json", include_str!("golden/tiny.schema.json")).unwrap();
    let membership = Membership { role: RoleName::new("admin"), variables: BTreeMap::new() };
    let caller = Caller::resolve(&schema, None, &[membership]).unwrap();
    let permissions = Permissions::new(&schema, caller.role_set());
    let api = Api::build(&schema, &permissions);
    let compiled = prepare(&api, document, None, &Limits::default()).and_then(|prepared| {
        let variables = prepared.coerce(&api, variables)?;
        compile(&schema, &permissions, &api, &prepared, &variables, &caller)
    });
    match compiled {
        Err(errors) => Outcome::of(&errors),
        Ok(plan) => Outcome::Compiled {
            sql: plan.statements().into_iter().map(Statement::sql).collect(),
            n_binds: plan.statements().into_iter().map(|statement| statement.binds.len()).sum(),
        },
    }
}

/// On a stack as small as that of a worker thread; a debug build needs several times the frames of a release.
fn on_a_small_stack(document: impl Into<String>, variables: Value) -> Outcome {
    let (document, Value::Object(variables)) = (document.into(), variables) else { panic!("variables are an object") };
    let run = move || outcome(&document, &variables);
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap()
}

#[track_caller]
fn refused(document: impl Into<String>, expected: &str) {
    refused_with(document, json!({}), expected);
}

#[track_caller]
fn refused_with(document: impl Into<String>, variables: Value, expected: &str) {
    let document = document.into();
    let start: String = document.chars().take(100).collect();
    match on_a_small_stack(document, variables) {
        Outcome::Refused { code, message, n_errors } => {
            assert_eq!(code, expected, "{message}: {start}");
            assert!(n_errors <= 101, "{n_errors} errors: {start}");
        }
        Outcome::Compiled { sql, .. } => panic!("compiles to {} characters: {start}", sql.len()),
    }
}

/// Gives the length of the SQL and the number of binds.
#[track_caller]
fn answered(document: impl Into<String>, variables: Value) -> (usize, usize) {
    let document = document.into();
    let start: String = document.chars().take(100).collect();
    match on_a_small_stack(document, variables) {
        Outcome::Compiled { sql, n_binds } => (sql.len(), n_binds),
        Outcome::Refused { code, message, .. } => panic!("{code} {message}: {start}"),
    }
}

fn nested(n: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(n), close.repeat(n))
}

fn listed(n: usize, piece: impl Fn(usize) -> String) -> String {
    (0..n).map(piece).collect::<Vec<_>>().join(" ")
}

#[test]
fn depth_is_bounded() {
    for n in [13, 30, 60, 5_000] {
        refused(format!("{{ listAuthor {{ {} }} }}", nested(n, "books { author { ", "id", " } }")), "TOO_DEEP");
    }
    answered(format!("{{ listAuthor {{ {} }} }}", nested(11, "books { author { ", "id", " } }")), json!({}));
    refused("{".repeat(200_000), "GRAPHQL_PARSE_FAILED");
    refused("{a".repeat(100_000), "TOO_DEEP");
    refused(format!("{{ listAuthor {{ {} }} }}", nested(20_000, "... { ", "id", " }")), "TOO_DEEP");
    refused(format!("{{ __schema {{ types {{ {} }} }} }}", nested(30, "ofType { ", "name", " }")), "TOO_DEEP");
    refused(
        format!("{{ __schema {{ types {{ fields {{ type {{ {} }} }} }} }} }}", nested(30, "ofType { ", "name", " }")),
        "TOO_DEEP",
    );
    refused(format!("query($a: {}) {{ listAuthor {{ id }} }}", nested(50_000, "[", "Int", "]")), "TOO_DEEP");
    refused(format!("{{ listAuthor(limit: {}) {{ id }} }}", "[".repeat(100_000)), "TOO_DEEP");
}

#[test]
fn width_is_bounded() {
    refused(format!("{{ listAuthor {{ {} }} }}", "id ".repeat(30_000)), "TOO_COMPLEX");
    refused(format!("{{ listAuthor {{ {} }} }}", "id ".repeat(5_001)), "TOO_COMPLEX");
    // The same field again and again is one field, but each pair of them has to be compared.
    refused(format!("{{ listAuthor {{ {} }} }}", "id ".repeat(1_000)), "TOO_COMPLEX");
    refused(format!("{{ {} }}", "listAuthor { id } ".repeat(2_000)), "TOO_COMPLEX");
    refused(format!("{{ listAuthor {{ {} }} }}", listed(501, |i| format!("a{i}: id"))), "TOO_COMPLEX");
    answered(format!("{{ listAuthor {{ {} }} }}", listed(500, |i| format!("a{i}: id"))), json!({}));
    answered(format!("{{ {} }}", listed(500, |i| format!("a{i}: listAuthor {{ id }}"))), json!({}));
    refused(listed(101, |i| format!("query A{i} {{ listAuthor {{ id }} }}")), "TOO_COMPLEX");
    refused(format!("{{ listAuthor({}) {{ id }} }}", "limit: 1 ".repeat(5_000)), "GRAPHQL_VALIDATION_FAILED");
    refused(format!("{{ listAuthor {{ id {} }} }}", "@skip(if: false) ".repeat(2_000)), "GRAPHQL_VALIDATION_FAILED");
    refused(format!("{{ listAuthor(orderBy: [{}]) {{ id }} }}", "{id: asc} ".repeat(101)), "TOO_COMPLEX");
}

#[test]
fn fragments_are_measured_before_they_are_expanded() {
    refused("{ listAuthor { ...A } } fragment A on Author { ...A }", "GRAPHQL_VALIDATION_FAILED");
    refused(
        "{ listAuthor { ...A } } fragment A on Author { books { ...B } } fragment B on Book { author { ...A } }",
        "GRAPHQL_VALIDATION_FAILED",
    );
    let ring = listed(300, |i| format!("fragment F{i} on Author {{ ...F{} }}", (i + 1) % 300));
    refused(format!("{{ listAuthor {{ ...F0 }} }} {ring}"), "TOO_DEEP");
    // Each spreads the one before twice: 2^40 fields.
    let doubling = |spread: &dyn Fn(usize) -> String| {
        let fragments = listed(40, |i| format!("fragment F{} on Author {{ {} }}", i + 1, spread(i)));
        format!("{{ listAuthor {{ ...F40 }} }} fragment F0 on Author {{ id }} {fragments}")
    };
    refused(doubling(&|i| format!("...F{i} ...F{i}")), "TOO_COMPLEX");
    refused(doubling(&|i| format!("a: books {{ author {{ ...F{i} }} }} b: books {{ author {{ ...F{i} }} }}")), "TOO_DEEP");
    // Also where nothing spreads them.
    refused(doubling(&|i| format!("...F{i} ...F{i}")).replace("{ ...F40 }", "{ id }"), "TOO_COMPLEX");
    let chain = listed(2_000, |i| format!("fragment F{} on Author {{ ...F{i} }}", i + 1));
    refused(format!("{{ listAuthor {{ ...F2000 }} }} fragment F0 on Author {{ id }} {chain}"), "TOO_DEEP");
    let many = listed(2_000, |i| format!("fragment F{i} on Author {{ id }}"));
    refused(format!("{{ listAuthor {{ id }} }} {many}"), "GRAPHQL_VALIDATION_FAILED");
}

#[test]
fn literals_and_lists_of_any_size_are_binds() {
    let long = "'\\\"; DROP TABLE author; --".repeat(8_000);
    let filter = "query($name: String!) { listAuthor(filter: {name: {eq: $name}}) { id } }";
    let (short, _) = answered(filter, json!({ "name": "a" }));
    assert_eq!(answered(filter, json!({ "name": long })), (short, 1));
    let written = |text: &str| format!("{{ listAuthor(filter: {{name: {{eq: \"{text}\"}}}}) {{ id }} }}");
    assert_eq!(answered(written(&"x".repeat(250_000)), json!({})), (short, 1));
    let block = format!("{{ listAuthor(filter: {{name: {{eq: \"\"\"{}\"\"\"}}}}) {{ id }} }}", "\n    x".repeat(30_000));
    assert_eq!(answered(block, json!({})), (short, 1));

    let many = "query($names: [String!]) { listAuthor(filter: {name: {in: $names}}) { id } }";
    let one = answered(many, json!({ "names": ["a"] }));
    assert_eq!(answered(many, json!({ "names": vec!["a"; 100_000] })), one);
    let (_, n_binds) =
        answered(format!("{{ listAuthor(filter: {{name: {{in: [{}]}}}}) {{ id }} }}", "\"a\" ".repeat(15_000)), json!({}));
    assert_eq!(n_binds, 1);
    let or = format!("{{ listAuthor(filter: {{or: [{}]}}) {{ id }} }}", "{name: {eq: \"a\"}} ".repeat(1_500));
    assert_eq!(answered(or, json!({})).1, 1_500);
    let or = "query($f: [AuthorWhere!]) { listAuthor(filter: {or: $f}) { id } }";
    refused_with(or, json!({ "f": vec![json!({ "name": { "eq": "a" } }); 70_000] }), "TOO_COMPLEX");
    for (limit, code) in
        [("99999999999999999999", "GRAPHQL_VALIDATION_FAILED"), ("1e400", "GRAPHQL_VALIDATION_FAILED"), ("-1", "BAD_USER_INPUT")]
    {
        refused(format!("{{ listAuthor(limit: {limit}) {{ id }} }}"), code);
    }
    refused(format!("{{ listAuthor(limit: {}) {{ id }} }}", "9".repeat(200_000)), "GRAPHQL_VALIDATION_FAILED");
}

#[test]
fn input_objects_are_as_deep_as_the_stack_allows() {
    let document = |n| format!("{{ listAuthor(filter: {}) {{ id }} }}", nested(n, "{not: ", "{name: {eq: \"a\"}}", "}"));
    answered(document(90), json!({}));
    for n in [150, 20_000] {
        refused(document(n), "TOO_DEEP");
    }
    let by_variable = "query($f: AuthorWhere) { listAuthor(filter: $f) { id } }";
    // A JSON body is not read beyond 128 levels.
    for member in ["not", "and", "or"] {
        let deep = |n| (0..n).fold(json!({ "name": { "eq": "a" } }), |filter, _| json!({ member: filter }));
        match on_a_small_stack(by_variable, json!({ "f": deep(120) })) {
            Outcome::Compiled { sql, n_binds } => assert!(sql.len() < 2_000 && n_binds == 1, "{}", sql.len()),
            Outcome::Refused { code, .. } => assert_eq!(code, "TOO_DEEP"),
        }
    }
    let relations = (0..60).fold(json!({ "name": { "eq": "a" } }), |filter, _| json!({ "books": { "author": filter } }));
    refused_with(by_variable, json!({ "f": relations }), "TOO_DEEP");
    let lists = (0..120).fold(json!("a"), |list, _| json!([list]));
    refused_with("query($n: [String!]) { listAuthor(filter: {name: {in: $n}}) { id } }", json!({ "n": lists }), "BAD_USER_INPUT");
    let order = format!("{{ listBook(orderBy: [{}]) {{ id }} }}", nested(45, "{detail: {book: ", "{title: asc}", "}}"));
    match on_a_small_stack(order, json!({})) {
        Outcome::Compiled { sql, .. } => assert!(sql.len() < 45 * 400, "{}", sql.len()),
        Outcome::Refused { code, .. } => assert_eq!(code, "TOO_DEEP"),
    }
}

#[test]
fn variables_may_be_many() {
    let declared = |n| listed(n, |i| format!("$v{i}: String"));
    let used = |n| listed(n, |i| format!("{{name: {{eq: $v{i}}}}}"));
    let document = format!("query({}) {{ listAuthor(filter: {{or: [{}]}}) {{ id }} }}", declared(1_200), used(1_200));
    let values: Map<String, Value> = (0..1_200).map(|i| (format!("v{i}"), json!("a"))).collect();
    assert_eq!(answered(document, Value::Object(values)).1, 1_200);
    refused(format!("query({}) {{ listAuthor {{ id }} }}", declared(4_000)), "GRAPHQL_VALIDATION_FAILED");
    refused(format!("{{ listAuthor(filter: {{or: [{}]}}) {{ id }} }}", used(1_500)), "GRAPHQL_VALIDATION_FAILED");
    let undeclared: Map<String, Value> = (0..50_000).map(|i| (format!("v{i}"), json!("a"))).collect();
    answered("{ listAuthor { id } }", Value::Object(undeclared));
    let by_name = "query($names: [String!]) { listAuthor(filter: {name: {in: $names}}) { id } }";
    refused_with(by_name, json!({ "names": vec![json!(1); 50_000] }), "BAD_USER_INPUT");
    let unknown: Map<String, Value> = (0..20_000).map(|i| (format!("nam{i}"), json!("a"))).collect();
    refused_with("query($f: AuthorWhere) { listAuthor(filter: $f) { id } }", json!({ "f": unknown }), "BAD_USER_INPUT");
}

#[test]
fn errors_are_summed_up() {
    refused(format!("{{ listAuthor {{ {} }} }}", listed(4_900, |i| format!("nope{i}"))), "GRAPHQL_VALIDATION_FAILED");
    // A name that is compared with every known one for the most similar.
    refused(format!("{{ {} }}", "listAutho".repeat(25_000)), "GRAPHQL_VALIDATION_FAILED");
    refused(format!("{{ listAuthor(filter: {{{}: 1}}) {{ id }} }}", "nam".repeat(80_000)), "GRAPHQL_VALIDATION_FAILED");
    refused(
        format!("{{ listAuthor(filter: {{{}}}) {{ id }} }}", "name: {eq: \"a\"} ".repeat(2_000)),
        "GRAPHQL_VALIDATION_FAILED",
    );
}

#[test]
fn text_that_is_no_graphql_is_refused() {
    for document in [
        String::new(),
        " \t\r\n,,,".to_owned(),
        "# nothing\n".repeat(25_000),
        "\u{feff}".to_owned(),
        "\0".to_owned(),
        "{ listAuthor { id } } \0".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\\ud800\"}}) { id } }".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\\udc00\\ud800\"}}) { id } }".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\\u{110000}\"}}) { id } }".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\\u{".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\\u12é".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\\xff\"}}) { id } }".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"".to_owned(),
        "{ listAuthor(filter: {name: {eq: \"\"\"".to_owned(),
        "{ listAuthor { id } } \u{202e}".to_owned(),
        "\"\"\"".repeat(60_000),
    ] {
        refused(document, "GRAPHQL_PARSE_FAILED");
    }
    answered("\u{feff}{ \u{feff}listAuthor { id } } # \0", json!({}));
    refused(format!("{{ listAuthor {{ id }} }} #{}", "x".repeat(256 * 1024)), "TOO_COMPLEX");
}

#[test]
fn response_keys_are_no_longer_than_a_column_may_be() {
    answered(format!("{{ listAuthor {{ {}: id }} }}", "k".repeat(63)), json!({}));
    refused(format!("{{ listAuthor {{ {}: id }} }}", "k".repeat(64)), "BAD_USER_INPUT");
    refused(format!("{{ listAuthor {{ {}: id }} }}", "k".repeat(200_000)), "BAD_USER_INPUT");
}
