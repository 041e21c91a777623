//! The same with nested operations: a note of one document, a person of many, labels of many. The event log is compared after every step, links included.

use std::collections::{BTreeMap, BTreeSet};

use freehold_tests::{Client, Database, shared};
use serde_json::json;

use super::{DENIED, Expected, TAKEN};
use crate::generator::random::Random;

/// Members do not see the label `k0`, whose name is taken all the same.
const SCHEMA: &str = r#"
extend schema @role(name: "member")
type Doc @allow(roles: ["member"], read: true, create: true, update: true, delete: true) {
    key: String! @unique
    owner: Person @relation(onDelete: SET_NULL)
    notes: [Note!] @inverse(of: "doc")
    labels: [Label!]
}
type Person @allow(roles: ["member"], read: true, create: true, update: true, delete: true) {
    key: String! @unique
    n: Int
    docs: [Doc!] @inverse(of: "owner")
}
type Note @allow(roles: ["member"], read: true, create: true, update: true, delete: true) {
    key: String! @unique
    n: Int
    doc: Doc @relation(onDelete: CASCADE)
}
type Label @allow(roles: ["member"], read: true, create: true, update: true, delete: true, when: { secret: { eq: false } }) {
    key: String! @unique
    n: Int
    secret: Boolean! @default(value: false)
    docs: [Doc!] @inverse(of: "labels")
}
"#;
const STEPS: usize = 600;
const HIDDEN: &str = "k0";

type Key = String;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Connect,
    ConnectOrCreate,
    Update,
    Upsert,
    Disconnect,
    Delete,
}

/// A relation of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Owner,
    Notes,
    Labels,
}

/// One nested operation: on which row, and the number that is written into it.
#[derive(Debug)]
struct Operation {
    field: Field,
    verb: Verb,
    key: Key,
    n: usize,
}

#[derive(Debug, Default, Clone)]
struct Doc {
    owner: Option<Key>,
    labels: BTreeSet<Key>,
}

#[derive(Debug, Clone)]
struct Note {
    n: usize,
    doc: Option<Key>,
}

/// What the database should hold, and what the step told the log.
#[derive(Debug, Default, Clone)]
struct Model {
    docs: BTreeMap<Key, Doc>,
    people: BTreeMap<Key, usize>,
    notes: BTreeMap<Key, Note>,
    labels: BTreeMap<Key, usize>,
    events: Vec<String>,
}

type Done = Result<(), &'static str>;

fn denied<T>() -> Result<T, &'static str> {
    Err(DENIED.unwrap())
}

impl Model {
    fn tell(&mut self, event: &str) {
        self.events.push(event.to_owned());
    }

    fn create(&mut self, doc: &Key, operations: &[Operation]) -> Done {
        let mut new = Doc::default();
        if let Some(owner) = operations.iter().find(|operation| operation.field == Field::Owner) {
            new.owner = self.owner(None, owner)?;
        }
        // Labels that are only connected belong to the row's own statement, and whether they are there is told before whether its key is taken.
        let is_one_statement = |it: &Operation| it.field == Field::Owner || it.field == Field::Labels && it.verb == Verb::Connect;
        let is_unseen = |it: &Operation| it.field == Field::Labels && !self.sees(&it.key);
        if operations.iter().all(is_one_statement) && operations.iter().any(is_unseen) {
            return denied();
        }
        insert(&mut self.docs, doc, new)?;
        self.tell("create doc");
        self.below(doc, operations)
    }

    fn update(&mut self, doc: &Key, operations: &[Operation]) -> Done {
        let Some(before) = self.docs.get(doc).cloned() else { return denied() };
        if let Some(owner) = operations.iter().find(|operation| operation.field == Field::Owner) {
            let owner = self.owner(before.owner.clone(), owner)?;
            // When the person was deleted, PostgreSQL has let go of it already.
            let held = self.docs[doc].owner.clone();
            if owner != held {
                self.tell("update doc");
            }
            self.docs.get_mut(doc).unwrap().owner = owner;
        }
        self.below(doc, operations)
    }

    fn delete(&mut self, doc: &Key) -> Done {
        let Some(gone) = self.docs.remove(doc) else { return denied() };
        self.tell("delete doc");
        let links = gone.labels.iter().map(|_| "delete doc_labels".to_owned());
        self.events.extend(links);
        let n_before = self.notes.len();
        self.notes.retain(|_, note| note.doc.as_ref() != Some(doc));
        self.events.extend((self.notes.len()..n_before).map(|_| "delete note".to_owned()));
        Ok(())
    }

