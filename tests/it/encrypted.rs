//! Encrypted fields: callers see values, the database holds none in the clear, and what was moved or changed there does not open.

use freehold_tests::{Client, OwnTenant, shared};
use serde_json::{Value, json};

const SCHEMA: &str = r#"
extend schema @role(name: "reader")

type Patient
  @orderBy(fields: ["name"])
  @allow(roles: ["reader"], read: ["name"])
  @allow(roles: ["reader"], read: ["insurance"], when: { name: { eq: "Public" } })
{
  name: String! @unique
  insurance: String @encrypted(lookup: true) @length(max: 20)
  record: Json @encrypted @jsonSchema(schema: "{\"type\":\"object\"}")
  visits: [Visit!] @inverse(of: "patient", orderBy: ["day"])
}
type Visit @unique(fields: ["patient", "day"]) {
  patient: Patient! @relation(onDelete: CASCADE)
  day: Int!
  diagnosis: String! @encrypted
}
"#;

/// In every value that is encrypted here.
const SECRET: &str = "sesame";

/// The data of an answer without errors.
#[track_caller]
fn ask(tenant: &OwnTenant, role: &str, document: &str) -> Value {
    let answer = tenant.answer(role, document).json();
    assert!(answer["errors"].is_null(), "{document}: {answer}");
    answer["data"].clone()
}

/// The result of a write that succeeds.
#[track_caller]
fn write(tenant: &OwnTenant, field: &str) -> Value {
    let data = ask(tenant, "admin", &format!("mutation {{ write: {field} }}"));
    assert_eq!(data["write"]["ok"], true, "{data}");
    data["write"].clone()
}

fn names(tenant: &OwnTenant, role: &str, filter: &str) -> String {
    let data = ask(tenant, role, &format!("{{ listPatient(filter: {filter}) {{ name }} }}"));
    let names = data["listPatient"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap());
    names.collect::<Vec<_>>().join(" ")
}

/// Tables with a row that has the text somewhere, as it stands or as bytes.
fn tables_with(tenant: &mut OwnTenant, text: &str) -> Vec<String> {
    let tables = "SELECT format('%I.%I', schemaname, tablename) AS value FROM pg_tables WHERE schemaname IN ('content', 'freehold') ORDER BY 1";
    let mut tables = tenant.database.texts(tables).unwrap();
    assert!(tables.len() > 5, "{tables:?}");
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    tables.retain(|table| {
        let query =
            format!("SELECT count(*)::text AS value FROM {table} t WHERE t::text ILIKE '%{text}%' OR t::text ILIKE '%{hex}%'");
        tenant.database.texts(&query).unwrap() != ["0"]
    });
    tables
}

/// `name`'s insurance is `<SECRET> <name>`.
fn patient(name: &str) -> String {
    format!(
        r#"createPatient(data: {{name: "{name}", insurance: "{SECRET} {name}"}}) {{ ok errorMessage node {{ id insurance }} }}"#
    )
}

