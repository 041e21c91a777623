//! The system API.

use std::time::{Duration, Instant};

use freehold_tests::{Answer, Client, shared};
use serde_json::{Value, json};

use super::{IDENTITY, Tenant, id, write};

struct Api<'a> {
    tenant: &'a Tenant,
    token: String,
}

impl<'a> Api<'a> {
    fn of(tenant: &'a Tenant, role: &str) -> Self {
        Self { tenant, token: shared().token(tenant.slug, role).unwrap() }
    }

    fn ask(&self, query: &str, variables: Value) -> Answer {
        let url = format!("{}/system/{}", shared().dev.engine, self.tenant.slug);
        Client::default().graphql(&url, Some(&self.token), query, variables).unwrap()
    }

    /// What became of rows, as `type table` in one text.
    #[track_caller]
    fn events(&self, args: Value) -> String {
        let query = "query($args: EventsArgs) { events(args: $args) { type tableName } }";
        let events = self.ask(query, json!({ "args": args })).data("/events");
        let text = |event: &Value| format!("{} {}", event["type"].as_str().unwrap(), event["tableName"].as_str().unwrap());
        events.as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

#[test]
fn events_are_told_to_roles_with_history() {
    let tenant = Tenant::create("events-system");
    let mut login = tenant.login();
    let (note, tag) = (id(1), id(2));
    write(&mut login, &format!("INSERT INTO content.note (id, title, price) VALUES ('{note}', 'one', 1.50)"));
    write(&mut login, &format!("UPDATE content.note SET title = 'two', price = 2.00 WHERE id = '{note}'"));
    login.execute(&format!("INSERT INTO content.tag VALUES ('{tag}', 'red')")).unwrap();
    write(
        &mut login,
        &format!("INSERT INTO content.note_tags VALUES ('{note}', '{tag}'); DELETE FROM content.note WHERE id = '{note}'"),
    );

    let api = Api::of(&tenant, "admin");
    let answer = api.ask(
        "{ events(args: { order: CREATED_AT_ASC }) {
            __typename id transactionId identityId identityDescription description createdAt appliedAt type tableName primaryKey requestId operation
            ... on CreateEvent { newValues } ... on UpdateEvent { oldValues diffValues } ... on DeleteEvent { deleted: oldValues }
        } }",
        json!({}),
    );
    assert_eq!(answer.status, 200, "{}", answer.json());
    let events = answer.data("/events");
    let updated = &events[1];
    let expected = json!({
        "__typename": "UpdateEvent", "identityId": IDENTITY, "identityDescription": "(unknown)", "description": format!("Updating note#{note}"),
        "type": "UPDATE", "tableName": "note", "primaryKey": [note], "requestId": "request-1", "operation": "Save",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&updated[name], value, "{name}");
    }
    assert_eq!(updated["diffValues"], json!({ "title": "two", "price": 2.00 }));
    assert_eq!(updated["createdAt"], updated["appliedAt"]);
    assert!(updated["createdAt"].as_str().unwrap().ends_with('Z'));
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert!(text.contains(r#""price": 1.50"#) && text.contains(r#""price": 2.00"#), "numbers keep their digits: {text}");
    assert_eq!(events[3]["description"], format!("Creating note_tags#{note};{tag}"));
    assert_eq!((&events[3]["newValues"], &events[3]["primaryKey"]), (&json!({}), &json!([note, tag])));
    assert_eq!(events[2]["identityId"], Value::Null);

    let all = "DELETE note_tags, DELETE note, CREATE note_tags, CREATE tag, UPDATE note, CREATE note";
    let transaction = &updated["transactionId"];
    for (args, expected) in [
        (json!(null), all),
        (json!({ "stage": "live", "filter": {} }), all),
        (json!({ "limit": 2, "offset": 1 }), "DELETE note, CREATE note_tags"),
        (json!({ "order": "APPLIED_AT_ASC", "limit": 1 }), "CREATE note"),
        (json!({ "filter": { "types": ["UPDATE", "DELETE"] } }), "DELETE note_tags, DELETE note, UPDATE note"),
        (json!({ "filter": { "tables": ["tag"] } }), "CREATE tag"),
        (
            json!({ "filter": { "rows": [{ "tableName": "note", "primaryKey": [note] }, { "tableName": "tag", "primaryKey": [tag] }] } }),
            "DELETE note, CREATE tag, UPDATE note, CREATE note",
        ),
        (json!({ "filter": { "rows": [{ "tableName": "tag", "primaryKey": [note] }] } }), ""),
        (json!({ "filter": { "transactions": [transaction] } }), "UPDATE note"),
        (json!({ "filter": { "identities": [IDENTITY], "types": ["CREATE"] } }), "CREATE note_tags, CREATE note"),
        (json!({ "filter": { "createdAt": { "to": "2020-01-01T00:00:00Z" } } }), ""),
        (
            json!({ "filter": { "createdAt": { "from": "2020-01-01T00:00:00+02:00" }, "appliedAt": { "from": updated["createdAt"] } } }),
            "DELETE note_tags, DELETE note, CREATE note_tags, CREATE tag, UPDATE note",
        ),
    ] {
        assert_eq!(api.events(args.clone()), expected, "{args}");
    }

    assert!(Api::of(&tenant, "auditor").events(json!(null)).starts_with("DELETE"));
    let reader = Api::of(&tenant, "reader");
    let refused = reader.ask("{ events { id } }", json!({}));
    assert_eq!(
        (refused.status, refused.code().as_deref(), &refused.json()["data"]),
        (403, Some("HISTORY_FORBIDDEN"), &Value::Null)
    );
    assert_eq!(
        reader.ask("{ stages { id name slug } }", json!({})).data("/stages"),
        json!([{ "id": "live", "name": "live", "slug": "live" }])
    );
}

/// An update's event has what it changed; the rest of the row is in earlier ones, as long as they are kept.
#[test]
fn old_values_are_whole_rows() {
    let tenant = Tenant::create("events-whole");
    let (note, other) = (id(1), id(2));
    let mut login = tenant.login();
    for statement in [
        format!("INSERT INTO content.note (id, title, rank) VALUES ('{note}', 'first life', 1)"),
        format!("DELETE FROM content.note WHERE id = '{note}'"),
        format!("INSERT INTO content.note (id, title, price) VALUES ('{note}', 'a', 1.50), ('{other}', 'other', 7)"),
        format!("UPDATE content.note SET title = 'b' WHERE id = '{note}'"),
        format!("UPDATE content.note SET title = 'c', rank = 3 WHERE id = '{note}'"),
        format!("UPDATE content.note SET rank = NULL WHERE id = '{note}'"),
        "INSERT INTO content.tag SELECT gen_random_uuid(), 'later'".to_owned(),
    ] {
        write(&mut login, &statement);
    }
    let api = Api::of(&tenant, "admin");
    let told = |args: Value| {
        let query = "query($args: EventsArgs) { events(args: $args) { ... on UpdateEvent { before: oldValues } } }";
        api.ask(query, json!({ "args": args })).data("/events")
    };
    let whole = |title: &str, rank: Value| json!({ "before": { "title": title, "rank": rank, "price": 1.50, "data": null, "parent_id": null } });
    let updates = |order: &str| json!({ "order": order, "filter": { "types": ["UPDATE"] } });
    let all = [whole("a", Value::Null), whole("b", Value::Null), whole("c", json!(3))];
    assert_eq!(told(updates("CREATED_AT_ASC")), json!(all));
    let page = json!({ "limit": 1, "offset": 1, "filter": { "types": ["UPDATE"] } });
    assert_eq!(told(page), json!([all[1]]), "whatever else is on the page");

    tenant.seal();
    tenant.admin().execute("SELECT freehold.prune_events(now(), 4)").unwrap();
    assert_eq!(
        told(updates("CREATED_AT_ASC")),
        json!([{ "before": { "title": "a" } }, { "before": { "title": "b", "rank": null } }, { "before": { "title": "c", "rank": 3 } }]),
        "what is pruned is not told"
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let tenant = Tenant::create("events-refusals");
    let api = Api::of(&tenant, "admin");
    let with = |args: Value| api.ask("query($args: EventsArgs) { events(args: $args) { id } }", json!({ "args": args }));
    for (args, status, code) in [
        (json!({ "limit": 10001 }), 400, "BAD_USER_INPUT"),
        (json!({ "limit": -1 }), 400, "BAD_USER_INPUT"),
        (json!({ "offset": -1 }), 400, "BAD_USER_INPUT"),
        (json!({ "stage": "draft" }), 404, "STAGE_NOT_FOUND"),
        (json!({ "filter": { "identities": ["me"] } }), 400, "BAD_USER_INPUT"),
        (json!({ "filter": { "transactions": ["-1"] } }), 400, "BAD_USER_INPUT"),
    ] {
        let answer = with(args.clone());
        assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{args}: {}", answer.json());
    }
    let many = (0..20).map(|n| format!("e{n}: events {{ id }} ")).collect::<String>();
    for (query, code) in [
        ("{ nothing }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{".to_owned(), "GRAPHQL_PARSE_FAILED"),
        (format!("{{ {many} }}"), "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ stages {{ {} }} }}", "... on Stage { ".repeat(200) + "id" + &" }".repeat(200)), "TOO_DEEP"),
        ("mutation { x }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let answer = api.ask(&query, json!({}));
        assert_eq!((answer.status, answer.code().as_deref()), (400, Some(code)), "{query}: {}", answer.json());
    }
    assert_eq!(with(json!({ "filter": { "createdAt": { "from": "yesterday" } } })).status, 400);
    let types = api.ask("{ __schema { types { name } } __type(name: \"Event\") { kind possibleTypes { name } } }", json!({}));
    assert_eq!(types.data("/__type/kind"), "INTERFACE");
    assert_eq!(types.data("/__type/possibleTypes").as_array().unwrap().len(), 4);

    // Somebody else's token, or none.
    let url = format!("{}/system/{}", shared().dev.engine, tenant.slug);
    let foreign = Client::default().graphql(&url, Some(&shared().tenant("acme").token), "{ stages { id } }", json!({})).unwrap();
    assert_eq!((foreign.status, foreign.code().as_deref()), (404, Some("TENANT_NOT_FOUND")));
    assert_eq!(Client::default().graphql(&url, None, "{ stages { id } }", json!({})).unwrap().status, 401);
    assert_eq!(Client::default().get(&url, &[]).unwrap().status, 405);
}

#[test]
fn what_the_engine_writes_is_told_with_its_author_and_sealed() {
    let tenant = Tenant::create("events-engine");
    let api = Api::of(&tenant, "admin");
    let url = format!("{}/content/{}", shared().dev.engine, tenant.slug);
    // More than it seals at once, by somebody who does not tell it.
    tenant.admin().execute("INSERT INTO content.tag SELECT gen_random_uuid(), n::text FROM generate_series(1, 2500) n").unwrap();
    let mutation = "mutation Rename { createTag(data: { name: \"red\" }) { ok node { id } } }";
    let written = Client::default().graphql(&url, Some(&api.token), mutation, json!({})).unwrap();
    let event = api.ask("{ events { type primaryKey identityId requestId operation } }", json!({})).data("/events/0");
    assert_eq!((&event["type"], &event["primaryKey"][0]), (&json!("CREATE"), &written.data("/createTag/node/id")));
    assert_eq!((&event["operation"], &event["requestId"]), (&json!("Rename"), &json!(written.headers["x-request-id"])));
    assert!(event["identityId"].is_string());
    let until = Instant::now() + Duration::from_secs(30);
    while tenant.is_whole()["sealed"] != 2501 {
        assert!(Instant::now() < until, "the engine did not seal what it wrote");
    }
}