    fn below(&mut self, doc: &Key, operations: &[Operation]) -> Done {
        operations.iter().try_for_each(|operation| match operation.field {
            Field::Owner => Ok(()),
            Field::Notes => self.note(doc, operation),
            Field::Labels => self.label(doc, operation),
        })
    }

    /// Whom the document has afterwards.
    fn owner(&mut self, held: Option<Key>, Operation { verb, key, n, .. }: &Operation) -> Result<Option<Key>, &'static str> {
        let is_there = self.people.contains_key(key);
        match (verb, held) {
            (Verb::Connect, _) if !is_there => return denied(),
            (Verb::Connect, _) => {}
            (Verb::ConnectOrCreate, _) if is_there => {}
            (Verb::Create | Verb::ConnectOrCreate, _) | (Verb::Upsert, None) => {
                insert(&mut self.people, key, *n)?;
                self.tell("create person");
            }
            (Verb::Update | Verb::Upsert, Some(held)) => {
                if self.people.insert(held.clone(), *n) != Some(*n) {
                    self.tell("update person");
                }
                return Ok(Some(held));
            }
            (Verb::Delete, Some(held)) => {
                self.people.remove(&held);
                self.tell("delete person");
                for doc in self.docs.values_mut().filter(|doc| doc.owner.as_ref() == Some(&held)) {
                    doc.owner = None;
                    self.events.push("update doc".to_owned());
                }
                return Ok(None);
            }
            (Verb::Disconnect, _) | (Verb::Update | Verb::Delete, None) => return Ok(None),
        }
        Ok(Some(key.clone()))
    }

    fn note(&mut self, doc: &Key, Operation { verb, key, n, .. }: &Operation) -> Done {
        let is_there = self.notes.contains_key(key);
        let is_ours = self.notes.get(key).is_some_and(|note| note.doc.as_ref() == Some(doc));
        let here = Note { n: *n, doc: Some(doc.clone()) };
        match verb {
            Verb::Connect if !is_there => denied(),
            Verb::Update | Verb::Disconnect | Verb::Delete if !is_ours => denied(),
            Verb::Connect => self.change_note(key, |note| note.doc = here.doc),
            Verb::ConnectOrCreate if is_there => self.change_note(key, |note| note.doc = here.doc),
            Verb::Update => self.change_note(key, |note| note.n = *n),
            Verb::Upsert if is_ours => self.change_note(key, |note| note.n = *n),
            Verb::Disconnect => self.change_note(key, |note| note.doc = None),
            Verb::Delete => {
                self.notes.remove(key);
                self.tell("delete note");
                Ok(())
            }
            Verb::Create | Verb::ConnectOrCreate | Verb::Upsert => {
                insert(&mut self.notes, key, here)?;
                self.tell("create note");
                Ok(())
            }
        }
    }

    fn change_note(&mut self, key: &Key, change: impl FnOnce(&mut Note)) -> Done {
        let note = self.notes.get_mut(key).unwrap();
        let before = note.clone();
        change(note);
        if (note.n, &note.doc) != (before.n, &before.doc) {
            self.tell("update note");
        }
        Ok(())
    }

    fn sees(&self, label: &Key) -> bool {
        label != HIDDEN && self.labels.contains_key(label)
    }

    fn label(&mut self, doc: &Key, Operation { verb, key, n, .. }: &Operation) -> Done {
        let is_seen = self.sees(key);
        match verb {
            Verb::Connect | Verb::Update | Verb::Disconnect | Verb::Delete if !is_seen => return denied(),
            Verb::Update | Verb::Upsert if is_seen => {
                if self.labels.insert(key.clone(), *n) != Some(*n) {
                    self.tell("update label");
                }
            }
            Verb::Connect => {}
            Verb::ConnectOrCreate if is_seen => {}
            Verb::Create | Verb::ConnectOrCreate | Verb::Update | Verb::Upsert => {
                insert(&mut self.labels, key, *n)?;
                self.tell("create label");
            }
            Verb::Disconnect => {
                if self.docs.get_mut(doc).unwrap().labels.remove(key) {
                    self.tell("delete doc_labels");
                }
                return Ok(());
            }
            Verb::Delete => {
                self.labels.remove(key);
                self.tell("delete label");
                for doc in self.docs.values_mut().filter(|doc| doc.labels.contains(key)) {
                    doc.labels.remove(key);
                    self.events.push("delete doc_labels".to_owned());
                }
                return Ok(());
            }
        }
        if self.docs.get_mut(doc).unwrap().labels.insert(key.clone()) {
            self.tell("create doc_labels");
        }
        Ok(())
    }

    /// Every row, as [`stored`] tells it.
    fn lines(&self) -> Vec<String> {
        let or = |key: &Option<Key>| key.clone().unwrap_or("-".to_owned());
        let labels = |doc: &Doc| doc.labels.iter().cloned().collect::<Vec<_>>().join(",");
        let docs = self.docs.iter().map(|(key, doc)| format!("doc {key} {} [{}]", or(&doc.owner), labels(doc)));
        let people = self.people.iter().map(|(key, n)| format!("person {key} {n}"));
        let notes = self.notes.iter().map(|(key, note)| format!("note {key} {} {}", note.n, or(&note.doc)));
        let labels = self.labels.iter().map(|(key, n)| format!("label {key} {n}"));
        let mut lines: Vec<String> = docs.chain(people).chain(notes).chain(labels).collect();
        lines.sort();
        lines
    }
}

