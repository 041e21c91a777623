//! What kind of error PostgreSQL reported.
//!
//! diesel 2.3 tells nine kinds apart and keeps the SQLSTATE to itself, so the rest is read from the message. That is safe because the
//! messages matched here are literals of PostgreSQL's sources and tenant databases run with English messages (`lc_messages`); an unknown
//! one counts as an internal error, never as the caller's.

use diesel::result::DatabaseErrorKind;

/// Five characters of the PostgreSQL manual, appendix A.
pub type SqlState = &'static str;

/// Beginnings of messages of statements, with their SQLSTATE. The first that fits decides.
const STATEMENTS: &[(&str, SqlState)] = &[
    ("canceling statement due to lock timeout", "55P03"),
    ("canceling statement", "57014"),
    ("terminating connection", "57P01"),
    ("deadlock detected", "40P01"),
    ("could not serialize access", "40001"),
    ("current transaction is aborted", "25P02"),
    ("invalid input syntax for type date", "22007"),
    ("invalid input syntax for type time", "22007"),
    ("invalid input syntax for type interval", "22007"),
    ("invalid input syntax", "22P02"),
    ("invalid input value for enum", "22P02"),
    ("malformed array literal", "22P02"),
    ("date/time field value out of range", "22008"),
    ("timestamp out of range", "22008"),
    ("date out of range", "22008"),
    ("time zone displacement out of range", "22009"),
    ("time zone \"", "22023"),
    ("numeric field overflow", "22003"),
    ("value overflows numeric format", "22003"),
    ("value too long for type", "22001"),
    ("division by zero", "22012"),
    ("unsupported Unicode escape sequence", "22P05"),
    ("invalid byte sequence for encoding", "22021"),
    ("invalid regular expression", "2201B"),
    ("cached plan must not change result type", "0A000"),
    ("permission denied", "42501"),
    ("relation \"", "42P01"),
    ("stack depth limit exceeded", "54001"),
    ("index row ", "54000"),
    ("could not extend file", "53100"),
    ("out of memory", "53200"),
    ("the database system is ", "57P03"),
];

/// Parts of messages of statements, tried after their beginnings.
const STATEMENT_PARTS: &[(&str, SqlState)] = &[
    ("out of range for type", "22003"),
    (" out of range", "22003"),
    ("server closed the connection unexpectedly", "08006"),
    ("connection not open", "08003"),
    ("could not receive data from server", "08006"),
    ("could not send data to server", "08006"),
    ("no connection to the server", "08003"),
];

/// Parts of messages of failed connects.
const CONNECTS: &[(&str, SqlState)] = &[
    ("password authentication failed", "28P01"),
    ("is not permitted to log in", "28000"),
    ("no pg_hba.conf entry", "28000"),
    ("is not currently accepting connections", "55000"),
    ("too many connections for", "53300"),
    ("sorry, too many clients", "53300"),
    ("remaining connection slots", "53300"),
    ("the database system is", "57P03"),
    ("permission denied for database", "42501"),
];

/// SQLSTATE of a failed statement; `XX000` when it is not known.
#[must_use]
pub fn of_statement(kind: &DatabaseErrorKind, message: &str) -> SqlState {
    match kind {
        DatabaseErrorKind::UniqueViolation => "23505",
        DatabaseErrorKind::ForeignKeyViolation => "23503",
        DatabaseErrorKind::NotNullViolation => "23502",
        DatabaseErrorKind::CheckViolation => "23514",
        DatabaseErrorKind::RestrictViolation => "23001",
        DatabaseErrorKind::ExclusionViolation => "23P01",
        DatabaseErrorKind::SerializationFailure => "40001",
        DatabaseErrorKind::ReadOnlyTransaction => "25006",
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => "08006",
        _ => STATEMENTS
            .iter()
            .find(|(start, _)| message.starts_with(start))
            .or_else(|| STATEMENT_PARTS.iter().find(|(part, _)| message.contains(part)))
            .map_or("XX000", |(_, state)| state),
    }
}

/// SQLSTATE of a failed connect; `08001` when the server was not reached or its answer is not known.
#[must_use]
pub fn of_connect(message: &str) -> SqlState {
    if message.contains("database \"") && message.contains("does not exist") {
        return "3D000";
    }
    if message.contains("role \"") && message.contains("does not exist") {
        return "28P01";
    }
    CONNECTS.iter().find(|(part, _)| message.contains(part)).map_or("08001", |(_, state)| state)
}

/// Whether the connection is lost, so that a new one may succeed.
#[must_use]
pub fn is_connection_lost(state: &str) -> bool {
    state.starts_with("08") || matches!(state, "57P01" | "57P02" | "57P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_server_are_told_apart() {
        let unknown = DatabaseErrorKind::Unknown;
        for (message, state) in [
            ("canceling statement due to statement timeout", "57014"),
            ("invalid input syntax for type timestamp with time zone: \"yesterday-ish\"", "22007"),
            ("invalid input syntax for type uuid: \"x\"", "22P02"),
            ("date/time field value out of range: \"2020-13-01\"", "22008"),
            ("value \"9999999999\" is out of range for type integer", "22003"),
            ("integer out of range", "22003"),
            ("relation \"content.article\" does not exist", "42P01"),
            ("unheard-of", "XX000"),
        ] {
            assert_eq!(of_statement(&unknown, message), state, "{message}");
        }
        assert_eq!(of_statement(&DatabaseErrorKind::UniqueViolation, "anything"), "23505");
    }

    #[test]
    fn failed_connects_are_told_apart() {
        for (message, state) in [
            ("connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"t_x\" does not exist\n", "3D000"),
            ("FATAL:  password authentication failed for user \"t_x_a\"", "28P01"),
            ("FATAL:  database \"t_x\" is not currently accepting connections", "55000"),
            ("FATAL:  too many connections for role \"t_x_a\"", "53300"),
            ("FATAL:  the database system is starting up", "57P03"),
            ("connection to server at \"127.0.0.1\", port 1 failed: Connection refused", "08001"),
        ] {
            assert_eq!(of_connect(message), state, "{message}");
        }
    }
}
