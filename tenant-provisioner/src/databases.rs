//! A tenant's database as a whole: cloning, fencing, dropping.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use freehold_schema::ident::Ident;

use crate::ProvisionError;
use crate::error::server;
use crate::names::{Marker, Names};
use crate::postgres::{Session, literal};
use crate::roles::foreign;

/// Clones that find the template in use wait: 0.1, 0.2 … 3.2 seconds.
const CLONE_ATTEMPTS: u32 = 7;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// A database as `pg_database` describes it.
#[derive(Debug, diesel::QueryableByName)]
pub(crate) struct Database {
    #[diesel(sql_type = Text)]
    pub owner: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub comment: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    owner_comment: Option<String>,
    #[diesel(sql_type = Integer)]
    pub connection_limit: i32,
    #[diesel(sql_type = Bool)]
    pub allows_connections: bool,
    #[diesel(sql_type = Bool)]
    pub is_template: bool,
    /// Whether PUBLIC may do anything; a missing ACL means it may connect and create temporary tables.
    #[diesel(sql_type = Bool)]
    pub open_to_public: bool,
}

impl Database {
    /// An interrupted DROP leaves the database in the catalogs, fit for nothing but another DROP.
    pub fn is_invalid(&self) -> bool {
        self.connection_limit == -2
    }

    /// The tenant it was made for. A clone gets its owner together with its existence but its comment a moment later, so the
    /// owner's marker proves as much as its own.
    pub fn marker(&self) -> Option<Marker> {
        self.comment.as_deref().or(self.owner_comment.as_deref()).and_then(Marker::parse)
    }
}

pub(crate) fn find(session: &mut Session, name: &str) -> Result<Option<Database>, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT r.rolname::text AS owner, shobj_description(d.oid, 'pg_database') AS comment,
                shobj_description(r.oid, 'pg_authid') AS owner_comment,
                d.datconnlimit AS connection_limit, d.datallowconn AS allows_connections, d.datistemplate AS is_template,
                EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE a.grantee = 0) AS open_to_public
         FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
         WHERE d.datname = $1",
    );
    query.bind::<Text, _>(name).get_result(session.conn()).optional().map_err(server("looking for a database"))
}

/// Whether the tenant's database is there, ours, and marked.
pub(crate) fn exists(session: &mut Session, names: &Names, marker: Marker) -> Result<bool, ProvisionError> {
    match find(session, names.database.as_str())? {
        None => Ok(false),
        Some(database) if database.is_invalid() || database.marker() != Some(marker) => {
            Err(foreign("database", names.database.as_str(), database.comment))
        }
        Some(database) => Ok(database.comment.is_some()),
    }
}

/// Clones the template for the tenant, closed to everybody, and marks the clone.
///
/// WAL_LOG: FILE_COPY forces checkpoints, whose tail is everybody else's dirty data (up to seven seconds on a busy server, against one). Closed: until
/// PUBLIC's rights are revoked, every tenant of the server could enter.
pub(crate) fn clone(session: &mut Session, names: &Names, marker: Marker, template: &Ident) -> Result<(), ProvisionError> {
    let (database, owner) = (&names.database, &names.owner);
    let create = format!(
        "CREATE DATABASE {database} OWNER {owner} TEMPLATE {template} STRATEGY WAL_LOG ALLOW_CONNECTIONS false IS_TEMPLATE false"
    );
    let mut wait = FIRST_WAIT;
    for attempt in 1.. {
        // An earlier run may have got this far. Diesel does not tell SQLSTATEs apart, and the same race is reported as 42P04 or as
        // 23505; what is there afterwards says it all.
        match find(session, database.as_str())? {
            Some(_) => break,
            None => match session.execute("cloning the template database", &create) {
                Ok(_) => break,
                Err(error) => {
                    let in_use = sessions_in(session, template.as_str())? > 0;
                    let appeared = find(session, database.as_str())?.is_some();
                    if !(in_use || appeared) || attempt == CLONE_ATTEMPTS {
                        return Err(error);
                    }
                    std::thread::sleep(wait);
                    wait *= 2;
                }
            },
        }
    }
    let found = find(session, database.as_str())?.and_then(|database| database.marker());
    if found != Some(marker) {
        return Err(foreign("database", database.as_str(), found.map(|marker| marker.to_string())));
    }
    session
        .execute("marking the database", &format!("COMMENT ON DATABASE {database} IS {}", literal(&marker.to_string())))
        .map(drop)
}

/// Closes the database: nobody new comes in, and who is in is thrown out.
pub(crate) fn close(session: &mut Session, name: &Ident) -> Result<(), ProvisionError> {
    session.execute("closing the database", &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))?;
    end_sessions(session, name.as_str())
}

/// Throws out everybody who is connected to the database.
pub(crate) fn end_sessions(session: &mut Session, name: &str) -> Result<(), ProvisionError> {
    #[derive(diesel::QueryableByName)]
    #[allow(dead_code, reason = "the call is what counts")]
    struct Ended {
        #[diesel(sql_type = Bool)]
        ended: bool,
    }
    let query = diesel::sql_query(
        "SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
    );
    query.bind::<Text, _>(name).load::<Ended>(session.conn()).map(drop).map_err(server("ending the sessions of a database"))
}

/// Drops the database if its marker says that it `is_ours`; an absent one is dropped already.
pub(crate) fn drop_if(session: &mut Session, names: &Names, is_ours: impl Fn(Marker) -> bool) -> Result<(), ProvisionError> {
    let Some(found) = find(session, names.database.as_str())? else { return Ok(()) };
    if !found.marker().is_some_and(is_ours) {
        return Err(foreign("database", names.database.as_str(), found.comment));
    }
    session.execute("dropping the database", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", names.database)).map(drop)
}

fn sessions_in(session: &mut Session, name: &str) -> Result<i64, ProvisionError> {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let query = diesel::sql_query("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = $1");
    let count = query.bind::<Text, _>(name).get_result::<Count>(session.conn());
    count.map(|count| count.n).map_err(server("counting the sessions of a database"))
}
