//! Runs compiled SQL in tenants' databases: routes, pools, budgets, deadlines, transactions. All of diesel that serves requests is here.
//!
//! ```text
//! slug ─ Registry ─> Tenant (route, epoch) ─> TenantPool (one r2d2 pool) ─> TenantConnection (proved to be this tenant's)
//!                                  └─> Server (budget, breaker, threads), shared by the tenants placed on it
//! ```
//!
//! It knows statements and values, and nothing of GraphQL, permissions or HTTP. Waiting is done in async code, so that a thread is only
//! taken for as long as a statement runs; every statement has a deadline on this side, because `statement_timeout` does not help when
//! PostgreSQL is frozen (ARCHITECTURE.md, "Cross-cutting concerns").

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answers;
pub mod breaker;
pub mod config;
pub mod error;
pub mod events;
pub mod registry;
pub mod revision;
pub mod sql;
pub mod sqlstate;
pub mod tenant;
pub mod transaction;

mod cancel;
mod connection;
mod conninfo;
mod pool;
mod routes;
mod server;

pub use config::PoolConfig;
pub use error::{DatabaseError, ExecuteError, RouteError};
pub use registry::{Registry, ServerStatus};
pub use sql::{Row, SqlStatement};
pub use tenant::Tenant;
pub use transaction::{Mode, Outcome, Transaction};
