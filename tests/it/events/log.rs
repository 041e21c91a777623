//! What is recorded, by whom, and who cannot.

use std::thread;

use super::{IDENTITY, Tenant, id, write};

/// Kind, table, key, old and new values of all events, in order.
fn events(tenant: &Tenant) -> Vec<String> {
    let query = "SELECT format('%s %s %s %s %s', kind, table_name, primary_key, coalesce(old_values::text, '-'), coalesce(new_values::text, '-')) AS value
                 FROM freehold.event ORDER BY id";
    tenant.admin().texts(query).unwrap()
}

#[test]
fn every_kind_of_change_is_recorded_with_its_author() {
    let tenant = Tenant::create("events-kinds");
    let mut login = tenant.login();
    let (note, tag) = (id(1), id(2));
    write(&mut login, &format!("INSERT INTO content.note (id, title, price) VALUES ('{note}', 'one', 1.50)"));
    write(&mut login, &format!("UPDATE content.note SET title = 'two', rank = NULL WHERE id = '{note}'"));
    write(&mut login, &format!("UPDATE content.note SET rank = 1, price = 1.5, data = '[]' WHERE id = '{note}'"));
    write(&mut login, &format!("UPDATE content.note SET rank = NULL, data = '[]' WHERE id = '{note}'"));
    write(&mut login, &format!("UPDATE content.note SET title = title WHERE id = '{note}'"));
    write(
        &mut login,
        &format!("INSERT INTO content.tag VALUES ('{tag}', 'red'); INSERT INTO content.note_tags VALUES ('{note}', '{tag}')"),
    );
    // Links go with the note, and say so.
    write(&mut login, &format!("DELETE FROM content.note WHERE id = '{note}'"));
    let whole = |title: &str, price: &str, data: &str| {
        format!(r#"{{"data": {data}, "rank": null, "price": {price}, "title": "{title}", "parent_id": null}}"#)
    };
    assert_eq!(
        events(&tenant),
        [
            format!("create note {{{note}}} - {}", whole("one", "1.50", "null")),
            format!(r#"update note {{{note}}} {{"title": "one"}} {{"title": "two"}}"#),
            format!(r#"update note {{{note}}} {{"data": null, "rank": null}} {{"data": [], "rank": 1}}"#),
            format!(r#"update note {{{note}}} {{"rank": 1}} {{"rank": null}}"#),
            format!(r#"create tag {{{tag}}} - {{"name": "red"}}"#),
            format!("create note_tags {{{note},{tag}}} - {{}}"),
            format!("delete note {{{note}}} {} -", whole("two", "1.5", "[]")),
            format!("delete note_tags {{{note},{tag}}} {{}} -"),
        ]
    );
    let authors = "SELECT DISTINCT authorship AS value FROM freehold.event";
    assert_eq!(tenant.admin().texts(authors).unwrap(), [format!("{IDENTITY} request-1 Save")]);
    // What the setting does not say is not known.
    tenant.admin().execute("SET freehold.authorship = ''; TRUNCATE content.tag CASCADE").unwrap();
    let last = "SELECT string_agg(format('%s %s %s', kind, table_name, num_nulls(authorship)), ', ' ORDER BY table_name) AS value
                FROM freehold.event WHERE kind = 'truncate'";
    assert_eq!(tenant.admin().texts(last).unwrap(), ["truncate note_tags 1, truncate tag 1"]);
}

#[test]
fn what_is_rolled_back_or_opted_out_leaves_no_entry() {
    let tenant = Tenant::create("events-none");
    let mut login = tenant.login();
    let counted = "SELECT coalesce(sum(n), 0)::text AS value FROM freehold.revision";
    login.execute(&format!("BEGIN; INSERT INTO content.tag VALUES ('{}', 'gone'); ROLLBACK", id(1))).unwrap();
    write(
        &mut login,
        &format!(
            "INSERT INTO content.tag VALUES ('{}', 'a'); SAVEPOINT s; INSERT INTO content.tag VALUES ('{}', 'b'); ROLLBACK TO s",
            id(1),
            id(2)
        ),
    );
    assert_eq!(events(&tenant), [format!(r#"create tag {{{}}} - {{"name": "a"}}"#, id(1))]);
    assert_eq!(login.texts(counted).unwrap(), ["0"], "the log tells of it");
    write(&mut login, &format!("INSERT INTO content.draft VALUES ('{}', 1)", id(3)));
    write(
        &mut login,
        &format!(
            "INSERT INTO content.note (id, title) VALUES ('{0}', 'n'); INSERT INTO content.note_quiet VALUES ('{0}', '{1}')",
            id(4),
            id(1)
        ),
    );
    assert_eq!(events(&tenant).len(), 2, "neither the draft nor the link");
    assert_eq!(login.texts(counted).unwrap(), ["2"], "both are counted for refs");
}

/// What the log says does not depend on where a session looks for names, though the triggers have more rights than the session.
#[test]
fn names_of_others_do_not_change_what_is_recorded() {
    let tenant = Tenant::create("events-names");
    let mut admin = tenant.admin();
    admin
        .execute(
            "CREATE SCHEMA other;
             CREATE FUNCTION other.fail() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE FUNCTION other.jsonb_build_object(text, text) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(other.fail()) $$;
             CREATE FUNCTION other.jsonb_fail(jsonb, jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT other.fail() $$;
             CREATE FUNCTION other.text_fail(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT other.fail() $$;
             CREATE FUNCTION other.uuid_fail(uuid, uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT other.fail() $$;
             CREATE OPERATOR other.|| (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = other.jsonb_fail);
             CREATE OPERATOR other.<> (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = other.jsonb_fail);
             CREATE OPERATOR other.= (LEFTARG = text, RIGHTARG = text, FUNCTION = other.text_fail);
             CREATE OPERATOR other.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = other.text_fail);
             CREATE OPERATOR other.<> (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = other.uuid_fail);
             CREATE DOMAIN other.jsonb AS text CHECK (other.fail());
             GRANT USAGE ON SCHEMA other TO PUBLIC;
             SET search_path = other, pg_catalog",
        )
        .unwrap();
    let row = id(1);
    admin
        .execute(&format!(
            "INSERT INTO content.tag VALUES ('{row}', 'a'); UPDATE content.tag SET name = 'b'; DELETE FROM content.tag; TRUNCATE content.tag CASCADE"
        ))
        .unwrap();
    assert_eq!(
        events(&tenant),
        [
            format!(r#"create tag {{{row}}} - {{"name": "a"}}"#),
            format!(r#"update tag {{{row}}} {{"name": "a"}} {{"name": "b"}}"#),
            format!(r#"delete tag {{{row}}} {{"name": "b"}} -"#),
            "truncate tag {} - -".to_owned(),
            "truncate note_tags {} - -".to_owned(),
        ]
    );
}

#[test]
fn the_login_can_read_the_log_and_do_nothing_to_it_but_by_changing_content() {
    let tenant = Tenant::create("events-rights");
    let mut login = tenant.login();
    write(&mut login, &format!("INSERT INTO content.tag VALUES ('{}', 'a')", id(1)));
    assert_eq!(login.texts("SELECT freehold.seal_events(10)::text AS value").unwrap(), ["1"], "the engine seals");
    assert_eq!(
        login
            .texts("SELECT count(*)::text AS value FROM freehold.event JOIN freehold.event_seal ON event_ids = ARRAY[id]")
            .unwrap(),
        ["1"]
    );
    for statement in [
        "INSERT INTO freehold.event (transaction_id, created_at, kind, table_name, primary_key) VALUES ('1', now(), 'create', 'tag', '{}')",
        "INSERT INTO freehold.event (kind, table_name, primary_key) VALUES ('create', 'tag', '{}')",
        "DO $$ BEGIN INSERT INTO freehold.event (kind, table_name, primary_key) VALUES ('create', 'tag', '{}'); END $$",
        "COPY freehold.event (kind, table_name, primary_key) FROM STDIN",
        "UPDATE freehold.event SET authorship = NULL",
        "DELETE FROM freehold.event",
        "TRUNCATE freehold.event",
        "INSERT INTO freehold.event_seal VALUES (2, '{2}', '', 2)",
        "UPDATE freehold.event_seal SET hashes = ''",
        "DELETE FROM freehold.event_seal",
        "UPDATE freehold.event_chain SET settled_id = 0",
        "SELECT freehold.prune_events(now(), 1)",
        "SELECT setval('freehold.event_id_seq', 1)",
        "ALTER TABLE content.tag DISABLE TRIGGER freehold_record_insert",
        "SET session_replication_role = replica",
        "CREATE TRIGGER t AFTER INSERT ON content.tag FOR EACH ROW EXECUTE FUNCTION freehold_log_insert.tag()",
        "SELECT freehold_log_insert.tag()",
        "SELECT freehold_log_update.tag()",
        "SELECT freehold_log_delete.tag()",
        "CREATE TEMPORARY TABLE mine (id uuid, name text)",
        "TRUNCATE content.tag",
    ] {
        let refused = login.execute(statement).unwrap_err().to_string();
        let reasons = ["permission denied", "must be owner", "row-level security"];
        assert!(reasons.iter().any(|reason| refused.contains(reason)), "{statement}: {refused}");
    }
}

/// No two of them wait for each other, and the sealer is at work all the while.
#[test]
fn parallel_writers_keep_one_chain() {
    const WRITERS: u32 = 32;
    const WRITES: u32 = 20;
    let tenant = &Tenant::create("events-many");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let mut login = tenant.login();
                for n in 0..WRITES {
                    let insert = format!("INSERT INTO content.tag VALUES ('{}', '{writer}-{n}')", id(1 + writer * WRITES + n));
                    let end = if n % 5 == 4 { "ROLLBACK" } else { "COMMIT" };
                    login.execute(&format!("BEGIN; {insert}; {end}")).unwrap();
                }
            });
        }
        scope.spawn(|| {
            let mut login = tenant.login();
            for _ in 0..30 {
                login.execute("SELECT freehold.seal_events(17)").unwrap();
            }
        });
    });
    tenant.seal();
    let written = i64::from(WRITERS * WRITES * 4 / 5);
    let answer = tenant.is_whole();
    assert_eq!((answer["sealed"].as_i64(), answer["unsealed"].as_i64()), (Some(written), Some(0)), "{answer}");
}

/// A transaction that is under way delays nobody's seal, and its own events follow.
#[test]
fn sealing_waits_for_nobody() {
    let tenant = Tenant::create("events-wait");
    let (mut slow, mut quick) = (tenant.login(), tenant.login());
    slow.execute(&format!("BEGIN; INSERT INTO content.tag VALUES ('{}', 'slow')", id(1))).unwrap();
    write(&mut quick, &format!("INSERT INTO content.tag VALUES ('{}', 'quick')", id(2)));
    assert_eq!(tenant.seal(), 1);
    tenant.is_whole();
    slow.execute("COMMIT").unwrap();
    assert_eq!(tenant.is_whole()["unsealed"], 1, "an event with a smaller id than a sealed one is no forgery yet");
    assert_eq!(tenant.seal(), 1);
    assert_eq!(tenant.is_whole()["sealed"], 2);
}
