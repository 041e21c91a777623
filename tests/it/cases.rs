//! The second runner of the corpus: operations of `tests/cases`, executed by the engine on PostgreSQL. The first one, in the compiler, takes
//! snapshots of their SQL.

use std::path::{Path, PathBuf};

use freehold_tests::{Client, binaries, shared};
use serde_json::{Value, json};

fn corpus() -> PathBuf {
    binaries::repository().join("tests/cases")
}

/// Folders with an `operation.graphql`, in order.
fn cases(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    entries.sort();
    for entry in entries {
        if entry.join("operation.graphql").exists() {
            found.push(entry);
        } else {
            found.extend(cases(&entry));
        }
    }
    found
}

fn json_file(path: &Path) -> Option<Value> {
    Some(serde_json::from_str(&std::fs::read_to_string(path).ok()?).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// `--role` and `--variable` of the case's memberships.
fn token(caller: Option<Value>) -> String {
    let mut arguments = vec!["token".to_owned(), "create".into(), "--tenant".into(), "corpus".into()];
    let memberships = caller.unwrap_or_else(|| json!([{ "role": "admin" }]));
    for membership in memberships.as_array().expect("caller.json is a list of memberships") {
        arguments.extend(["--role".into(), membership["role"].as_str().unwrap().to_owned()]);
        for variable in membership["variables"].as_array().into_iter().flatten() {
            for value in variable["values"].as_array().unwrap() {
                arguments
                    .extend(["--variable".into(), format!("{}={}", variable["name"].as_str().unwrap(), value.as_str().unwrap())]);
            }
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    shared().json(&arguments).unwrap()["token"].as_str().unwrap().to_owned()
}

#[test]
fn every_case_of_the_corpus_answers_as_recorded() {
    let (schema, seed) = (corpus().join("schema.json"), corpus().join("seed.sql"));
    let arguments = ["tenant", "create", "corpus", "--schema", schema.to_str().unwrap(), "--seed", seed.to_str().unwrap()];
    let tenant = shared().json(&arguments).unwrap();
    let url = tenant["content_url"].as_str().unwrap();
    let cases = cases(&corpus());
    assert!(cases.len() > 30, "the corpus was not found");
    let mut different = Vec::new();
    for case in &cases {
        let operation = std::fs::read_to_string(case.join("operation.graphql")).unwrap();
        let variables = json_file(&case.join("variables.json")).unwrap_or_else(|| json!({}));
        let Some(expected) = json_file(&case.join("response.json")) else { continue };
        let answer =
            Client::default().graphql(url, Some(&token(json_file(&case.join("caller.json")))), &operation, variables).unwrap();
        if answer.json() != expected {
            let name = case.strip_prefix(corpus()).unwrap().display().to_string();
            different.push(format!("{name}\n  expected {expected}\n  found    {}", answer.json()));
        }
    }
    assert!(different.is_empty(), "{} of {} cases differ:\n{}", different.len(), cases.len(), different.join("\n"));
}
