//! The content schema: what an organisation stores and who may see and change it.
//!
//! SDL or JSON in, a checked [`Schema`] out; from it SDL, JSON and PostgreSQL DDL. Pure: no I/O, no clock, no environment.

pub mod acl;
mod check;
pub mod codes;
pub mod ddl;
mod draft;
mod error;
pub mod filter;
mod hash;
pub mod ident;
pub mod json;
pub mod model;
pub mod names;
mod node;
pub mod sdl;
mod source;
pub mod validation;

pub use error::SchemaError;
pub use model::Schema;
pub use sdl::directives;

#[cfg(test)]
mod tests;
