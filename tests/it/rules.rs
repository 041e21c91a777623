//! Rules of the schema that look at several fields, on updates that give only some of them.

use freehold_tests::OwnTenant;
use serde_json::{Value, json};

const SCHEMA: &str = r#"
extend schema @role(name: "writer") @role(name: "clerk")

enum State { open done }

type Task
  @allow(roles: ["writer"], read: ["title", "note"], create: true, update: true)
  @allow(roles: ["clerk"], read: ["title", "note"], update: true, when: { title: { startsWith: "c" } })
  @allow(roles: ["clerk"], read: ["state"], when: { title: { startsWith: "co" } })
{
  title: String @unique
  note: String
    @rule(check: { if: { field: "state", is: { equals: "done" } }, then: { not: { empty: true } } }, message: "Tell how it was done")
  state: State! @default(value: open)
  budget: Decimal
  spent: Decimal
    @rule(check: { if: { field: "budget", is: { range: { max: 10 } } }, then: { range: { max: 10 } } }, message: "Too much for so small a budget")
  owner: Person @rule(check: { if: { field: "state", is: { equals: "done" } }, then: { defined: true } }, message: "Who did it?")
}
type Person { name: String! @unique tasks: [Task!] @inverse(of: "owner") }
"#;

const VERDICT: &str = "{ valid errors { path { ... on _FieldPathFragment { field } ... on _IndexPathFragment { index alias } } message { text } } }";

