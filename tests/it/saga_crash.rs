//! `tenant create` killed, repeated and raced: one tenant or none, never a half.

use std::process::{Child, Stdio};
use std::time::Duration;

use freehold_tests::{Client, Installation, binaries, shared};
use serde_json::json;

fn schema() -> String {
    binaries::repository().join("examples/blog/schema.graphql").to_str().unwrap().to_owned()
}

fn creating(installation: &Installation, slug: &str) -> Child {
    let mut command = installation.cli();
    command.args(["tenant", "create", slug, "--schema", &schema(), "--output", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command line starts")
}

/// Databases and roles of tenants on the server that no active tenant of the catalogue accounts for.
fn leftovers(installation: &Installation) -> Vec<String> {
    let tenants = installation.json(&["tenant", "list"]).unwrap();
    let ids: Vec<String> =
        tenants["tenants"].as_array().unwrap().iter().map(|tenant| tenant["tenant_id"].as_str().unwrap().to_owned()).collect();
    let databases: Vec<String> = ids
        .iter()
        .filter_map(|id| {
            let slug = tenants["tenants"].as_array().unwrap().iter().find(|tenant| tenant["tenant_id"] == id.as_str())?["slug"]
                .as_str()?;
            installation.json(&["tenant", "show", slug]).ok()?["database"].as_str().map(str::to_owned)
        })
        .collect();
    let mut postgres = installation.database("postgres").unwrap();
    let found = postgres.texts(r"SELECT datname::text AS value FROM pg_database WHERE datname LIKE 't\_%' UNION ALL SELECT rolname::text FROM pg_roles WHERE rolname LIKE 't\_%'");
    found.unwrap().into_iter().filter(|name| !databases.iter().any(|database| name.starts_with(database.as_str()))).collect()
}

fn answers(installation: &Installation, slug: &str) -> bool {
    let shown = installation.json(&["tenant", "show", slug]).unwrap();
    let token = installation.token(slug, "admin").unwrap();
    let url = shown["content_url"].as_str().unwrap();
    Client::default().graphql(url, Some(&token), "{ listSite { id } }", json!({})).unwrap().data("/listSite") == json!([])
}

/// Killed at moments that are spread over the whole run, then run again. The steps' own proofs fail at each step; this one knows no steps.
#[test]
fn killed_at_any_moment_it_is_finished_by_running_it_again() {
    let installation = shared();
    let began = std::time::Instant::now();
    assert!(creating(installation, "whole").wait_with_output().unwrap().status.success());
    let whole = began.elapsed();
    for tenth in 1..=9 {
        let slug = format!("killed-{tenth}");
        let mut first = creating(installation, &slug);
        std::thread::sleep(whole * tenth / 10);
        first.kill().unwrap();
        first.wait().unwrap();
        // The lease of the killed process runs out by itself; until then the command says so, with the exit status for "try again later".
        let finished = crate::journey::eventually_within(Duration::from_secs(90), || {
            let output = installation.run(&["tenant", "create", &slug, "--schema", &schema(), "--output", "json"]);
            match output.status.code() {
                Some(0) => Some(output),
                Some(9) => None,
                _ => panic!("{output:?}"),
            }
        });
        assert!(finished.status.success());
        assert!(answers(installation, &slug), "{slug} does not answer");
    }
    assert_eq!(leftovers(installation), Vec::<String>::new());
}

#[test]
fn created_twice_it_is_one_tenant() {
    let installation = shared();
    let create = || installation.json(&["tenant", "create", "twice", "--schema", &schema()]).unwrap();
    let (first, second) = (create(), create());
    assert_eq!(first["tenant_id"], second["tenant_id"]);
    assert_eq!((&first["created"], &second["created"]), (&json!(true), &json!(false)));
    // With another schema it is another wish, and refused.
    let other = installation.write("other.graphql", "type Thing { name: String }");
    let refused = installation.run(&["tenant", "create", "twice", "--schema", other.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
}

#[test]
fn created_by_many_at_once_it_is_one_tenant() {
    let installation = shared();
    let processes: Vec<_> = (0..4).map(|_| creating(installation, "raced")).collect();
    let outputs: Vec<_> = processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    assert!(outputs.iter().any(|output| output.status.success()), "{outputs:?}");
    for output in &outputs {
        assert!(matches!(output.status.code(), Some(0 | 5 | 9)), "{output:?}");
    }
    let ids: std::collections::BTreeSet<_> = outputs
        .iter()
        .filter(|output| output.status.success())
        .map(|output| {
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["tenant_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(answers(installation, "raced"));
}
