//! What end-to-end tests and the benchmark share: the real binaries, and an installation of their own that goes away with its owner.

pub mod binaries;
mod client;
mod database;
mod installation;
pub mod operations;
mod own_tenant;

pub use client::{Answer, Client};
pub use database::Database;
pub use installation::{Installation, Tenant, shared};
pub use own_tenant::OwnTenant;
