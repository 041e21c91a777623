//! Writes that meet: nothing is lost, nothing is half done, and what was said is true.

use std::sync::Barrier;
use std::thread;

use freehold_tests::{Answer, Client, Database, Installation, binaries, shared};
use serde_json::{Value, json};

/// A tenant with the corpus' schema and rows.
struct Tenant {
    url: String,
    token: String,
    database: Database,
}

impl Tenant {
    fn create(installation: &Installation, slug: &str) -> Self {
        let corpus = binaries::repository().join("tests/cases");
        let schema = corpus.join("schema.json");
        let tenant = installation.json(&["tenant", "create", slug, "--schema", schema.to_str().unwrap()]).unwrap();
        let mut database = installation.database(tenant["database"].as_str().unwrap()).unwrap();
        database.execute(&std::fs::read_to_string(corpus.join("seed.sql")).unwrap()).unwrap();
        let url = tenant["content_url"].as_str().unwrap().to_owned();
        Self { url, token: installation.token(slug, "admin").unwrap(), database }
    }

    fn count(&mut self, from: &str) -> String {
        self.database.texts(&format!("SELECT count(*)::text AS value FROM content.{from}")).unwrap().remove(0)
    }
}

fn send(url: &str, token: &str, document: &str) -> Answer {
    Client::default().graphql(url, Some(token), document, json!({})).unwrap()
}

