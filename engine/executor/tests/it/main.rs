//! The executor on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "tests stage the database with SQL of their own")]

mod failures;
mod queries;
mod transactions;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_compiler::bind::BindValue;
use freehold_executor::{ExecuteError, PoolConfig, Registry, Row, SqlStatement, Tenant};

use world::{MadeTenant, World};

/// SQL with `$` where values go.
fn statement(sql: &str) -> Arc<SqlStatement> {
    Arc::new(SqlStatement::from_segments(sql.split('$').map(str::to_owned).collect()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn registry(world: &World, config: PoolConfig) -> Registry {
    Registry::new(config, world.catalog.clone(), Arc::clone(&world.vault))
}

async fn route(registry: &Registry, made: &MadeTenant) -> Arc<Tenant> {
    registry.route(&made.slug, made.id).await.unwrap()
}

async fn run(registry: &Registry, tenant: &Tenant, sql: &str, binds: Vec<BindValue>) -> Result<Vec<Row>, ExecuteError> {
    registry.query(tenant, &statement(sql), binds, soon()).await
}

/// The JSON of the only row.
async fn text(registry: &Registry, tenant: &Tenant, sql: &str, binds: Vec<BindValue>) -> String {
    let rows = run(registry, tenant, sql, binds).await.unwrap();
    assert_eq!(rows.len(), 1);
    String::from_utf8(rows[0].value.to_vec()).unwrap()
}
