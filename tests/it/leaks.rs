//! What a role cannot read changes nothing that it can observe: rows, their order, totals, errors (decision 13 of the design).
//!
//! Random queries of a restricted role are answered before and after random changes of what that role may not know. The answers must be equal, byte for byte.

pub mod changes;

use freehold_tests::{Client, binaries, shared};
use serde_json::{Value, json};

use changes::Values::{Id, IdOrNull, Of};
use changes::{Sort, Table, World};

use crate::generator::random::Random;
use crate::generator::{Generator, Operation, Style};
use crate::random;

const N_QUERIES: usize = 30;
const N_ROUNDS: usize = 2;
const N_CHANGES: usize = 8;
const N_NOTICEABLE: usize = 20;

/// Who asks, and the query for everything that it may know.
struct Reader {
    memberships: Vec<String>,
    roles: Vec<String>,
    view: String,
}

impl Reader {
    /// `editor site=…`: a role and its variable. `view` may name the variables' values.
    fn new(memberships: &[(&str, &str)], view: &str, values: &[(&str, &str)]) -> Self {
        let words = memberships.iter().flat_map(|(role, variable)| {
            let variable = [["--variable", variable]].into_iter().filter(|_| !variable.is_empty()).flatten();
            ["--role", role].into_iter().chain(variable)
        });
        let view = values.iter().fold(view.to_owned(), |view, (name, value)| view.replace(name, value));
        let roles = memberships.iter().map(|(role, _)| (*role).to_owned()).collect();
        Reader { memberships: words.map(str::to_owned).collect(), roles, view }
    }
}

struct Asking {
    url: String,
    token: String,
    client: Client,
}

impl Asking {
    fn ask(&self, operation: &Operation) -> String {
        let variables = Value::Object(operation.variables());
        let answer = self.client.graphql(&self.url, Some(&self.token), &operation.text(), variables).unwrap();
        format!("{} {}", answer.status, String::from_utf8(answer.body).unwrap())
    }
}

/// How much was looked at, so that the test is known to look at something.
#[derive(Debug, Default)]
struct Tally {
    n_queries: usize,
    n_with_rows: usize,
    n_with_errors: usize,
    n_changed_by_noticeable: usize,
}

/// A tenant of a test.
pub struct Place {
    pub slug: &'static str,
    /// Its schema, below `tests`.
    pub schema: &'static str,
    pub url: String,
}

pub fn tenant(slug: &'static str, schema: &'static str, tables: &'static [Table]) -> (Place, World) {
    let path = binaries::repository().join("tests").join(schema);
    let tenant = shared().json(&["tenant", "create", slug, "--schema", path.to_str().unwrap()]).unwrap();
    let mut database = shared().database(tenant["database"].as_str().unwrap()).unwrap();
    database.execute("SET search_path = content; SET client_min_messages = warning").unwrap();
    let url = tenant["content_url"].as_str().unwrap().to_owned();
    (Place { slug, schema, url }, World { database, tables })
}

pub fn token(slug: &str, memberships: &[String]) -> String {
    let mut arguments = vec!["token", "create", "--tenant", slug];
    arguments.extend(memberships.iter().map(String::as_str));
    shared().json(&arguments).unwrap()["token"].as_str().unwrap().to_owned()
}

/// One caller: the same queries, asked again after every round of hidden changes, and at last after changes that may be noticed.
fn observe(place: &Place, world: &mut World, reader: &Reader, seed: u64) -> Tally {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    let asking = Asking { url: place.url.clone(), token: token(place.slug, &reader.memberships), client: Client::default() };
    let literals = random::literals(world.ids());
    let api = random::api(place.schema, &reader.roles);
    let generator = Generator::new(&api, Style::READS, &literals);
    let (mut queries, mut answers) = (Vec::new(), Vec::new());
    while queries.len() < N_QUERIES {
        let query = generator.operation(&mut random);
        let answer = asking.ask(&query);
        let json: Value = serde_json::from_str(&answer[4..]).unwrap_or_else(|error| panic!("{error}: {answer}"));
        let (has_rows, has_errors) = (has_rows(&json["data"]), !json["errors"].is_null());
        assert!(!answer.starts_with('5'), "a valid query fails: {}\n{answer}", query.text());
        // An answer without rows is worth a second look too, but a test of those alone would prove little. The same goes for errors.
        if !has_errors && has_rows || random.percent(20) {
            tally.n_queries += 1;
            tally.n_with_rows += usize::from(has_rows);
            tally.n_with_errors += usize::from(has_errors);
            queries.push(query);
            answers.push(answer);
        }
    }
    for _ in 0..N_ROUNDS {
        world.save();
        let changes = world.change(&mut random, Sort::Hidden, &reader.view, N_CHANGES);
        for (query, before) in queries.iter().zip(&answers) {
            let after = asking.ask(query);
            if *before != after {
                let smallest = reduce(&asking, world, query, &changes);
                panic!(
                    "{:?} sees what it may not know (seed {seed}).\n\n{smallest}\n\nWhole query: {}\n\nBefore: {before}\n\nAfter: {after}",
                    reader.memberships,
                    query.text()
                );
            }
        }
    }
    world.change(&mut random, Sort::Noticeable, &reader.view, N_NOTICEABLE);
    for (query, before) in queries.iter().zip(&answers) {
        tally.n_changed_by_noticeable += usize::from(asking.ask(query) != *before);
    }
    world.restore();
    tally
}

