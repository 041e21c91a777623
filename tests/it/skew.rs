//! What a mutation checks while another one changes it: what holds until the commit, and what is true of the mutation's snapshot only (content API, "Mutations at the same time").
//!
//! Nothing here depends on luck: somebody else holds a lock until the mutation is seen waiting for it.

use std::thread;

use freehold_tests::{Client, Database, shared};
use serde_json::{Value, json};

use crate::journey::eventually;

/// Editors change drafts and their links, connect open tags, and delete their own comments only.
const SCHEMA: &str = r#"
extend schema @role(name: "editor")
type Article
  @allow(roles: ["editor"], read: true)
  @allow(roles: ["editor"], update: true, delete: true, when: { state: { eq: "draft" } })
{
  code: String! @unique
  state: String! @default(value: "draft")
  title: String
  tags: [Tag!]
  cover: Cover @oneToOne(removeOrphan: true)
  comments: [Comment!] @inverse(of: "article")
}
type Tag @allow(roles: ["editor"], read: true) @allow(roles: ["editor"], update: true, when: { open: { eq: true } }) {
  name: String! @unique
  open: Boolean! @default(value: true)
  articles: [Article!] @inverse(of: "tags")
}
type Comment @allow(roles: ["editor"], read: true, update: true) @allow(roles: ["editor"], delete: true, when: { own: { eq: true } }) {
  code: String! @unique
  own: Boolean! @default(value: true)
  text: String
  article: Article! @relation(onDelete: CASCADE)
}
type Cover @allow(roles: ["editor"], read: true, delete: true) { code: String! @unique }
type Poster { cover: Cover! }
type Shift { name: String! @unique, n: Int!, doctors: [Doctor!] @inverse(of: "shift") }
type Doctor { name: String! @unique, onCall: Boolean!, shift: Shift! }
"#;

const SEED: &str = "
INSERT INTO cover VALUES (gen_random_uuid(), 'c');
INSERT INTO article (id, code, state, title, cover_id) SELECT gen_random_uuid(), 'a', 'draft', 'T', id FROM cover;
INSERT INTO article (id, code, state) VALUES (gen_random_uuid(), 'b', 'draft');
INSERT INTO tag VALUES (gen_random_uuid(), 't', true), (gen_random_uuid(), 'u', true);
INSERT INTO article_tags (article_id, tag_id) SELECT a.id, t.id FROM article a, tag t WHERE a.code = 'a' AND t.name = 'u';
INSERT INTO comment (id, code, own, article_id) SELECT gen_random_uuid(), 'k', true, id FROM article WHERE code = 'a';
INSERT INTO shift VALUES (gen_random_uuid(), 'night', 2);
INSERT INTO doctor (id, name, on_call, shift_id) SELECT gen_random_uuid(), doctor, true, shift.id FROM shift, unnest(ARRAY['ann', 'bob']) doctor;
";

/// A tenant of its own, and the row's history in other hands.
struct World {
    url: String,
    name: String,
    slug: &'static str,
    other: Database,
}

impl World {
    fn create(slug: &'static str) -> Self {
        let path = shared().write(&format!("{slug}.graphql"), SCHEMA);
        let tenant = shared().json(&["tenant", "create", slug, "--schema", path.to_str().unwrap()]).unwrap();
        let name = tenant["database"].as_str().unwrap().to_owned();
        let url = tenant["content_url"].as_str().unwrap().to_owned();
        let mut world = Self { url, slug, other: connect(&name), name };
        world.other.execute(SEED).unwrap();
        world
    }

    /// The result of a mutation's only field, under the key `it`, when it is sent now and `meanwhile` is done.
    fn during(&mut self, role: &str, documents: &[&str], meanwhile: impl FnOnce(&mut Self)) -> Vec<Value> {
        let token = shared().token(self.slug, role).unwrap();
        let sent: Vec<_> = documents
            .iter()
            .map(|document| {
                let (url, token, document) = (self.url.clone(), token.clone(), format!("mutation {{ {document} }}"));
                thread::spawn(move || {
                    let answer = Client::default().graphql(&url, Some(&token), &document, json!({})).unwrap();
                    answer.data("/it")
                })
            })
            .collect();
        meanwhile(self);
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    }

