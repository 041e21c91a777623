//! The content schema: what an organisation stores and who may see and change it.
//!
//! SDL or JSON in, a checked [`Schema`] out; from it SDL, JSON and PostgreSQL DDL. Pure: no I/O, no clock, no environment.
//!
//! ```text
//! SDL  -> sdl::syntax -> sdl::read  \                   / Schema::to_sdl
//!                                     draft -> check -> Schema  Schema::to_json, canonical
//! JSON -> json::parse -> json::read /                   \ ddl::create
//! ```
//!
//! Both readers make a *draft* in which every part knows its place; `check` resolves all names, applies all rules and collects every mistake as
//! `file:line:column: error[CODE]: message` with a hint. So both forms obey the same rules, and a [`Schema`] that exists is sound.
//!
//! # Invariants
//! - Reading what was written gives the same schema, in both forms; the text that is written is canonical, and SDL -> JSON -> SDL is the identity.
//! - The directives that are printed for IDEs ([`directives`]) are the ones that the reader checks against: one text, `sdl/directives.graphql`.
//! - Rules on object keys mean what picomatch makes of them, or are refused ([`key_pattern`]).
//! - Names reach SQL through [`ident::Ident`] only; PostgreSQL types are chosen from a list. SQL of the schema's author stands in views and in
//!   conditions of partial indexes only.
//!
//! # Example
//! ```
//! use freehold_schema::{Schema, ddl, ident::Ident};
//!
//! let schema = Schema::from_sdl("schema.graphql", r#"
//!     extend schema @role(name: "reader")
//!
//!     type Article @allow(roles: ["reader"], read: true, when: { published: { eq: true } }) {
//!       title: String!
//!       slug: String! @unique
//!       published: Boolean! @default(value: false)
//!     }
//! "#).expect("the schema is sound");
//! let statements = ddl::create(&schema, &Ident::new("content").expect("a legal name"), "acme");
//! assert!(statements[1].starts_with("CREATE TABLE \"content\".\"article\""));
//!
//! let mistakes = Schema::from_sdl("schema.graphql", "type Article { titel: Strng }").unwrap_err();
//! assert_eq!(mistakes[0].to_string(), "schema.graphql:1:23: error[UNKNOWN_TYPE]: unknown type `Strng`\n  hint: did you mean `String`?");
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod acl;
mod api_order;
mod check;
pub mod codes;
pub mod ddl;
mod draft;
pub mod encryption;
mod error;
pub mod filter;
mod hash;
pub mod ident;
pub mod json;
pub mod key_pattern;
pub mod model;
pub mod names;
mod node;
pub mod sdl;
pub mod search;
mod source;
pub mod validation;

pub use error::SchemaError;
pub use model::Schema;
pub use sdl::directives;

#[cfg(test)]
mod tests;
