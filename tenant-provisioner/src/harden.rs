//! What a clone does not inherit: owner of what is in it, rights, limits, settings, and the marker that proves whose it is.

use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Uuid};
use freehold_catalog::TenantLimits;
use freehold_ids::TenantId;
use freehold_schema::ident::Ident;

use crate::ProvisionError;
use crate::databases;
use crate::error::server;
use crate::names::{CONTENT, Names};
use crate::postgres::{Session, literal};

/// An engine that forgot a transaction must not hold locks for long.
const IDLE_IN_TRANSACTION_MS: u32 = 10_000;

/// Owner, rights and limits of the database as a whole, and the login's settings in it; opens it for those who may enter.
pub(crate) fn close_to_public(admin: &mut Session, names: &Names, limits: TenantLimits) -> Result<(), ProvisionError> {
    let Names { database, owner, group, .. } = names;
    let action = "hardening the database";
    admin.execute(action, &format!("ALTER DATABASE {database} OWNER TO {owner}"))?;
    admin.execute(action, &format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"))?;
    admin.execute(action, &format!("GRANT CONNECT ON DATABASE {database} TO {group}"))?;
    apply_settings(admin, names, &names.login_a, limits)?;
    let limit = connection_limit(limits);
    admin.execute(action, &format!("ALTER DATABASE {database} WITH CONNECTION LIMIT {limit} ALLOW_CONNECTIONS true"))?;
    Ok(())
}

/// Both slots are in use while a credential rotates.
fn connection_limit(limits: TenantLimits) -> u32 {
    limits.max_connections.saturating_mul(2).min(i32::MAX as u32)
}

/// Defaults for the login's sessions. They are no fence (the role may change them); the engine's deadlines are.
fn settings(limits: TenantLimits) -> [(&'static str, String); 4] {
    [
        ("search_path", CONTENT.to_owned()),
        ("statement_timeout", format!("{}ms", limits.statement_timeout_ms)),
        ("idle_in_transaction_session_timeout", format!("{IDLE_IN_TRANSACTION_MS}ms")),
        ("TimeZone", "UTC".to_owned()),
    ]
}

fn apply_settings(admin: &mut Session, names: &Names, login: &Ident, limits: TenantLimits) -> Result<(), ProvisionError> {
    for (name, value) in settings(limits) {
        let sql = format!("ALTER ROLE {login} IN DATABASE {} SET {name} = {}", names.database, literal(&value));
        admin.execute("setting the login's defaults", &sql)?;
    }
    Ok(())
}

/// Within the database: everything of the platform belongs to the owner, the login's group may do what the engine needs, and one
/// row says whose database this is.
pub(crate) fn furnish(inside: &mut Session, names: &Names, tenant: TenantId) -> Result<(), ProvisionError> {
    let Names { owner, group, .. } = names;
    inside.transaction(|inside| {
        for schema in [CONTENT, "freehold"] {
            inside.execute("giving a schema to the owner", &format!("ALTER SCHEMA {} OWNER TO {owner}", Ident::new(schema)?))?;
            inside
                .execute("opening a schema to the login", &format!("GRANT USAGE ON SCHEMA {} TO {group}", Ident::new(schema)?))?;
        }
        for table in system_tables(inside)? {
            let table = Ident::new(&table)?;
            inside.execute("giving a table to the owner", &format!("ALTER TABLE freehold.{table} OWNER TO {owner}"))?;
        }
        // Some run with their owner's rights, which must not be an administrator's.
        for function in system_functions(inside)? {
            inside.execute("giving a function to the owner", &format!("ALTER ROUTINE {function} OWNER TO {owner}"))?;
        }
        inside.execute("closing schema public", "REVOKE ALL ON SCHEMA public FROM PUBLIC")?;
        inside.execute(
            "granting the system tables",
            &format!(
                "GRANT SELECT ON freehold.tenant_marker, freehold.schema_state, freehold.revision, \
                 freehold.event, freehold.event_seal, freehold.event_chain TO {group}"
            ),
        )?;
        // Only what triggers add: the table's policy.
        inside.execute("granting the recording", &format!("GRANT INSERT ON freehold.event TO {group}"))?;
        let answers = "freehold.find_answer(uuid, text, integer, text), freehold.keep_answer(uuid, text, integer, text, text)";
        inside.execute("granting the kept answers", &format!("GRANT EXECUTE ON FUNCTION {answers} TO {group}"))?;
        inside.execute("granting the sealing", &format!("GRANT EXECUTE ON FUNCTION freehold.seal_events(integer) TO {group}"))?;
        inside.execute("granting the write probe", &format!("GRANT SELECT, INSERT ON freehold.write_probe TO {group}"))?;
        let marked =
            diesel::sql_query("INSERT INTO freehold.tenant_marker (tenant_id) VALUES ($1) ON CONFLICT (tenant_id) DO NOTHING");
        marked
            .bind::<Uuid, _>(tenant.as_uuid())
            .execute(inside.conn())
            .map(drop)
            .map_err(server("marking the database from within"))
    })
}

#[derive(diesel::QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// With their arguments, quoted by PostgreSQL.
fn system_functions(inside: &mut Session) -> Result<Vec<String>, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = 'freehold'::regnamespace ORDER BY 1",
    );
    let functions: Vec<Named> = query.load(inside.conn()).map_err(server("listing the system functions"))?;
    Ok(functions.into_iter().map(|function| function.name).collect())
}

