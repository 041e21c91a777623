//! Writes with a database that is played: what their outcomes are. The SQL is in tests/cases.

use serde_json::{Value, json};

use super::{DatabaseError, Outcome, RunError, StatementError};
use crate::bind::{BindContext, StepOutputs};
use crate::caller::{Caller, Membership};
use crate::compile::compile;
use crate::error::RequestError;
use crate::output::tests::record;
use crate::permissions::Permissions;
use crate::plan::{MutationRootValue, Plan, Write};
use crate::prepare::{Limits, prepare};
use crate::testing::{api, blog, blog_with};
use freehold_schema::Schema;
use freehold_schema::names::RoleName;

/// Runs the only root field with these answers of the database; its own answer, and how many statements were sent.
fn run(document: &str, variables: &Value, answers: &[Result<Value, DatabaseError>]) -> (Result<Value, String>, usize) {
    run_as(&blog(), "admin", document, variables, answers)
}

fn run_as(
    schema: &Schema,
    role: &str,
    document: &str,
    variables: &Value,
    answers: &[Result<Value, DatabaseError>],
) -> (Result<Value, String>, usize) {
    let membership = Membership { role: RoleName::new(role), variables: std::collections::BTreeMap::new() };
    let caller = Caller::resolve(schema, None, &[membership]).unwrap();
    let permissions = Permissions::new(schema, caller.role_set());
    let api = api(schema, &[role]);
    let prepared = prepare(&api, document, None, &Limits::default()).unwrap();
    let variables = prepared.coerce(&api, variables.as_object().unwrap()).unwrap();
    let plan = compile(schema, &permissions, &api, &prepared, &variables, &caller).unwrap();
    let Plan::Mutation(mut plan) = plan else { panic!("a mutation gives a mutation plan") };
    let ids = vec![uuid::Uuid::from_u128(7); plan.n_new_ids];
    let steps = StepOutputs::new();
    let context = BindContext {
        variables: &variables,
        caller: &caller,
        new_ids: &ids,
        now: "2024-01-01",
        authorship: "00000000-0000-0000-0000-000000000001 request ",
        marker: "marker",
        cipher: None,
        steps: &steps,
    };
    let MutationRootValue::Write(write) = plan.roots.remove(0).value else { panic!("a write") };
    if let Some(outcome) = write.judge(&context).unwrap() {
        return (Ok(answer(&write, &outcome)), 0);
    }
    let mut n_sent = 0;
    let outcome = write.run(schema, &context, |_, _| {
        n_sent += 1;
        match &answers[n_sent - 1] {
            Ok(answer) => Ok((!answer.is_null()).then(|| sent(answer))),
            Err(error) => Err(StatementError::<()>::Database(error.clone())),
        }
    });
    (outcome.map(|outcome| answer(&write, &outcome)).map_err(|error| format!("{error:?}")), n_sent)
}

/// A value as PostgreSQL sends it: an array stands for a record of texts, anything else is the text of JSON.
fn sent(value: &Value) -> Vec<u8> {
    match value {
        Value::Array(values) => record(&values.iter().map(|value| value.as_str().map(str::as_bytes)).collect::<Vec<_>>()),
        _ => value.to_string().into_bytes(),
    }
}

fn answer(write: &Write, outcome: &Outcome) -> Value {
    serde_json::from_str(&write.answer(outcome)).unwrap()
}

const CREATE: &str = r#"mutation($t: String) { createArticle(data: {title: $t, slug: "s", site: {connect: {slug: "one"}}}) {
    ok errorMessage errors { type message path { __typename ... on _FieldPathFragment { field } } } validation { valid errors { message { text } } } node { title } } }"#;

#[test]
fn a_created_row_is_answered_by_the_statement_that_creates_it() {
    let (answer, n_sent) = run(CREATE, &json!({ "t": "T" }), &[Ok(json!(["T"]))]);
    assert_eq!(
        answer.unwrap(),
        json!({ "ok": true, "errorMessage": null, "errors": [], "validation": { "valid": true, "errors": [] }, "node": { "title": "T" } })
    );
    assert_eq!(n_sent, 1);
}

