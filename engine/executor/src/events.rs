//! The statements of a tenant's event log (`migrations/tenant`): reading it, and sealing what is committed.

use freehold_compiler::bind::BindValue;
use uuid::Uuid;

use crate::sql::SqlStatement;

/// Most events that one call seals.
pub const SEAL_AT_ONCE: i32 = 1000;

/// Which events are wanted. What is None or empty restricts nothing; everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// `create`, `update`, `delete`, `truncate`
    pub kinds: Option<Vec<&'static str>>,
    /// Any of these rows: table and primary key.
    pub rows: Option<Vec<(String, Vec<String>)>>,
    /// Any of these tables.
    pub tables: Option<Vec<String>>,
    /// Any of these transactions; each a number.
    pub transactions: Option<Vec<String>>,
    /// Any of these authors.
    pub identities: Option<Vec<Uuid>>,
    /// Not earlier, RFC 3339.
    pub from: Vec<String>,
    /// Not later, RFC 3339.
    pub to: Vec<String>,
    /// The oldest first.
    pub ascending: bool,
    /// Events to leave out at the beginning.
    pub offset: i64,
    /// Most events.
    pub limit: i64,
    /// Old values of an update are the whole row before, as far as the log tells it; otherwise what was changed.
    pub whole_rows: bool,
}

/// A row as its earlier events tell it. An update's own event has what it changed only.
const EARLIER: &str = "LEFT JOIN (
    SELECT id, freehold.merged(new_values) OVER (PARTITION BY table_name, primary_key ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS row
    FROM freehold.event
    WHERE id <= (SELECT max(id) FROM page) AND (table_name, primary_key) IN (SELECT table_name, primary_key FROM page WHERE kind = 'update')
) earlier USING (id) ";

/// A statement whose rows each have an event's JSON as their value.
///
/// In the order in which the changes were made, which is that of the ids: two changes of one row wait for each other.
#[must_use]
pub fn statement(query: EventQuery) -> (SqlStatement, Vec<BindValue>) {
    let mut text = Writer::new("WITH page AS (SELECT * FROM freehold.event WHERE true");
    let texts = |values: Vec<String>| BindValue::Texts(Some(values.into_iter().map(Some).collect()));
    if let Some(kinds) = query.kinds {
        text.condition("kind = ANY(", texts(kinds.into_iter().map(str::to_owned).collect()), ")");
    }
    if let Some(tables) = query.tables {
        text.condition("table_name = ANY(", texts(tables), ")");
    }
    if let Some(transactions) = query.transactions {
        text.condition("transaction_id = ANY(", texts(transactions), "::xid8[])");
    }
    if let Some(identities) = query.identities {
        text.condition("split_part(authorship, ' ', 1) = ANY(", texts(identities.iter().map(Uuid::to_string).collect()), ")");
    }
    for from in query.from {
        text.condition("created_at >= ", BindValue::Text(Some(from)), "::timestamptz");
    }
    for to in query.to {
        text.condition("created_at <= ", BindValue::Text(Some(to)), "::timestamptz");
    }
    if let Some(rows) = query.rows {
        text.push(" AND (false");
        for (table, primary_key) in rows {
            text.push(" OR table_name = ");
            text.bind(BindValue::Text(Some(table)));
            text.push(" AND primary_key = ");
            text.bind(texts(primary_key));
        }
        text.push(")");
    }
    let order = if query.ascending { " ORDER BY id" } else { " ORDER BY id DESC" };
    text.push(order);
    text.push(" LIMIT ");
    text.bind(BindValue::BigInt(Some(query.limit)));
    text.push(" OFFSET ");
    text.bind(BindValue::BigInt(Some(query.offset)));
    let (old_values, earlier) = match query.whole_rows {
        true => ("CASE kind WHEN 'update' THEN coalesce(earlier.row, '{}') || old_values ELSE old_values END", EARLIER),
        false => ("old_values", ""),
    };
    text.push(
        ") SELECT 0, json_build_object('id', id::text, 'transaction_id', transaction_id::text, 'authorship', authorship, \
         'created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'kind', kind, 'table_name', table_name, \
         'primary_key', primary_key, 'old_values', ",
    );
    text.push(old_values);
    text.push(", 'new_values', new_values)::text FROM page ");
    text.push(earlier);
    text.push(order);
    (SqlStatement::from_segments(text.segments), text.binds)
}

/// A statement that seals committed events. Its only row has the number of them, or -1 when another session is sealing.
#[must_use]
pub fn sealing() -> (SqlStatement, Vec<BindValue>) {
    let mut text = Writer::new("SELECT 0, coalesce(freehold.seal_events(");
    text.bind(BindValue::Int(Some(SEAL_AT_ONCE)));
    // The table has one row. Where it is missing, so is the function, and a missing table is an error that is told apart.
    text.push("), -1)::text FROM freehold.event_chain");
    (SqlStatement::from_segments(text.segments), text.binds)
}

/// Text is cut where values go.
struct Writer {
    segments: Vec<String>,
    binds: Vec<BindValue>,
}

impl Writer {
    fn new(start: &'static str) -> Self {
        Self { segments: vec![start.to_owned()], binds: Vec::new() }
    }

    fn push(&mut self, syntax: &'static str) {
        if let Some(last) = self.segments.last_mut() {
            last.push_str(syntax);
        }
    }

    fn bind(&mut self, value: BindValue) {
        self.binds.push(value);
        self.segments.push(String::new());
    }

    fn condition(&mut self, before: &'static str, value: BindValue, after: &'static str) {
        self.push(" AND ");
        self.push(before);
        self.bind(value);
        self.push(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_a_bind() {
        let query = EventQuery {
            kinds: Some(vec!["create"]),
            rows: Some(vec![("'; DROP".to_owned(), vec!["k".to_owned()]), ("b".to_owned(), vec![])]),
            tables: Some(vec!["'x".to_owned()]),
            transactions: Some(vec!["1".to_owned()]),
            identities: Some(vec![Uuid::nil()]),
            from: vec!["2026-01-01T00:00:00Z".to_owned()],
            to: vec!["2026-01-02T00:00:00Z".to_owned()],
            ascending: true,
            offset: 5,
            limit: 10,
            whole_rows: true,
        };
        let (statement, binds) = super::statement(query);
        let text = statement.text();
        let (_, rest) = text.split_once("WHERE ").unwrap();
        let (conditions, _) = rest.split_once(") SELECT").unwrap();
        assert_eq!(
            conditions,
            "true AND kind = ANY($1) AND table_name = ANY($2) AND transaction_id = ANY($3::xid8[]) AND split_part(authorship, ' ', 1) = ANY($4) \
             AND created_at >= $5::timestamptz AND created_at <= $6::timestamptz \
             AND (false OR table_name = $7 AND primary_key = $8 OR table_name = $9 AND primary_key = $10) ORDER BY id LIMIT $11 OFFSET $12"
        );
        assert_eq!(binds.len(), 12);
    }
}
