//! Keys for one purpose each, derived from a keyring's keys.

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

pub(crate) const KEY_BYTES: usize = 32;
pub(crate) type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

/// HKDF-SHA256 (RFC 5869) without salt: the master keys are uniformly random already. The parts of `info` are joined by `|`, which none of
/// them contains, so that no two purposes share their bytes.
pub(crate) fn derive(master: &[u8; KEY_BYTES], info: &[&[u8]]) -> KeyBytes {
    let info = info.join(&b'|');
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    Salt::new(HKDF_SHA256, &[])
        .extract(master)
        .expand(&[&info], KeyLength)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .expect("32 bytes are far below HKDF's limit of 255 blocks");
    key
}
