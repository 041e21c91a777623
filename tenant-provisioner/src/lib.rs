//! Makes, suspends and deletes tenants.
//!
//! Every change is a saga: durable steps, each *check, do, record a receipt*, each with an undo. A process may be killed
//! anywhere: the same call again finishes the operation or undoes it, and never leaves half a tenant. What is made on a server
//! carries a marker that names operation and tenant, and only what carries the right marker is ever dropped.
//!
//! Blocking; from async code call it in a blocking thread.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(clippy::disallowed_methods, reason = "the provisioner's own statements; nothing here reads the environment")]

mod content;
mod databases;
mod doctor;
mod documents;
mod error;
mod event_log;
mod harden;
mod names;
mod plans;
mod postgres;
mod progress;
mod provisioner;
mod release;
mod roles;
mod saga;
mod scram;
mod seed;
mod server;
mod suspend;
mod template;
mod verify;

pub use doctor::{Finding, Severity};
pub use error::{ErrorClass, ProvisionError};
pub use event_log::{BadEntry, Head, HeadError, Tampering, Verified};
pub use plans::Pruned;
pub use progress::{NoProgress, Phase, Progress, StepEvent};
pub use provisioner::{CreateTenant, CreatedTenant, Outcome, Provisioner};
pub use server::AddServer;
