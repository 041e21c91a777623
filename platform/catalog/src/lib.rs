//! The catalogue: models and queries of the control database.
//!
//! What every service asks of the control plane and everything the provisioner records in it. Blocking: callers in async code
//! go through a blocking thread. Nothing here touches a tenant's database, and no secret passes through unsealed.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(clippy::disallowed_methods, reason = "locks and pings of the catalogue's own; nothing here reads the environment")]

mod audit;
mod connection;
mod documents;
mod error;
mod migrations;
mod operations;
mod plans;
mod releases;
mod routes;
pub mod schema;
mod servers;
mod state;
mod tenants;
#[cfg(test)]
mod tests;

pub use audit::{AuditEntry, NewAuditEntry};
pub use connection::Catalog;
pub use documents::{Document, LONGEST_DOCUMENT_ID, NewDocument};
pub use error::CatalogError;
pub use operations::{Lease, NewOperation, Operation, Step};
pub use plans::Plan;
pub use releases::Release;
pub use routes::{ServerAddress, TenantLimits, TenantRoute};
pub use servers::{NewServer, Server};
pub use state::{DocumentMode, OperationKind, OperationState, ServerState, StepState, SuspendReason, TenantState};
pub use tenants::{Credential, NewTenant, Placement, Reservation, Tenant};
