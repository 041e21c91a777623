//! The recordings, sent step by step over HTTP to a fresh tenant: status and body must be the recorded ones.

use std::collections::HashMap;
use std::fmt::Write as _;

use freehold_tests::{Answer, Client, binaries, shared};
use serde_json::{Value, json};

/// Steps that answer otherwise on purpose, with our status: CONTENT-API.md, "Where Freehold differs on purpose".
/// The cases of these names have our bodies.
const DEVIATIONS: &[(&str, u16)] = &[
    ("negative limit", 400),
    ("GET with mutation", 405),
    ("invalid date filter", 400),
    ("oneHasMany ops", 200),
    ("transaction ok with query inside", 200),
    ("update with filter mismatch and no data", 200),
    ("upsert", 200),
];

struct Replay {
    slug: String,
    content_url: String,
    token: String,
    client: Client,
    /// Values that steps captured, by name.
    captured: HashMap<String, String>,
    /// `$1`, … of the ids seen so far.
    ids: HashMap<String, String>,
}

impl Replay {
    fn start(slug: &str) -> Replay {
        let corpus = binaries::repository().join("tests/cases");
        let schema = corpus.join("schema.json");
        let tenant = shared().json(&["tenant", "create", slug, "--schema", schema.to_str().unwrap()]).unwrap();
        Replay {
            slug: slug.to_owned(),
            content_url: tenant["content_url"].as_str().unwrap().to_owned(),
            token: shared().token(slug, "admin").unwrap(),
            client: Client::default(),
            captured: HashMap::new(),
            ids: HashMap::new(),
        }
    }

    /// Captured values in the place of `$$name`.
    fn substituted(&self, value: &Value) -> Value {
        let text = self.captured.iter().fold(value.to_string(), |text, (name, id)| text.replace(&format!("$${name}"), id));
        serde_json::from_str(&text).unwrap()
    }

