//! libpq connection strings. Values are quoted: a password or a host may hold anything.

use freehold_catalog::TenantRoute;
use freehold_vault::SecretString;

use crate::config::PoolConfig;

/// How a tenant's sessions plan.
///
/// Content is small and lives in memory. PostgreSQL's own default says that a page found through an index costs four times one read in order, which is true of
/// spinning disks: it then reads a small table from its start to its end for every row that points into it, two thirds of all instructions of a large answer
/// (tests/bench/README.md). And it would compile machine code for statements that look expensive and take milliseconds.
const PLANNING: &str = "-c random_page_cost=1.1 -c jit=off";

/// Every transaction sees one snapshot, also one that is a single statement: a row that others change meanwhile ends in another attempt, not in a statement that saw two
/// states of it.
const ISOLATION: &str = "-c default_transaction_isolation=repeatable\\ read";

/// Connection string of a tenant's login role. Session settings ride along as start-up options, which saves their round trips.
pub(crate) fn tenant(route: &TenantRoute, password: &str, config: &PoolConfig) -> SecretString {
    // libpq takes whole seconds and treats 1 as 2.
    let connect_timeout = config.connect_timeout().as_secs().max(2).to_string();
    let statement_timeout = route.limits.statement_timeout_ms;
    let options =
        format!("-c statement_timeout={statement_timeout} -c idle_in_transaction_session_timeout=10000 {PLANNING} {ISOLATION}");
    let port = route.server.port.to_string();
    let text = join(&[
        ("host", &route.server.host),
        ("port", &port),
        ("dbname", &route.database),
        ("user", &route.login_role),
        ("password", password),
        ("connect_timeout", &connect_timeout),
        ("application_name", "freehold"),
        ("client_encoding", "UTF8"),
        ("sslmode", config.ssl_mode.as_str()),
        // A host that vanished is noticed within half a minute, even by a statement that waits for an answer.
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "20000"),
        ("options", &options),
    ]);
    SecretString::from(text)
}

/// `key='value'` pairs, with quotes and backslashes escaped (PostgreSQL manual, 34.1.1.1).
fn join(pairs: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(384);
    for (key, value) in pairs {
        text.push_str(key);
        text.push_str("='");
        for c in value.chars() {
            if matches!(c, '\'' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push_str("' ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn values_cannot_leave_their_quotes() {
        assert_eq!(join(&[("password", r"a' host='evil\"), ("port", "1")]), r"password='a\' host=\'evil\\' port='1' ");
    }
}