    /// Returns once so many sessions wait for locks of others.
    fn wait_for(&self, n: usize) {
        let query = format!(
            "SELECT pid::text AS value FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
            self.name
        );
        let mut database = connect(&self.name);
        eventually(|| (database.texts(&query).unwrap().len() == n).then_some(()));
    }

    fn texts(&mut self, query: &str) -> Vec<String> {
        self.other.texts(&format!("SELECT {query}")).unwrap()
    }
}

fn connect(name: &str) -> Database {
    let mut database = shared().database(name).unwrap();
    database.execute("SET search_path = content").unwrap();
    database
}

fn kind(result: &Value) -> Option<&str> {
    result["errors"][0]["type"].as_str()
}

/// Mutations that are allowed by what the row `a`, or the tag `t`, is; and the change that takes it away.
const JUDGED: [(&str, &str, &str); 5] = [
    ("editor", "title: \"X\"", PUBLISH),
    ("editor", "tags: [{connect: {name: \"t\"}}]", PUBLISH),
    ("editor", "tags: [{disconnect: {name: \"u\"}}]", PUBLISH),
    ("editor", "tags: [{connect: {name: \"t\"}}]", "UPDATE tag SET open = false WHERE name = 't'"),
    // Only the filter judges, and nothing of the row itself is changed.
    ("admin", "", PUBLISH),
];
const PUBLISH: &str = "UPDATE article SET state = 'published' WHERE code = 'a'";

fn judged(data: &str) -> String {
    let comment = "comments: [{update: {by: {code: \"k\"}, data: {text: \"X\"}}}]";
    let separator = if data.is_empty() { "" } else { ", " };
    format!(
        "it: updateArticle(by: {{code: \"a\"}}, filter: {{state: {{eq: \"draft\"}}}}, data: {{{data}{separator}{comment}}}) {{ ok errors {{ type }} }}"
    )
}

#[test]
fn what_was_taken_away_before_the_commit_ends_the_mutation() {
    let mut world = World::create("skew-before");
    for (role, data, change) in JUDGED {
        world.other.execute(&format!("BEGIN; {change}")).unwrap();
        let results = world.during(role, &[&judged(data)], |world| {
            world.wait_for(1);
            world.other.execute("COMMIT").unwrap();
        });
        assert_eq!(kind(&results[0]), Some("NotFoundOrDenied"), "{role} {data} {change}: {results:?}");
        world.other.execute("UPDATE article SET state = 'draft'; UPDATE tag SET open = true").unwrap();
    }
    assert_eq!(world.texts("text AS value FROM comment WHERE text IS NOT NULL"), Vec::<String>::new());
}

#[test]
fn what_a_mutation_was_allowed_by_stays_until_its_commit() {
    let mut world = World::create("skew-after");
    for (role, data, change) in JUDGED {
        // The mutation has judged and changed, and waits at its last row.
        world.other.execute("BEGIN; SELECT FROM comment FOR UPDATE").unwrap();
        let name = world.name.clone();
        let results = world.during(role, &[&judged(data)], |world| {
            world.wait_for(1);
            let changing = thread::spawn(move || connect(&name).execute(change).unwrap());
            world.wait_for(2);
            world.other.execute("COMMIT").unwrap();
            changing.join().unwrap();
        });
        assert_eq!(results[0]["ok"], true, "{role} {data} {change}: {results:?}");
        world.other.execute("UPDATE article SET state = 'draft'; UPDATE tag SET open = true; DELETE FROM article_tags").unwrap();
        world.other.execute("INSERT INTO article_tags (article_id, tag_id) SELECT a.id, t.id FROM article a, tag t WHERE code = 'a' AND name = 'u'").unwrap();
    }
}