    fn send(&self, request: &Value) -> Answer {
        // Without a wish of the client the contract of the recording holds.
        let mut headers: Vec<(String, String)> = vec![("Accept".into(), String::new())];
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            headers.push((name.clone(), value.as_str().unwrap().to_owned()));
        }
        match request.get("token") {
            None => headers.push(("Authorization".into(), format!("Bearer {}", self.token))),
            Some(Value::String(token)) => headers.push(("Authorization".into(), format!("Bearer {token}"))),
            Some(_) => {}
        }
        if let Some(memberships) = request.get("as") {
            let memberships = json!({ "memberships": self.substituted(memberships) });
            headers.push(("X-Contember-Assume-Membership".into(), memberships.to_string()));
        }
        let body = match request.get("rawBody") {
            Some(Value::String(text)) => text.clone(),
            Some(body) => body.to_string(),
            None => json!({ "query": request["query"], "variables": self.substituted(&request["variables"]) }).to_string(),
        };
        let headers: Vec<(&str, String)> = headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let url = match request["path"].as_str() {
            Some(path) => format!("{}{}", shared().dev.engine.trim_end_matches('/'), path.replace("{slug}", &self.slug)),
            None => self.content_url.clone(),
        };
        match request["method"].as_str() {
            Some("GET") => self.client.get(&url, &headers).unwrap(),
            Some(other) => panic!("the replay does not know the method {other}"),
            None => self.client.post(&url, &headers, body.as_bytes()).unwrap(),
        }
    }

    /// Our answer in the recording's terms: without extensions, ids by their number, the slug by its placeholder.
    fn normalised(&mut self, answer: &Answer, unordered: bool) -> Value {
        let text = || json!({ "$text": String::from_utf8_lossy(&answer.body) });
        let mut body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| text());
        if let Some(object) = body.as_object_mut() {
            object.remove("extensions");
        }
        if let (true, Some(data)) = (unordered, body.get_mut("data").and_then(Value::as_object_mut)) {
            data.values_mut().filter_map(Value::as_array_mut).for_each(|list| list.sort_by_key(Value::to_string));
        }
        let text = self.with_numbered_ids(&body.to_string()).replace(&self.slug, "{slug}");
        serde_json::from_str(&text).unwrap()
    }

    fn with_numbered_ids(&mut self, text: &str) -> String {
        let (mut numbered, mut rest) = (String::new(), text);
        while let Some(character) = rest.chars().next() {
            let id = rest.get(..36).filter(|id| id.is_ascii() && uuid::Uuid::parse_str(id).is_ok() && !is_one_digit(id));
            let (written, length) = match id {
                Some(id) => {
                    let number = self.ids.len() + 1;
                    (self.ids.entry(id.to_owned()).or_insert_with(|| format!("${number}")).clone(), 36)
                }
                None => (character.to_string(), character.len_utf8()),
            };
            numbered.push_str(&written);
            rest = &rest[length..];
        }
        numbered
    }

    /// One step; what differs.
    fn step(&mut self, step: &Value) -> Option<String> {
        let (name, recorded) = (step["name"].as_str().unwrap(), &step["response"]);
        let answer = self.send(&step["request"]);
        for (variable, path) in step["capture"].as_object().into_iter().flatten() {
            let json = answer.json();
            let pointer = format!("/{}", path.as_str().unwrap().replace('.', "/"));
            self.captured.insert(variable.clone(), json.pointer(&pointer).unwrap().as_str().unwrap().to_owned());
        }
        let body = self.normalised(&answer, step["unordered"] == true);
        let deviation = DEVIATIONS.iter().find(|(deviating, _)| *deviating == name);
        let status = deviation.map_or(recorded["status"].as_u64().unwrap(), |(_, status)| u64::from(*status));
        let is_introspection = step["request"]["query"].as_str().is_some_and(|query| query.contains("__"));
        let is_same = status == u64::from(answer.status)
            && (step["statusOnly"] == true
                || deviation.is_some()
                || body == recorded["body"]
                || is_introspection && shows(&recorded["body"], &body));
        (!is_same).then(|| format!("{name}\n  expected {status} {}\n  found    {} {body}", recorded["body"], answer.status))
    }
}

fn is_one_digit(id: &str) -> bool {
    id.bytes().filter(|byte| *byte != b'-').collect::<std::collections::HashSet<_>>().len() == 1
}

/// Whether introspection shows everything that was recorded. We have more, and the peer's S3 fields not; the order is compared with the recorded SDL.
fn shows(recorded: &Value, found: &Value) -> bool {
    match (recorded, found) {
        (Value::Array(recorded), Value::Array(found)) => recorded
            .iter()
            .filter(|item| !item["name"].as_str().is_some_and(|name| name.to_ascii_lowercase().starts_with("s3")))
            .all(|item| found.iter().any(|found| shows(item, found))),
        (Value::Object(recorded), Value::Object(found)) => {
            recorded.len() == found.len() && recorded.iter().all(|(name, value)| shows(value, &found[name]))
        }
        _ => recorded == found,
    }
}

#[track_caller]
fn replay(slug: &str, file: &str) {
    let path = binaries::repository().join("engine/compiler/tests/golden").join(file);
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let steps = recording["steps"].as_array().unwrap();
    let mut replay = Replay::start(slug);
    let mut different = String::new();
    for step in steps {
        if let Some(difference) = replay.step(step) {
            let _ = writeln!(different, "{difference}");
        }
    }
    assert!(different.is_empty(), "{file}:\n{different}");
}

#[test]
fn recorded_reads_are_answered_as_recorded() {
    replay("recorded-reads", "blog-reads.json");
}

#[test]
fn recorded_permissions_are_answered_as_recorded() {
    replay("recorded-permissions", "blog-acl.json");
}

#[test]
fn recorded_writes_are_answered_as_recorded() {
    replay("recorded-writes", "blog-writes.json");
}
