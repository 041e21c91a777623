//! What people and monitors open.

use freehold_devstack::test_cluster;

use crate::running::Engine;

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

#[test]
fn a_browser_gets_the_page_of_any_slug_and_learns_nothing_from_it() {
    let engine = Engine::start(test_cluster());
    engine.tenant("acme");
    let [acme, nobody] = ["acme", "nobody"].map(|slug| engine.send("GET", &format!("/content/{slug}"), &[BROWSER], ()));
    assert_eq!((acme.status, acme.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(acme.text, nobody.text);
    assert!(acme.text.contains("make graphiql"), "without a bundle the page says what to do");
    let policy = acme.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    assert_eq!(engine.send("GET", "/graphiql/graphiql.js", &[], ()).status, 404);
}

#[test]
fn the_bundle_is_served_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["index.html", "graphiql.js", "graphiql.css", "secret.txt"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let directory = folder.path().to_owned();
    let engine = Engine::start_with(test_cluster(), |config| config.graphiql.directory = directory);
    assert_eq!(engine.send("GET", "/content/acme/live", &[BROWSER], ()).text, "index.html");
    let script = engine.send("GET", "/graphiql/graphiql.js", &[], ());
    assert_eq!((script.text.as_str(), script.header("content-type")), ("graphiql.js", Some("text/javascript; charset=utf-8")));
    for path in ["/graphiql/secret.txt", "/graphiql/..%2fsecret.txt", "/graphiql/%2e%2e/secret.txt"] {
        assert_eq!(engine.send("GET", path, &[], ()).status, 404, "{path}");
    }
}

#[test]
fn monitors_are_answered() {
    let engine = Engine::start(test_cluster());
    assert_eq!(engine.send("GET", "/", &[], ()).text, "App is running");
    assert_eq!(engine.send("GET", "/healthz", &[], ()).status, 200);
    assert_eq!(engine.send("GET", "/readyz", &[], ()).text, "ready");
    let acme = engine.tenant("acme");
    engine.query("acme", &engine.token(&acme, "admin"), "{ listNote { title } }");
    let metrics = engine.send("GET", "/metrics", &[], ()).text;
    for line in
        ["freehold_http_requests_total{status=\"2xx\"}", "freehold_http_request_seconds_bucket", "what=\"connections\"} 1"]
    {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    for hidden in ["acme", acme.id.to_string().as_str()] {
        assert!(!metrics.contains(hidden), "{metrics}");
    }
    assert_eq!(engine.send("POST", "/healthz", &[], "".to_owned()).status, 405);
}
