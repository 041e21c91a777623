use std::fs;

use super::*;

fn context() -> EncryptionContext {
    EncryptionContext::new().with("tenant", "a").with("purpose", "tenant-data-key")
}

fn wrapper() -> (tempfile::TempDir, LocalKeyWrapper) {
    let dir = tempfile::tempdir().unwrap();
    let wrapper = LocalKeyWrapper::create_file(&dir.path().join("master.key")).unwrap();
    (dir, wrapper)
}

#[tokio::test]
async fn data_keys_survive_wrapping_and_a_restart() {
    let (dir, wrapper) = wrapper();
    let (data_key, wrapped) = wrapper.generate(&context()).await.unwrap();
    let sealed = data_key.seal(b"hunter2", b"");
    let restarted = LocalKeyWrapper::from_file(&dir.path().join("master.key")).unwrap();
    let unwrapped = restarted.unwrap(&wrapped, &context()).await.unwrap();
    assert_eq!(unwrapped.open(&sealed, b"").unwrap().expose(), b"hunter2");
    let (_, again) = wrapper.generate(&context()).await.unwrap();
    assert_ne!(again, wrapped);
}

#[tokio::test]
async fn a_wrapped_key_belongs_to_its_context_and_its_master_key() {
    let (_dir, wrapper) = wrapper();
    let (_, wrapped) = wrapper.generate(&context()).await.unwrap();
    let others = [
        EncryptionContext::new(),
        context().with("tenant", "b"),
        context().with("more", ""),
        EncryptionContext::new().with("tenant", "a"),
        EncryptionContext::new().with("tenant", "tenant-data-key").with("purpose", "a"),
    ];
    for other in others {
        assert!(matches!(wrapper.unwrap(&wrapped, &other).await, Err(VaultError::Refused)), "{other:?}");
    }
    let (_other_dir, other) = self::wrapper();
    assert!(matches!(other.unwrap(&wrapped, &context()).await, Err(VaultError::Refused)));
}

#[tokio::test]
async fn no_changed_or_missing_byte_goes_unnoticed() {
    let (_dir, wrapper) = wrapper();
    let (_, wrapped) = wrapper.generate(&context()).await.unwrap();
    for at in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        assert!(wrapper.unwrap(&changed, &context()).await.is_err(), "{at}");
        assert!(wrapper.unwrap(&wrapped[..at], &context()).await.is_err(), "{at}");
    }
    let by_kms = [b"K", &wrapped[1..]].concat();
    assert_eq!(wrapper.unwrap(&by_kms, &context()).await.unwrap_err().code(), "VAULT_OTHER_WRAPPER");
    // Sealed under the master key, but not as a wrapped key.
    let other = [b"L".as_slice(), &wrapper.master.seal(&[0; 32], b"")].concat();
    assert!(matches!(wrapper.unwrap(&other, &context()).await, Err(VaultError::Refused)));
}

#[test]
fn the_file_is_for_its_owner_alone_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let made = LocalKeyWrapper::create_file(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(LocalKeyWrapper::create_file(&path).err().map(|error| error.code()), Some("VAULT_KEY_FILE"));
    assert_eq!(LocalKeyWrapper::from_file(&path).unwrap().master.bytes(), made.master.bytes());
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = LocalKeyWrapper::from_file(&path).err().unwrap();
        assert_eq!(error.code(), "VAULT_KEY_FILE_MODE");
        assert!(error.to_string().contains(&format!("{mode:04o}")), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(LocalKeyWrapper::from_file(&path).is_ok());
}

#[test]
fn what_is_no_master_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    assert_eq!(LocalKeyWrapper::from_file(&path).err().unwrap().code(), "VAULT_KEY_FILE");
    for content in ["", "\n", "AAAA", "not base64!", &"A".repeat(5000), &BASE64.encode(&[1; 31]), &BASE64.encode(&[1; 33])] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = LocalKeyWrapper::from_file(&path).err().unwrap();
        assert_eq!(error.code(), "VAULT_KEY_FILE_CONTENT", "{content}");
        assert!(content.trim().is_empty() || !error.to_string().contains(content));
    }
}