#[test]
fn broken_rules_send_nothing() {
    let (answer, n_sent) = run(CREATE, &json!({ "t": null }), &[]);
    let answer = answer.unwrap();
    assert_eq!(answer["errorMessage"], "Validation has failed:\ntitle: Title is mandatory");
    assert_eq!(answer["validation"], json!({ "valid": false, "errors": [{ "message": { "text": "Title is mandatory" } }] }));
    assert_eq!((answer["ok"].clone(), answer["errors"].clone(), n_sent), (json!(false), json!([]), 0));
}

#[test]
fn what_keeps_a_row_from_being_changed_is_reported_with_this_requests_input() {
    let (answer, n_sent) = run(CREATE, &json!({ "t": "T" }), &[Ok(Value::Null)]);
    let answer = answer.unwrap();
    assert_eq!(answer["errorMessage"], "Execution has failed:\nsite: NotFoundOrDenied (for input {\"slug\":\"one\"})");
    assert_eq!(answer["errors"][0]["path"], json!([{ "__typename": "_FieldPathFragment", "field": "site" }]));
    assert_eq!(n_sent, 1, "the node is not read");
}

#[test]
fn of_several_conditions_the_first_that_does_not_hold_is_reported() {
    let changed = json!({ "check_0": true, "check_1": false, "row_0": null });
    let document =
        CREATE.replace("{slug: \"one\"}}", "{slug: \"one\"}}, author: {connect: {id: \"00000000-0000-0000-0000-000000000001\"}}");
    let (answer, n_sent) = run(&document, &json!({ "t": "T" }), &[Ok(changed)]);
    let answer = answer.unwrap();
    let message = "author: NotFoundOrDenied (for input {\"id\":\"00000000-0000-0000-0000-000000000001\"})";
    assert_eq!(answer["errorMessage"], format!("Execution has failed:\n{message}"));
    assert_eq!(n_sent, 1, "the node is not read");
}

#[test]
fn violations_are_put_into_the_contracts_words() {
    let refused = |error: DatabaseError| {
        let answer = run(CREATE, &json!({ "t": "T" }), &[Err(error)]).0.unwrap();
        (answer["errors"][0]["type"].as_str().unwrap().to_owned(), answer["errors"][0]["message"].clone())
    };
    let error = |sqlstate: &str, message: &str| DatabaseError {
        sqlstate: sqlstate.to_owned(),
        message: message.to_owned(),
        ..DatabaseError::default()
    };
    let unique = DatabaseError {
        constraint: Some("article_site_id_slug_key".to_owned()),
        table: Some("article".to_owned()),
        detail: Some("Key (site_id, slug)=(1, a(b)) already exists.".to_owned()),
        ..error("23505", "duplicate key value violates unique constraint")
    };
    assert_eq!(
        refused(unique),
        (
            "UniqueConstraintViolation".to_owned(),
            json!("Value (1, a(b)) already exists in unique columns (slug, site) on entity Article")
        )
    );
    assert_eq!(refused(error("22007", "invalid input syntax")), ("SqlError".to_owned(), json!("invalid input syntax")));
    assert_eq!(refused(error("22P02", "invalid enum")).0, "InvalidDataInput");
    assert_eq!(refused(error("23502", "null value")).0, "NotNullConstraintViolation");
}

#[test]
fn a_row_that_is_still_referenced_names_the_relation() {
    let error = DatabaseError {
        sqlstate: "23503".to_owned(),
        message: "update or delete on table \"site\" violates foreign key constraint".to_owned(),
        constraint: Some("article_site_id_fkey".to_owned()),
        table: Some("article".to_owned()),
        detail: Some("Key (id)=(9) is still referenced from table \"article\".".to_owned()),
    };
    let answer = run("mutation { deleteSite(by: {slug: \"one\"}) { errors { message } } }", &json!({}), &[Err(error)]).0.unwrap();
    assert_eq!(
        answer["errors"][0]["message"],
        "Cannot delete row 9 of entity Site, because it is still referenced from Article::site. This is possibly caused by ACL denial or by missing \"on delete cascade\""
    );
}