/// Sends the documents at the same time; the data of each answer.
fn at_once(tenant: &Tenant, documents: &[String]) -> Vec<Value> {
    let start = Barrier::new(documents.len());
    thread::scope(|scope| {
        let (start, url, token) = (&start, &tenant.url, &tenant.token);
        let threads: Vec<_> = documents
            .iter()
            .map(|document| {
                scope.spawn(move || {
                    start.wait();
                    let answer = send(url, token, document);
                    assert_eq!(answer.status, 200, "{}", answer.json());
                    answer.json()["data"].clone()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn n_ok(answers: &[Value], field: &str) -> usize {
    answers.iter().filter(|answer| answer[field]["ok"] == true).count()
}

#[test]
fn upserts_of_one_key_make_one_row() {
    let mut tenant = Tenant::create(shared(), "racing-upserts");
    let upsert = r#"mutation { upsertTag(by: {name: "storm"}, update: {name: "storm"}, create: {name: "storm"}) { ok errorMessage node { name } } }"#;
    let answers = at_once(&tenant, &vec![upsert.to_owned(); 64]);
    assert_eq!(n_ok(&answers, "upsertTag"), 64, "{answers:?}");
    assert_eq!(tenant.count("tag WHERE name = 'storm'"), "1");
    let connect = |n: usize| {
        format!(
            r#"mutation {{ createArticle(data: {{title: "T", slug: "s{n}", site: {{connect: {{slug: "one"}}}},
                tags: [{{connectOrCreate: {{connect: {{name: "fresh"}}, create: {{name: "fresh"}}}}}}]}}) {{ ok errorMessage }} }}"#
        )
    };
    let answers = at_once(&tenant, &(0..16).map(connect).collect::<Vec<_>>());
    assert_eq!(n_ok(&answers, "createArticle"), 16, "{answers:?}");
    assert_eq!(tenant.count("tag WHERE name = 'fresh'"), "1");
    assert_eq!(tenant.count("article_tags x JOIN content.tag t ON t.id = x.tag_id WHERE t.name = 'fresh'"), "16");
}

#[test]
fn of_creations_with_one_key_one_succeeds_and_the_others_are_told() {
    let mut tenant = Tenant::create(shared(), "racing-creates");
    let create = r#"mutation { createTag(data: {name: "once"}) { ok errors { type message } } }"#;
    let answers = at_once(&tenant, &vec![create.to_owned(); 16]);
    assert_eq!(n_ok(&answers, "createTag"), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer["createTag"]["ok"] == false) {
        assert_eq!(answer["createTag"]["errors"][0]["type"], "UniqueConstraintViolation");
    }
    assert_eq!(tenant.count("tag WHERE name = 'once'"), "1");
}

/// PostgreSQL takes a second to see that two transactions wait for each other; one of them is then run again.
#[test]
fn rows_that_are_taken_in_opposite_orders_end_no_write() {
    let mut tenant = Tenant::create(shared(), "racing-deadlocks");
    let (ann, bob) = ("30000000-0000-4000-8000-000000000001", "30000000-0000-4000-8000-000000000002");
    let both = |first: &str, second: &str, name: String| {
        let update =
            |key: &str, id: &str| format!(r#"{key}: updateAuthor(by: {{id: "{id}"}}, data: {{name: "{name}"}}) {{ ok }}"#);
        format!("mutation {{ transaction {{ ok errorMessage {} {} }} }}", update("a", first), update("b", second))
    };
    for round in 0..6 {
        let documents = [both(ann, bob, format!("A{round}")), both(bob, ann, format!("B{round}"))];
        let answers = at_once(&tenant, &documents);
        assert_eq!(n_ok(&answers, "transaction"), 2, "{answers:?}");
        let names = tenant.database.texts("SELECT DISTINCT name AS value FROM content.author").unwrap();
        assert_eq!(names.len(), 1, "the same transaction wrote both rows last: {names:?}");
    }
}

#[test]
fn a_row_that_is_deleted_is_not_connected() {
    let mut tenant = Tenant::create(shared(), "racing-deletes");
    for round in 0..8 {
        let name = format!("short{round}");
        tenant.database.execute(&format!("INSERT INTO content.tag VALUES (gen_random_uuid(), '{name}')")).unwrap();
        let connect = format!(
            r#"mutation {{ updateArticle(by: {{site: {{slug: "one"}}, slug: "first"}}, data: {{tags: [{{connect: {{name: "{name}"}}}}]}}) {{ ok errors {{ type }} }} }}"#
        );
        let delete = format!(r#"mutation {{ deleteTag(by: {{name: "{name}"}}) {{ ok errorMessage }} }}"#);
        let answers = at_once(&tenant, &[connect, delete]);
        assert_eq!(answers[1]["deleteTag"]["ok"], true, "{answers:?}");
        if answers[0]["updateArticle"]["ok"] == false {
            let kind = &answers[0]["updateArticle"]["errors"][0]["type"];
            assert!(*kind == "NotFoundOrDenied" || *kind == "ForeignKeyConstraintViolation", "{answers:?}");
        }
        assert_eq!(tenant.count(&format!("tag WHERE name = '{name}'")), "0");
    }
    assert_eq!(tenant.count("article_tags x WHERE NOT EXISTS (SELECT FROM content.tag t WHERE t.id = x.tag_id)"), "0");
}

/// Nested writes while the engine is killed: each is there as a whole or not at all, and those that were answered are there.
#[test]
fn writes_survive_a_killed_engine_as_a_whole_or_not_at_all() {
    let installation = Installation::start().unwrap();
    let mut tenant = Tenant::create(&installation, "killed");
    let create = |n: usize| {
        format!(
            r#"mutation {{ createArticle(data: {{title: "K", slug: "k{n}", site: {{connect: {{slug: "one"}}}}, locales: [
                {{create: {{locale: "a", text: "1"}}}}, {{create: {{locale: "b", text: "2"}}}}, {{create: {{locale: "c", text: "3"}}}}]}}) {{ ok }} }}"#
        )
    };
    let (url, token) = (tenant.url.clone(), tenant.token.clone());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (url, token) = (url.clone(), token.clone());
            thread::spawn(move || {
                let mut acknowledged = Vec::new();
                for n in (writer..4_000).step_by(4) {
                    match Client::default().graphql(&url, Some(&token), &create(n), json!({})) {
                        Ok(answer) if answer.status == 200 && answer.json()["data"]["createArticle"]["ok"] == true => {
                            acknowledged.push(n)
                        }
                        _ => break,
                    }
                }
                acknowledged
            })
        })
        .collect();
    thread::sleep(std::time::Duration::from_millis(700));
    let engine = installation.processes("freehold-engine");
    assert!(!engine.is_empty());
    let pids = engine.iter().map(ToString::to_string);
    assert!(std::process::Command::new("kill").arg("-KILL").args(pids).status().unwrap().success());
    let acknowledged: Vec<usize> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    assert!(!acknowledged.is_empty(), "nothing was written before the engine was killed");
    for n in &acknowledged {
        assert_eq!(tenant.count(&format!("article WHERE slug = 'k{n}'")), "1", "{n} was acknowledged");
    }
    let halves = "article a WHERE title = 'K' AND (SELECT count(*) FROM content.article_locale l WHERE l.article_id = a.id) <> 3";
    assert_eq!(tenant.count(halves), "0");
}

