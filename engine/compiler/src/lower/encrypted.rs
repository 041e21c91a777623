//! Encrypted columns: the bytes that the engine decrypts when it writes the answer, and what rows are found by.

use std::sync::Arc;

use freehold_schema::encryption::LOOKUP_BYTES;
use freehold_schema::model::Column;

use super::{Row, State};
use crate::bind::{BindSource, BindType};
use crate::cipher::EncryptedCell;
use crate::plan::Slot;
use crate::sql::SqlWriter;

/// Writes what the value of an encrypted cell is made of, see [`Slot`]; NULL when the cell is.
pub(super) fn write_cell(state: &mut State, row: Row<'_>, column: &Column, cell: EncryptedCell) {
    let slot = state.slots.len();
    state.slots.push(Slot::Cell(Arc::new(cell)));
    state.sql.bind(BindSource::Marker, BindType::Text).syntax("::text || '.").number(slot).syntax(".' || ");
    state.sql.column(row.alias, &row.entity.primary_column().column).syntax("::text || '.' || encode(");
    state.sql.column(row.alias, &column.column).syntax(", 'hex')");
}

/// Writes the part of a stored value that is equal where values are equal. An index of the tenant's database holds the same expression.
pub(super) fn write_lookup(sql: &mut SqlWriter, write: impl FnOnce(&mut SqlWriter)) {
    sql.syntax("substring(");
    write(sql);
    sql.syntax(", 1, ").number(LOOKUP_BYTES).syntax(")");
}