fn system_tables(inside: &mut Session) -> Result<Vec<String>, ProvisionError> {
    let query = diesel::sql_query(
        "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'freehold'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
    );
    let tables: Vec<Named> = query.load(inside.conn()).map_err(server("listing the system tables"))?;
    Ok(tables.into_iter().map(|table| table.name).collect())
}

/// What on the server is not as [`close_to_public`] left it.
pub(crate) fn deviations(
    admin: &mut Session,
    names: &Names,
    limits: TenantLimits,
) -> Result<Vec<ProvisionError>, ProvisionError> {
    let differs = |what, expected: String, found: String| ProvisionError::Verification { what, expected, found };
    let Some(database) = databases::find(admin, names.database.as_str())? else {
        return Ok(vec![differs("the database", "there".to_owned(), "missing".to_owned())]);
    };
    let mut deviations = Vec::new();
    if database.owner != names.owner.as_str() {
        deviations.push(differs("the database's owner", names.owner.as_str().to_owned(), database.owner));
    }
    if database.open_to_public {
        deviations.push(differs("the database's access for PUBLIC", "none".to_owned(), "granted".to_owned()));
    }
    if !database.allows_connections {
        deviations.push(differs("ALLOW_CONNECTIONS", "true".to_owned(), "false".to_owned()));
    }
    let limit = connection_limit(limits);
    if u32::try_from(database.connection_limit).ok() != Some(limit) {
        deviations.push(differs("the database's connection limit", limit.to_string(), database.connection_limit.to_string()));
    }
    let found = read_settings(admin, names)?;
    let expected: Vec<String> = settings(limits).iter().map(|(name, value)| format!("{name}={value}")).collect();
    for setting in expected.into_iter().filter(|setting| !found.contains(setting)) {
        deviations.push(differs("the login's settings in the database", setting, found.join(", ")));
    }
    Ok(deviations)
}

fn read_settings(admin: &mut Session, names: &Names) -> Result<Vec<String>, ProvisionError> {
    #[derive(diesel::QueryableByName)]
    struct Settings {
        #[diesel(sql_type = Nullable<Array<Text>>)]
        settings: Option<Vec<String>>,
    }
    let query = diesel::sql_query(
        "SELECT s.setconfig AS settings FROM pg_db_role_setting s
         JOIN pg_database d ON d.oid = s.setdatabase JOIN pg_roles r ON r.oid = s.setrole
         WHERE d.datname = $1 AND r.rolname = $2",
    );
    let query = query.bind::<Text, _>(names.database.as_str()).bind::<Text, _>(names.login_a.as_str());
    let found: Option<Settings> = query.get_result(admin.conn()).optional().map_err(server("reading the login's settings"))?;
    Ok(found.and_then(|row| row.settings).unwrap_or_default())
}
