//! PostgreSQL killed amid nested writes: what was acknowledged is there, everything is there whole or not at all, the event log agrees, and the engine goes on by itself.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use freehold_tests::{Client, Installation};
use serde_json::json;

use crate::journey::eventually_within;
use crate::outages::signal;

const SCHEMA: &str = "
type Article { slug: String! @unique, comments: [Comment!] @inverse(of: \"article\"), tags: [Tag!] }
type Comment { text: String!, article: Article! @relation(onDelete: CASCADE) }
type Tag { name: String! @unique }
";
/// Writes at once: as many transactions may be cut off.
const WRITERS: usize = 4;
/// Writes between two blows.
const SOME: usize = 25;
/// Recovery, the engine's breaker, and a busy machine.
const IN_TIME: Duration = Duration::from_secs(90);

/// An article of two comments and three tags, of which one is its own.
fn create(n: usize) -> String {
    format!(
        r#"mutation {{ createArticle(data: {{ slug: "s{n}",
            comments: [{{create: {{text: "1"}}}}, {{create: {{text: "2"}}}}],
            tags: [{{connect: {{name: "all"}}}}, {{create: {{name: "t{n}"}}}},
                   {{connectOrCreate: {{connect: {{name: "m{0}"}}, create: {{name: "m{0}"}}}}}}] }}) {{ ok }} }}"#,
        n / 10
    )
}

/// Writers that go on whatever happens.
struct Writing {
    acknowledged: Arc<Mutex<Vec<usize>>>,
    is_over: Arc<AtomicBool>,
    writers: Vec<JoinHandle<()>>,
}

impl Writing {
    fn begin(url: &str, token: &str) -> Self {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicUsize::new(0));
        let writer = |_| {
            let (url, token, acknowledged) = (url.to_owned(), token.to_owned(), Arc::clone(&acknowledged));
            let (is_over, next) = (Arc::clone(&is_over), Arc::clone(&next));
            thread::spawn(move || {
                let client = Client::default();
                while !is_over.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let answer = client.graphql(&url, Some(&token), &create(n), json!({})).expect("the engine answers");
                    if answer.json()["data"]["createArticle"]["ok"] == true {
                        acknowledged.lock().unwrap().push(n);
                    }
                }
            })
        };
        Self { writers: (0..WRITERS).map(writer).collect(), acknowledged, is_over }
    }

    /// Returns once some more were acknowledged.
    fn goes_on(&self) {
        let n_before = self.acknowledged.lock().unwrap().len();
        eventually_within(IN_TIME, || (self.acknowledged.lock().unwrap().len() >= n_before + SOME).then_some(()));
    }

    fn end(self) -> Vec<usize> {
        self.is_over.store(true, Ordering::Relaxed);
        self.writers.into_iter().for_each(|writer| writer.join().unwrap());
        Arc::into_inner(self.acknowledged).unwrap().into_inner().unwrap()
    }
}

/// A server that is started as the killed one was, and stopped when this is dropped.
struct Restarted(Child);

impl Restarted {
    /// Kills the whole server, and starts it again.
    fn kill(installation: &Installation) -> Self {
        let arguments = |pid: &i32| -> Vec<String> {
            let text = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            text.split_terminator('\0').map(str::to_owned).collect()
        };
        let all = installation.processes("postgres");
        let postmaster = all.iter().find(|pid| arguments(pid).contains(&"-D".to_owned())).expect("one of them got the folder");
        let (arguments, user) = (arguments(postmaster), std::fs::metadata(format!("/proc/{postmaster}")).unwrap());
        // Stopped first, so that it makes no more of them. Some may end by themselves meanwhile.
        signal("STOP", &[*postmaster]);
        for pid in installation.processes("postgres") {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
        }
        let mut command = Command::new(&arguments[0]);
        command.args(&arguments[1..]).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.uid(user.uid()).gid(user.gid());
        // It does not start while a session of the killed one is still ending.
        eventually_within(IN_TIME, || {
            let mut started = Self(command.spawn().unwrap());
            loop {
                if installation.database("postgres").is_ok() {
                    return Some(started);
                }
                if started.0.try_wait().unwrap().is_some() {
                    return None;
                }
                thread::sleep(Duration::from_millis(50));
            }
        })
    }
}