#[test]
fn errors_that_are_not_the_callers_are_handed_on() {
    for sqlstate in ["40001", "57014", "42703", "53300"] {
        let error = DatabaseError { sqlstate: sqlstate.to_owned(), ..DatabaseError::default() };
        let (answer, _) = run(CREATE, &json!({ "t": "T" }), &[Err(error.clone())]);
        assert_eq!(answer.unwrap_err(), format!("{:?}", RunError::<()>::Database(error)));
    }
}

#[test]
fn a_deleted_node_is_read_before_it_goes() {
    let gone = json!({ "check_0": true, "check_1": true, "row_0": "9", "node": { "name": "go" } });
    let document = "mutation { deleteTag(by: {name: \"go\"}) { ok node { name } } }";
    let (answer, _) = run(document, &json!({}), &[Ok(gone)]);
    assert_eq!(answer.unwrap(), json!({ "ok": true, "node": { "name": "go" } }));
    // A row that the caller does not see is none for him.
    let unseen = json!({ "check_0": true, "check_1": true, "row_0": "9", "node": null });
    assert_eq!(run(document, &json!({}), &[Ok(unseen)]).0.unwrap(), json!({ "ok": true, "node": null }));
}

#[test]
fn a_conflict_with_fields_that_are_not_readable_does_not_quote_them() {
    let article = json!({ "predicates": {}, "operations": { "read": { "slug": true }, "update": { "slug": true } } });
    let schema = blog_with("renamer", json!({ "Article": article }));
    let error = DatabaseError {
        sqlstate: "23505".to_owned(),
        table: Some("article".to_owned()),
        detail: Some("Key (site_id, slug)=(1, s) already exists.".to_owned()),
        ..DatabaseError::default()
    };
    let document = r#"mutation { updateArticle(by: {id: "00000000-0000-0000-0000-000000000009"}, data: {slug: "s"}) {
        errors { message paths { ... on _FieldPathFragment { field } } } } }"#;
    let (answer, _) = run_as(&schema, "renamer", document, &json!({}), &[Err(error)]);
    let expected =
        json!({ "message": "Value already exists in unique columns (slug) on entity Article", "paths": [[{ "field": "slug" }]] });
    assert_eq!(answer.unwrap()["errors"][0], expected);
}

#[test]
fn rows_that_are_not_readable_hold_a_row_without_being_named() {
    let site = json!({ "predicates": {}, "operations": { "read": { "slug": true }, "delete": true } });
    let schema = blog_with("remover", json!({ "Site": site }));
    let document = "mutation { deleteSite(by: {slug: \"one\"}) { errors { message } } }";
    let held = json!({ "check_0": true, "check_1": false, "row_0": "9" });
    let (answer, _) = run_as(&schema, "remover", document, &json!({}), &[Ok(held)]);
    let expected =
        "Cannot delete 9 row(s) of entity Site, because it is still referenced. This is possibly caused by ACL denial.";
    assert_eq!(answer.unwrap()["errors"][0]["message"], expected);
}

