//! Tests of the crate as a whole.

mod blog;
mod ddl;
mod directives;
mod foreign;
mod generated;
mod mistakes;
mod round_trip;

use crate::{Schema, SchemaError};

const BLOG_SDL: &str = include_str!("data/blog.graphql");
const BLOG_JSON: &str = include_str!("data/blog.schema.json");
const TINY_JSON: &str = include_str!("data/tiny.schema.json");
const EXAMPLE: &str = include_str!("../../../examples/blog/schema.graphql");

fn report(errors: &[SchemaError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A schema that must be sound.
fn sdl(text: &str) -> Schema {
    Schema::from_sdl("schema.graphql", text).unwrap_or_else(|errors| panic!("{}\n{text}", report(&errors)))
}

/// A schema that must be sound.
fn json(text: &str) -> Schema {
    Schema::from_json("schema.json", text).unwrap_or_else(|errors| panic!("{}\n{text}", report(&errors)))
}
