//! What a data key belongs to.

use std::collections::BTreeMap;

/// Names and values that a data key is bound to, such as `tenant=<id>`, `purpose=tenant-data-key`. Not secret: KMS writes it to CloudTrail.
/// The key opens only under the very same context.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// A context that binds to nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair; the same name again replaces its value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.insert(name.into(), value.to_string());
        self
    }

    /// The pairs in ascending order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// One spelling per context: lengths before texts, so that no two contexts share their bytes.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        let mut push = |text: &str| {
            let length = u32::try_from(text.len()).expect("names and values of a context are far shorter than 4 GiB");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        for (name, value) in self.iter() {
            push(name);
            push(value);
        }
        bytes
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EncryptionContext {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_do_not_depend_on_the_order_of_writing() {
        let one = EncryptionContext::new().with("tenant", "a").with("purpose", "b");
        let two: EncryptionContext = [("purpose", "b"), ("tenant", "a")].into_iter().collect();
        assert_eq!(one.canonical_bytes(), two.canonical_bytes());
    }

    #[test]
    fn different_contexts_have_different_bytes() {
        let contexts: [&[(&str, &str)]; 6] =
            [&[], &[("a", "bc")], &[("ab", "c")], &[("a", "b"), ("c", "")], &[("a", ""), ("b", "c")], &[("a", "b"), ("c", "d")]];
        let bytes: Vec<_> =
            contexts.iter().map(|pairs| pairs.iter().copied().collect::<EncryptionContext>().canonical_bytes()).collect();
        for (i, one) in bytes.iter().enumerate() {
            assert!(!bytes[i + 1..].contains(one), "{:?}", contexts[i]);
        }
    }
}
