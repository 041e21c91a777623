//! Connections to servers, as administrator and as tenant.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use freehold_ids::TenantId;
use freehold_vault::SecretString;

use crate::ProvisionError;
use crate::error::server;

/// Seconds. A server that is down must fail a step, not hang it.
const CONNECT_TIMEOUT: &str = "10";

/// Where and as whom to connect. `Debug` hides the password.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
    user: String,
    password: SecretString,
    database: String,
    /// `sslmode` and the like.
    parameters: Vec<(String, String)>,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?parameter=value` (libpq, "Connection URIs"), one host only.
    pub fn parse(url: &str) -> Result<Self, ProvisionError> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or(ProvisionError::AdminUrl("it does not start with `postgres://`"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').ok_or(ProvisionError::AdminUrl("it names no user"))?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| ProvisionError::AdminUrl("the port is no number"))?)
            }
            _ => (place, 5432),
        };
        let host = decode(host.trim_start_matches('[').trim_end_matches(']'))?;
        if host.is_empty() || host.starts_with('/') || host.contains(',') {
            return Err(ProvisionError::AdminUrl("it must name one TCP host: tenants log in there"));
        }
        let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').ok_or(ProvisionError::AdminUrl("a parameter has no value"))?;
            Ok((decode(name)?, decode(value)?))
        });
        let parameters = parameters.collect::<Result<Vec<_>, ProvisionError>>()?;
        if parameters.iter().any(|(name, _)| !name.starts_with("ssl") && name != "channel_binding") {
            return Err(ProvisionError::AdminUrl("only parameters about TLS may follow the `?`"));
        }
        let database = if database.is_empty() { "postgres".to_owned() } else { decode(database)? };
        Ok(Self { host, port, user: decode(user)?, password: SecretString::new(decode(password)?), database, parameters })
    }

    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    pub fn with_login(&self, user: &str, password: SecretString) -> Self {
        Self { user: user.to_owned(), password, ..self.clone() }
    }

    /// Server and database, for messages.
    pub fn target(&self) -> String {
        format!("database `{}` at {}:{}", self.database, self.host, self.port)
    }

    pub fn connect(&self) -> Result<Session, ProvisionError> {
        let conn = PgConnection::establish(self.conninfo().expose());
        conn.map(|conn| Session { conn }).map_err(|source| ProvisionError::Connect { target: self.target(), source })
    }

    fn conninfo(&self) -> SecretString {
        let port = self.port.to_string();
        let mut pairs = vec![
            ("host", self.host.as_str()),
            ("port", &port),
            ("user", &self.user),
            ("password", self.password.expose()),
            ("dbname", &self.database),
            ("connect_timeout", CONNECT_TIMEOUT),
            ("application_name", "freehold-provisioner"),
        ];
        pairs.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut text = String::new();
        for (name, value) in pairs {
            text.push_str(name);
            text.push_str("='");
            // libpq, "Keyword/Value Connection Strings": quote and backslash are escaped by a backslash.
            text.extend(value.chars().flat_map(|c| matches!(c, '\'' | '\\').then_some('\\').into_iter().chain([c])));
            text.push_str("' ");
        }
        SecretString::new(text)
    }
}

fn decode(text: &str) -> Result<String, ProvisionError> {
    let bad = ProvisionError::AdminUrl("a `%` is not followed by two hexadecimal digits of UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let Some(digits) = tail.get(..2) else { return Err(bad) };
        let Ok(decoded) = data_encoding::HEXLOWER_PERMISSIVE.decode(digits) else { return Err(bad) };
        bytes.extend(decoded);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| bad)
}

/// An open connection.
pub(crate) struct Session {
    conn: PgConnection,
}

impl Session {
    /// Runs one statement; more than one are refused by the protocol. Identifiers in it come from [`Ident`](freehold_schema::ident::Ident),
    /// literals from [`literal`].
    pub fn execute(&mut self, action: &'static str, sql: &str) -> Result<usize, ProvisionError> {
        diesel::sql_query(sql).execute(&mut self.conn).map_err(server(action))
    }

    /// Runs `work` in one transaction, which an error rolls back.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, ProvisionError>) -> Result<T, ProvisionError> {
        self.conn.batch_execute("BEGIN").map_err(server("beginning a transaction"))?;
        match work(self) {
            Ok(value) => {
                self.conn.batch_execute("COMMIT").map_err(server("committing a transaction"))?;
                Ok(value)
            }
            Err(error) => {
                // The first error counts; a connection that cannot roll back is dead, and so is its transaction.
                let _ = self.conn.batch_execute("ROLLBACK");
                Err(error)
            }
        }
    }

    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}

/// A text as an SQL literal, where the grammar takes no bind: passwords, comments, settings.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    // Right whatever `standard_conforming_strings` is (PostgreSQL manual, 4.1.2.2).
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// Keeps two runs of one operation apart on the server itself: a run whose process was killed may have a statement under way
/// there for a while, and only the server knows. Held until the session ends.
pub(crate) fn lock_for_tenant(session: &mut Session, tenant: TenantId) -> Result<bool, ProvisionError> {
    let locked = diesel::select(pg_try_advisory_lock(lock_key(tenant))).get_result(session.conn());
    locked.map_err(server("locking the tenant on the server"))
}

/// 64 random bits of the id.
fn lock_key(tenant: TenantId) -> i64 {
    i64::from_be_bytes(*tenant.as_uuid().as_bytes().last_chunk().expect("a UUID has 16 bytes"))
}

diesel::define_sql_function! {
    fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<(String, u16, String, String, String), &'static str> {
        match Address::parse(url) {
            Ok(a) => Ok((a.host, a.port, a.user, a.password.expose().to_owned(), a.database)),
            Err(ProvisionError::AdminUrl(why)) => Err(why),
            Err(_) => unreachable!(),
        }
    }

    #[test]
    fn addresses_are_read_as_libpq_reads_them() {
        let of = |host: &str, port, user: &str, password: &str, database: &str| {
            Ok((host.to_owned(), port, user.to_owned(), password.to_owned(), database.to_owned()))
        };
        assert_eq!(parsed("postgres://u:p%40ss@db.example:6000/x"), of("db.example", 6000, "u", "p@ss", "x"));
        assert_eq!(parsed("postgresql://u@10.0.0.1"), of("10.0.0.1", 5432, "u", "", "postgres"));
        assert_eq!(parsed("postgres://u:p@[::1]:7/?sslmode=require"), of("::1", 7, "u", "p", "postgres"));
        assert_eq!(parsed("mysql://u@h"), Err("it does not start with `postgres://`"));
        assert_eq!(parsed("postgres://h/db"), Err("it names no user"));
        assert_eq!(parsed("postgres://u@%2Frun/db"), Err("it must name one TCP host: tenants log in there"));
        assert_eq!(parsed("postgres://u@h/db?host=/tmp"), Err("only parameters about TLS may follow the `?`"));
        assert!(parsed("postgres://u:%4@h").is_err());
    }

    #[test]
    fn values_cannot_leave_their_quotes() {
        let address = Address::parse("postgres://u:a'b%5Cc%20host=evil@h/d").unwrap();
        assert!(address.conninfo().expose().contains(r"password='a\'b\\c host=evil' dbname='d'"));
        assert!(!format!("{address:?}").contains("evil"));
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r" E'a\\''b'");
    }
}
