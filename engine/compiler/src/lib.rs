//! GraphQL in, SQL plan out. Pure: no I/O, no clock, no randomness, no driver.
//!
//! ```text
//! (schema, roles)  ->  Permissions  ->  Api            once per (release, role set)
//! document text    ->  Prepared                        once per (Api, outline of the text, operation name)
//! variables        ->  Variables, Shape                once per request
//! all of them      ->  Plan                            once per (Prepared, Shape, caller's shape)
//! Plan + Variables ->  bind values                     once per request
//! ```
//!
//! What the wire looks like is the content API's contract; which SQL is cheap was measured (ARCHITECTURE.md, "A query").

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod bind;
pub mod caller;
pub mod cipher;
pub mod coerce;
mod collect;
pub mod compile;
pub mod error;
pub mod literals;
mod lower;
pub mod mutation;
pub mod objects;
pub mod output;
pub mod permissions;
pub mod plan;
pub mod prepare;
mod search_text;
pub mod selection;
mod sql;
mod suggest;
mod syntax;
#[cfg(test)]
mod testing;
mod validate;
