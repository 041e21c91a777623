use data_encoding::HEXLOWER_PERMISSIVE;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}

struct Vector {
    key: &'static str,
    nonce: &'static str,
    plaintext: &'static str,
    associated: &'static str,
    ciphertext: &'static str,
    tag: &'static str,
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 13 to 16; then NIST CAVP `gcmEncryptExtIV256.rsp`,
/// the first vectors with (plaintext, associated data) of (0, 0), (0, 128) and (128, 0) bits.
const VECTORS: [Vector; 7] = [
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        plaintext: "",
        associated: "",
        ciphertext: "",
        tag: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        plaintext: "00000000000000000000000000000000",
        associated: "",
        ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        associated: "",
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        tag: "b094dac5d93471bdec1a502270e3cc6c",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Vector {
        key: "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        nonce: "516c33929df5a3284ff463d7",
        plaintext: "",
        associated: "",
        ciphertext: "",
        tag: "bdc1ac884d332457a1d2664f168c76f0",
    },
    Vector {
        key: "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
        nonce: "d79cf22d504cc793c3fb6c8a",
        plaintext: "",
        associated: "b96baa8c1c75a671bfb2d08d06be5f36",
        ciphertext: "",
        tag: "3e5d486aa2e30b22e040b85723a06e76",
    },
    Vector {
        key: "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
        nonce: "0d18e06c7c725ac9e362e1ce",
        plaintext: "2db5168e932556f8089a0622981d017d",
        associated: "",
        ciphertext: "fa4362189661d163fcd6a56d8bf0405a",
        tag: "d636ac1bbedd5cc3ee727dc2ab4a9489",
    },
];

#[test]
fn the_cipher_is_the_published_one() {
    for vector in VECTORS {
        let key = DataKey::from_slice(&hex(vector.key)).unwrap();
        let key = MessageKey { key: key.0, nonce: hex(vector.nonce).try_into().unwrap() };
        let mut message = hex(vector.plaintext);
        key.seal(&mut message, 0, &hex(vector.associated));
        assert_eq!(message, hex(&[vector.ciphertext, vector.tag].concat()), "{}", vector.tag);
        assert_eq!(key.open(&message, &hex(vector.associated)).unwrap().as_slice(), hex(vector.plaintext));
        // The classes of Wycheproof's invalid vectors: each bit of the tag, and a shortened tag.
        let tag_at = message.len() - TAG_BYTES;
        for bit in 0..TAG_BYTES * 8 {
            let mut changed = message.clone();
            changed[tag_at + bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(&changed, &hex(vector.associated)).is_none());
        }
        assert!(key.open(&message[..message.len() - 1], &hex(vector.associated)).is_none());
    }
}

/// Stored secrets must open in every later release. Computed once with Python's `cryptography` from the description of the format.
#[test]
fn the_format_is_as_another_implementation_makes_it() {
    let key = DataKey::from_slice(&(0..32).collect::<Vec<_>>()).unwrap();
    let salt: [u8; SALT_BYTES] = std::array::from_fn(|i| 100 + u8::try_from(i).unwrap());
    let sealed = key.seal_with_salt(&salt, b"hunter2", b"freehold:credential:t_x_a");
    assert_eq!(sealed, hex(include_str!("golden_sealed.txt").trim_end()));
    assert_eq!(key.open(&sealed, b"freehold:credential:t_x_a").unwrap().expose(), b"hunter2");
}

#[test]
fn what_is_sealed_opens_with_the_same_key_and_data_only() {
    let key = DataKey::generate();
    for plaintext in [&b""[..], b"x", &[7; 5000]] {
        let sealed = key.seal(plaintext, b"password of t_1_a");
        assert_eq!(sealed.len(), plaintext.len() + 41);
        assert_eq!(key.open(&sealed, b"password of t_1_a").unwrap().expose(), plaintext);
        for (other, associated) in [(&key, &b"password of t_1_b"[..]), (&key, b""), (&DataKey::generate(), b"password of t_1_a")]
        {
            assert!(matches!(other.open(&sealed, associated), Err(VaultError::Refused)));
        }
    }
}

#[test]
fn no_changed_or_missing_byte_goes_unnoticed() {
    let key = DataKey::generate();
    let sealed = key.seal(b"postgres://owner:hunter2@db/t_1", b"a");
    for at in 0..sealed.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = sealed.clone();
            changed[at] ^= flip;
            let error = key.open(&changed, b"a").unwrap_err();
            let expected = if at == 0 { "VAULT_FORMAT" } else { "VAULT_REFUSED" };
            assert_eq!(error.code(), expected, "{at}");
        }
        assert!(key.open(&sealed[..at], b"a").is_err() && key.open(&sealed[at + 1..], b"a").is_err(), "{at}");
    }
    assert!(key.open(&[sealed.as_slice(), b"x"].concat(), b"a").is_err());
}

#[test]
fn the_same_text_never_seals_to_the_same_bytes() {
    let key = DataKey::generate();
    let sealed: std::collections::HashSet<_> = (0..20_000).map(|_| key.seal(b"x", b"")[..HEADER_BYTES].to_vec()).collect();
    assert_eq!(sealed.len(), 20_000);
}

/// The expected hash was made with Python's `hmac`: HKDF (RFC 5869) without salt, then HMAC-SHA256 of the length, `who` and `value`. A change of it loses all lookups.
#[test]
fn a_lookup_is_the_same_for_ever_and_bound_to_what_it_is_for() {
    let key = DataKey::from_slice(&[7; KEY_BYTES]).unwrap();
    assert_eq!(key.lookup(b"value", b"who").to_vec(), hex("f73c79340124a9df4caa3887359c4dfa0cbed3c044928ffb99cb9e000b35bc10"));
    assert_ne!(key.lookup(b"value", b"who"), key.lookup(b"ovalue", b"wh"));
    assert_ne!(key.lookup(b"value", b"who"), DataKey::generate().lookup(b"value", b"who"));
}

#[test]
fn keys_do_not_print() {
    assert_eq!(format!("{:?}", DataKey::generate()), "[secret]");
}
