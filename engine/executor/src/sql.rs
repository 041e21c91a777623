//! Compiled SQL as diesel runs it: segments and typed binds in, rows of an ordinal and bytes out.
//!
//! diesel prepares a statement once per connection and finds it again by its text; it is told not to for a statement's very first run,
//! because many documents are sent once only and each prepared statement costs about 0.1 MB in the PostgreSQL backend.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgConnection, PgValue};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Uuid};
use diesel::{QueryResult, RunQueryDsl};
use freehold_compiler::bind::BindValue;
use freehold_compiler::plan::Statement;

/// A statement that is run again and again, by any number of threads and for any tenant on its release.
#[derive(Debug)]
pub struct SqlStatement {
    segments: Vec<String>,
    /// Tells statements apart when a connection's prepared ones are counted.
    id: u64,
    ran_before: AtomicBool,
}

/// One row of an answer: the root field's ordinal and its value, or one item of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which root field, see [`freehold_compiler::plan::RootValue::Row`].
    pub ordinal: i32,
    /// Its value, as PostgreSQL sent it in its binary format: a record or a text. Never parsed.
    pub value: Bytes,
}

impl SqlStatement {
    /// Makes a compiled statement ready to run.
    #[must_use]
    pub fn new(statement: &Statement) -> Self {
        Self::from_segments(statement.segments.clone())
    }

    /// From SQL text cut at its binds.
    #[must_use]
    pub fn from_segments(segments: Vec<String>) -> Self {
        let mut hasher = DefaultHasher::new();
        segments.hash(&mut hasher);
        Self { id: hasher.finish(), segments, ran_before: AtomicBool::new(false) }
    }

    /// Its text, with `$1`, `$2`, … where values go; for logs of the operator and for tests.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.segments.first().cloned().unwrap_or_default();
        for (i, segment) in self.segments.iter().enumerate().skip(1) {
            text.push_str(&format!("${i}{segment}"));
        }
        text
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether this run should leave a prepared statement behind: every one but the first.
    pub(crate) fn note_run(&self) -> bool {
        self.ran_before.swap(true, Ordering::Relaxed)
    }
}

/// Runs a statement on a connection.
pub(crate) fn load(connection: &mut PgConnection, statement: &SqlStatement, binds: &Binds, keep: bool) -> QueryResult<Vec<Row>> {
    let rows: Vec<(i32, Raw)> = BoundStatement { statement, binds: &binds.0, keep }.load(connection)?;
    Ok(rows.into_iter().map(|(ordinal, Raw(value))| Row { ordinal, value }).collect())
}

/// A statement with the values of one request.
struct BoundStatement<'a> {
    statement: &'a SqlStatement,
    binds: &'a [Bind],
    /// Whether the prepared statement is kept on the connection.
    keep: bool,
}

impl QueryId for BoundStatement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for BoundStatement<'_> {
    type SqlType = (Integer, Text);
}

impl<C> RunQueryDsl<C> for BoundStatement<'_> {}

impl QueryFragment<Pg> for BoundStatement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.keep {
            out.unsafe_to_cache_prepared();
        }
        let mut binds = self.binds.iter();
        for (i, segment) in self.statement.segments.iter().enumerate() {
            if i > 0 {
                push(&mut out, binds.next().ok_or_else(missing_bind)?)?;
            }
            out.push_sql(segment);
        }
        Ok(())
    }
}

fn missing_bind() -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError("fewer values than binds".into())
}

/// The values of one request, in the form diesel takes them.
pub(crate) struct Binds(Vec<Bind>);

impl From<Vec<BindValue>> for Binds {
    fn from(values: Vec<BindValue>) -> Self {
        Self(values.into_iter().map(Bind).collect())
    }
}

struct Bind(BindValue);

fn push<'b>(out: &mut AstPass<'_, 'b, Pg>, bind: &'b Bind) -> QueryResult<()> {
    match &bind.0 {
        BindValue::Uuid(v) => out.push_bind_param::<Nullable<Uuid>, _>(v),
        BindValue::Text(v) => out.push_bind_param::<Nullable<Text>, _>(v),
        BindValue::Int(v) => out.push_bind_param::<Nullable<Integer>, _>(v),
        BindValue::BigInt(v) => out.push_bind_param::<Nullable<BigInt>, _>(v),
        BindValue::Double(v) => out.push_bind_param::<Nullable<Double>, _>(v),
        BindValue::Bool(v) => out.push_bind_param::<Nullable<Bool>, _>(v),
        BindValue::Json(_) => out.push_bind_param::<Nullable<Jsonb>, _>(bind),
        BindValue::Uuids(v) => out.push_bind_param::<Nullable<Array<Nullable<Uuid>>>, _>(v),
        BindValue::Texts(v) => out.push_bind_param::<Nullable<Array<Nullable<Text>>>, _>(v),
        BindValue::Ints(v) => out.push_bind_param::<Nullable<Array<Nullable<Integer>>>, _>(v),
        BindValue::Doubles(v) => out.push_bind_param::<Nullable<Array<Nullable<Double>>>, _>(v),
        BindValue::Bools(v) => out.push_bind_param::<Nullable<Array<Nullable<Bool>>>, _>(v),
    }
}

/// Sent as it is: parsing it here, only to print it again, would cost more than the rest of a small write.
impl ToSql<Nullable<Jsonb>, Pg> for Bind {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        let BindValue::Json(Some(text)) = &self.0 else { return Ok(IsNull::Yes) };
        // jsonb's binary form is a version byte, then the text (PostgreSQL sources, jsonb_recv).
        out.write_all(&[1])?;
        out.write_all(text.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl std::fmt::Debug for Bind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[value]")
    }
}

/// A column of any type as bytes: one copy out of libpq's buffer. The binary form of text and json is the text itself.
#[derive(Debug, FromSqlRow)]
struct Raw(Bytes);

// Text stands for whatever comes: diesel does not compare it with the column's type.
impl FromSql<Text, Pg> for Raw {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Bytes::copy_from_slice(value.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_in_order() {
        let statement = SqlStatement::from_segments(vec!["SELECT ".into(), ", ".into(), String::new()]);
        assert_eq!(statement.text(), "SELECT $1, $2");
    }

    #[test]
    fn the_first_run_leaves_nothing_behind() {
        let statement = SqlStatement::from_segments(vec!["SELECT 1".into()]);
        assert!(!statement.note_run());
        assert!(statement.note_run());
    }
}
