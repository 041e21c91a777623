use freehold_vault::{EncryptionContext, LocalKeyWrapper, VaultConfig, open};

#[tokio::test]
async fn exactly_one_keeper_is_configured() {
    let none = VaultConfig::default();
    assert_eq!(open(&none).await.err().unwrap().code(), "VAULT_CONFIGURATION");
    let both = VaultConfig { master_key_file: Some("m".into()), kms_key_id: Some("k".into()), ..VaultConfig::default() };
    assert_eq!(open(&both).await.err().unwrap().code(), "VAULT_CONFIGURATION");
    let missing = VaultConfig { master_key_file: Some("/none/master.key".into()), ..VaultConfig::default() };
    assert_eq!(open(&missing).await.err().unwrap().code(), "VAULT_KEY_FILE");
}

#[tokio::test]
async fn the_configured_file_unwraps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    LocalKeyWrapper::create_file(&path).unwrap();
    let json = format!(r#"{{"master_key_file": "{}"}}"#, path.display());
    let config: VaultConfig = serde_json::from_str(&json).unwrap();
    let vault = open(&config).await.unwrap();
    let context = EncryptionContext::new().with("server", "s");
    let (data_key, wrapped) = vault.generate(&context).await.unwrap();
    let sealed = data_key.seal(b"x", b"");
    let unwrapped = open(&config).await.unwrap().unwrap(&wrapped, &context).await.unwrap();
    assert_eq!(unwrapped.open(&sealed, b"").unwrap().expose(), b"x");
    assert!(serde_json::from_str::<VaultConfig>(r#"{"master_key": "x"}"#).is_err());
}
