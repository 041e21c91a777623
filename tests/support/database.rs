//! An administrator's look into the installation's PostgreSQL: what tests compare the API's answers with.

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// A connection of the cluster's administrator to one database.
pub struct Database(PgConnection);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

impl Database {
    pub(crate) fn connect(url: &str) -> anyhow::Result<Database> {
        Ok(Database(PgConnection::establish(url).context("the administrator cannot log in")?))
    }

    /// Rows of a query with one text column named `value`.
    // Only tests look at databases like this; the rule protects the products.
    #[allow(clippy::disallowed_methods)]
    pub fn texts(&mut self, query: &str) -> anyhow::Result<Vec<String>> {
        Ok(diesel::sql_query(query).load::<Row>(&mut self.0)?.into_iter().map(|row| row.value).collect())
    }

    /// Runs statements.
    pub fn execute(&mut self, statements: &str) -> anyhow::Result<()> {
        Ok(self.0.batch_execute(statements)?)
    }

    /// The id of the server process that serves this connection.
    pub fn backend(&mut self) -> anyhow::Result<i32> {
        Ok(self.texts("SELECT pg_backend_pid()::text AS value")?.first().context("one row")?.parse()?)
    }
}

/// The connection string of one database, made into that of another on the same server.
pub(crate) fn sibling_url(url: &str, database: &str) -> anyhow::Result<String> {
    let (server, rest) = url.rsplit_once('/').context("a connection string ends with a database")?;
    let parameters = rest.split_once('?').map_or(String::new(), |(_, parameters)| format!("?{parameters}"));
    Ok(format!("{server}/{database}{parameters}"))
}
