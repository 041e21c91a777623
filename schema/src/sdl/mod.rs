//! The SDL form of a schema.

pub(crate) mod definitions;
mod fields;
mod objects;
pub(crate) mod permissions;
mod print;
mod print_allow;
mod print_rules;
mod read;
pub(crate) mod structure;
pub(crate) mod syntax;
mod validators;

use crate::source::Errors;
use crate::{Schema, SchemaError, check};

pub use definitions::directives;

impl Schema {
    /// Reads and checks a schema file.
    ///
    /// # Errors
    /// Every mistake in the file, in the order of the file.
    pub fn from_sdl(file: &str, text: &str) -> Result<Self, Vec<SchemaError>> {
        let mut errors = Errors::default();
        let document = syntax::parse(text, &mut errors);
        let mut found = Errors::default();
        let draft = read::read(&document, &mut found);
        let schema = check::lower(draft, document.lost, &mut found);
        // Where the syntax is broken, what was read is not what was meant.
        found.forget(&document.broken);
        errors.append(found);
        if errors.is_empty() { Ok(schema) } else { Err(errors.finish(file, text)) }
    }
}
