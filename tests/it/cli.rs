//! The command line as scripts see it: standard output, exit status, and what is said about mistakes.

use std::process::Output;

use freehold_tests::{binaries, shared};
use serde_json::Value;

fn blog() -> String {
    binaries::repository().join("examples/blog/schema.graphql").to_str().unwrap().to_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn failed(arguments: &[&str], exit: i32, code: &str) -> Value {
    let output = shared().run(&[arguments, &["--output", "json"]].concat());
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "answers go to standard output, errors do not: {output:?}");
    let error: Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(error["error"]["code"], code, "{error}");
    error
}

#[test]
fn failures_have_codes_and_exit_statuses() {
    failed(&["tenant", "show", "nobody"], 3, "NO_TENANT");
    failed(&["token", "create", "--tenant", "nobody", "--role", "admin"], 3, "NO_TENANT");
    failed(&["token", "create", "--tenant", "acme", "--role", "ghost"], 3, "ROLE_UNKNOWN");
    failed(&["token", "create", "--tenant", "acme", "--role", "editor", "--variable", "stie=1"], 3, "VARIABLE_UNKNOWN");
    assert!(shared().run(&["tenant", "resume", "acme"]).status.success(), "resuming an active tenant changes nothing");
    failed(&["tenant", "delete", "acme", "--confirm", "acne"], 8, "NEEDS_CONFIRMATION");
    assert_eq!(shared().run(&["tenant", "create"]).status.code(), Some(2));
    assert_eq!(shared().run(&["tenant", "create", "UPPER", "--schema", &blog()]).status.code(), Some(2));
}

#[test]
fn a_schema_with_ten_mistakes_reports_ten() {
    let broken = shared().write(
        "broken.graphql",
        r#"
extend schema @role(name: "reader", variables: [{ name: "site", entity: "Sitte" }])

type Article
  @unique(fields: ["slugg"])
  @allow(roles: ["writer"], read: true)
  @allow(roles: ["reader"], read: ["nothing"])
  @allow(roles: ["reader"], read: ["title"], when: { title: { like: "x" } })
{
  title: Strin!
  slug: String! @uniqe
  state: State! @default(value: "gone")
  author: Author @relation(onDelete: SOMETIMES)
  tags: [Tag]
  and: String
}

enum State { draft draft2 }
type Author { name: String!, articles: [Article!] @inverse(of: "writer") }
type Tag { name: String! }
"#,
    );
    let output = shared().run(&["schema", "check", broken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    let places: Vec<_> = text.lines().filter(|line| line.contains("broken.graphql:") && line.contains("error[")).collect();
    assert!(places.len() >= 10, "{} of ten were reported:\n{text}", places.len());
    assert!(text.contains("hint:"), "{text}");
}

#[test]
fn a_schema_goes_to_json_and_back_unchanged() {
    let installation = shared();
    let convert = |path: &str| {
        let output = installation.run(&["schema", "convert", path]);
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    };
    let json = installation.write("there.json", &convert(&blog()));
    let sdl = installation.write("back.graphql", &convert(json.to_str().unwrap()));
    let json_again = convert(sdl.to_str().unwrap());
    assert_eq!(std::fs::read_to_string(&json).unwrap(), json_again);
    assert!(installation.run(&["schema", "check", sdl.to_str().unwrap()]).status.success());
}

#[test]
fn the_api_of_a_role_is_printed() {
    let print = |role: &str| stdout(&shared().run(&["schema", "print", "--schema", &blog(), "--role", role]));
    let (admin, editor, reader) = (print("admin"), print("editor"), print("reader"));
    assert!(editor.contains("  generateUploadUrl(") && editor.contains("type S3SignedUpload {"), "{editor}");
    assert!(!reader.contains("S3"), "no rule lets readers do anything with objects: {reader}");
    assert!(admin.contains("type Mutation") && admin.contains("  email: String\n"), "{admin}");
    assert!(!reader.contains("type Mutation") && reader.contains("type Article {"), "{reader}");
    assert!(!reader.contains("email"), "readers do not learn that there are e-mail addresses");
    assert!(stdout(&shared().run(&["schema", "directives"])).contains("directive @inverse"));
}

#[test]
fn every_command_explains_itself() {
    for arguments in [
        &["--help"][..],
        &["tenant", "create", "--help"],
        &["schema", "check", "--help"],
        &["token", "create", "--help"],
        &["server", "add", "--help"],
        &["dev", "--help"],
    ] {
        let output = shared().run(arguments);
        assert!(output.status.success() && stdout(&output).contains("Usage: freehold"), "{output:?}");
    }
    let misspelt = shared().run(&["tenant", "creat", "x"]);
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&misspelt.stderr).contains("create"), "the right word is suggested: {misspelt:?}");
}

#[test]
fn lists_and_checks_answer_in_json() {
    let tenants = shared().json(&["tenant", "list"]).unwrap();
    let slugs: Vec<_> = tenants["tenants"].as_array().unwrap().iter().filter_map(|tenant| tenant["slug"].as_str()).collect();
    assert!(slugs.contains(&"acme") && slugs.contains(&"globex"), "{tenants}");
    assert_eq!(shared().json(&["tenant", "show", "acme"]).unwrap()["tenant_id"], shared().tenant("acme").tenant_id);
    shared().json(&["server", "list"]).unwrap();
    shared().json(&["server", "check"]).unwrap();
    shared().json(&["doctor"]).unwrap();
}