/// Sends a document under an idempotency key.
fn send_keyed(url: &str, token: &str, key: &str, document: &str) -> Answer {
    let headers = [
        ("Authorization", format!("Bearer {token}")),
        ("Content-Type", "application/json".to_owned()),
        ("Accept", "application/json".to_owned()),
        ("Idempotency-Key", key.to_owned()),
    ];
    Client::default().post(url, &headers, json!({ "query": document }).to_string().as_bytes()).unwrap()
}

#[test]
fn a_key_that_is_sent_again_gets_the_first_answer() {
    let mut tenant = Tenant::create(shared(), "racing-keys");
    let (url, token) = (tenant.url.clone(), tenant.token.clone());
    let send = |key: &str, document: &str| send_keyed(&url, &token, key, document);
    let create = r#"mutation { a: createAuthor(data: {name: "Idem"}) { ok node { id } } b: createAuthor(data: {name: "Potent"}) { ok node { id } } }"#;
    let first = send("\"one\"", create);
    assert_eq!(first.data("/a/ok"), true, "{}", first.json());
    let again = send("one", create);
    assert_eq!(again.json(), first.json());
    assert_eq!(tenant.count("author WHERE name IN ('Idem', 'Potent')"), "2");
    // Another key is another request, and another request needs another key.
    assert_ne!(send("two", create).json(), first.json());
    let other = send("one", r#"mutation { createAuthor(data: {name: "Other"}) { ok } }"#);
    assert_eq!((other.status, other.code().as_deref()), (422, Some("IDEMPOTENCY_KEY_REUSED")), "{}", other.json());
    assert_eq!(tenant.count("author WHERE name = 'Other'"), "0");
    for bad in ["", "\"\"", &"x".repeat(256)] {
        let refused = send(bad, create);
        assert_eq!((refused.status, refused.code().as_deref()), (400, Some("IDEMPOTENCY_KEY_MALFORMED")), "{}", refused.json());
    }
    // What failed is answered as it was, whatever is true now.
    let taken = r#"mutation { createTag(data: {name: "rust"}) { ok errorMessage } }"#;
    let failed = send("three", taken);
    assert_eq!(failed.data("/createTag/ok"), false);
    let many = r#"mutation { createManyTag(data: [{name: "zig"}, {name: "rust"}]) { ok errorMessage } }"#;
    let many_failed = send("four", many);
    assert_eq!(many_failed.data("/createManyTag/ok"), false);
    tenant.database.execute("DELETE FROM content.article_tags; DELETE FROM content.tag").unwrap();
    assert_eq!(send("three", taken).json(), failed.json());
    assert_eq!(send("four", many).json(), many_failed.json());
    // After a day the key is forgotten.
    tenant.database.execute("UPDATE freehold.kept_answer SET created_at = now() - interval '25 hours'").unwrap();
    assert_eq!(send("three", taken).data("/createTag/ok"), true);
}

#[test]
fn a_key_that_is_sent_many_times_at_once_writes_once() {
    let mut tenant = Tenant::create(shared(), "racing-storm-of-keys");
    let (url, token) = (tenant.url.clone(), tenant.token.clone());
    let send = |key: &str, document: &str| send_keyed(&url, &token, key, document);
    let create = r#"mutation { createAuthor(data: {name: "Once"}) { ok node { id } } }"#;
    let start = Barrier::new(32);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let storm = || {
            start.wait();
            send("storm", create)
        };
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(storm)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (answered, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(busy.iter().all(|answer| answer.status == 409), "{:?}", busy.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(!answered.is_empty());
    assert!(answered.iter().all(|answer| answer.json() == answered[0].json()));
    assert_eq!(tenant.count("author WHERE name = 'Once'"), "1");
    assert_eq!(send("storm", create).json(), answered[0].json());
}
