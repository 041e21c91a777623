//! Values that only the engine can make, put into an answer where the statement left a marker: SQL can neither sign nor decrypt, and the answer is not parsed.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use freehold_compiler::cipher::EncryptedCell;
use freehold_compiler::coerce::Variables;
use freehold_compiler::plan::Slot;
use freehold_tokens::image::{Operations, TenantSigner};
use memchr::memmem;
use uuid::Uuid;

use crate::content::cipher::TenantCipher;
use crate::content::images;

/// 32 random hexadecimal digits, anew for every request, so that no stored text can pass for a marker.
pub fn new_marker() -> String {
    HEXLOWER.encode(&rand::random::<[u8; 16]>())
}

/// A stored value that does not open: somebody changed it, or copied it there from another place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the encrypted value of column {column} of table {table} in row {row} was not stored there by this engine, or was changed"
)]
pub struct Unopened {
    table: String,
    column: String,
    row: String,
}

/// What replacing needs besides the answer.
pub struct Splice<'a> {
    /// The request's marker.
    pub marker: &'a str,
    /// The plan's places.
    pub slots: &'a [Slot],
    /// The request's variables.
    pub variables: &'a Variables,
    /// Of the tenant.
    pub signer: &'a TenantSigner,
    /// Of the tenant, when the plan needs it.
    pub cipher: Option<&'a TenantCipher>,
    /// Where browsers reach the image service.
    pub public_url: &'a str,
    /// The request's instant.
    pub now: DateTime<Utc>,
}

/// What a slot becomes.
enum Value<'a> {
    /// A URL; null where there is no such URL.
    Image(Option<Operations>),
    Cell(&'a EncryptedCell),
}

impl Splice<'_> {
    /// The answer with its value for every `"<marker>.<slot>.<what it is made of>"`.
    ///
    /// # Errors
    /// [`Unopened`]
    pub fn apply(&self, answer: Vec<u8>) -> Result<Vec<u8>, Unopened> {
        let quoted = format!("\"{}.", self.marker);
        let finder = memmem::Finder::new(&quoted);
        let mut rest = answer.as_slice();
        let Some(first) = finder.find(rest) else { return Ok(answer) };
        let values: Vec<Value<'_>> = self.slots.iter().map(|slot| self.value(slot)).collect();
        let mut out = Vec::with_capacity(answer.len() * 2);
        let mut next = Some(first);
        while let Some(at) = next {
            out.extend_from_slice(&rest[..at]);
            let text = &rest[at..];
            let length = string_length(text);
            if !self.write(&text[..length], quoted.len(), &values, &mut out)? {
                out.extend_from_slice(b"null");
            }
            rest = &text[length..];
            next = finder.find(rest);
        }
        out.extend_from_slice(rest);
        Ok(out)
    }

    fn value<'s>(&self, slot: &'s Slot) -> Value<'s> {
        match slot {
            Slot::Image(slot) => Value::Image(images::operations(slot, self.variables)),
            Slot::Cell(cell) => Value::Cell(cell),
        }
    }

    /// Writes the value for a text with a marker; false when there is none.
    fn write(&self, quoted: &[u8], prefix: usize, values: &[Value<'_>], out: &mut Vec<u8>) -> Result<bool, Unopened> {
        let text: Option<String> = serde_json::from_slice(quoted).ok();
        // The opening quote is gone.
        let parts = text.as_deref().and_then(|text| text.get(prefix - 1..)?.split_once('.'));
        let Some((slot, made_of)) = parts else { return Ok(false) };
        match slot.parse::<usize>().ok().and_then(|slot| values.get(slot)) {
            Some(Value::Image(operations)) => Ok(self.write_url(operations.as_ref(), made_of, out)),
            Some(Value::Cell(cell)) => self.write_cell(cell, made_of, out).map(|()| true),
            None => Ok(false),
        }
    }

    fn write_url(&self, operations: Option<&Operations>, made_of: &str, out: &mut Vec<u8>) -> bool {
        let signed = made_of.split_once('.').zip(operations);
        let path = signed.and_then(|((version, key), operations)| self.signer.sign(operations, version, key, self.now).ok());
        let Some(path) = path else { return false };
        // A signed path holds nothing that JSON escapes; the public URL was checked at the start.
        for part in ["\"", self.public_url, &path, "\""] {
            out.extend_from_slice(part.as_bytes());
        }
        true
    }

    fn write_cell(&self, cell: &EncryptedCell, made_of: &str, out: &mut Vec<u8>) -> Result<(), Unopened> {
        let (row, stored) = made_of.split_once('.').unwrap_or_default();
        let opened = Uuid::parse_str(row).ok().zip(self.cipher).and_then(|(row, cipher)| {
            let stored = HEXLOWER.decode(stored.as_bytes()).ok()?;
            let plaintext = cipher.open(cell, row, &stored)?;
            let text = std::str::from_utf8(plaintext.expose()).ok()?;
            // JSON is stored as the engine wrote it.
            Some(if cell.is_json { text.to_owned() } else { serde_json::Value::from(text).to_string() })
        });
        let unopened =
            || Unopened { table: cell.table.as_str().to_owned(), column: cell.column.as_str().to_owned(), row: row.to_owned() };
        out.extend_from_slice(opened.ok_or_else(unopened)?.as_bytes());
        Ok(())
    }
}

