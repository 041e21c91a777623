//! Tests of the crate as a whole.

mod blog;

use crate::Schema;

/// A schema that must be sound.
fn sdl(text: &str) -> Schema {
    let report =
        |errors: Vec<crate::SchemaError>| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    Schema::from_sdl("schema.graphql", text).unwrap_or_else(report)
}
