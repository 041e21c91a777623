//! Signing keys by name. Tokens are signed with the current key and verified with any key of the ring, so that a key is replaced without
//! invalidating what it signed: add the new one, make it current, and remove the old one when its last token has expired.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::derive::{KEY_BYTES, KeyBytes};

/// Short, because it is part of every image URL.
const MAX_NAME_BYTES: usize = 16;
/// A keyring holds a handful of keys; a huge file is a mistake in a path and is not read into memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why there is no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file cannot be read or written.
    #[error("cannot use the keyring file `{}`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Other users of the machine could read the keys.
    #[error("the keyring file `{}` has mode {mode:04o}; make it readable by its owner alone (chmod 600)", .path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not the expected JSON. The parser's message is left out: it may quote a key.
    #[error(
        "a keyring is JSON like {{\"current\": \"k1\", \"keys\": {{\"k1\": \"<32 bytes in base64url>\"}}}}; line {line} is not"
    )]
    Json {
        /// Where it went wrong, counted from 1.
        line: usize,
    },
    /// A key's name cannot stand in tokens.
    #[error("the key name `{name}` must be 1 to 16 characters of a-z, 0-9, `_` and `-`")]
    Name {
        /// The name.
        name: String,
    },
    /// A key is not 32 bytes in unpadded base64url.
    #[error("the key `{name}` must be 32 bytes in base64url without padding")]
    Key {
        /// The key's name.
        name: String,
    },
    /// `current` names no key of the ring.
    #[error("the current key `{name}` is not among the keys")]
    Current {
        /// The name.
        name: String,
    },
}

impl KeyringError {
    /// Stable name for logs and programs; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "KEYRING_FILE",
            Self::Mode { .. } => "KEYRING_FILE_MODE",
            Self::Json { .. } => "KEYRING_JSON",
            Self::Name { .. } => "KEYRING_NAME",
            Self::Key { .. } => "KEYRING_KEY",
            Self::Current { .. } => "KEYRING_CURRENT",
        }
    }
}

/// Named 256-bit keys for HMAC-SHA256, one of them current.
#[derive(Clone)]
pub struct Keyring {
    current: String,
    keys: BTreeMap<String, KeyBytes>,
}

/// The file as written. Repeated names are refused: which of two keys counts must not depend on a parser.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyringFile {
    current: String,
    #[serde(deserialize_with = "without_repetition")]
    keys: BTreeMap<String, Zeroizing<String>>,
}

impl Keyring {
    /// Reads a keyring file, which only its owner may be able to read.
    ///
    /// # Errors
    /// When the file is missing, readable by others, or no keyring.
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let failed = |source| KeyringError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // Asked of the opened file, not of the path: nobody can swap it in between.
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyringError::Mode { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text)
    }

    /// Writes a keyring with one new key `k1` and mode 0600. An existing file is never overwritten: its tokens would die.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create_file(path: &Path) -> Result<Self, KeyringError> {
        let failed = |source: io::Error| KeyringError::File { path: path.to_owned(), source };
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(key.as_mut_slice()).expect("the operating system gives random bytes");
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(key.as_slice()));
        let text = Zeroizing::new(format!("{{\"current\": \"k1\", \"keys\": {{\"k1\": \"{}\"}}}}\n", *text));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self { current: "k1".to_owned(), keys: BTreeMap::from([("k1".to_owned(), key)]) })
    }

    /// Reads a keyring from its JSON.
    ///
    /// # Errors
    /// When the text is no keyring.
    pub fn parse(json: &str) -> Result<Self, KeyringError> {
        let file: KeyringFile = serde_json::from_str(json).map_err(|error| KeyringError::Json { line: error.line() })?;
        let mut keys = BTreeMap::new();
        for (name, text) in file.keys {
            if !is_name(&name) {
                return Err(KeyringError::Name { name });
            }
            let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map(Zeroizing::new).unwrap_or_default();
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            if bytes.len() != KEY_BYTES {
                return Err(KeyringError::Key { name });
            }
            key.copy_from_slice(&bytes);
            keys.insert(name, key);
        }
        if !keys.contains_key(&file.current) {
            return Err(KeyringError::Current { name: file.current });
        }
        Ok(Self { current: file.current, keys })
    }

    /// Name and bytes of the key that signs.
    pub(crate) fn current(&self) -> (&str, &[u8; KEY_BYTES]) {
        (&self.current, &self.keys[&self.current])
    }

    /// The key of that name, if it is in the ring.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8; KEY_BYTES]> {
        self.keys.get(name).map(|key| &**key)
    }
}

/// Names of keys, never their bytes.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).field("keys", &self.keys.keys()).finish()
    }
}

/// Such names need no escaping in JSON and none in URLs.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}

fn without_repetition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Zeroizing<String>>, D::Error> {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = BTreeMap<String, Zeroizing<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of keys by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut keys = BTreeMap::new();
            while let Some((name, key)) = entries.next_entry::<String, String>()? {
                if keys.insert(name, Zeroizing::new(key)).is_some() {
                    return Err(serde::de::Error::custom("a key is named twice"));
                }
            }
            Ok(keys)
        }
    }
    deserializer.deserialize_map(Keys)
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
