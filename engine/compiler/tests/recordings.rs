//! Every step of the recordings is a case of the corpus, or it says here why it is none.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

const RECORDINGS: [&str; 3] =
    [include_str!("golden/blog-reads.json"), include_str!("golden/blog-acl.json"), include_str!("golden/blog-writes.json")];

const SEEDING: &str = "tests/cases/seed.sql does what it does";
const HTTP: &str = "about HTTP, not about an operation: replayed by tests/it/recordings.rs";
const MEMBERSHIPS: &str = "memberships that no caller can have: src/caller/tests.rs";
const INTROSPECTION: &str = "answered by the type system: src/api/tests.rs compares it with the recorded SDL";
const LATER_WRITE: &str =
    "a write that builds on another step: tests/cases/writes has its like, tests/it/recordings.rs the step itself";

/// Steps that are no cases.
const ELSEWHERE: &[(&str, &str)] = &[
    ("seed sites", SEEDING),
    ("seed authors", SEEDING),
    ("create article with everything nested", SEEDING),
    ("create second article", SEEDING),
    ("create third article on site two", SEEDING),
    ("missing query", HTTP),
    ("not an object body", HTTP),
    ("broken JSON", HTTP),
    ("no token", HTTP),
    ("bad token", HTTP),
    ("malformed token", HTTP),
    ("unknown project", HTTP),
    ("unknown stage", HTTP),
    ("unknown route", HTTP),
    ("force ok", HTTP),
    ("operationName picks one", HTTP),
    ("batched requests", HTTP),
    ("debug header", HTTP),
    ("GET with query string", HTTP),
    ("GET with mutation", HTTP),
    ("no operation with that name", HTTP),
    ("system API ignores assumed membership", HTTP),
    ("assume membership in body", HTTP),
    ("assume membership malformed", HTTP),
    ("editor without variable", MEMBERSHIPS),
    ("unknown role", MEMBERSHIPS),
    ("invalid variable", MEMBERSHIPS),
    ("condition variable not JSON", MEMBERSHIPS),
    ("reader schema types", INTROSPECTION),
    ("reader Article type", INTROSPECTION),
    ("editor Article inputs", INTROSPECTION),
    ("editor delete own", LATER_WRITE),
    ("editor nested create", LATER_WRITE),
    ("unique violation nested", "its answer has the id of a new row: replayed by tests/it/recordings.rs"),
];

/// Cases whose document is another one than the recorded: an order that is left to chance can only be looked at without it.
const REWORDED: &[&str] = &["random order accepted"];

/// `orderBy nulls` is the case `orderby-nulls`.
fn folder(step: &str) -> String {
    let words = step.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

fn case(name: &str) -> Option<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    ["reads", "permissions", "writes"].iter().map(|area| corpus.join(area).join(name)).find(|folder| folder.is_dir())
}

#[test]
fn every_recorded_step_is_a_case_or_says_why_not() {
    let (mut missing, mut known) = (Vec::new(), BTreeSet::new());
    for recording in RECORDINGS {
        let recording: Value = serde_json::from_str(recording).unwrap();
        for step in recording["steps"].as_array().unwrap() {
            let name = step["name"].as_str().unwrap();
            known.insert(name.to_owned());
            let is_elsewhere = ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == name);
            match case(&folder(name)) {
                None if is_elsewhere => {}
                None => missing.push(name.to_owned()),
                Some(_) if is_elsewhere => panic!("`{name}` is a case: take it out of the list"),
                Some(folder) => {
                    let document = std::fs::read_to_string(folder.join("operation.graphql")).unwrap();
                    let is_same = document.trim() == step["request"]["query"].as_str().unwrap().trim();
                    assert_ne!(is_same, REWORDED.contains(&name), "{name}: {document}");
                }
            }
        }
    }
    assert!(missing.is_empty(), "recorded, but no case of the corpus: {missing:?}");
    let unknown: Vec<_> = ELSEWHERE.iter().map(|(name, _)| *name).filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "no recording has these steps: {unknown:?}");
}
