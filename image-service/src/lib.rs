//! The image service: signed URL, object, pipeline, bytes.
//!
//! A request is verified over the exact bytes of its path with a key of its tenant, the object `<tenant id>/<key>` comes from S3, its header is
//! checked against limits, and the result leaves with an entity tag and a lifetime that ends with its token. Nothing else is asked: images
//! keep coming while the control plane and the tenants' databases are down (ARCHITECTURE D10).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admission;
mod application;
pub mod config;
pub mod error;
mod http;
pub mod media;
mod metrics;
pub mod pipeline;
mod storage;
mod variants;

pub use application::{Application, StartError};
pub use config::Config;
