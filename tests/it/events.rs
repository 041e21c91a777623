//! The event log: what is recorded, that nobody but the triggers writes it, and that tampering is found.

mod log;
mod retention;
mod system;
mod tampering;

use freehold_tests::{Database, shared};
use serde_json::Value;

const SCHEMA: &str = r#"
extend schema @role(name: "reader") @role(name: "auditor", history: true)

type Note @allow(roles: ["reader", "auditor"], read: true) {
  title: String! @searchable(language: "english")
  rank: Int
  price: Decimal
  data: Json
  parent: Note @relation(onDelete: SET_NULL)
  tags: [Tag!]
  quiet: [Tag!] @eventLog(enabled: false)
}
type Tag { name: String! @unique }
type Draft @eventLog(enabled: false) { n: Int }
"#;

/// A tenant of its own.
struct Tenant {
    slug: &'static str,
    database: String,
}

impl Tenant {
    fn create(slug: &'static str) -> Self {
        let schema = shared().write(&format!("{slug}.graphql"), SCHEMA);
        let created = shared().json(&["tenant", "create", slug, "--schema", schema.to_str().unwrap()]).unwrap();
        Self { slug, database: created["database"].as_str().unwrap().to_owned() }
    }

    /// As the cluster's administrator.
    fn admin(&self) -> Database {
        shared().database(&self.database).unwrap()
    }

    /// With the rights of the role that the engine logs in as.
    fn login(&self) -> Database {
        let mut database = self.admin();
        database.execute(&format!("SET ROLE {}_a", self.database)).unwrap();
        database
    }

    fn seal(&self) -> i64 {
        shared().json(&["audit", "seal", self.slug]).unwrap()["sealed"].as_i64().unwrap()
    }

    /// The answer of `freehold audit verify`, and its exit code.
    fn verify(&self, more: &[&str]) -> (Value, Option<i32>) {
        let arguments = [&["audit", "verify", self.slug], more, &["--output", "json"]].concat();
        let output = shared().run(&arguments);
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (answer, output.status.code())
    }

    #[track_caller]
    fn is_whole(&self) -> Value {
        let (answer, exit) = self.verify(&[]);
        assert_eq!((&answer["ok"], exit), (&Value::Bool(true), Some(0)), "{answer}");
        answer
    }
}

const IDENTITY: &str = "00000000-0000-4000-8000-000000000007";

/// Runs statements in one transaction as the engine begins it.
fn write(database: &mut Database, statements: &str) {
    let authorship = format!("SET LOCAL freehold.authorship = '{IDENTITY} request-1 Save'");
    database.execute(&format!("BEGIN; {authorship}; {statements}; COMMIT")).unwrap();
}

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}
