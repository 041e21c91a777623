//! The second runner of the corpora: operations of `tests/cases`, executed by the engine on PostgreSQL. The first one, in the compiler, takes
//! snapshots of their SQL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_tests::{Client, Database, binaries, shared};
use serde_json::{Value, json};

/// A schema, its rows, and the operations on them.
struct Corpus {
    root: PathBuf,
    tenant: String,
}

impl Corpus {
    fn at(path: &str) -> Self {
        let root = binaries::repository().join("tests/cases").join(path);
        let tenant = ["corpus", path].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("-");
        Self { root, tenant }
    }

    /// A token with the memberships of a case. A variable given without its role goes to every role that has it.
    fn token(&self, memberships: &Value) -> String {
        let mut arguments = vec!["token".to_owned(), "create".into(), "--tenant".into(), self.tenant.clone()];
        for membership in memberships.as_array().expect("caller.json is a list of memberships") {
            arguments.extend(["--role".into(), membership["role"].as_str().unwrap().to_owned()]);
            for variable in membership["variables"].as_array().into_iter().flatten() {
                for value in variable["values"].as_array().unwrap() {
                    let (name, value) = (variable["name"].as_str().unwrap(), value.as_str().unwrap());
                    arguments.extend(["--variable".into(), format!("{name}={value}")]);
                }
            }
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        shared().json(&arguments).unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// The rows of the seed and nothing else, numbered from the beginning: writes of one case are not seen by the next.
    fn reset(&self, database: &mut Database) {
        let tables = database
            .texts("SELECT format('%I.%I', schemaname, tablename) AS value FROM pg_tables WHERE schemaname = 'content'")
            .unwrap();
        database.execute(&format!("TRUNCATE {} RESTART IDENTITY", tables.join(", "))).unwrap();
        database.execute(&std::fs::read_to_string(self.root.join("seed.sql")).unwrap()).unwrap();
    }
}

/// Folders with an `operation.graphql`, in order. A folder with a schema of its own is another corpus.
fn cases(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    entries.sort();
    for entry in entries {
        if entry.join("operation.graphql").exists() {
            found.push(entry);
        } else if !entry.join("schema.json").exists() {
            found.extend(cases(&entry));
        }
    }
    found
}

fn json_file(path: &Path) -> Option<Value> {
    Some(serde_json::from_str(&std::fs::read_to_string(path).ok()?).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What is compared: the data with the order of its fields, and the messages of the errors.
fn essence(answer: &Value) -> String {
    let messages: Vec<_> = answer["errors"].as_array().into_iter().flatten().map(|error| &error["message"]).collect();
    format!("{} {}", answer["data"], json!(messages))
}

/// Asks every operation and compares with the answer beside it.
fn ask_all(corpus: &Corpus, at_least: usize) {
    let schema = corpus.root.join("schema.json");
    let tenant = shared().json(&["tenant", "create", &corpus.tenant, "--schema", schema.to_str().unwrap()]).unwrap();
    let url = tenant["content_url"].as_str().unwrap();
    let mut database = shared().database(tenant["database"].as_str().unwrap()).unwrap();
    let cases = cases(&corpus.root);
    assert!(cases.len() >= at_least, "the corpus was not found");
    let mut tokens: BTreeMap<String, String> = BTreeMap::new();
    let mut is_fresh = false;
    let mut different = Vec::new();
    for case in &cases {
        let operation = std::fs::read_to_string(case.join("operation.graphql")).unwrap();
        let variables = json_file(&case.join("variables.json")).unwrap_or_else(|| json!({}));
        let expected = json_file(&case.join("response.json")).expect("every case has a response");
        let caller = json_file(&case.join("caller.json")).unwrap_or_else(|| json!([{ "role": "admin" }]));
        let token = tokens.entry(caller.to_string()).or_insert_with(|| corpus.token(&caller));
        if !is_fresh {
            corpus.reset(&mut database);
        }
        is_fresh = !operation.contains("mutation");
        let answer = Client::default().graphql(url, Some(token), &operation, variables).unwrap();
        let (expected, found) = (essence(&expected), essence(&answer.json()));
        if expected != found {
            let name = case.strip_prefix(&corpus.root).unwrap();
            different.push(format!("{}\n  expected {expected}\n  found    {found}", name.display()));
        }
    }
    assert!(different.is_empty(), "{} of {} cases differ:\n{}", different.len(), cases.len(), different.join("\n"));
}

#[test]
fn every_case_of_the_corpus_answers_as_recorded() {
    ask_all(&Corpus::at(""), 30);
}

#[test]
fn every_case_of_the_shop_answers_as_written() {
    ask_all(&Corpus::at("shop"), 10);
}
