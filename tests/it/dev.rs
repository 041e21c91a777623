//! `freehold dev` itself: what it keeps, what it restarts, and that nothing of it outlives it.

use std::path::Path;
use std::process::Command;

use freehold_tests::{Client, Installation};
use serde_json::{Value, json};

use crate::journey::eventually;

fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn kill(pid: i32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

fn start_again(installation: &Installation) -> Value {
    let answer = installation.json(&["dev", "--detach"]).unwrap();
    let file = std::fs::read(installation.path().join("dev.json")).unwrap();
    assert_eq!(answer, serde_json::from_slice::<Value>(&file).unwrap(), "the answer is what dev.json says");
    answer
}

fn is_created(installation: &Installation, slug: &str) -> bool {
    let acme = installation.tenant("acme");
    let query = r#"mutation($slug: String!) {
        createArticle(data: { title: "Kept", slug: $slug, site: { connect: { slug: "coast" } } }) { ok } }"#;
    let answer = Client::default().graphql(&acme.content_url, Some(&acme.token), query, json!({ "slug": slug })).unwrap();
    answer.data("/createArticle/ok") == true
}

/// With the address and the token that the first start printed.
fn titles(installation: &Installation) -> Option<usize> {
    let acme = installation.tenant("acme");
    let answer = Client::default().graphql(&acme.content_url, Some(&acme.token), "{ listArticle { title } }", json!({})).ok()?;
    (answer.status == 200).then(|| answer.data("/listArticle").as_array().unwrap().len())
}

#[test]
fn data_addresses_and_tokens_outlive_a_restart_and_a_crash() {
    let installation = Installation::start().unwrap();
    assert!(is_created(&installation, "kept"));
    let n_titles = titles(&installation).unwrap();

    // A second start beside the first changes nothing.
    assert_eq!(start_again(&installation)["engine"], installation.dev.engine);
    let mut all: Vec<i32> =
        ["freehold-engine", "freehold-images", "postgres"].iter().flat_map(|name| installation.processes(name)).collect();
    assert!(all.len() > 3, "{all:?}");
    assert_eq!(installation.json(&["dev", "stop"]).unwrap(), json!({ "stopped": true }));
    assert!(all.iter().all(|pid| !is_alive(*pid)), "the command returns when everything has ended");
    assert_eq!(installation.json(&["dev", "stop"]).unwrap(), json!({ "stopped": false }));
    let down = installation.run(&["tenant", "list", "--output", "json"]);
    assert_eq!(down.status.code(), Some(9), "{down:?}");

    let again = start_again(&installation);
    assert_eq!((&again["engine"], &again["images"]), (&json!(installation.dev.engine), &json!(installation.dev.images)));
    assert_eq!(titles(&installation), Some(n_titles));

    // Killed, the supervisor can do nothing any more, and still nothing is left behind.
    all = ["freehold-engine", "freehold-images", "postgres"].iter().flat_map(|name| installation.processes(name)).collect();
    let supervisor = std::fs::read_to_string(installation.path().join("dev.pid")).unwrap().trim().parse().unwrap();
    kill(supervisor);
    eventually(|| all.iter().all(|pid| !is_alive(*pid)).then_some(()));
    start_again(&installation);
    assert_eq!(titles(&installation), Some(n_titles));

    assert_eq!(installation.json(&["dev", "reset"]).unwrap(), json!({ "removed": true }));
    assert!(!installation.path().exists());
}

#[test]
fn a_service_that_dies_is_started_again_on_its_port() {
    let installation = Installation::start().unwrap();
    let before = installation.processes("freehold-engine");
    kill(before[0]);
    eventually(|| titles(&installation).filter(|_| installation.processes("freehold-engine") != before));
    let log = std::fs::read_to_string(installation.path().join("logs/dev.log")).unwrap();
    assert!(log.contains("freehold-engine was ended by signal 9; starting it again"), "{log}");
}
