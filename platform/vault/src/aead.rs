//! AES-256-GCM by `ring`, with the nonce in the caller's hands. Only [`crate::DataKey`] uses it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

pub(crate) const KEY_BYTES: usize = 32;
pub(crate) const NONCE_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;

/// A key and the nonce of the one message that it encrypts with it.
pub(crate) struct MessageKey {
    pub key: Zeroizing<[u8; KEY_BYTES]>,
    pub nonce: [u8; NONCE_BYTES],
}

impl MessageKey {
    fn cipher(&self) -> (LessSafeKey, Nonce) {
        let key = UnboundKey::new(&AES_256_GCM, self.key.as_slice()).expect("the key has 32 bytes");
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(self.nonce))
    }

    /// Encrypts `message[start..]` where it stands and appends the tag.
    pub(crate) fn seal(&self, message: &mut Vec<u8>, start: usize, associated: &[u8]) {
        let (cipher, nonce) = self.cipher();
        let tag = cipher
            .seal_in_place_separate_tag(nonce, Aad::from(associated), &mut message[start..])
            .expect("a message of 64 GiB does not fit into memory");
        message.extend_from_slice(tag.as_ref());
    }

    /// Plaintext of ciphertext and tag; `None` when anything about them is wrong.
    pub(crate) fn open(&self, sealed: &[u8], associated: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (cipher, nonce) = self.cipher();
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let n_plain = cipher.open_in_place(nonce, Aad::from(associated), &mut buffer).ok()?.len();
        buffer.truncate(n_plain);
        Some(buffer)
    }
}
