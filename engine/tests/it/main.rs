//! The engine over HTTP, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "tests stage the database with SQL of their own")]

mod failing;
mod headers;
mod hostile;
mod operations;
mod pages;
mod persisted;
mod refusals;
mod running;
#[path = "../../executor/tests/it/world.rs"]
mod world;