/// Bytes of the JSON string that `text` begins with, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(b) = text.get(at) {
        match b {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use freehold_compiler::plan::ImageSlot;
    use freehold_compiler::selection::Input;
    use freehold_ids::TenantId;
    use freehold_tokens::Keyring;
    use freehold_tokens::image::{Signer, verify};
    use serde_json::Value;

    use super::*;

    fn null_slot() -> ImageSlot {
        ImageSlot { width: Input::Null, height: Input::Null, fit: Input::Null, format: Input::Null }
    }

    fn number(value: u64) -> Input {
        use freehold_compiler::selection::{Leaf, Source};
        Input::Leaf(Leaf { value: Value::from(value), source: Source::Literal })
    }

    #[test]
    fn markers_become_urls_and_everything_else_stays() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keyring::create_file(&directory.path().join("image.json")).unwrap();
        let (tenant, marker, now) = (TenantId::generate(), new_marker(), Utc::now());
        let slots = [null_slot(), ImageSlot { width: number(400), ..null_slot() }, ImageSlot { width: number(0), ..null_slot() }];
        let slots = slots.map(|slot| Slot::Image(Box::new(slot)));
        let variables = Variables::default();
        let signer = Signer::new(&keys).tenant(tenant);
        let splice = Splice {
            marker: &marker,
            slots: &slots,
            variables: &variables,
            signer: &signer,
            cipher: None,
            public_url: "https://img.example",
            now,
        };
        let answer = format!(
            r#"{{"a":"{marker}.0.v1.photos/a.jpg","b":["{marker}.1._.b \"q\".png","{marker}.1.v2.c.webp"],"c":"x {marker}.0.v.k","d":"{marker}.9.v.k","e":"{marker}.2.v.k"}}"#
        );
        let spliced: Value = serde_json::from_slice(&splice.apply(answer.into_bytes()).unwrap()).unwrap();
        let path = |url: &Value| url.as_str().unwrap().strip_prefix("https://img.example").unwrap().to_owned();
        let original = verify(&keys, &path(&spliced["a"]), now).unwrap();
        assert_eq!((original.tenant, original.object.own(), original.version.as_str()), (tenant, "photos/a.jpg", "v1"));
        assert_eq!(original.operations, Operations::Original);
        let small = verify(&keys, &path(&spliced["b"][1]), now).unwrap();
        assert!(matches!(small.operations, Operations::Resize(resize) if resize.width() == Some(400)));
        assert!(spliced["b"][0].is_null(), "a key that cannot stand in a URL");
        assert!(spliced["d"].is_null() && spliced["e"].is_null(), "{spliced}");
        assert_eq!(spliced["c"], format!("x {marker}.0.v.k"));
    }

    #[test]
    fn an_answer_without_markers_is_not_copied() {
        let marker = new_marker();
        let variables = Variables::default();
        let directory = tempfile::tempdir().unwrap();
        let keys = Keyring::create_file(&directory.path().join("image.json")).unwrap();
        let signer = Signer::new(&keys).tenant(TenantId::generate());
        let splice = Splice {
            marker: &marker,
            slots: &[],
            variables: &variables,
            signer: &signer,
            cipher: None,
            public_url: "",
            now: Utc::now(),
        };
        let answer = b"{\"a\":1}".to_vec();
        let place = answer.as_ptr();
        let same = splice.apply(answer).unwrap();
        assert_eq!(same.as_ptr(), place);
    }
}
