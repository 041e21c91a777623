//! What callers see when PostgreSQL hangs or is gone: a clear answer in time, and images all the same.

use std::process::Command;
use std::time::{Duration, Instant};

use freehold_tests::{Answer, Client, Installation};
use serde_json::json;

use crate::journey::eventually;

/// The engine's request timeout, and room for a busy machine.
const IN_TIME: Duration = Duration::from_secs(20);

pub fn signal(name: &str, pids: &[i32]) {
    let pids = pids.iter().map(ToString::to_string);
    assert!(Command::new("kill").arg(format!("-{name}")).args(pids).status().unwrap().success());
}

/// Processes that are stopped until this is dropped, so that a failing test leaves none behind.
struct Frozen(Vec<i32>);

impl Frozen {
    fn new(pids: Vec<i32>) -> Self {
        signal("STOP", &pids);
        Self(pids)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

fn ask(installation: &Installation) -> Answer {
    let acme = installation.tenant("acme");
    let asked = Instant::now();
    let answer = Client::default().graphql(&acme.content_url, Some(&acme.token), "{ listAuthor { name } }", json!({})).unwrap();
    assert!(asked.elapsed() < IN_TIME, "answered after {:?}", asked.elapsed());
    answer
}

/// Addresses of one photograph in sizes that were never made.
fn image_urls(installation: &Installation) -> Vec<String> {
    let acme = installation.tenant("acme");
    let query =
        r#"{ listArticle(filter: { slug: { eq: "winter-moorings" } }) { cover { a: url(width: 311) b: url(width: 312) } } }"#;
    let answer = Client::default().graphql(&acme.content_url, Some(&acme.token), query, json!({})).unwrap();
    ["a", "b"].map(|key| answer.data(&format!("/listArticle/0/cover/{key}")).as_str().unwrap().to_owned()).into()
}

#[track_caller]
fn image_comes(url: &str) {
    let answer = Client::default().get(url, &[]).unwrap();
    assert_eq!((answer.status, &*answer.headers["content-type"]), (200, "image/webp"), "{url}");
}

/// The caller learns a code and a time to come back, and nothing about servers, databases or SQL.
#[track_caller]
fn is_discreet(answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body).to_lowercase();
    for word in ["postgres", "127.0.0.1", "t_a", "select", "connection to"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn a_hanging_and_a_dead_postgresql_get_clear_answers_and_images_still_come() {
    let installation = Installation::start().unwrap();
    let urls = image_urls(&installation);
    assert_eq!(ask(&installation).status, 200);

    let postgres = installation.processes("postgres");
    assert!(postgres.len() > 3, "{postgres:?}");
    let frozen = Frozen::new(postgres);
    let hung = ask(&installation);
    assert!(matches!(hung.status, 503 | 504), "{}", hung.json());
    assert!(hung.code().is_some(), "{}", hung.json());
    is_discreet(&hung);
    image_comes(&urls[0]);
    drop(frozen);
    eventually(|| (ask(&installation).status == 200).then_some(()));

    signal("KILL", &installation.processes("postgres"));
    let gone = ask(&installation);
    assert_eq!(gone.status, 503, "{}", gone.json());
    assert!(gone.headers.contains_key("retry-after"), "{:?}", gone.headers);
    is_discreet(&gone);
    image_comes(&urls[1]);
    assert!(!installation.run(&["doctor"]).status.success(), "the doctor sees it too");
}