/// The first root field alone and change alone that show the leak, where single ones do.
fn reduce(asking: &Asking, world: &mut World, query: &Operation, changes: &[String]) -> String {
    for root in 0..query.roots.len() {
        let single = query.single(root);
        world.restore();
        let mut before = asking.ask(&single);
        for change in changes {
            world.database.execute(change).unwrap();
            let after = asking.ask(&single);
            if before != after {
                return format!("Query: {}\n\nChange: {change}\n\nBefore: {before}\n\nAfter: {after}", single.text());
            }
            before = after;
        }
    }
    format!("No single root field shows it. Changes:\n{}", changes.join(";\n"))
}

/// Whether an answer tells about any row: its root fields, in a transaction or not, hold one somewhere.
fn has_rows(data: &Value) -> bool {
    let Value::Object(roots) = data else { return false };
    roots.iter().any(|(name, value)| match value {
        Value::Array(rows) => !rows.is_empty(),
        Value::Object(root) if name == "transaction" => has_rows(&Value::Object(root.clone())),
        Value::Object(root) => {
            root.get("edges").is_none_or(|edges| edges != &json!([]))
                && root.get("pageInfo") != Some(&json!({ "totalCount": 0 }))
                && root.get("count") != Some(&json!(0))
        }
        _ => false,
    })
}

fn check(place: &Place, world: &mut World, readers: &[Reader], seed: u64) {
    for (index, reader) in readers.iter().enumerate() {
        let tally = observe(place, world, reader, seed + index as u64);
        let is_telling = tally.n_with_rows * 2 > tally.n_queries
            && tally.n_with_errors * 5 < tally.n_queries
            && tally.n_changed_by_noticeable * 5 > tally.n_queries;
        assert!(is_telling, "the queries of {:?} tell too little: {tally:?}", reader.memberships);
    }
}

const TEXTS: &[&str] = &["'a'", "'b'", "'c'"];
const TEXTS_OR_NULL: &[&str] = &["'a'", "'b'", "'c'", "NULL"];
const NUMBERS_OR_NULL: &[&str] = &["0", "1", "2", "3", "NULL"];
const BOOLEANS: &[&str] = &["true", "false"];

pub const CORPUS: &[Table] = &[
    Table { name: "site", columns: &[("slug", Of(&["'one'", "'two'", "'a'", "'b'"])), ("name", Of(TEXTS_OR_NULL))] },
    Table { name: "site_setting", columns: &[("theme", Of(TEXTS_OR_NULL)), ("site_id", Id("site"))] },
    Table { name: "author", columns: &[("name", Of(TEXTS)), ("email", Of(TEXTS_OR_NULL))] },
    Table { name: "image", columns: &[("url", Of(TEXTS))] },
    Table {
        name: "article",
        columns: &[
            ("slug", Of(&["'first'", "'second'", "'a'", "'b'"])),
            ("state", Of(&["'draft'", "'published'", "'archived'"])),
            ("rank", Of(NUMBERS_OR_NULL)),
            ("price", Of(&["1", "2.5", "12.5", "NULL"])),
            ("ratio", Of(&["0.5", "1", "NULL"])),
            ("active", Of(BOOLEANS)),
            ("published_at", Of(&["'2024-01-02T03:04:05.678Z'", "'2025-01-01'", "NULL"])),
            ("day", Of(&["'2024-02-29'", "NULL"])),
            ("at", Of(&["'13:45'", "NULL"])),
            ("meta", Of(&["'{\"a\": 1}'", "'[1]'", "NULL"])),
            ("keywords", Of(&["'{a,b}'", "'{}'", "NULL"])),
            ("secret", Of(&["'s1'", "'s2'", "'a'", "NULL"])),
            ("url", Of(TEXTS_OR_NULL)),
            ("title", Of(TEXTS_OR_NULL)),
            ("site_id", Id("site")),
            ("author_id", IdOrNull("author")),
            ("cover_id", IdOrNull("image")),
        ],
    },
    Table { name: "tag", columns: &[("name", Of(TEXTS))] },
    Table {
        name: "article_locale",
        columns: &[("locale", Of(&["'en'", "'cs'", "'a'"])), ("text", Of(TEXTS_OR_NULL)), ("article_id", Id("article"))],
    },
    Table { name: "article_tags", columns: &[("article_id", Id("article")), ("tag_id", Id("tag"))] },
];