#[test]
fn a_cascade_through_rows_of_one_kind_is_followed_beyond_the_first() {
    let sdl = r#"
        extend schema @role(name: "owner")
        type Folder @allow(roles: ["owner"], read: true, delete: true, when: { open: { eq: true } }) {
            name: String! @unique
            open: Boolean!
            parent: Folder @relation(onDelete: CASCADE)
        }"#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let sql = sql(&schema, "owner", "mutation { deleteFolder(by: {name: \"root\"}) { ok } }");
    // One for each row down to the limit, below which nothing may follow.
    assert_eq!(sql.matches("\"parent_id\" = ").count(), 8, "{sql}");
    assert!(sql.contains("AND (false) IS NOT TRUE"), "{sql}");
}

/// The plan of a document without variables.
fn planned(schema: &Schema, role: &str, document: &str) -> Result<Plan, Vec<RequestError>> {
    let membership = Membership { role: RoleName::new(role), variables: std::collections::BTreeMap::new() };
    let caller = Caller::resolve(schema, None, &[membership]).unwrap();
    let permissions = Permissions::new(schema, caller.role_set());
    let api = api(schema, &[role]);
    let prepared = prepare(&api, document, None, &Limits::default()).unwrap();
    let variables = prepared.coerce(&api, &serde_json::Map::new()).unwrap();
    compile(schema, &permissions, &api, &prepared, &variables, &caller)
}

/// The SQL of a mutation.
fn sql(schema: &Schema, role: &str, document: &str) -> String {
    planned(schema, role, document).unwrap().statements().into_iter().map(crate::plan::Statement::sql).collect()
}

#[test]
fn permissions_are_judged_before_a_unique_key_can_be_found_taken() {
    let sdl = r#"
        extend schema @role(name: "member", variables: [{ name: "team", condition: true, fallback: { eq: "red" } }])
        type Doc @unique(fields: ["team", "code"])
            @allow(roles: ["member"], read: true, create: true, update: true, when: { team: "$team" }) {
            team: String!
            code: String!
        }"#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let created = sql(&schema, "member", "mutation { createDoc(data: {team: \"blue\", code: \"x\"}) { ok } }");
    let inserted = created.split(" RETURNING ").next().unwrap();
    assert!(inserted.ends_with(r#"WHERE EXISTS (SELECT 1 FROM (SELECT $4 AS "team") t2 WHERE t2."team" = $5)"#), "{inserted}");
    let document = "mutation { updateDoc(by: {team: \"red\", code: \"x\"}, data: {team: \"blue\"}) { ok } }";
    let updated = sql(&schema, "member", document);
    let changed = updated.split(" RETURNING ").next().unwrap();
    assert!(changed.contains("AND EXISTS (SELECT 1 FROM (SELECT $"), "{changed}");
}

/// Statements of the only root field, and round trips: a transaction adds its beginning and its end.
fn round_trips(document: &str) -> usize {
    let plan = planned(&blog(), "admin", document).unwrap();
    let Plan::Mutation(mut plan) = plan else { panic!("a mutation gives a mutation plan") };
    let MutationRootValue::Write(write) = plan.roots.remove(0).value else { panic!("a write") };
    write.statements().count() + if write.is_single() { 0 } else { 2 }
}

#[test]
fn writes_of_one_row_take_one_round_trip() {
    let create = r#"mutation { createArticle(data: {title: "T", slug: "s", site: {connect: {slug: "one"}}, author: {connect: {email: "ann@x.test"}},
        tags: [{connect: {name: "rust"}}, {connect: {name: "go"}}, {connect: {name: "sql"}}]}) {
        ok node { id title site { slug } author { name } tags { name } } } }"#;
    assert_eq!(round_trips(create), 1);
    let update = r#"mutation { updateArticle(by: {site: {slug: "one"}, slug: "first"}, data: {title: "T", author: {disconnect: true}}) {
        ok node { id title site { slug } } } }"#;
    assert_eq!(round_trips(update), 1);
    assert_eq!(
        round_trips(
            r#"mutation { deleteArticle(by: {site: {slug: "one"}, slug: "first"}) { ok node { title tags { name } } } }"#
        ),
        1
    );
}

#[test]
fn rows_that_are_alike_are_one_statement() {
    assert_eq!(round_trips(r#"mutation { createManyTag(data: [{name: "a"}, {name: "b"}, {name: "c"}]) { ok } }"#), 1);
    // What a row leaves out is NULL or its default.
    let articles = |rows: &[&str]| {
        let site = r#"site: {connect: {slug: "one"}}"#;
        let rows: Vec<String> = rows.iter().map(|row| format!("{{slug: \"s\", title: \"T\", {site}, {row}}}")).collect();
        format!("mutation {{ createManyArticle(data: [{}]) {{ ok }} }}", rows.join(", "))
    };
    assert_eq!(round_trips(&articles(&["rank: 1", "active: false", "keywords: [\"k\"]"])), 3);
    // The database numbers only rows that are not given a number; some row is connected, some has rows below it.
    assert_eq!(round_trips(&articles(&["seq: 1", "rank: 2", "rank: 3"])), 4);
    let ann = r#"author: {connect: {email: "ann@x.test"}}"#;
    assert_eq!(round_trips(&articles(&["rank: 1", "rank: 2", ann, ann, r#"locales: [{create: {locale: "en"}}]"#, "rank: 3"])), 7);
}

#[test]
fn the_statement_of_many_rows_does_not_depend_on_how_many() {
    let of = |rows: &str| sql(&blog(), "admin", &format!("mutation {{ createManyTag(data: [{rows}]) {{ ok }} }}"));
    assert_eq!(of(r#"{name: "a"}, {name: "b"}"#), of(r#"{name: "a"}, {name: "b"}, {name: "c"}"#));
}

#[test]
fn rows_under_different_rules_are_different_statements() {
    let author = json!({
        "predicates": { "ann": { "name": { "eq": "Ann" } } }, "operations": { "create": { "name": true, "email": "ann" } }
    });
    let schema = blog_with("writer", json!({ "Author": author }));
    let with = r#"{name: "a", email: "e"}"#;
    let without = r#"{name: "b"}"#;
    let n_inserts = |rows: &[&str]| {
        let document = format!("mutation {{ createManyAuthor(data: [{}]) {{ ok }} }}", rows.join(", "));
        sql(&schema, "writer", &document).matches("INSERT").count()
    };
    assert_eq!(n_inserts(&[with, with, without, without, without, with]), 3);
}

#[test]
fn rows_that_may_depend_on_each_other_are_written_one_after_the_other() {
    let sdl = r#"
        extend schema @role(name: "owner")
        type Folder @allow(roles: ["owner"], read: true, create: true, when: { parent: { open: { eq: true } } }) {
            name: String! @unique
            open: Boolean
            parent: Folder
        }"#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let n_inserts = |role: &str, rows: &str| {
        sql(&schema, role, &format!("mutation {{ createManyFolder(data: [{rows}]) {{ ok }} }}")).matches("INSERT").count()
    };
    assert_eq!(n_inserts("admin", r#"{name: "a"}, {name: "b"}"#), 1);
    assert_eq!(
        n_inserts("admin", r#"{name: "a", parent: {connect: {name: "x"}}}, {name: "b", parent: {connect: {name: "a"}}}"#),
        2
    );
    assert_eq!(n_inserts("owner", r#"{name: "a"}, {name: "b"}"#), 2, "the rule looks at folders");
}

#[test]
fn links_of_many_rows_are_one_statement_for_all_that_are_found_alike() {
    let sdl = r#"
        type Page { name: String! @unique labels: [Label!] related: [Page!] }
        type Label { name: String! @unique code: String! @unique }"#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let n_inserts = |rows: &str| {
        sql(&schema, "admin", &format!("mutation {{ createManyPage(data: [{rows}]) {{ ok }} }}")).matches("INSERT").count()
    };
    let named = r#"labels: [{connect: {name: "x"}}, {connect: {name: "y"}}]"#;
    assert_eq!(n_inserts(&format!(r#"{{name: "a", {named}}}, {{name: "b"}}, {{name: "c", {named}}}"#)), 2);
    assert_eq!(n_inserts(&format!(r#"{{name: "a", {named}}}, {{name: "b", labels: [{{connect: {{code: "z"}}}}]}}"#)), 3);
    // A page is found only after it was created.
    let related = r#"{name: "a", related: [{connect: {name: "x"}}]}, {name: "b", related: [{connect: {name: "a"}}]}"#;
    assert_eq!(n_inserts(related), 4);
}

#[test]
fn rows_of_nothing_but_defaults_have_statements_of_their_own() {
    let sdl = r#"
        type Ticket { id: Int! @sequence note: String labels: [Label!] }
        type Label { name: String! @unique }"#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let of = |field: &str| sql(&schema, "admin", &format!("mutation {{ {field} {{ ok }} }}"));
    assert_eq!(of("createManyTicket(data: [{}, {}])").matches("INSERT").count(), 2, "there is nothing to count them by");
    let linked = of(r#"createTicket(data: {labels: [{connect: {name: "x"}}]})"#);
    assert!(linked.contains("DEFAULT VALUES RETURNING \"id\")"), "{linked}");
}

#[test]
fn which_of_many_rows_is_at_fault_is_left_to_the_plan_for_single_rows() {
    let document = r#"mutation { createManyTag(data: [{name: "a"}, {name: "b"}]) { ok affected } }"#;
    let taken = DatabaseError { sqlstate: "23505".to_owned(), table: Some("tag".to_owned()), ..DatabaseError::default() };
    assert_eq!(run(document, &json!({}), &[Err(taken)]).0.unwrap_err(), "Unclear");
    assert_eq!(run(document, &json!({}), &[Ok(json!({ "check_0": false }))]).0.unwrap_err(), "Unclear");
    let done = run(document, &json!({}), &[Ok(json!({ "check_0": true }))]).0.unwrap();
    assert_eq!(done, json!({ "ok": true, "affected": 2 }));
    // What is not the caller's fault is no row's.
    let cancelled = DatabaseError { sqlstate: "57014".to_owned(), ..DatabaseError::default() };
    assert!(run(document, &json!({}), &[Err(cancelled)]).0.unwrap_err().starts_with("Database("));
}

#[test]
fn a_node_that_leads_back_to_what_was_changed_is_read_afterwards() {
    let back = r#"mutation { updateArticle(by: {site: {slug: "one"}, slug: "first"}, data: {title: "T"}) { node { site { articles { title } } } } }"#;
    assert_eq!(round_trips(back), 4);
}

#[test]
fn json_values_satisfy_the_columns_schema() {
    let sdl = r#"
        type Place { spot: Json @jsonSchema(schema: "{\"type\": \"object\", \"required\": [\"lat\"], \"properties\": {\"lat\": {\"type\": \"number\"}}}") }
    "#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let document = "mutation($spot: Json) { createPlace(data: {spot: $spot}) { ok validation { errors { message { text } path { ... on _FieldPathFragment { field } } } } } }";
    let messages = |spot: Value| {
        let created = json!({ "check_0": true, "row_0": "9" });
        let (answer, _) = run_as(&schema, "admin", document, &json!({ "spot": spot }), &[Ok(created)]);
        let answer = answer.unwrap();
        let errors = answer["createPlace"]["validation"]["errors"].as_array().or(answer["validation"]["errors"].as_array());
        errors.unwrap().iter().map(|error| error["message"]["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(messages(json!({ "lat": 1.5 })), Vec::<String>::new());
    assert_eq!(messages(json!(null)), Vec::<String>::new());
    assert_eq!(messages(json!({})), ["\"lat\" is a required property"]);
    assert_eq!(messages(json!({ "lat": "north" })), ["/lat: \"north\" is not of type \"number\""]);
}

/// A pattern that cannot be judged is in the way of its own field, and of nobody else's.
#[test]
fn rules_that_an_update_does_not_touch_are_not_prepared() {
    let sdl = r#"type A { code: String @pattern(regex: "^(?=a)", message: "m") title: String }"#;
    let schema = Schema::from_sdl("test.graphql", sdl).unwrap();
    let update = |data: &str| {
        let by = r#"by: {id: "00000000-0000-0000-0000-000000000007"}"#;
        let plan = planned(&schema, "admin", &format!("mutation {{ updateA({by}, data: {{{data}}}) {{ ok }} }}"));
        plan.map(drop).map_err(|errors| errors[0].message.clone())
    };
    assert_eq!(update(r#"title: "x""#), Ok(()));
    assert!(update(r#"code: "x""#).unwrap_err().contains("look-around"));
}
