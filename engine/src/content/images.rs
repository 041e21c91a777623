//! Signed image URLs, put into an answer where the statement left a marker: SQL cannot sign, and the answer is not parsed.

use chrono::{DateTime, Utc};
use freehold_compiler::coerce::Variables;
use freehold_compiler::plan::ImageSlot;
use freehold_compiler::selection::Input;
use freehold_tokens::image::{Fit, Format, Operations, Resize, TenantSigner};
use memchr::memmem;
use serde_json::Value;

/// 32 random hexadecimal digits, anew for every request, so that no stored text can pass for a marker.
pub fn new_marker() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// What replacing needs besides the answer.
pub struct Splice<'a> {
    /// The request's marker.
    pub marker: &'a str,
    /// The plan's places.
    pub slots: &'a [ImageSlot],
    /// The request's variables.
    pub variables: &'a Variables,
    /// Of the tenant.
    pub signer: &'a TenantSigner,
    /// Where browsers reach the image service.
    pub public_url: &'a str,
    /// The request's instant.
    pub now: DateTime<Utc>,
}

impl Splice<'_> {
    /// The answer with a URL for every `"<marker>.<slot>.<version>.<key>"`; null where there is no such URL.
    pub fn apply(&self, answer: Vec<u8>) -> Vec<u8> {
        let quoted = format!("\"{}.", self.marker);
        let finder = memmem::Finder::new(&quoted);
        let mut rest = answer.as_slice();
        let Some(first) = finder.find(rest) else { return answer };
        let operations: Vec<Option<Operations>> = self.slots.iter().map(|slot| operations(slot, self.variables)).collect();
        let mut out = Vec::with_capacity(answer.len() * 2);
        let mut next = Some(first);
        while let Some(at) = next {
            out.extend_from_slice(&rest[..at]);
            let text = &rest[at..];
            let length = string_length(text);
            match self.url(&text[..length], quoted.len(), &operations) {
                // A signed path holds nothing that JSON escapes; the public URL was checked at the start.
                Some(path) => {
                    out.push(b'"');
                    out.extend_from_slice(self.public_url.as_bytes());
                    out.extend_from_slice(path.as_bytes());
                    out.push(b'"');
                }
                None => out.extend_from_slice(b"null"),
            }
            rest = &text[length..];
            next = finder.find(rest);
        }
        out.extend_from_slice(rest);
        out
    }

    fn url(&self, quoted: &[u8], prefix: usize, operations: &[Option<Operations>]) -> Option<String> {
        let text: String = serde_json::from_slice(quoted).ok()?;
        // The opening quote is gone.
        let mut parts = text.get(prefix - 1..)?.splitn(3, '.');
        let (slot, version, key) = (parts.next()?, parts.next()?, parts.next()?);
        let operations = operations.get(slot.parse::<usize>().ok()?)?.as_ref()?;
        self.signer.sign(operations, version, key, self.now).ok()
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

/// What the arguments ask for; the stored bytes when they ask for nothing. None when they cannot be had.
fn operations(slot: &ImageSlot, variables: &Variables) -> Option<Operations> {
    let argument = |input: &Input| input.to_json(variables);
    let side = |input: &Input| match argument(input) {
        Value::Null => Some(None),
        value => value.as_u64().and_then(|side| u32::try_from(side).ok()).map(Some),
    };
    let (width, height) = (side(&slot.width)?, side(&slot.height)?);
    let fit = match argument(&slot.fit).as_str() {
        Some(name) if name.eq_ignore_ascii_case("cover") => Fit::Cover,
        Some(_) | None => Fit::Contain,
    };
    let format = match argument(&slot.format).as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("png") => Format::Png,
        Some("jpeg" | "jpg") => Format::Jpeg,
        Some(_) | None => Format::Webp,
    };
    if width.is_none() && height.is_none() {
        return Some(Operations::Original);
    }
    Resize::new(width, height, fit, format, None).ok().map(Operations::Resize)
}

#[cfg(test)]
mod tests {
    use freehold_ids::TenantId;
    use freehold_tokens::Keyring;
    use freehold_tokens::image::{Signer, verify};

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
        let variables = Variables::default();
        let signer = Signer::new(&keys).tenant(tenant);
        let splice = Splice {
            marker: &marker,
            slots: &slots,
            variables: &variables,
            signer: &signer,
            public_url: "https://img.example",
            now,
        };
        let answer = format!(
            r#"{{"a":"{marker}.0.v1.photos/a.jpg","b":["{marker}.1._.b \"q\".png","{marker}.1.v2.c.webp"],"c":"x {marker}.0.v.k","d":"{marker}.9.v.k","e":"{marker}.2.v.k"}}"#
        );
        let spliced: Value = serde_json::from_slice(&splice.apply(answer.into_bytes())).unwrap();
        let path = |url: &Value| url.as_str().unwrap().strip_prefix("https://img.example").unwrap().to_owned();
        let original = verify(&keys, &path(&spliced["a"]), now).unwrap();
        assert_eq!((original.tenant, original.key.as_str(), original.version.as_str()), (tenant, "photos/a.jpg", "v1"));
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
        let splice =
            Splice { marker: &marker, slots: &[], variables: &variables, signer: &signer, public_url: "", now: Utc::now() };
        let answer = b"{\"a\":1}".to_vec();
        let place = answer.as_ptr();
        let same = splice.apply(answer);
        assert_eq!(same.as_ptr(), place);
    }
}
