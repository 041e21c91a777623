//! Bringing the content of a database to a schema release.

use diesel::prelude::*;
use diesel::sql_types::Text;
use freehold_ids::{ReleaseId, Slug};
use freehold_schema::Schema;
use freehold_schema::ddl;
use freehold_schema::ident::Ident;

use crate::ProvisionError;
use crate::error::server;
use crate::names::{CONTENT, Names};
use crate::postgres::Session;

/// Any constant: whoever changes the content schema of this database queues behind it.
pub(crate) const LOCK: &str = "SELECT pg_advisory_xact_lock(7166401004)";

/// Characters of a failed statement that are worth showing.
const STATEMENT_HEAD: usize = 200;

/// Creates the release's tables, types and views, with the login's rights on them, and records it; all in one transaction of the
/// owner. A database that holds the release already stays as it is.
pub(crate) fn create(
    owner: &mut Session,
    names: &Names,
    slug: &Slug,
    release: &ReleaseId,
    schema: &Schema,
) -> Result<(), ProvisionError> {
    let content = Ident::new(CONTENT)?;
    owner.transaction(|owner| {
        owner.execute("locking the content schema", LOCK)?;
        match held_release(owner)? {
            Some(held) if held == release.as_str() => return Ok(()),
            Some(held) => return Err(ProvisionError::OtherRelease { found: held }),
            None => {}
        }
        for statement in ddl::create(schema, &content, slug.as_str()) {
            // One statement per message: whatever a view's SQL contains, it cannot end its statement and begin another.
            diesel::sql_query(&statement).execute(owner.conn()).map_err(|source| {
                let head = statement.chars().take(STATEMENT_HEAD).collect();
                ProvisionError::Content { statement: head, source }
            })?;
        }
        grant(owner, names, &content)?;
        let recorded = diesel::sql_query("INSERT INTO freehold.schema_state (release_id) VALUES ($1)");
        recorded.bind::<Text, _>(release.as_str()).execute(owner.conn()).map(drop).map_err(server("recording the release"))
    })
}

/// Rows, not structure: the login reads and writes tables, and owns nothing. Tables of later releases get the same rights.
fn grant(owner: &mut Session, names: &Names, content: &Ident) -> Result<(), ProvisionError> {
    let group = &names.group;
    let action = "granting the content tables";
    owner.execute(action, &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {content} TO {group}"))?;
    owner.execute(action, &format!("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {content} TO {group}"))?;
    let defaults = format!("ALTER DEFAULT PRIVILEGES IN SCHEMA {content} GRANT");
    owner.execute(action, &format!("{defaults} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {group}"))?;
    owner.execute(action, &format!("{defaults} USAGE, SELECT ON SEQUENCES TO {group}"))?;
    Ok(())
}

/// The release that the database says it holds.
pub(crate) fn held_release(session: &mut Session) -> Result<Option<String>, ProvisionError> {
    #[derive(diesel::QueryableByName)]
    struct Held {
        #[diesel(sql_type = Text)]
        release_id: String,
    }
    let held = diesel::sql_query("SELECT release_id FROM freehold.schema_state").get_result::<Held>(session.conn());
    held.optional().map(|row| row.map(|row| row.release_id)).map_err(server("reading the release"))
}
