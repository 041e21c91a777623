//! Stored images: members of the JSON in their column, and the places where signed URLs are put.

use freehold_schema::ident::Ident;

use super::reading::{unsupported, write_members};
use super::{Refused, State};
use crate::api::Meaning;
use crate::bind::{BindSource, BindType};
use crate::plan::{ImageSlot, Slot};
use crate::selection::{Input, Selected};
use crate::sql::Alias;

/// Writes the object of a `StoredImage`; NULL when there is none.
pub(super) fn write_image(state: &mut State, alias: Alias, column: &Ident, field: &Selected) -> Result<(), Refused> {
    let json = state.sql.next_alias();
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        match &part.meaning {
            Meaning::ImageMember => {
                state.sql.column(alias, column).syntax(match &*part.name {
                    "key" => "->'key'",
                    "width" => "->'width'",
                    "height" => "->'height'",
                    "contentType" => "->'contentType'",
                    _ => return Err(unsupported(part)),
                });
            }
            Meaning::ImageUrl => write_url(state, alias, column, part),
            _ => return Err(unsupported(part)),
        }
        Ok(())
    })?;
    state.sql.syntax(" WHERE ").column(alias, column).syntax(" IS NOT NULL) ").alias(json).syntax(")");
    Ok(())
}

/// `<marker>.<slot>.<version>.<key>`, to be replaced by the URL. A version that was stored with a dot becomes one that cannot be signed, instead of moving into the key.
fn write_url(state: &mut State, alias: Alias, column: &Ident, field: &Selected) {
    let argument = |name: &str| field.arguments.get(name).cloned().unwrap_or(Input::Null);
    let slot = state.slots.len();
    state.slots.push(Slot::Image(Box::new(ImageSlot {
        width: argument("width"),
        height: argument("height"),
        fit: argument("fit"),
        format: argument("format"),
    })));
    state
        .sql
        .bind(BindSource::Marker, BindType::Text)
        .syntax("::text || '.")
        .number(slot)
        .syntax(".' || coalesce(replace(")
        .column(alias, column);
    state.sql.syntax("->>'version', '.', '~'), '_') || '.' || (").column(alias, column).syntax("->>'key')");
}
