//! Encrypted content of one tenant (ARCHITECTURE D9).
//!
//! A stored value is `key version (1) | lookup hash (32, where the column has one) | sealed value`. It is bound to tenant, table, column, row and key version:
//! copied to another place it does not open. The hash is bound to tenant, table and column, so equal values of two columns do not look equal.

use freehold_compiler::cipher::{Cipher, EncryptedCell};
use freehold_ids::TenantId;
use freehold_schema::encryption::LOOKUP_BYTES;
use freehold_vault::{DataKey, EncryptionContext, SecretBytes};
use uuid::Uuid;

/// Of the only key that a tenant has so far.
const KEY_VERSION: u8 = 1;

/// A tenant's key and what it encrypts.
#[derive(Debug)]
pub struct TenantCipher {
    tenant: TenantId,
    key: DataKey,
}

impl TenantCipher {
    /// With the tenant's data key.
    pub fn new(tenant: TenantId, key: DataKey) -> Self {
        Self { tenant, key }
    }

    /// What was stored in a cell of the row with this id; None when it is not what this tenant's engine once stored there.
    pub fn open(&self, cell: &EncryptedCell, row: Uuid, stored: &[u8]) -> Option<SecretBytes> {
        if *stored.first()? != KEY_VERSION {
            return None;
        }
        let sealed = stored.get(if cell.lookup { LOOKUP_BYTES } else { 1 }..)?;
        self.key.open(sealed, &self.of_cell(cell, row)).ok()
    }

    /// A text of the engine's own, to be kept in the tenant's database under `name`.
    pub fn seal_text(&self, name: &str, text: &str) -> Vec<u8> {
        self.key.seal(text.as_bytes(), name.as_bytes())
    }

    /// What [`TenantCipher::seal_text`] sealed.
    pub fn open_text(&self, name: &str, sealed: &[u8]) -> Option<String> {
        let opened = self.key.open(sealed, name.as_bytes()).ok()?;
        String::from_utf8(opened.expose().to_vec()).ok()
    }

    fn of_cell(&self, cell: &EncryptedCell, row: Uuid) -> Vec<u8> {
        self.of_column(cell).with("row", row).canonical_bytes()
    }

    fn of_column(&self, cell: &EncryptedCell) -> EncryptionContext {
        EncryptionContext::new()
            .with("purpose", "content")
            .with("tenant", self.tenant)
            .with("table", cell.table.as_str())
            .with("column", cell.column.as_str())
            .with("key", KEY_VERSION)
    }
}

impl Cipher for TenantCipher {
    fn seal(&self, cell: &EncryptedCell, row: Uuid, plaintext: &str) -> Vec<u8> {
        let mut stored = if cell.lookup { self.lookup(cell, plaintext) } else { vec![KEY_VERSION] };
        stored.extend_from_slice(&self.key.seal(plaintext.as_bytes(), &self.of_cell(cell, row)));
        stored
    }

    fn lookup(&self, cell: &EncryptedCell, plaintext: &str) -> Vec<u8> {
        let mut lookup = vec![KEY_VERSION];
        lookup.extend_from_slice(&self.key.lookup(plaintext.as_bytes(), &self.of_column(cell).canonical_bytes()));
        lookup
    }
}

#[cfg(test)]
mod tests {
    use freehold_schema::ident::Ident;

    use super::*;

    fn cell(column: &str, lookup: bool) -> EncryptedCell {
        EncryptedCell { table: Ident::new("patient").unwrap(), column: Ident::new(column).unwrap(), lookup, is_json: false }
    }

    #[test]
    fn a_value_opens_where_it_was_stored_and_nowhere_else() {
        let (tenant, row) = (TenantId::generate(), Uuid::new_v4());
        let key = DataKey::generate();
        let cipher = TenantCipher::new(tenant, key.clone());
        for lookup in [false, true] {
            let cell = cell("insurance", lookup);
            let stored = cipher.seal(&cell, row, "AB 12");
            let opened = |cipher: &TenantCipher, cell: &EncryptedCell, row| {
                cipher.open(cell, row, &stored).map(|bytes| bytes.expose().to_vec())
            };
            assert_eq!(opened(&cipher, &cell, row).as_deref(), Some(b"AB 12".as_slice()));
            assert_eq!(opened(&cipher, &cell, Uuid::new_v4()), None, "another row");
            assert_eq!(opened(&cipher, &EncryptedCell { column: Ident::new("name").unwrap(), ..cell.clone() }, row), None);
            assert_eq!(opened(&cipher, &EncryptedCell { table: Ident::new("doctor").unwrap(), ..cell.clone() }, row), None);
            assert_eq!(opened(&TenantCipher::new(TenantId::generate(), key.clone()), &cell, row), None, "another tenant");
            assert_eq!(opened(&TenantCipher::new(tenant, DataKey::generate()), &cell, row), None, "another key");
            for at in (0..stored.len()).filter(|at| !lookup || *at == 0 || *at >= LOOKUP_BYTES) {
                let mut changed = stored.clone();
                changed[at] ^= 1;
                assert!(cipher.open(&cell, row, &changed).is_none(), "byte {at}");
            }
            (0..stored.len()).for_each(|length| assert!(cipher.open(&cell, row, &stored[..length]).is_none(), "{length} bytes"));
        }
    }

    #[test]
    fn equal_values_of_a_column_begin_alike_and_no_others_do() {
        let cipher = TenantCipher::new(TenantId::generate(), DataKey::generate());
        let cell = cell("insurance", true);
        let stored = |text| cipher.seal(&cell, Uuid::new_v4(), text);
        let (one, same, other) = (stored("a"), stored("a"), stored("b"));
        assert_eq!(one[..LOOKUP_BYTES], cipher.lookup(&cell, "a"));
        assert_eq!(one[..LOOKUP_BYTES], same[..LOOKUP_BYTES]);
        assert_ne!(one[LOOKUP_BYTES..], same[LOOKUP_BYTES..]);
        assert_ne!(one[..LOOKUP_BYTES], other[..LOOKUP_BYTES]);
        assert_ne!(
            cipher.lookup(&cell, "a"),
            cipher.lookup(&EncryptedCell { column: Ident::new("name").unwrap(), ..cell.clone() }, "a")
        );
        let stranger = TenantCipher::new(TenantId::generate(), DataKey::generate());
        assert_ne!(cipher.lookup(&cell, "a"), stranger.lookup(&cell, "a"));
    }
}
