//! Encrypted columns: single texts and JSON values of tables whose rows have UUIDs, and nothing that the database would have to read.

use crate::codes;
use crate::draft::{ColumnDraft, EntityDraft, FieldDraft, FieldKindDraft};
use crate::encryption::Encryption;
use crate::model::{ColumnKind, Entity};
use crate::source::{At, Errors};

pub(super) fn lower(field: &FieldDraft, draft: &ColumnDraft, errors: &mut Errors) -> Option<Encryption> {
    let At { value: encryption, at } = draft.encryption.as_ref()?;
    let name = &field.name.value;
    let mut report = |message: String, hint: &str| {
        errors.add(*at, codes::ENCRYPTION_INVALID, message).hint(hint);
    };
    if draft.list || !matches!(draft.kind.value, ColumnKind::String | ColumnKind::Json) {
        report(format!("`{name}` cannot be encrypted"), "single values of the types `String` and `Json` can");
        return None;
    }
    if encryption.lookup && draft.kind.value == ColumnKind::Json {
        report(format!("`{name}` cannot be looked up: JSON has many spellings of a value"), "only a `String` has `lookup`");
    }
    if draft.search.is_some() {
        report(format!("`{name}` is encrypted, so its words cannot be searched"), "leave out `@encrypted` or `@searchable`");
    }
    if draft.collation.is_some() {
        report(format!("`{name}` is encrypted, so it has no order and no collation"), "leave the collation out");
    }
    Some(*encryption)
}

/// What concerns the entity of encrypted columns: a value is bound to the id of its row, so the engine must know it before there is a row.
pub(super) fn check(draft: &EntityDraft, entity: &Entity, errors: &mut Errors) {
    for field in &draft.fields {
        let Some(FieldKindDraft::Column(ColumnDraft { encryption: Some(encryption), .. })) = &field.kind else { continue };
        let name = &field.name.value;
        if draft.view.is_some() {
            let message = format!("`{name}` belongs to a view, which cannot be encrypted");
            errors.add(encryption.at, codes::ENCRYPTION_INVALID, message).hint("encrypt the column of the table");
        } else if entity.column(entity.primary.as_str()).is_some_and(|primary| primary.kind != ColumnKind::Uuid) {
            let message = format!("`{name}` cannot be encrypted, because the rows of `{}` have no UUIDs", entity.name);
            let error = errors.add(encryption.at, codes::ENCRYPTION_INVALID, message);
            error.hint("an encrypted value is bound to its row: give the entity an `id: UUID!`");
        }
    }
}
