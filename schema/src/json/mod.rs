//! The JSON form of a schema (content API, sections 2 and 3), as other tools write it.
//!
//! Read and written: `model`, `acl`, `validation`, `settings`. What is ours stands in keys of its own: `description` and `deprecationReason` of entities
//! and fields, `model.enumDetails`, `everything` of a role, the column type `StoredImage`, `search` of columns.
//!
//! Ignored, because leaving it out only takes rights away: `tenant` of roles, `export`, `import` and `refreshMaterializedView`. Ignored, because
//! content is the same without it: `actions`. A role of other stages only has no rights here (Freehold has one stage). Unknown keys are mistakes in
//! permissions, where they may take rights away, and elsewhere when they look like misspelt ones; others come from later versions of other tools.

mod acl;
mod fields;
mod object;
mod objects;
pub(crate) mod parse;
mod read;
mod validators;
mod write;
mod write_acl;

pub(crate) use write_acl::predefined_name;

use crate::source::Errors;
use crate::{Schema, SchemaError, check};

impl Schema {
    /// Reads and checks the JSON form.
    ///
    /// # Errors
    /// Every mistake in the file, in the order of the file. A mistake in the syntax of JSON is the only one reported.
    pub fn from_json(file: &str, text: &str) -> Result<Self, Vec<SchemaError>> {
        let mut errors = Errors::default();
        let Some(node) = parse::parse(text, &mut errors) else { return Err(errors.finish(file, text)) };
        let Some(draft) = read::read(&node, &mut errors) else { return Err(errors.finish(file, text)) };
        let schema = check::lower(draft, false, &mut errors);
        if errors.is_empty() { Ok(schema) } else { Err(errors.finish(file, text)) }
    }

    /// The schema as canonical, indented JSON; reading it gives the same schema.
    ///
    /// # Panics
    /// Never: the schema's JSON has text keys only.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&write::schema(self)).expect("a tree of JSON values can be written");
        text.push('\n');
        text
    }

    /// The schema as canonical JSON without white space, from which the release id is derived.
    #[must_use]
    pub fn canonical(&self) -> String {
        write::schema(self).to_string()
    }
}
