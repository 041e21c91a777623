use std::time::{Duration, Instant};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use freehold_vault::{EncryptionContext, KeyWrapper, KmsConfig, KmsKeyWrapper, LocalKeyWrapper, VaultError};

use crate::kms_server::{KEY_ID, KmsServer, Trouble};

async fn wrapper(server: &KmsServer, key_id: &str) -> KmsKeyWrapper {
    let config = KmsConfig { region: Some("eu-central-1".to_owned()), endpoint_url: Some(server.endpoint.clone()) };
    let credentials = Credentials::new("test-key", "test-secret", None, None, "test");
    let loader = aws_config::defaults(BehaviorVersion::latest()).credentials_provider(credentials);
    KmsKeyWrapper::with_loader(key_id, &config, loader).await
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("tenant", "a").with("purpose", "tenant-data-key")
}

#[tokio::test]
async fn data_keys_survive_wrapping() {
    let server = KmsServer::start(vec![]).await;
    let (data_key, wrapped) = wrapper(&server, KEY_ID).await.generate(&context()).await.unwrap();
    let sealed = data_key.seal(b"hunter2", b"");
    let unwrapped = wrapper(&server, KEY_ID).await.unwrap(&wrapped, &context()).await.unwrap();
    assert_eq!(unwrapped.open(&sealed, b"").unwrap().expose(), b"hunter2");
    let sent = [("purpose", "tenant-data-key"), ("tenant", "a")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(server.contexts(), vec![sent.clone().into(), sent.into()]);
}

#[tokio::test]
async fn a_wrapped_key_belongs_to_its_context_and_its_key() {
    let server = KmsServer::start(vec![]).await;
    let kms = wrapper(&server, KEY_ID).await;
    let (_, wrapped) = kms.generate(&context()).await.unwrap();
    for other in [EncryptionContext::new(), context().with("tenant", "b"), context().with("more", "x")] {
        assert!(matches!(kms.unwrap(&wrapped, &other).await, Err(VaultError::Refused)), "{other:?}");
    }
    let other_key = wrapper(&server, "alias/other").await;
    assert!(matches!(other_key.unwrap(&wrapped, &context()).await, Err(VaultError::Refused)));
    assert!(
        matches!(other_key.generate(&context()).await, Err(VaultError::Kms { code, retryable: false }) if code == "NotFoundException")
    );
}

#[tokio::test]
async fn changed_keys_are_refused() {
    let server = KmsServer::start(vec![]).await;
    let kms = wrapper(&server, KEY_ID).await;
    let (_, wrapped) = kms.generate(&context()).await.unwrap();
    for at in (1..wrapped.len()).step_by(7).chain([wrapped.len() - 1]) {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        assert!(matches!(kms.unwrap(&changed, &context()).await, Err(VaultError::Refused)), "{at}");
    }
    let n_requests = server.contexts().len();
    let dir = tempfile::tempdir().unwrap();
    let (_, local) = LocalKeyWrapper::create_file(&dir.path().join("m")).unwrap().generate(&context()).await.unwrap();
    assert_eq!(kms.unwrap(&local, &context()).await.unwrap_err().code(), "VAULT_OTHER_WRAPPER");
    assert_eq!(kms.unwrap(b"?", &context()).await.unwrap_err().code(), "VAULT_FORMAT");
    assert_eq!(kms.unwrap(b"", &context()).await.unwrap_err().code(), "VAULT_REFUSED");
    assert_eq!(server.contexts().len(), n_requests, "what cannot be KMS's is not sent to KMS");
}

#[tokio::test]
async fn passing_troubles_are_tried_again() {
    let server =
        KmsServer::start(vec![Trouble::Error(400, "ThrottlingException"), Trouble::Error(500, "KMSInternalException")]).await;
    assert!(wrapper(&server, KEY_ID).await.generate(&context()).await.is_ok());
}

#[tokio::test]
async fn refusals_are_told_from_outages() {
    for (trouble, code, retryable) in [
        (Trouble::Error(400, "AccessDeniedException"), "VAULT_KMS_REFUSED", false),
        (Trouble::Error(400, "DisabledException"), "VAULT_KMS_REFUSED", false),
        (Trouble::Error(400, "KMSInvalidStateException"), "VAULT_KMS_REFUSED", false),
        (Trouble::ShortKey, "VAULT_KMS_ANSWER", false),
        (Trouble::Garbage, "VAULT_KMS_UNREACHABLE", true),
    ] {
        let server = KmsServer::start(vec![trouble.clone(), trouble.clone(), trouble]).await;
        let error = wrapper(&server, KEY_ID).await.generate(&context()).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, retryable), "{error}");
    }
}

#[tokio::test]
async fn a_silent_or_absent_kms_does_not_hold_anybody_for_long() {
    let server = KmsServer::start(vec![Trouble::Hang; 9]).await;
    let started = Instant::now();
    let error = wrapper(&server, KEY_ID).await.generate(&context()).await.unwrap_err();
    assert!(matches!(error, VaultError::KmsUnreachable(_)) && error.is_retryable(), "{error}");
    assert!(started.elapsed() < Duration::from_secs(8));

    let absent = KmsServer { endpoint: "http://127.0.0.1:1".to_owned(), ..server };
    let error = wrapper(&absent, KEY_ID).await.generate(&context()).await.unwrap_err();
    assert_eq!(error.code(), "VAULT_KMS_UNREACHABLE", "{error}");
}
