//! The last look before a tenant serves: logging in as the tenant works, and works nowhere else.

use diesel::RunQueryDsl;
use diesel::sql_types::{Bool, Text, Uuid};
use freehold_ids::{ReleaseId, TenantId};
use freehold_vault::SecretString;

use crate::ProvisionError;
use crate::content;
use crate::error::server;
use crate::names::Names;
use crate::postgres::{Address, Session};
use crate::server::COMMON_DATABASES;

#[derive(diesel::QueryableByName)]
struct Seen {
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Text)]
    login: String,
    #[diesel(sql_type = Text)]
    time_zone: String,
    #[diesel(sql_type = Text)]
    search_path: String,
    #[diesel(sql_type = Uuid)]
    tenant: uuid::Uuid,
    #[diesel(sql_type = Bool)]
    may_create: bool,
}

/// Logs in over TCP with the tenant's password and looks around.
pub(crate) fn inside(
    address: &Address,
    names: &Names,
    password: &SecretString,
    tenant: TenantId,
    release: &ReleaseId,
) -> Result<(), ProvisionError> {
    let mut session =
        address.with_database(names.database.as_str()).with_login(names.login_a.as_str(), password.clone()).connect()?;
    let query = diesel::sql_query(
        "SELECT current_database()::text AS database, session_user::text AS login, current_setting('TimeZone') AS time_zone,
                current_setting('search_path') AS search_path, tenant_id AS tenant,
                has_database_privilege(current_database(), 'CREATE, TEMPORARY') OR has_schema_privilege('content', 'CREATE')
                    OR has_schema_privilege('freehold', 'CREATE') OR has_schema_privilege('public', 'CREATE') AS may_create
         FROM freehold.tenant_marker",
    );
    let seen: Seen = query.get_result(session.conn()).map_err(server("looking around as the tenant"))?;
    let is = |what, expected: &str, found: &str| {
        if expected == found {
            return Ok(());
        }
        Err(ProvisionError::Verification { what, expected: expected.to_owned(), found: found.to_owned() })
    };
    is("the database", names.database.as_str(), &seen.database)?;
    is("the login", names.login_a.as_str(), &seen.login)?;
    is("the tenant marker", &tenant.to_string(), &TenantId::from_uuid(seen.tenant).to_string())?;
    is("the time zone", "UTC", &seen.time_zone)?;
    is("the search path", "content", &seen.search_path)?;
    is("the login's right to create objects", "false", &seen.may_create.to_string())?;
    is("the schema release", release.as_str(), &content::held_release(&mut session)?.unwrap_or_default())?;
    probe_writing(&mut session)
}

fn probe_writing(session: &mut Session) -> Result<(), ProvisionError> {
    session.execute("beginning the write probe", "BEGIN")?;
    let written = session.execute("writing as the tenant", "INSERT INTO freehold.write_probe VALUES (now())");
    session.execute("rolling the write probe back", "ROLLBACK")?;
    written.map(drop)
}

/// Proves that the tenant's login cannot enter the server's common databases, nor any tenant's. Asked of the catalogs for all
/// of them, and tried for real where a hole would be worst.
pub(crate) fn outside(
    admin: &mut Session,
    address: &Address,
    names: &Names,
    password: &SecretString,
) -> Result<(), ProvisionError> {
    #[derive(diesel::QueryableByName)]
    struct Other {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Bool)]
        may_enter: bool,
    }
    let query = diesel::sql_query(
        "SELECT datname::text AS name, has_database_privilege($1, oid, 'CONNECT') AS may_enter FROM pg_database
         WHERE datname <> $2 AND datallowconn AND datconnlimit <> -2
           AND (datname IN ('postgres', 'template1') OR datname LIKE 't\\_%') ORDER BY datname",
    );
    let query = query.bind::<Text, _>(names.login_a.as_str()).bind::<Text, _>(names.database.as_str());
    let others: Vec<Other> = query.load(admin.conn()).map_err(server("listing the databases of the server"))?;
    if let Some(open) = others.iter().find(|other| other.may_enter) {
        return Err(ProvisionError::Isolation(open.name.clone()));
    }
    let neighbour = others.iter().find(|other| !COMMON_DATABASES.contains(&other.name.as_str())).map(|other| other.name.as_str());
    for database in COMMON_DATABASES.into_iter().chain(neighbour) {
        let attempt = address.with_database(database).with_login(names.login_a.as_str(), password.clone());
        if attempt.connect().is_ok() {
            return Err(ProvisionError::Isolation(database.to_owned()));
        }
    }
    // That the attempts failed means something only while the same login still gets in where it should.
    address.with_database(names.database.as_str()).with_login(names.login_a.as_str(), password.clone()).connect().map(drop)
}
