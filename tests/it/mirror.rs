//! A random sequence of mutations by a restricted role, mirrored by a simple model: data, errors and the event log agree, and what the role may not write never changes.

mod nested;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use freehold_tests::{Client, Database, shared};
use serde_json::{Value, json};

use crate::generator::random::Random;

/// Members see and write the documents of the red team, and may point them at people, whom they only see.
const SCHEMA: &str = r#"
extend schema @role(name: "member")
type Doc @allow(roles: ["member"], read: true, create: true, update: true, delete: true, when: { team: { eq: "red" } }) {
    code: String! @unique
    team: String!
    rank: Int
    owner: Person @relation(onDelete: SET_NULL)
}
type Person @allow(roles: ["member"], read: true) {
    name: String! @unique
}
"#;
const STEPS: usize = 300;
const TEAMS: [&str; 2] = ["red", "blue"];

#[derive(Debug, Clone, PartialEq)]
struct Doc {
    team: &'static str,
    rank: Option<usize>,
    owner: Option<usize>,
}

/// What the database should hold, and what the event log should tell.
#[derive(Default)]
struct Model {
    docs: BTreeMap<String, Doc>,
    created: usize,
    updated: usize,
    deleted: usize,
}

/// None for success.
type Expected = Option<&'static str>;
const DENIED: Expected = Some("NotFoundOrDenied");
const TAKEN: Expected = Some("UniqueConstraintViolation");

impl Model {
    fn visible(&self, code: &str) -> Option<&Doc> {
        self.docs.get(code).filter(|doc| doc.team == "red")
    }

    fn create(&mut self, code: &str, doc: Doc) -> Expected {
        // Whether a row may be written is told before whether its key is taken.
        if doc.team != "red" || doc.owner.is_some_and(|owner| owner >= 3) {
            return DENIED;
        }
        if self.docs.contains_key(code) {
            return TAKEN;
        }
        self.docs.insert(code.to_owned(), doc);
        self.created += 1;
        None
    }

    fn update(&mut self, code: &str, to: &str, change: impl FnOnce(&mut Doc)) -> Expected {
        let Some(before) = self.visible(code).cloned() else { return DENIED };
        let mut after = before.clone();
        change(&mut after);
        if after.team != "red" || after.owner.is_some_and(|owner| owner >= 3) {
            return DENIED;
        }
        if to != code && self.docs.contains_key(to) {
            return TAKEN;
        }
        self.updated += usize::from(after != before || to != code);
        self.docs.remove(code);
        self.docs.insert(to.to_owned(), after);
        None
    }

    fn delete(&mut self, code: &str) -> Expected {
        if self.visible(code).is_none() {
            return DENIED;
        }
        self.docs.remove(code);
        self.deleted += 1;
        None
    }
}

/// One mutation as GraphQL, done to the model; what its result should be.
fn step(random: &mut Random, model: &mut Model) -> (String, Expected, Option<usize>) {
    // Codes below 4 are those of hidden documents.
    let code = |random: &mut Random| format!("c{}", random.below(12));
    let (one, other) = (code(random), code(random));
    let doc = Doc {
        team: TEAMS[usize::from(random.percent(20))],
        rank: random.percent(70).then(|| random.below(4)),
        owner: random.percent(40).then(|| random.below(4)),
    };
    let rank = doc.rank.map_or("null".to_owned(), |rank| rank.to_string());
    let mut data = format!("team: \"{}\", rank: {rank}", doc.team);
    if let Some(owner) = doc.owner {
        let _ = write!(data, ", owner: {{connect: {{name: \"p{owner}\"}}}}");
    }
    match random.below(7) {
        0 | 1 => (format!("it: createDoc(data: {{code: \"{one}\", {data}}})"), model.create(&one, doc), None),
        2 => {
            let expected = model.update(&one, &one, |it| {
                (it.team, it.rank) = (doc.team, doc.rank);
                it.owner = doc.owner.or(it.owner);
            });
            (format!("it: updateDoc(by: {{code: \"{one}\"}}, data: {{{data}}})"), expected, None)
        }
        3 => {
            let expected = model.update(&one, &other, |_| {});
            (format!("it: updateDoc(by: {{code: \"{one}\"}}, data: {{code: \"{other}\"}})"), expected, None)
        }
        4 => (format!("it: deleteDoc(by: {{code: \"{one}\"}})"), model.delete(&one), None),
        5 => {
            let expected = match model.visible(&one) {
                Some(_) => model.update(&one, &one, |it| it.owner = None),
                None => model.create(&one, doc),
            };
            let update = "update: {owner: {disconnect: true}}";
            (format!("it: upsertDoc(by: {{code: \"{one}\"}}, {update}, create: {{code: \"{one}\", {data}}})"), expected, None)
        }
        _ => {
            let (from, to) = (random.below(4), random.below(4));
            let found: Vec<String> = model
                .docs
                .iter()
                .filter(|(_, doc)| doc.team == "red" && doc.rank.is_some_and(|rank| rank >= from))
                .map(|(code, _)| code.clone())
                .collect();
            for code in &found {
                model.update(code, code, |it| it.rank = Some(to));
            }
            let document = format!("it: updateManyDoc(filter: {{rank: {{gte: {from}}}}}, data: {{rank: {to}}})");
            (document, None, Some(found.len()))
        }
    }
}

