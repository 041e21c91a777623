//! Many rows by one field: what it leaves in the database, and what it says, is what one row after the other would.

use freehold_tests::{Client, OwnTenant, shared};
use serde_json::{Value, json};

const SCHEMA: &str = r#"
extend schema @role(name: "red")

enum Size { small large }

type Thing {
  name: String! @unique
  text: String
  int: Int
  float: Float
  decimal: Decimal
  flag: Boolean @default(value: true)
  size: Size
  instant: DateTime
  day: Date
  clock: Time
  uuid: UUID
  json: Json
  texts: [String!]
  ints: [Int!]
  floats: [Float!]
  decimals: [Decimal!]
  flags: [Boolean!]
  sizes: [Size!]
  instants: [DateTime!]
  uuids: [UUID!]
  jsons: [Json!]
}

type Doc @allow(roles: ["red"], read: true, create: true, when: { team: { eq: "red" } }) {
  team: String!
  code: String! @unique
}

type Ticket { id: Int! @sequence labels: [Label!] }
type Label { name: String! @unique }
"#;

/// The value of a mutation's only field, which has these `$data`.
#[track_caller]
fn create(tenant: &OwnTenant, role: &str, field: &str, ty: &str, data: Value) -> Value {
    let document = format!(
        "mutation($data: {ty}) {{ it: {field}(data: $data) {{ ok errorMessage errors {{ type paths {{
         ... on _FieldPathFragment {{ field }} ... on _IndexPathFragment {{ index }} }} }} }} }}"
    );
    let token = shared().token(tenant.slug, role).unwrap();
    let answer = Client::default().graphql(&tenant.url, Some(&token), &document, json!({ "data": data })).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.data("/it")
}

#[track_caller]
fn create_docs(tenant: &OwnTenant, role: &str, docs: &[(&str, &str)]) -> Value {
    let data = docs.iter().map(|(team, code)| json!({ "team": team, "code": code })).collect();
    create(tenant, role, "createManyDoc", "[DocCreateInput!]!", data)
}

fn texts(tenant: &mut OwnTenant, query: &str) -> Vec<String> {
    tenant.database.texts(query).unwrap()
}

#[test]
fn rows_are_stored_as_single_ones_are() {
    let mut tenant = OwnTenant::create("many-types", SCHEMA);
    let full = json!({
        "text": "a\n'\"\\ č", "int": -1, "float": 1e21, "decimal": "12.5000", "flag": false, "size": "large", "instant": "2024-01-02T03:04:05.678901Z",
        "day": "2024-02-29", "clock": "13:45:00.5", "uuid": "0000000a-0000-0000-0000-0000000000d1", "json": { "a": [1, "x", null] },
        "texts": ["", "NULL", "a\"b\\c", "{x,y}", " "], "ints": [1, -2], "floats": [0.5, 1e10], "decimals": ["1.50", "2"], "flags": [true, false],
        "sizes": ["large", "small"], "instants": ["2024-01-02T03:04:05Z", "infinity"], "uuids": ["0000000a-0000-0000-0000-0000000000d1"],
        "jsons": [{ "a": "\"" }, [1], "text", true]
    });
    let odd = json!({ "text": "", "json": "text", "flag": null, "texts": [], "ints": null, "jsons": [] });
    let rows = [full, odd, json!({})];
    let named = |prefix: &str| -> Vec<Value> {
        let named = rows.iter().enumerate().map(|(index, row)| {
            let mut row = row.clone();
            row["name"] = Value::from(format!("{prefix}{index}"));
            row
        });
        named.collect()
    };
    for row in named("single") {
        assert_eq!(create(&tenant, "admin", "createThing", "ThingCreateInput!", row)["ok"], true);
    }
    let many = create(&tenant, "admin", "createManyThing", "[ThingCreateInput!]!", named("many").into());
    assert_eq!(many["ok"], true, "{many}");
    let mut stored = |prefix: &str| {
        let query = format!(
            "SELECT (to_jsonb(thing) - 'id' - 'name')::text AS value FROM content.thing WHERE name LIKE '{prefix}%' ORDER BY name"
        );
        texts(&mut tenant, &query)
    };
    let single = stored("single");
    assert_eq!((single.len(), &single), (3, &stored("many")));
}

