//! The SDL form of a schema.

use crate::{Schema, SchemaError};

impl Schema {
    /// Reads and checks a schema file.
    ///
    /// # Errors
    /// Every mistake in the file, in the order of the file.
    pub fn from_sdl(_file: &str, _text: &str) -> Result<Self, Vec<SchemaError>> {
        unimplemented!("work in progress")
    }

    /// The schema as canonical SDL; reading it gives the same schema.
    #[must_use]
    pub fn to_sdl(&self) -> String {
        unimplemented!("work in progress")
    }
}

/// SDL definitions of the directives that a schema file may use.
#[must_use]
pub fn directives() -> &'static str {
    include_str!("directives.graphql")
}
