//! The GraphQL server: configuration, HTTP, callers, caches; everything between a request and the executor.
//!
//! ```text
//! HTTP ─ Accept, limits ─ token ─ tenant ─ release ─ roles ─ document ─ plan ─ values ─ executor ─ bytes
//! ```
//!
//! It makes no SQL and no decisions about content: the compiler does. See ARCHITECTURE.md, "A query".

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod application;
pub mod config;

mod content;
mod http;
mod objects;
mod sealer;
mod state;
mod system;
mod telemetry;

pub use application::Application;
pub use config::Config;

/// Parts that benches/ measures by themselves.
#[doc(hidden)]
pub mod measured {
    pub use crate::content::documents::Documents;
    pub use crate::content::introspection::TypeSystem;
}