/// What is wrong with the update of a task; nothing when it was carried out. Asked before, `validateUpdateTask` says the same.
#[track_caller]
fn update(tenant: &OwnTenant, role: &str, title: &str, data: &str) -> String {
    let answer = update_of(tenant, role, "Task", &format!(r#"by: {{title: "{title}"}}, data: {{{data}}}"#));
    answer["errorMessage"].as_str().unwrap_or_default().to_owned()
}

/// The answer to an update, after the same validation.
#[track_caller]
fn update_of(tenant: &OwnTenant, role: &str, entity: &str, arguments: &str) -> Value {
    let asked = tenant.answer(role, &format!("{{ it: validateUpdate{entity}({arguments}) {VERDICT} }}"));
    assert_eq!(asked.status, 200, "{}", asked.json());
    let answer = tenant.mutate(role, &format!("update{entity}({arguments}) {{ ok errorMessage validation {VERDICT} }}"));
    assert_eq!(answer["ok"], answer["errorMessage"].is_null(), "{answer}");
    assert_eq!(asked.data("/it"), answer["validation"], "{arguments}");
    answer
}

const UNTOLD: &str = "Validation has failed:\nnote: Tell how it was done";

#[test]
fn fields_that_an_update_leaves_are_read() {
    let tenant = OwnTenant::create("rules-stored", SCHEMA);
    let created =
        tenant.mutate("admin", r#"createTask(data: {title: "a", budget: "9.5", owner: {create: {name: "Ann"}}}) { ok }"#);
    assert_eq!(created["ok"], true, "{created}");
    // The rule stands on the note and looks at the state: either may be the one that is given.
    assert_eq!(update(&tenant, "admin", "a", "state: done"), UNTOLD);
    assert_eq!(update(&tenant, "admin", "a", r#"state: done, note: "well""#), "");
    assert_eq!(update(&tenant, "admin", "a", r#"note: """#), UNTOLD);
    assert_eq!(update(&tenant, "admin", "a", r#"note: "better", title: "a""#), "");
    assert_eq!(update(&tenant, "admin", "a", r#"note: "", state: open"#), "");
    // Of numbers and relations, too.
    assert_eq!(
        update(&tenant, "admin", "a", r#"spent: "10.01""#),
        "Validation has failed:\nspent: Too much for so small a budget"
    );
    assert_eq!(update(&tenant, "admin", "a", r#"spent: "9.99""#), "");
    assert_eq!(update(&tenant, "admin", "a", r#"budget: "100""#), "");
    assert_eq!(update(&tenant, "admin", "a", r#"spent: "99""#), "");
    assert_eq!(update(&tenant, "admin", "a", r#"budget: "10""#), "Validation has failed:\nspent: Too much for so small a budget");
    assert_eq!(update(&tenant, "admin", "a", r#"note: "x", state: done"#), "");
    assert_eq!(update(&tenant, "admin", "a", "owner: {disconnect: true}"), "Validation has failed:\nowner: Who did it?");
    assert_eq!(update(&tenant, "admin", "a", "owner: {disconnect: true}, state: open"), "");
    assert_eq!(update(&tenant, "admin", "a", "state: done"), "Validation has failed:\nowner: Who did it?");
    // A row that is not there has no fields.
    assert!(update(&tenant, "admin", "b", "state: done").contains("NotFoundOrDenied"));
}

#[test]
fn rows_below_and_rows_in_a_transaction_are_judged_alike() {
    let tenant = OwnTenant::create("rules-nested", SCHEMA);
    let made = r#"createPerson(data: {name: "Ann", tasks: [{create: {title: "a"}}, {create: {title: "b"}}]}) { ok }"#;
    assert_eq!(tenant.mutate("admin", made)["ok"], true);
    let nested = r#"by: {name: "Ann"}, data: {name: "Bob", tasks: [
        {update: {by: {title: "a"}, data: {title: "c"}}}, {alias: "x", update: {by: {title: "b"}, data: {state: done}}}]}"#;
    let answer = update_of(&tenant, "admin", "Person", nested);
    assert_eq!(answer["errorMessage"], "Validation has failed:\ntasks.1(x).note: Tell how it was done");
    let several = r#"transaction { ok errorMessage first: updateTask(by: {title: "a"}, data: {title: "c"}) { ok }
            second: updateTask(by: {title: "b"}, data: {state: done}) { ok errorMessage } third: updateTask(by: {title: "c"}, data: {title: "d"}) { ok } }"#;
    let answer = tenant.mutate("admin", several);
    assert_eq!(answer["second"]["errorMessage"], UNTOLD, "{answer}");
    assert_eq!(answer["errorMessage"], "Validation has failed:\nsecond.note: Tell how it was done");
    assert_eq!([&answer["ok"], &answer["first"]["ok"], &answer["third"]["ok"]], [&json!(false); 3], "{answer}");
    assert_eq!(update(&tenant, "admin", "a", r#"title: "a""#), "", "nothing of the two was done");
    let upsert = r#"upsertTask(by: {title: "a"}, update: {state: done}, create: {title: "a"}) { ok errorMessage }"#;
    assert_eq!(tenant.mutate("admin", upsert)["errorMessage"], UNTOLD);
}

/// He could otherwise find out by trying.
#[test]
fn what_the_caller_may_not_read_is_not_looked_at() {
    let tenant = OwnTenant::create("rules-hidden", SCHEMA);
    for (title, state) in [("a", "open"), ("b", "done")] {
        let made = format!(
            r#"createTask(data: {{title: "{title}", note: "n", state: {state}, owner: {{create: {{name: "{title}"}}}}}}) {{ ok }}"#
        );
        assert_eq!(tenant.mutate("admin", &made)["ok"], true);
        assert_eq!(update(&tenant, "writer", title, "note: null"), "", "{title}");
    }
    assert_eq!(update(&tenant, "writer", "a", "state: done, note: null"), UNTOLD, "what he gives is known");
}

#[test]
fn a_row_that_the_caller_does_not_see_is_not_looked_at() {
    let tenant = OwnTenant::create("rules-unseen", SCHEMA);
    for title in ["a", "c", "co"] {
        let made = format!(
            r#"createTask(data: {{title: "{title}", note: "n", state: done, owner: {{create: {{name: "{title}"}}}}}}) {{ ok }}"#
        );
        assert_eq!(tenant.mutate("admin", &made)["ok"], true);
    }
    let missing = update(&tenant, "clerk", "no such task", "note: null");
    assert!(missing.contains("NotFoundOrDenied"), "{missing}");
    assert_eq!(update(&tenant, "clerk", "a", "note: null"), missing.replace("no such task", "a"));
    assert_eq!(update(&tenant, "clerk", "a", "note: null, state: done"), UNTOLD, "what he gives is known");
    assert_eq!(update(&tenant, "clerk", "c", "note: null"), "", "he sees the row without its state");
    assert_eq!(update(&tenant, "clerk", "co", "note: null"), UNTOLD);
}

#[test]
fn an_update_of_many_rows_gives_what_its_rules_look_at() {
    let tenant = OwnTenant::create("rules-many", SCHEMA);
    let send = |data: &str| {
        let document = format!("mutation {{ updateManyTask(filter: {{}}, data: {{{data}}}) {{ ok errorMessage }} }}");
        tenant.answer("admin", &document)
    };
    let refused = send("state: done");
    assert_eq!((refused.status, refused.code().as_deref()), (400, Some("BAD_USER_INPUT")), "{}", refused.json());
    assert_eq!(
        send("state: open, note: null").code().as_deref(),
        Some("BAD_USER_INPUT"),
        "the rule of `owner` looks at the state, too"
    );
    assert_eq!(send("state: open, note: null, owner: {disconnect: true}").data("/updateManyTask/ok"), true);
}