#[test]
fn readers_of_the_corpus_notice_no_hidden_change() {
    let (one, two) = ("10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002");
    let (site_one, site_two) = (format!("site={one}"), format!("site={two}"));
    let level = r#"level={"gte":2}"#;
    let (reader, editor) = (include_str!("leaks/reader.sql"), include_str!("leaks/editor.sql"));
    let both = include_str!("leaks/editor-and-reader.sql");
    let readers = [
        Reader::new(&[("reader", level)], reader, &[("$level", "rank >= 2")]),
        Reader::new(&[("reader", "")], reader, &[("$level", "false")]),
        Reader::new(&[("editor", &site_one)], editor, &[("$site", one)]),
        Reader::new(&[("senior", &site_two)], editor, &[("$site", two)]),
        Reader::new(&[("editor", &site_one), ("reader", level)], both, &[("$site", one), ("$level", "rank >= 2")]),
    ];
    let (place, mut world) = tenant("leaks-corpus", "cases/schema.json", CORPUS);
    let seed = binaries::repository().join("tests/cases/seed.sql");
    world.database.execute(&std::fs::read_to_string(seed).unwrap()).unwrap();
    world.fill(&mut Random::new(1));
    check(&place, &mut world, &readers, 100);
}

pub const DESK: &[Table] = &[
    Table { name: "team", columns: &[("name", Of(TEXTS)), ("public", Of(BOOLEANS)), ("budget", Of(NUMBERS_OR_NULL))] },
    Table {
        name: "person",
        columns: &[
            ("name", Of(TEXTS)),
            ("email", Of(&["'a'", "'b'", "'c'", "'first'", "'second'", "NULL"])),
            ("age", Of(NUMBERS_OR_NULL)),
            ("team_id", IdOrNull("team")),
        ],
    },
    Table { name: "label", columns: &[("name", Of(&["'a'", "'b'", "'c'", "'one'", "'two'"])), ("secret", Of(BOOLEANS))] },
    Table { name: "summary", columns: &[("text", Of(TEXTS)), ("words", Of(NUMBERS_OR_NULL))] },
    Table {
        name: "post",
        columns: &[
            ("title", Of(&["'a'", "'b'", "'c'", "'first'", "'second'"])),
            ("stage", Of(&["'draft'", "'open'", "'closed'"])),
            ("score", Of(NUMBERS_OR_NULL)),
            ("note", Of(TEXTS_OR_NULL)),
            ("team_id", Id("team")),
            ("author_id", IdOrNull("person")),
            ("reviewer_id", IdOrNull("person")),
            ("summary_id", IdOrNull("summary")),
        ],
    },
    Table {
        name: "comment",
        columns: &[("text", Of(TEXTS)), ("approved", Of(BOOLEANS)), ("post_id", Id("post")), ("author_id", IdOrNull("person"))],
    },
    Table { name: "post_labels", columns: &[("post_id", Id("post")), ("label_id", Id("label"))] },
];

#[test]
fn readers_of_the_desk_notice_no_hidden_change() {
    let (guest, member) = (include_str!("leaks/guest.sql"), include_str!("leaks/member.sql"));
    let (place, mut world) = tenant("leaks-desk", "it/leaks/desk.graphql", DESK);
    world.fill(&mut Random::new(2));
    let team = world.database.texts("SELECT id::text AS value FROM team ORDER BY id LIMIT 1").unwrap().remove(0);
    let readers = [
        Reader::new(&[("guest", "")], guest, &[]),
        Reader::new(&[("member", &format!("team={team}"))], member, &[("$team", &team)]),
    ];
    check(&place, &mut world, &readers, 200);
}