#[test]
fn callers_see_values_wherever_they_ask_for_them() {
    let tenant = OwnTenant::create("encrypted-values", SCHEMA);
    let created = write(
        &tenant,
        &format!(
            r#"createPatient(data: {{name: "Ann", insurance: "{SECRET} \"1\"", record: {{b: [1, "{SECRET}"], a: null}},
            visits: [{{create: {{day: 1, diagnosis: "{SECRET} a"}}}}, {{create: {{day: 2, diagnosis: ""}}}}]}})
            {{ ok errorMessage node {{ id insurance record visits {{ diagnosis }} }} }}"#
        ),
    );
    let values = json!({
        "insurance": format!("{SECRET} \"1\""), "record": { "b": [1, SECRET], "a": null },
        "visits": [{ "diagnosis": format!("{SECRET} a") }, { "diagnosis": "" }],
    });
    let mut expected = values.clone();
    expected["id"] = created["node"]["id"].clone();
    assert_eq!(created["node"], expected);
    // As rows, as JSON made by PostgreSQL, by key, through relations, beside each other.
    let read = "insurance record visits { diagnosis }";
    let data = ask(
        &tenant,
        "admin",
        &format!(
            r#"{{ listPatient {{ {read} }} getPatient(by: {{name: "Ann"}}) {{ {read} }}
                paginatePatient(first: 1) {{ edges {{ node {{ {read} }} }} }}
                listVisit(filter: {{day: {{eq: 2}}}}) {{ diagnosis patient {{ insurance again: insurance }} }}
                visits: getPatient(by: {{name: "Ann"}}) {{ visitsByDay(by: {{day: 1}}) {{ diagnosis }} paginateVisits {{ edges {{ node {{ diagnosis }} }} }} }} }}"#
        ),
    );
    assert_eq!(data["listPatient"], json!([values]));
    assert_eq!(data["getPatient"], values);
    assert_eq!(data["paginatePatient"]["edges"][0]["node"], values);
    assert_eq!(
        data["listVisit"],
        json!([{ "diagnosis": "", "patient": { "insurance": values["insurance"], "again": values["insurance"] } }])
    );
    assert_eq!(data["visits"]["visitsByDay"], values["visits"][0]);
    assert_eq!(data["visits"]["paginateVisits"]["edges"][0]["node"], values["visits"][0]);
}