#[test]
fn a_thousand_rows_are_one_change_in_their_order() {
    let mut tenant = OwnTenant::create("many-rows", SCHEMA);
    let names: Vec<String> = (0..1_000).map(|index| format!("n{}", index * 7 % 1_000)).collect();
    let data = |names: &[String]| names.iter().map(|name| json!({ "name": name, "int": 1 })).collect();
    let created = create(&tenant, "admin", "createManyThing", "[ThingCreateInput!]!", data(&names));
    assert_eq!(created["ok"], true, "{created}");
    let logged = "SELECT new_values ->> 'name' AS value FROM freehold.event ORDER BY id";
    assert_eq!(texts(&mut tenant, logged), names);
    assert_eq!(texts(&mut tenant, "SELECT count(DISTINCT format('%s %s', xmin, cmin))::text AS value FROM content.thing"), ["1"]);
    // The same plan, and a row that is there already.
    let again: Vec<String> = (0..1_000).map(|index| if index == 733 { "n3".to_owned() } else { format!("m{index}") }).collect();
    let refused = create(&tenant, "admin", "createManyThing", "[ThingCreateInput!]!", data(&again));
    let errors = json!([{ "type": "UniqueConstraintViolation", "paths": [[{ "index": 733 }, { "field": "name" }]] }]);
    assert_eq!((&refused["ok"], &refused["errors"]), (&json!(false), &errors), "{refused}");
    assert_eq!(texts(&mut tenant, "SELECT count(*)::text AS value FROM content.thing"), ["1000"]);
}

#[test]
fn one_row_against_the_rules_refuses_all() {
    let mut tenant = OwnTenant::create("many-rules", SCHEMA);
    assert_eq!(create_docs(&tenant, "admin", &[("blue", "taken"), ("red", "seen")])["ok"], true);
    let denied = |index: usize| json!([{ "type": "NotFoundOrDenied", "paths": [[{ "index": index }]] }]);
    // Whether the code of a row that he may not write is taken, he is not told.
    for code in ["new", "taken"] {
        let refused = create_docs(&tenant, "red", &[("red", "a"), ("blue", code), ("red", "b")]);
        assert_eq!((&refused["ok"], &refused["errors"]), (&json!(false), &denied(1)), "{code}");
    }
    // The first row at fault is told, whatever is wrong with it.
    let refused = create_docs(&tenant, "red", &[("red", "seen"), ("blue", "x")]);
    assert_eq!(refused["errors"][0]["paths"], json!([[{ "index": 0 }, { "field": "code" }]]), "{refused}");
    assert_eq!(create_docs(&tenant, "red", &[("red", "a"), ("red", "b")])["ok"], true);
    assert_eq!(texts(&mut tenant, "SELECT code AS value FROM content.doc ORDER BY code"), ["a", "b", "seen", "taken"]);
}

#[test]
fn rows_of_nothing_but_defaults_are_rows() {
    let mut tenant = OwnTenant::create("many-defaults", SCHEMA);
    let tickets = |data: Value| create(&tenant, "admin", "createManyTicket", "[TicketCreateInput!]!", data);
    let missing = tickets(json!([{}, {}, { "labels": [{ "connect": { "name": "none" } }] }]));
    let path = json!([[{ "index": 2 }, { "field": "labels" }, { "index": 0 }]]);
    assert_eq!((&missing["ok"], &missing["errors"][0]["paths"]), (&json!(false), &path), "{missing}");
    let labelled =
        tickets(json!([{}, { "labels": [{ "create": { "name": "some" } }] }, { "labels": [{ "connect": { "name": "some" } }] }]));
    assert_eq!(labelled["ok"], true, "{labelled}");
    let stored = "SELECT format('%s of %s', (SELECT count(*) FROM content.ticket_labels), count(*)) AS value FROM content.ticket";
    assert_eq!(texts(&mut tenant, stored), ["2 of 3"]);
}