#[test]
fn a_deletion_takes_nothing_that_it_did_not_judge() {
    let mut world = World::create("skew-deletions");
    let comment = "INSERT INTO comment (id, code, own, article_id) SELECT gen_random_uuid(), 'new', false, id FROM article WHERE code = 'a'";
    let poster = "INSERT INTO poster (id, cover_id) SELECT gen_random_uuid(), id FROM cover";
    let steal = "UPDATE article SET cover_id = NULL WHERE code = 'a'; UPDATE article SET cover_id = cover.id FROM cover WHERE article.code = 'b'";
    let delete = "it: deleteArticle(by: {code: \"a\"}) { ok errors { type } }";
    let let_go = "it: updateArticle(by: {code: \"a\"}, data: {cover: {disconnect: true}}) { ok errors { type } }";
    let violation = Some("ForeignKeyConstraintViolation");
    for (document, change, expected) in [
        // A comment would go with it that is somebody else's, or has just become so.
        (delete, comment, violation),
        (delete, "UPDATE comment SET own = false", violation),
        (let_go, poster, violation),
        (delete, poster, violation),
        // The cover is somebody else's now: there is none to let go.
        (let_go, steal, None),
    ] {
        world.other.execute(&format!("BEGIN; {change}")).unwrap();
        let results = world.during("editor", &[document], |world| {
            world.wait_for(1);
            world.other.execute("COMMIT").unwrap();
        });
        assert_eq!(
            (kind(&results[0]), &results[0]["ok"]),
            (expected, &json!(expected.is_none())),
            "{document} {change}: {results:?}"
        );
        assert_eq!(world.texts("a.code AS value FROM article a ORDER BY 1"), ["a", "b"]);
        assert_eq!(world.texts("code AS value FROM cover"), ["c"]);
        world
            .other
            .execute("DELETE FROM comment WHERE NOT own AND code = 'new'; UPDATE comment SET own = true; DELETE FROM poster")
            .unwrap();
    }
    assert_eq!(world.texts("article.code AS value FROM article JOIN cover ON cover.id = cover_id"), ["b"]);
}

/// Both find it free. The one that comes second takes it from the first, as it would have a moment later.
#[test]
fn a_row_that_one_may_hold_goes_from_one_to_the_next() {
    let mut world = World::create("skew-holders");
    world.other.execute("UPDATE article SET cover_id = NULL").unwrap();
    let take = |code: &str| {
        format!(
            "it: updateArticle(by: {{code: \"{code}\"}}, data: {{cover: {{connect: {{code: \"c\"}}}}}}) {{ ok errors {{ type }} }}"
        )
    };
    let taking = |world: &mut World, [one, other]: [String; 2]| {
        world.other.execute("BEGIN; SELECT FROM article FOR UPDATE").unwrap();
        world.during("admin", &[&one, &other], |world| {
            world.wait_for(2);
            world.other.execute("COMMIT").unwrap();
        })
    };
    let results = taking(&mut world, [take("a"), take("b")]);
    assert!(results.iter().all(|result| result["ok"] == true), "{results:?}");
    assert_eq!(world.texts("count(*)::text AS value FROM article WHERE cover_id IS NOT NULL"), ["1"]);
}

/// REPEATABLE READ, and no more: each doctor leaves because the other one is there, and each says so of rows that it does not change.
#[test]
fn conditions_on_other_rows_are_judged_as_of_the_snapshot() {
    let mut world = World::create("skew-doctors");
    let leave = |me: &str, other: &str| {
        let filter = format!("{{shift: {{doctors: {{name: {{eq: \"{other}\"}}, onCall: {{eq: true}}}}}}}}");
        format!("it: updateDoctor(by: {{name: \"{me}\"}}, filter: {filter}, data: {{onCall: false}}) {{ ok errors {{ type }} }}")
    };
    let both = |world: &mut World, documents: [&str; 2]| {
        world.other.execute("BEGIN; SELECT FROM doctor FOR UPDATE; SELECT FROM shift FOR UPDATE").unwrap();
        let results = world.during("admin", &documents, |world| {
            world.wait_for(2);
            world.other.execute("COMMIT").unwrap();
        });
        results.iter().filter(|result| result["ok"] == true).count()
    };
    assert_eq!(both(&mut world, [&leave("ann", "bob"), &leave("bob", "ann")]), 2);
    assert_eq!(world.texts("name AS value FROM doctor WHERE on_call"), Vec::<String>::new());

    // The condition is one of a row that both change: the second one judges what the first one left.
    world.other.execute("UPDATE doctor SET on_call = true").unwrap();
    let counted = |me: &str| {
        format!(
            "it: transaction {{ ok updateShift(by: {{name: \"night\"}}, filter: {{n: {{eq: 2}}}}, data: {{n: 1}}) {{ ok }}
             updateDoctor(by: {{name: \"{me}\"}}, data: {{onCall: false}}) {{ ok }} }}"
        )
    };
    assert_eq!(both(&mut world, [&counted("ann"), &counted("bob")]), 1);
    assert_eq!(world.texts("count(*)::text AS value FROM doctor WHERE on_call"), ["1"]);
}
