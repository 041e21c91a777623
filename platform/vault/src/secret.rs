//! Values that must not reach logs, errors or responses.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text: password, token, connection string. No `Display`, no `Serialize`; `Debug` prints `[secret]`.
#[derive(Clone, Default)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself: the one place to search for when asking where secrets go.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text, as in a default configuration.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// For configuration files. What the parser itself copied is not overwritten.
impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Secret bytes: an opened ciphertext, a key. No `Display`, no `Serialize`; `Debug` prints `[secret]`.
#[derive(Clone, Default)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// As text, when the bytes are UTF-8; what was not text is dropped and overwritten.
    #[must_use]
    pub fn into_text(self) -> Option<SecretString> {
        std::str::from_utf8(&self.0).ok().map(SecretString::new)
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let text = SecretString::new("hunter2");
        let bytes = SecretBytes::new(*b"hunter2");
        assert_eq!(format!("{text:?} {bytes:?} {:#?}", Some(&text)), "[secret] [secret] Some(\n    [secret],\n)");
        assert_eq!(bytes.into_text().unwrap().expose(), text.expose());
        assert!(SecretBytes::new([0xff]).into_text().is_none());
    }

    #[test]
    fn secrets_are_read_from_configuration() {
        let secret: SecretString = serde_json::from_str(r#""hunter2""#).unwrap();
        assert_eq!(secret.expose(), "hunter2");
    }
}