fn stored(database: &mut Database) -> Vec<String> {
    let query = "SELECT format('%s %s %s %s', d.code, d.team, coalesce(d.rank::text, '-'), coalesce(p.name, '-')) AS value
                 FROM content.doc d LEFT JOIN content.person p ON p.id = d.owner_id ORDER BY d.code COLLATE \"C\"";
    database.texts(query).unwrap()
}

fn mirrored(model: &Model) -> Vec<String> {
    let line = |(code, doc): (&String, &Doc)| {
        let rank = doc.rank.map_or("-".to_owned(), |rank| rank.to_string());
        let owner = doc.owner.map_or("-".to_owned(), |owner| format!("p{owner}"));
        format!("{code} {} {rank} {owner}", doc.team)
    };
    model.docs.iter().map(line).collect()
}

#[test]
fn a_restricted_role_writes_what_a_simple_model_says() {
    let path = shared().write("mirror.graphql", SCHEMA);
    let tenant = shared().json(&["tenant", "create", "mirror", "--schema", path.to_str().unwrap()]).unwrap();
    let (url, token) = (tenant["content_url"].as_str().unwrap(), shared().token("mirror", "member").unwrap());
    let mut database = shared().database(tenant["database"].as_str().unwrap()).unwrap();
    database
        .execute(
            "INSERT INTO content.person SELECT gen_random_uuid(), 'p' || n FROM generate_series(0, 2) n;
             INSERT INTO content.doc (id, code, team, rank) SELECT gen_random_uuid(), 'c' || n, 'blue', 1 FROM generate_series(0, 3) n;
             TRUNCATE freehold.event",
        )
        .unwrap();
    let hidden = |n| (format!("c{n}"), Doc { team: "blue", rank: Some(1), owner: None });
    let mut model = Model { docs: (0..4).map(hidden).collect(), ..Model::default() };
    let mut random = Random::new(8);
    for n in 0..STEPS {
        let (field, expected, affected) = step(&mut random, &mut model);
        let selection = if affected.is_some() { "ok affected errors { type }" } else { "ok errors { type }" };
        let answer =
            Client::default().graphql(url, Some(&token), &format!("mutation {{ {field} {{ {selection} }} }}"), json!({}));
        let answer = answer.unwrap().json();
        let result = &answer["data"]["it"];
        let (is_ok, kind) = (result["ok"] == true, result["errors"][0]["type"].as_str());
        assert_eq!((is_ok, kind), (expected.is_none(), expected), "step {n}: {field}\n{answer}");
        if let Some(affected) = affected {
            assert_eq!(result["affected"], Value::from(affected), "step {n}: {field}");
        }
        assert_eq!(stored(&mut database), mirrored(&model), "step {n}: {field}");
    }
    let told = database.texts(
        "SELECT kind || ' ' || count(*) AS value FROM freehold.event WHERE table_name = 'doc' GROUP BY kind ORDER BY kind",
    );
    let count = |kind: &str, n: usize| (n > 0).then(|| format!("{kind} {n}"));
    let expected = [count("create", model.created), count("delete", model.deleted), count("update", model.updated)];
    assert_eq!(told.unwrap(), expected.into_iter().flatten().collect::<Vec<_>>());
}
