use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

#[test]
fn rings_are_read() {
    let ring = Keyring::parse(&format!(r#"{{"current": "k2", "keys": {{"k1": "{KEY}", "k2": "{KEY}"}}}}"#)).unwrap();
    assert_eq!(ring.current().0, "k2");
    assert_eq!(ring.get("k1"), Some(&std::array::from_fn(|i| u8::try_from(i).unwrap())));
    assert_eq!(ring.get("k3"), None);
}

#[test]
fn what_is_no_ring_is_refused() {
    let ring = |current: &str, keys: &str| format!(r#"{{"current": "{current}", "keys": {{{keys}}}}}"#);
    let cases = [
        (String::new(), "KEYRING_JSON"),
        ("{}".to_owned(), "KEYRING_JSON"),
        (ring("k1", ""), "KEYRING_CURRENT"),
        (ring("k2", &format!(r#""k1": "{KEY}""#)), "KEYRING_CURRENT"),
        (ring("k1", r#""k1": """#), "KEYRING_KEY"),
        (ring("k1", &format!(r#""k1": "{}""#, &KEY[1..])), "KEYRING_KEY"),
        (ring("k1", &format!(r#""k1": "{KEY}=""#)), "KEYRING_KEY"),
        (ring("k1", &format!(r#""k1": "{}/""#, &KEY[..42])), "KEYRING_KEY"),
        // The last character carries two spare bits, which must be zero.
        (ring("k1", &format!(r#""k1": "{}9""#, &KEY[..42])), "KEYRING_KEY"),
        (ring("K1", &format!(r#""K1": "{KEY}""#)), "KEYRING_NAME"),
        (ring("", &format!(r#""": "{KEY}""#)), "KEYRING_NAME"),
        (ring("k\\\"", &format!(r#""k\"": "{KEY}""#)), "KEYRING_NAME"),
        (ring("k1", &format!(r#""k1": "{KEY}", "k1": "{KEY}""#)), "KEYRING_JSON"),
        (format!(r#"{{"current": "k1", "keys": {{"k1": "{KEY}"}}, "other": 1}}"#), "KEYRING_JSON"),
    ];
    for (json, code) in cases {
        let error = Keyring::parse(&json).unwrap_err();
        assert_eq!(error.code(), code, "{json}");
        assert!(!error.to_string().contains(&KEY[..20]), "{error}");
    }
}

#[test]
fn files_are_for_their_owner_alone_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("caller.json");
    let made = Keyring::create_file(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Keyring::load(&path).unwrap().current(), made.current());
    assert_eq!(Keyring::create_file(&path).unwrap_err().code(), "KEYRING_FILE");
    assert_eq!(Keyring::load(&path).unwrap().current(), made.current());
    for mode in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Keyring::load(&path).unwrap_err().code(), "KEYRING_FILE_MODE", "{mode:o}");
    }
    assert_eq!(Keyring::load(&dir.path().join("none")).unwrap_err().code(), "KEYRING_FILE");
}

#[test]
fn keys_do_not_print() {
    let ring = Keyring::parse(&format!(r#"{{"current": "k1", "keys": {{"k1": "{KEY}"}}}}"#)).unwrap();
    assert_eq!(format!("{ring:?}"), r#"Keyring { current: "k1", keys: ["k1"] }"#);
}