fn insert<T>(rows: &mut BTreeMap<Key, T>, key: &Key, row: T) -> Done {
    if rows.contains_key(key) {
        return Err(TAKEN.unwrap());
    }
    rows.insert(key.clone(), row);
    Ok(())
}

impl Operation {
    /// `verbs` are those that the input has.
    fn random(random: &mut Random, field: Field, verbs: &[Verb]) -> Self {
        let key = if random.percent(3) { HIDDEN.to_owned() } else { format!("k{}", 1 + random.below(6)) };
        Self { field, verb: *random.pick(verbs), key, n: random.below(3) }
    }

    /// As GraphQL. Of has-one relations the row is the one that is held, so nothing names it.
    fn text(&self) -> String {
        let Self { field, verb, key, n } = self;
        let (by, row) = (format!("{{key: \"{key}\"}}"), format!("{{key: \"{key}\", n: {n}}}"));
        let is_one = *field == Field::Owner;
        match verb {
            Verb::Create => format!("{{create: {row}}}"),
            Verb::Connect => format!("{{connect: {by}}}"),
            Verb::ConnectOrCreate => format!("{{connectOrCreate: {{connect: {by}, create: {row}}}}}"),
            Verb::Update if is_one => format!("{{update: {{n: {n}}}}}"),
            Verb::Update => format!("{{update: {{by: {by}, data: {{n: {n}}}}}}}"),
            Verb::Upsert if is_one => format!("{{upsert: {{update: {{n: {n}}}, create: {row}}}}}"),
            Verb::Upsert => format!("{{upsert: {{by: {by}, update: {{n: {n}}}, create: {row}}}}}"),
            Verb::Disconnect if is_one => "{disconnect: true}".to_owned(),
            Verb::Disconnect => format!("{{disconnect: {by}}}"),
            Verb::Delete if is_one => "{delete: true}".to_owned(),
            Verb::Delete => format!("{{delete: {by}}}"),
        }
    }
}

/// Operations below a document, in the order in which they are carried out, and as GraphQL.
fn random_data(random: &mut Random, verbs: &[Verb]) -> (Vec<Operation>, String) {
    let mut fields = [("owner", Field::Owner, 1), ("notes", Field::Notes, 2), ("labels", Field::Labels, 2)];
    if random.percent(50) {
        fields.swap(1, 2);
    }
    let (mut operations, mut texts) = (Vec::new(), Vec::new());
    for (name, field, most) in fields {
        let n = random.below(most + 1);
        let some: Vec<Operation> = (0..n).map(|_| Operation::random(random, field, verbs)).collect();
        let list = some.iter().map(Operation::text).collect::<Vec<_>>().join(", ");
        texts
            .extend((n > 0).then(|| if field == Field::Owner { format!("{name}: {list}") } else { format!("{name}: [{list}]") }));
        operations.extend(some);
    }
    (operations, texts.join(", "))
}

