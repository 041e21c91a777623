//! A key that encrypts a tenant's (or a server's) secrets.

use std::fmt;

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::aead::{KEY_BYTES, MessageKey, NONCE_BYTES, TAG_BYTES};
use crate::{SecretBytes, VaultError};

/// First byte of everything sealed; a later format gets another.
const FORMAT: u8 = 1;
/// Long enough that random salts never meet, however many messages a key seals.
const SALT_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + SALT_BYTES;
const INFO: &[u8] = b"freehold/seal/v1";
const LOOKUP_INFO: &[u8] = b"freehold/lookup/v1";
/// Of a hash that [`DataKey::lookup`] makes.
const LOOKUP_BYTES: usize = 32;

/// 256 bits that encrypt by AES-256-GCM, each message under a key of its own.
///
/// Format: `1 | salt (24) | ciphertext | tag (16)`. Key and nonce of a message are HKDF-SHA256(salt, data key). A data key lives for years
/// and encrypts every secret field of a tenant, while plain AES-GCM with random 96-bit nonces must stop after 2^32 messages (NIST SP 800-38D,
/// 8.3); a random 192-bit salt has no such end. The AWS Encryption SDK derives message keys likewise. The format byte is authenticated with
/// the associated data.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

impl DataKey {
    /// A fresh key from the operating system's random source.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill_random(bytes.as_mut_slice());
        Self(bytes)
    }

    /// `None` unless there are 32 bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        (bytes.len() == KEY_BYTES).then(|| {
            key.copy_from_slice(bytes);
            Self(key)
        })
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Encrypts, and binds the result to `associated`: the same bytes must be given to [`DataKey::open`]. Write into them which value this is
    /// (kind, row, column), so that a ciphertext moved to another place does not open there.
    #[must_use]
    pub fn seal(&self, plaintext: &[u8], associated: &[u8]) -> Vec<u8> {
        let mut salt = [0; SALT_BYTES];
        fill_random(&mut salt);
        self.seal_with_salt(&salt, plaintext, associated)
    }

    fn seal_with_salt(&self, salt: &[u8; SALT_BYTES], plaintext: &[u8], associated: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(HEADER_BYTES + plaintext.len() + TAG_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(salt);
        sealed.extend_from_slice(plaintext);
        self.message_key(salt).seal(&mut sealed, HEADER_BYTES, &authenticated(associated));
        sealed
    }

    /// Decrypts what [`DataKey::seal`] made.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when anything does not fit, [`VaultError::Format`] when the first byte is not ours.
    pub fn open(&self, sealed: &[u8], associated: &[u8]) -> Result<SecretBytes, VaultError> {
        let (&found, rest) = sealed.split_first().ok_or(VaultError::Refused)?;
        if found != FORMAT {
            return Err(VaultError::Format { found, expected: FORMAT });
        }
        let (salt, ciphertext) = rest.split_at_checked(SALT_BYTES).ok_or(VaultError::Refused)?;
        let plaintext = self.message_key(salt).open(ciphertext, &authenticated(associated)).ok_or(VaultError::Refused)?;
        Ok(SecretBytes::new(plaintext.as_slice()))
    }

    /// A keyed hash by which equal plaintexts can be found without opening anything: HMAC-SHA256 under a key of its own, derived from this one. `associated` says
    /// whose values are compared with each other; hashes of others do not meet.
    #[must_use]
    pub fn lookup(&self, plaintext: &[u8], associated: &[u8]) -> [u8; LOOKUP_BYTES] {
        let key = Salt::new(HKDF_SHA256, &[]).extract(self.0.as_slice());
        let key = key.expand(&[LOOKUP_INFO], hmac::HMAC_SHA256).expect("32 bytes are far below HKDF's limit of 255 blocks");
        let mut hash = hmac::Context::with_key(&hmac::Key::from(key));
        // The length first, so that no byte of one can count as one of the other.
        hash.update(&(associated.len() as u64).to_be_bytes());
        hash.update(associated);
        hash.update(plaintext);
        let mut bytes = [0; LOOKUP_BYTES];
        bytes.copy_from_slice(hash.sign().as_ref());
        bytes
    }

    fn message_key(&self, salt: &[u8]) -> MessageKey {
        let mut material = Zeroizing::new([0; KEY_BYTES + NONCE_BYTES]);
        Salt::new(HKDF_SHA256, salt)
            .extract(self.0.as_slice())
            .expand(&[INFO], MaterialLength)
            .and_then(|okm| okm.fill(material.as_mut_slice()))
            .expect("44 bytes are far below HKDF's limit of 255 blocks");
        let (key, nonce) = material.split_at(KEY_BYTES);
        let mut message_key = MessageKey { key: Zeroizing::new([0; KEY_BYTES]), nonce: [0; NONCE_BYTES] };
        message_key.key.copy_from_slice(key);
        message_key.nonce.copy_from_slice(nonce);
        message_key
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

struct MaterialLength;

impl KeyType for MaterialLength {
    fn len(&self) -> usize {
        KEY_BYTES + NONCE_BYTES
    }
}

fn authenticated(associated: &[u8]) -> Vec<u8> {
    [&[FORMAT], associated].concat()
}

/// A machine without randomness cannot keep secrets: stopping is the only safe answer.
fn fill_random(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the operating system gives random bytes");
}

#[cfg(test)]
#[path = "data_key_tests.rs"]
mod tests;
