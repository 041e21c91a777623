//! Real servers for development and tests: a private PostgreSQL cluster and an S3 server, both on loopback.
//!
//! Nothing here is used in production, and nothing in production knows of it: programs get connection strings and endpoints, as
//! they would of RDS and S3. What is started stops with its owner, even when the owner is killed.

mod error;
mod postgres;
mod process;
mod s3;

pub use error::DevstackError;
pub use postgres::{Durability, PostgresCluster, test_cluster};
pub use process::OwnedProcess;
pub use s3::S3Server;