/// One mutation as GraphQL, done to the model as a whole or not at all; what its result should be.
fn step(random: &mut Random, model: &mut Model) -> (String, Expected) {
    const ON_CREATE: [Verb; 3] = [Verb::Create, Verb::Connect, Verb::ConnectOrCreate];
    const ALL: [Verb; 7] =
        [Verb::Create, Verb::Connect, Verb::ConnectOrCreate, Verb::Update, Verb::Upsert, Verb::Disconnect, Verb::Delete];
    let doc = format!("d{}", random.below(4));
    let mut after = Model { events: Vec::new(), ..model.clone() };
    let (text, done) = match random.below(10) {
        0..3 => {
            let (operations, data) = random_data(random, &ON_CREATE);
            let separator = if data.is_empty() { "" } else { ", " };
            (format!("createDoc(data: {{key: \"{doc}\"{separator}{data}}})"), after.create(&doc, &operations))
        }
        3 if random.percent(50) => (format!("deleteDoc(by: {{key: \"{doc}\"}})"), after.delete(&doc)),
        _ => {
            let (operations, data) = random_data(random, &ALL);
            (format!("updateDoc(by: {{key: \"{doc}\"}}, data: {{{data}}})"), after.update(&doc, &operations))
        }
    };
    match done {
        Ok(()) => *model = after,
        Err(_) => model.events.clear(),
    }
    (text, done.err())
}

fn stored(database: &mut Database) -> Vec<String> {
    let query = "SELECT format('doc %s %s [%s]', d.key, coalesce(p.key, '-'), (
                     SELECT string_agg(l.key, ',' ORDER BY l.key) FROM content.doc_labels x JOIN content.label l ON l.id = x.label_id WHERE x.doc_id = d.id
                 )) AS value FROM content.doc d LEFT JOIN content.person p ON p.id = d.owner_id
                 UNION ALL SELECT format('person %s %s', key, n) FROM content.person
                 UNION ALL SELECT format('note %s %s %s', o.key, o.n, coalesce(d.key, '-')) FROM content.note o LEFT JOIN content.doc d ON d.id = o.doc_id
                 UNION ALL SELECT format('label %s %s', key, n) FROM content.label";
    let mut lines = database.texts(query).unwrap();
    lines.sort();
    lines
}

/// What the log tells since the last time.
fn told(database: &mut Database, seen: &mut String) -> Vec<String> {
    let query = format!("SELECT kind || ' ' || table_name AS value FROM freehold.event WHERE id > {seen} ORDER BY 1");
    let told = database.texts(&query).unwrap();
    *seen = database.texts("SELECT coalesce(max(id), 0)::text AS value FROM freehold.event").unwrap().remove(0);
    told
}

#[test]
fn nested_operations_write_what_a_simple_model_says() {
    let path = shared().write("mirror-nested.graphql", SCHEMA);
    let tenant = shared().json(&["tenant", "create", "mirror-nested", "--schema", path.to_str().unwrap()]).unwrap();
    let (url, token) = (tenant["content_url"].as_str().unwrap(), shared().token("mirror-nested", "member").unwrap());
    let mut database = shared().database(tenant["database"].as_str().unwrap()).unwrap();
    database.execute(&format!("INSERT INTO content.label VALUES (gen_random_uuid(), '{HIDDEN}', 0, true)")).unwrap();
    let mut model = Model { labels: [(HIDDEN.to_owned(), 0)].into(), ..Model::default() };
    let (mut random, mut seen) = (Random::new(11), "0".to_owned());
    told(&mut database, &mut seen);
    let mut outcomes: BTreeMap<Expected, usize> = BTreeMap::new();
    for n in 0..STEPS {
        let before = model.clone();
        let (field, expected) = step(&mut random, &mut model);
        let document = format!("mutation {{ it: {field} {{ ok errors {{ type }} }} }}");
        let answer = Client::default().graphql(url, Some(&token), &document, json!({})).unwrap().json();
        let kind = answer["data"]["it"]["errors"][0]["type"].as_str();
        assert_eq!(
            (answer["data"]["it"]["ok"] == true, kind),
            (expected.is_none(), expected),
            "step {n}: {field}\n{answer}\n{before:#?}"
        );
        assert_eq!(stored(&mut database), model.lines(), "step {n}: {field}");
        model.events.sort();
        assert_eq!(told(&mut database, &mut seen), model.events, "step {n}: {field}");
        *outcomes.entry(expected).or_default() += 1;
    }
    for (outcome, least) in [(None, STEPS / 4), (DENIED, STEPS / 20), (TAKEN, STEPS / 20)] {
        assert!(outcomes[&outcome] >= least, "the test looks at too little: {outcomes:?}");
    }
}
