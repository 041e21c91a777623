//! What ran for one request, for callers who may see it (content API, section 14.3, `Debug`). Values of the request are in it: it goes into the answer and nowhere else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use freehold_compiler::bind::BindValue;
use freehold_executor::{ExecuteError, Row, SqlStatement, Transaction};
use serde::Serialize;
use serde_json::Value;

use crate::content::documents::lock;
use crate::content::execute::Setting;

/// Notes of one request under way.
pub struct Trace {
    started: Instant,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    queries: Vec<DbQuery>,
    database: Duration,
    compiling: Duration,
}

/// One statement that ran.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DbQuery {
    sql: String,
    bindings: Vec<Value>,
    /// Microseconds.
    elapsed: u64,
    row_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Notes how long something took when it is dropped.
pub struct Compiling<'a>(Option<(&'a Trace, Instant)>);

impl Drop for Compiling<'_> {
    fn drop(&mut self) {
        if let Some((trace, start)) = self.0 {
            lock(&trace.noted).compiling += start.elapsed();
        }
    }
}

impl Trace {
    /// For a request that came in at `started`.
    pub fn new(started: Instant) -> Self {
        Self { started, noted: Mutex::default() }
    }

    /// The statements so far, in the order in which they ended.
    pub fn queries(&self) -> Vec<DbQuery> {
        lock(&self.noted).queries.clone()
    }

    /// For the `Server-Timing` header (W3C Server Timing): milliseconds.
    pub fn timing(&self) -> String {
        let noted = lock(&self.noted);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        format!(
            "db;dur={:.3}, compile;dur={:.3}, total;dur={:.3}",
            ms(noted.database),
            ms(noted.compiling),
            ms(self.started.elapsed())
        )
    }

    fn note(&self, mut query: DbQuery, time: Duration, result: Result<&[Row], &ExecuteError>) {
        query.elapsed = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        match result {
            Ok(rows) => query.row_count = rows.len(),
            // What PostgreSQL says is about the statement, which the caller sees anyway; what else there is to say is about our servers.
            Err(ExecuteError::Database(error)) => query.error = Some(error.to_string()),
            Err(other) => query.error = Some(other.code().to_owned()),
        }
        let mut noted = lock(&self.noted);
        noted.database += time;
        noted.queries.push(query);
    }
}

impl Setting {
    /// Until the result is dropped, the request is being compiled.
    pub fn compiling(&self) -> Compiling<'_> {
        Compiling(self.trace.as_deref().map(|trace| (trace, Instant::now())))
    }

    /// Runs a reading statement; `root` is the root field that it is for when it is for one only.
    pub async fn read(
        &self,
        statement: &Arc<SqlStatement>,
        binds: Vec<BindValue>,
        root: Option<&str>,
    ) -> Result<Vec<Row>, ExecuteError> {
        let registry = &self.state.registry;
        let Some(trace) = &self.trace else { return registry.query(&self.tenant, statement, binds, self.deadline).await };
        let (query, start) = (DbQuery::new(statement, &binds, root), Instant::now());
        match registry.query_timed(&self.tenant, statement, binds, self.deadline).await {
            Ok((rows, time)) => {
                trace.note(query, time, Ok(&rows));
                Ok(rows)
            }
            Err(error) => {
                trace.note(query, start.elapsed(), Err(&error));
                Err(error)
            }
        }
    }

    /// Runs a statement of a transaction, for the root field `root`.
    pub fn write(
        &self,
        transaction: &mut Transaction<'_>,
        statement: &SqlStatement,
        binds: Vec<BindValue>,
        root: &str,
    ) -> Result<Vec<Row>, ExecuteError> {
        let Some(trace) = &self.trace else { return transaction.query(statement, binds) };
        let (query, start) = (DbQuery::new(statement, &binds, Some(root)), Instant::now());
        let result = transaction.query(statement, binds);
        trace.note(query, start.elapsed(), result.as_deref());
        result
    }
}

impl DbQuery {
    fn new(statement: &SqlStatement, binds: &[BindValue], root: Option<&str>) -> Self {
        Self {
            sql: statement.text(),
            bindings: binds.iter().map(json).collect(),
            elapsed: 0,
            row_count: 0,
            path: root.map(|root| [root.to_owned()]),
            error: None,
        }
    }
}

fn json(bind: &BindValue) -> Value {
    match bind {
        BindValue::Uuid(value) => value.map(|value| value.to_string()).into(),
        BindValue::Text(value) => value.clone().into(),
        BindValue::Int(value) => (*value).into(),
        BindValue::BigInt(value) => (*value).into(),
        BindValue::Double(value) => (*value).into(),
        BindValue::Bool(value) => (*value).into(),
        BindValue::Json(value) => value.clone().into(),
        BindValue::Uuids(items) => list(items, |value| value.to_string().into()),
        BindValue::Texts(items) => list(items, |value| value.clone().into()),
        BindValue::Ints(items) => list(items, |value| (*value).into()),
        BindValue::Doubles(items) => list(items, |value| (*value).into()),
        BindValue::Bools(items) => list(items, |value| (*value).into()),
    }
}

fn list<T>(items: &Option<Vec<Option<T>>>, json: impl Fn(&T) -> Value) -> Value {
    items.as_ref().map(|items| items.iter().map(|item| item.as_ref().map(&json)).collect::<Vec<_>>()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn binds_are_shown_as_json() {
        let id = uuid::Uuid::nil();
        for (bind, expected) in [
            (BindValue::Uuid(Some(id)), json!("00000000-0000-0000-0000-000000000000")),
            (BindValue::Uuids(Some(vec![Some(id), None])), json!(["00000000-0000-0000-0000-000000000000", null])),
            (BindValue::Text(None), json!(null)),
            (BindValue::Texts(Some(vec![Some("a".to_owned()), None])), json!(["a", null])),
            (BindValue::Ints(None), json!(null)),
            (BindValue::BigInt(Some(7)), json!(7)),
            (BindValue::Double(Some(1.5)), json!(1.5)),
            (BindValue::Doubles(Some(vec![Some(f64::NAN)])), json!([null])),
            (BindValue::Bools(Some(vec![Some(true)])), json!([true])),
            (BindValue::Json(Some("{\"a\": 1}".to_owned())), json!("{\"a\": 1}")),
        ] {
            assert_eq!(super::json(&bind), expected, "{bind:?}");
        }
    }
}