#[test]
fn every_kind_of_write_encrypts() {
    let mut tenant = OwnTenant::create("encrypted-writes", SCHEMA);
    write(&tenant, &patient("Ann"));
    let now = |tenant: &OwnTenant| {
        ask(tenant, "admin", r#"{ listPatient { name insurance visits { diagnosis } } }"#)["listPatient"].clone()
    };
    let updated = write(
        &tenant,
        &format!(
            r#"updatePatient(by: {{name: "Ann"}}, data: {{insurance: "{SECRET} 2", visits: [{{create: {{day: 1, diagnosis: "{SECRET} x"}}}}]}})
            {{ ok node {{ insurance }} }}"#
        ),
    );
    assert_eq!(updated["node"]["insurance"], format!("{SECRET} 2"));
    write(
        &tenant,
        &format!(
            r#"updatePatient(by: {{name: "Ann"}}, data: {{visits: [{{update: {{by: {{day: 1}}, data: {{diagnosis: "{SECRET} y"}}}}}},
            {{upsert: {{by: {{day: 2}}, update: {{diagnosis: "no"}}, create: {{day: 2, diagnosis: "{SECRET} z"}}}}}}]}}) {{ ok }}"#
        ),
    );
    let visits = json!([{ "diagnosis": format!("{SECRET} y") }, { "diagnosis": format!("{SECRET} z") }]);
    assert_eq!(now(&tenant), json!([{ "name": "Ann", "insurance": format!("{SECRET} 2"), "visits": visits }]));
    for (secret, name) in [("new", "Bob"), ("newer", "Bob")] {
        write(
            &tenant,
            &format!(
                r#"upsertPatient(by: {{name: "{name}"}}, update: {{insurance: "{SECRET} {secret}"}}, create: {{name: "Bob", insurance: "{SECRET} {secret}"}}) {{ ok }}"#
            ),
        );
        assert_eq!(now(&tenant)[1]["insurance"], format!("{SECRET} {secret}"));
    }
    write(&tenant, &format!(r#"createManyPatient(data: [{{name: "Cid", insurance: "{SECRET} c"}}, {{name: "Dan"}}]) {{ ok }}"#));
    write(&tenant, r#"updatePatient(by: {name: "Cid"}, data: {insurance: null}) { ok }"#);
    write(
        &tenant,
        &format!(
            r#"createVisit(data: {{day: 5, diagnosis: "{SECRET} c", patient: {{connectOrCreate: {{connect: {{name: "Eve"}}, create: {{name: "Eve", insurance: "{SECRET} e"}}}}}}}}) {{ ok }}"#
        ),
    );
    let insurances: Vec<Value> = now(&tenant).as_array().unwrap().iter().map(|row| row["insurance"].clone()).collect();
    assert_eq!(insurances, [json!("sesame 2"), json!("sesame newer"), Value::Null, Value::Null, json!("sesame e")]);
    assert_eq!(names(&tenant, "admin", "{insurance: {isNull: true}}"), "Cid Dan");
    let gone = write(&tenant, r#"deletePatient(by: {name: "Bob"}) { ok node { insurance } }"#);
    assert_eq!(gone["node"]["insurance"], "sesame newer");
    // The log of all that, too.
    assert_eq!(tenant.database.texts("SELECT (count(*) > 10)::text AS value FROM freehold.event").unwrap(), ["true"]);
    assert_eq!(tables_with(&mut tenant, SECRET), Vec::<String>::new());
    assert_eq!(
        tables_with(&mut tenant, "Eve"),
        ["content.patient", "freehold.event"],
        "what is not encrypted can be found like this"
    );
    // One value cannot be the same bytes in many rows.
    let many = tenant.answer("admin", r#"mutation { updateManyPatient(filter: {}, data: {insurance: "x"}) { ok } }"#);
    assert_eq!((many.status, many.code().as_deref()), (400, Some("BAD_USER_INPUT")), "{}", many.json());
}

#[test]
fn rows_are_found_by_whole_values() {
    let mut tenant = OwnTenant::create("encrypted-lookups", SCHEMA);
    for name in ["Ann", "Bob", "Public"] {
        write(&tenant, &patient(name));
    }
    write(&tenant, r#"createPatient(data: {name: "Zoe"}) { ok errorMessage }"#);
    for (filter, found) in [
        (r#"{insurance: {eq: "sesame Bob"}}"#, "Bob"),
        (r#"{insurance: {eq: "SESAME Bob"}}"#, ""),
        (r#"{insurance: {in: ["sesame Ann", "sesame Public", "no"]}}"#, "Ann Public"),
        (r#"{insurance: {notEq: "sesame Ann"}}"#, "Bob Public"),
        (r#"{insurance: {notIn: ["sesame Ann", "sesame Bob"]}}"#, "Public"),
        (r#"{not: {insurance: {or: [{eq: "sesame Ann"}, {isNull: true}]}}}"#, "Bob Public"),
        (r#"{record: {isNull: false}}"#, ""),
    ] {
        assert_eq!(names(&tenant, "admin", filter), found, "{filter}");
    }
    // Nobody finds a row by what he may not read in it.
    assert_eq!(names(&tenant, "reader", r#"{insurance: {in: ["sesame Ann", "sesame Public"]}}"#), "Public");
    let seen = ask(&tenant, "reader", "{ listPatient { name insurance } }");
    let seen: Vec<&Value> = seen["listPatient"].as_array().unwrap().iter().map(|row| &row["insurance"]).collect();
    assert_eq!(seen, [&Value::Null, &Value::Null, &json!("sesame Public"), &Value::Null]);
    for refused in [
        "listPatient(filter: {insurance: {contains: \"s\"}}) { id }",
        "listPatient(filter: {record: {includes: {a: 1}}}) { id }",
        "listPatient(orderBy: [{insurance: asc}]) { id }",
        "aggregatePatient { min { insurance } }",
        "groupPatient(by: [insurance]) { count }",
        "getPatient(by: {insurance: \"x\"}) { id }",
    ] {
        let answer = tenant.answer("admin", &format!("{{ {refused} }}"));
        assert_eq!(answer.code().as_deref(), Some("GRAPHQL_VALIDATION_FAILED"), "{refused}: {}", answer.json());
    }
    // An index holds what such a statement compares.
    tenant
        .database
        .execute(
            "SET enable_seqscan = off;
             CREATE FUNCTION pg_temp.explained(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE statement; END $$",
        )
        .unwrap();
    let explain = "EXPLAIN SELECT id FROM content.patient WHERE substring(insurance, 1, 33) = ''";
    let plan = tenant.database.texts(&format!("SELECT value FROM pg_temp.explained($sql${explain}$sql$) value")).unwrap();
    assert!(plan.iter().any(|line| line.contains("patient_insurance_lookup")), "{plan:?}");
}

#[test]
fn rules_are_judged_before_encryption() {
    let tenant = OwnTenant::create("encrypted-rules", SCHEMA);
    let write = |data: &str| {
        ask(&tenant, "admin", &format!("mutation {{ createPatient(data: {{name: \"x\", {data}}}) {{ ok validation {{ errors {{ message {{ text }} }} }} }} }}"))
            ["createPatient"]
            .clone()
    };
    assert_eq!(write(r#"insurance: "123456789012345678901""#)["ok"], false);
    assert_eq!(write("record: [1]")["ok"], false);
    assert_eq!(write(r#"insurance: "12345678901234567890", record: {}"#)["ok"], true);
}

#[test]
fn what_was_moved_or_changed_in_the_database_does_not_open() {
    let mut tenant = OwnTenant::create("encrypted-tampering", SCHEMA);
    for name in ["Ann", "Bob", "Cid"] {
        write(&tenant, &patient(name));
    }
    let read = |tenant: &OwnTenant, name: &str| {
        let answer = tenant.answer("admin", &format!(r#"{{ getPatient(by: {{name: "{name}"}}) {{ insurance }} }}"#));
        assert!(answer.status == 200 || answer.code().as_deref() == Some("INTERNAL_SERVER_ERROR"), "{}", answer.json());
        (answer.status, answer.json()["data"]["getPatient"]["insurance"].as_str().map(str::to_owned))
    };
    tenant.database.execute(
        "UPDATE content.patient SET insurance = (SELECT insurance FROM content.patient WHERE name = 'Ann') WHERE name = 'Bob';
         UPDATE content.patient SET insurance = set_byte(insurance, 70, get_byte(insurance, 70) # 1) WHERE name = 'Cid'",
    ).unwrap();
    assert_eq!(read(&tenant, "Ann"), (200, Some("sesame Ann".to_owned())));
    for name in ["Bob", "Cid"] {
        assert_eq!(read(&tenant, name), (500, None), "{name}");
    }
    // A stranger's key opens nothing, also in a row with the same id.
    let mut other = OwnTenant::create("encrypted-stranger", SCHEMA);
    write(&other, &patient("Ann"));
    let row = tenant
        .database
        .texts("SELECT format('id = %L, insurance = %L', id, insurance) AS value FROM content.patient WHERE name = 'Ann'")
        .unwrap();
    other.database.execute(&format!("UPDATE content.patient SET {}", row[0])).unwrap();
    assert_eq!(read(&other, "Ann"), (500, None));
}

#[test]
fn kept_answers_are_sealed() {
    let mut tenant = OwnTenant::create("encrypted-answers", SCHEMA);
    let token = shared().token(tenant.slug, "admin").unwrap();
    let send = || {
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", "once".to_owned()),
        ];
        let document = format!("mutation {{ {} }}", patient("Ann"));
        let body = json!({ "query": document }).to_string();
        Client::default().post(&tenant.url, &headers, body.as_bytes()).unwrap().json()
    };
    let first = send();
    assert_eq!(first["data"]["createPatient"]["node"]["insurance"], "sesame Ann", "{first}");
    assert_eq!(send(), first);
    assert_eq!(tenant.database.texts("SELECT count(*)::text AS value FROM content.patient").unwrap(), ["1"]);
    assert_eq!(tables_with(&mut tenant, SECRET), Vec::<String>::new());
    assert!(tables_with(&mut tenant, "sealed:").iter().any(|table| table.starts_with("freehold.")), "the answer was kept");
}