impl Drop for Restarted {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            signal("INT", &[self.0.id().cast_signed()]);
            self.0.wait().unwrap();
        }
    }
}

/// Kills a session of the engine that is in the middle of something; returns once PostgreSQL has ended all others for it.
fn kill_one(installation: &Installation, name: &str) {
    let at_work = format!(
        "SELECT pid::text AS value FROM pg_stat_activity WHERE datname = '{name}' AND state <> 'idle' AND pid <> pg_backend_pid()"
    );
    let mut database = installation.database(name).unwrap();
    let pid = eventually_within(IN_TIME, || database.texts(&at_work).unwrap().pop());
    signal("KILL", &[pid.parse().unwrap()]);
    eventually_within(IN_TIME, || database.texts(&at_work).is_err().then_some(()));
    eventually_within(IN_TIME, || installation.database(name).ok());
}

#[test]
fn nested_writes_survive_it_as_a_whole_or_not_at_all() {
    let installation = Installation::start().unwrap();
    let schema = installation.write("killed.graphql", SCHEMA);
    let tenant = installation.json(&["tenant", "create", "killed", "--schema", schema.to_str().unwrap()]).unwrap();
    let name = tenant["database"].as_str().unwrap();
    installation.database(name).unwrap().execute("INSERT INTO content.tag VALUES (gen_random_uuid(), 'all')").unwrap();
    let engine = installation.processes("freehold-engine");
    let writing = Writing::begin(tenant["content_url"].as_str().unwrap(), &installation.token("killed", "admin").unwrap());

    // One session dies, and PostgreSQL ends all others and recovers.
    for _ in 0..3 {
        writing.goes_on();
        kill_one(&installation, name);
    }
    writing.goes_on();
    let _restarted = Restarted::kill(&installation);
    writing.goes_on();
    let acknowledged = writing.end();
    assert_eq!(installation.processes("freehold-engine"), engine, "the engine was not started again");

    let mut database = installation.database(name).unwrap();
    let mut texts = |query: &str| database.texts(&format!("SELECT {query}")).unwrap();
    let slugs: std::collections::BTreeSet<String> = texts("slug AS value FROM content.article").into_iter().collect();
    let lost: Vec<&usize> = acknowledged.iter().filter(|n| !slugs.contains(&format!("s{n}"))).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let halves = "slug AS value FROM content.article a
         WHERE (SELECT count(*) FROM content.comment c WHERE c.article_id = a.id) <> 2
            OR (SELECT string_agg(left(t.name, 1), '' ORDER BY t.name) FROM content.article_tags x JOIN content.tag t ON t.id = x.tag_id WHERE x.article_id = a.id) <> 'amt'
         UNION ALL SELECT name FROM content.tag t WHERE NOT EXISTS (SELECT FROM content.article_tags x WHERE x.tag_id = t.id)";
    assert_eq!(texts(halves), Vec::<String>::new());
    // Rows and their creation in the log, either without the other.
    for (table, key) in [
        ("article", "ARRAY[id::text]"),
        ("comment", "ARRAY[id::text]"),
        ("article_tags", "ARRAY[article_id::text, tag_id::text]"),
        ("tag", "ARRAY[id::text]"),
    ] {
        let differ = format!(
            "coalesce(row.key, event.primary_key)::text AS value FROM (SELECT {key} AS key FROM content.{table}) row
             FULL JOIN (SELECT primary_key FROM freehold.event WHERE kind = 'create' AND table_name = '{table}') event ON event.primary_key = row.key
             WHERE row.key IS NULL OR event.primary_key IS NULL"
        );
        assert_eq!(texts(&differ), Vec::<String>::new(), "{table}");
    }
    // The engine may be sealing at this moment.
    eventually_within(IN_TIME, || installation.run(&["audit", "seal", "killed"]).status.success().then_some(()));
    let verified = installation.json(&["audit", "verify", "killed"]).unwrap();
    assert_eq!((&verified["ok"], &verified["unsealed"]), (&json!(true), &json!(0)), "{verified}");
}
