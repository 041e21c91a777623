//! A tenant's roles: owner, group, login slots, and the migrator that exists only while the content schema changes.

use diesel::RunQueryDsl;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use freehold_schema::ident::Ident;
use freehold_vault::SecretString;

use crate::ProvisionError;
use crate::error::server;
use crate::names::{Marker, Names};
use crate::postgres::{Address, Session, literal};
use crate::scram;

#[derive(diesel::QueryableByName)]
struct RoleRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
}

#[derive(diesel::QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// What is in the way of dropping or making an object.
pub(crate) fn foreign(kind: &'static str, name: &str, comment: Option<String>) -> ProvisionError {
    ProvisionError::Foreign {
        kind,
        name: name.to_owned(),
        comment: comment.map_or("empty".to_owned(), |comment| format!("`{comment}`")),
    }
}

/// Whether all of the tenant's lasting roles are there, and ours.
pub(crate) fn exist(session: &mut Session, names: &Names, marker: Marker) -> Result<bool, ProvisionError> {
    let rows = find(session, &[&names.owner, &names.group, &names.login_a])?;
    for row in &rows {
        if row.comment.as_deref().and_then(Marker::parse) != Some(marker) {
            return Err(foreign("role", &row.name, row.comment.clone()));
        }
    }
    Ok(rows.len() == 3)
}

/// Makes owner, group and login slot a in one transaction, marked. PostgreSQL is told the verifier, never the password.
pub(crate) fn create(
    session: &mut Session,
    names: &Names,
    marker: Marker,
    password: &SecretString,
    max_connections: u32,
) -> Result<(), ProvisionError> {
    let verifier = scram::verifier(password)?;
    let (owner, group, login) = (&names.owner, &names.group, &names.login_a);
    session.transaction(|session| {
        let superuser = is_superuser(session)?;
        for role in [owner, group] {
            session.execute("creating a role", &format!("CREATE ROLE {role} NOLOGIN"))?;
        }
        session.execute(
            "creating the login role",
            &format!(
                "CREATE ROLE {login} LOGIN INHERIT CONNECTION LIMIT {max_connections} PASSWORD {} IN ROLE {group}",
                literal(&verifier)
            ),
        )?;
        for role in [owner, group, login] {
            session.execute("marking a role", &format!("COMMENT ON ROLE {role} IS {}", literal(&marker.to_string())))?;
        }
        // A managed service's administrator is no superuser: it must belong to a role to give it a database.
        if !superuser {
            session.execute("joining the owner role", &format!("GRANT {owner} TO CURRENT_USER"))?;
        }
        Ok(())
    })
}

/// Drops every role of the tenant that `is_ours`. The database, and with it every object that they own, is gone already.
pub(crate) fn drop_all(session: &mut Session, names: &Names, is_ours: impl Fn(Marker) -> bool) -> Result<(), ProvisionError> {
    for row in find(session, &names.roles())? {
        if !row.comment.as_deref().and_then(Marker::parse).is_some_and(&is_ours) {
            return Err(foreign("role", &row.name, row.comment));
        }
    }
    for role in names.roles() {
        end_sessions_of(session, role)?;
        session.execute("dropping a role", &format!("DROP ROLE IF EXISTS {role}"))?;
    }
    Ok(())
}

/// Lets the login slots in, or keeps them out.
pub(crate) fn set_login(session: &mut Session, names: &Names, allowed: bool) -> Result<(), ProvisionError> {
    let option = if allowed { "LOGIN" } else { "NOLOGIN" };
    for row in find(session, &[&names.login_a, &names.login_b])? {
        let role = Ident::new(&row.name)?;
        session.execute("changing a login role", &format!("ALTER ROLE {role} {option}"))?;
    }
    Ok(())
}

/// Runs `work` as the tenant's owner, over a connection that has no other rights.
///
/// The content's DDL holds SQL from the schema's author (views), and a seed is a whole script of somebody's. Run by the
/// administrator under `SET ROLE`, a `RESET ROLE` in it would make it superuser. So a login role of its own, member of nothing but
/// the owner, exists for as long as this takes. The tenant's own login is not used: the engine may be serving with it.
pub(crate) fn as_owner<T>(
    admin: &mut Session,
    address: &Address,
    names: &Names,
    marker: Marker,
    work: impl FnOnce(&mut Session) -> Result<T, ProvisionError>,
) -> Result<T, ProvisionError> {
    let password = create_migrator(admin, names, marker)?;
    let login = address.with_database(names.database.as_str()).with_login(names.migrator.as_str(), password);
    let done = login.connect().and_then(|mut session| {
        session.execute("becoming the owner role", &format!("SET ROLE {}", names.owner))?;
        session.execute("setting the time zone", "SET TimeZone = 'UTC'")?;
        work(&mut session)
    });
    let dropped = drop_migrator(admin, names);
    done.and_then(|value| dropped.map(|()| value))
}

fn create_migrator(admin: &mut Session, names: &Names, marker: Marker) -> Result<SecretString, ProvisionError> {
    let password = scram::new_password()?;
    let verifier = scram::verifier(&password)?;
    // Left behind by a run that was killed.
    drop_migrator(admin, names)?;
    let (migrator, owner) = (&names.migrator, &names.owner);
    admin.transaction(|admin| {
        // The end of its validity is the last line of defence should nobody come back to drop it.
        let sql = format!(
            "CREATE ROLE {migrator} LOGIN CONNECTION LIMIT 1 PASSWORD {} VALID UNTIL {} IN ROLE {owner}",
            literal(&verifier),
            literal(&(chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339()),
        );
        admin.execute("creating the migrator role", &sql)?;
        admin.execute("marking the migrator role", &format!("COMMENT ON ROLE {migrator} IS {}", literal(&marker.to_string())))
    })?;
    Ok(password)
}

/// Whatever it made belongs to the owner, so nothing keeps it from being dropped.
fn drop_migrator(admin: &mut Session, names: &Names) -> Result<(), ProvisionError> {
    for row in find(admin, &[&names.migrator])? {
        if row.comment.as_deref().and_then(Marker::parse).is_none() {
            return Err(foreign("role", &row.name, row.comment));
        }
        end_sessions_of(admin, &names.migrator)?;
        admin.execute("dropping the migrator role", &format!("DROP ROLE {}", names.migrator))?;
    }
    Ok(())
}

fn end_sessions_of(session: &mut Session, role: &Ident) -> Result<(), ProvisionError> {
    let query = diesel::sql_query("SELECT pg_terminate_backend(pid, 5000) AS flag FROM pg_stat_activity WHERE usename = $1");
    query.bind::<Text, _>(role.as_str()).load::<Flag>(session.conn()).map(drop).map_err(server("ending a role's sessions"))
}

pub(crate) fn is_superuser(session: &mut Session) -> Result<bool, ProvisionError> {
    let query = diesel::sql_query("SELECT rolsuper AS flag FROM pg_roles WHERE rolname = current_user");
    query.get_result::<Flag>(session.conn()).map(|row| row.flag).map_err(server("reading the administrator's rights"))
}

fn find(session: &mut Session, roles: &[&Ident]) -> Result<Vec<RoleRow>, ProvisionError> {
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let query = diesel::sql_query(
        "SELECT rolname::text AS name, shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1",
    );
    query.bind::<Array<Text>, _>(names).load(session.conn()).map_err(server("looking for roles"))
}
