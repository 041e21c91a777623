//! A master key in AWS KMS: it never leaves the service, and each use of it is in CloudTrail with its encryption context.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use aws_smithy_http_client::{Builder, tls};

use crate::{DataKey, EncryptionContext, KeyWrapper, VaultError};

/// The two request builders share no trait.
macro_rules! with_context {
    ($request:expr, $context:expr) => {
        $context.iter().fold($request, |request, (name, value)| request.encryption_context(name, value))
    };
}
/// First byte of a data key wrapped here; KMS's own blob follows.
pub(crate) const MARK: u8 = b'K';
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
const MAX_ATTEMPTS: u32 = 3;

/// Where KMS is. Credentials come from the standard chain (environment, profile, container, instance).
#[derive(Debug, Clone, Default)]
pub struct KmsConfig {
    /// Region; the standard chain's when absent.
    pub region: Option<String>,
    /// Another endpoint: a VPC endpoint, or a KMS-speaking server in development.
    pub endpoint_url: Option<String>,
}

/// Wraps data keys by `GenerateDataKey` and `Decrypt`.
pub struct KmsKeyWrapper {
    client: Client,
    key_id: String,
}

impl KmsKeyWrapper {
    /// `key_id` is a key's id, ARN or alias. Nothing is sent yet.
    pub async fn new(key_id: impl Into<String>, config: &KmsConfig) -> Self {
        Self::with_loader(key_id, config, aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// With AWS settings of the caller's, such as credentials of its own.
    pub async fn with_loader(key_id: impl Into<String>, config: &KmsConfig, loader: ConfigLoader) -> Self {
        // The SDK's default HTTP client would bring another crypto library than ring (ARCHITECTURE D9).
        let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
        let mut loader = loader.http_client(http).timeout_config(timeouts).retry_config(retries);
        if let Some(region) = &config.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint_url) = &config.endpoint_url {
            loader = loader.endpoint_url(endpoint_url);
        }
        Self { client: Client::new(&loader.load().await), key_id: key_id.into() }
    }
}

#[async_trait]
impl KeyWrapper for KmsKeyWrapper {
    async fn generate(&self, context: &EncryptionContext) -> Result<(DataKey, Vec<u8>), VaultError> {
        let request = self.client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
        let answer = with_context!(request, context).send().await.map_err(|error| failure(&error))?;
        let plaintext = answer.plaintext.map(Blob::into_inner).map(zeroize::Zeroizing::new).unwrap_or_default();
        let data_key = DataKey::from_slice(&plaintext).ok_or(VaultError::KmsAnswer(plaintext.len()))?;
        let blob =
            answer.ciphertext_blob.map(Blob::into_inner).filter(|blob| !blob.is_empty()).ok_or(VaultError::KmsAnswer(0))?;
        Ok((data_key, [&[MARK], blob.as_slice()].concat()))
    }

    async fn unwrap(&self, wrapped: &[u8], context: &EncryptionContext) -> Result<DataKey, VaultError> {
        let blob = match wrapped.split_first() {
            Some((&MARK, blob)) => blob,
            Some((&crate::local::MARK, _)) => {
                return Err(VaultError::OtherWrapper { found: "a master key file", configured: "kms" });
            }
            Some((&found, _)) => return Err(VaultError::Format { found, expected: MARK }),
            None => return Err(VaultError::Refused),
        };
        // The key is named although the blob names it too: a blob made under somebody else's key is refused.
        let request = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(blob));
        let answer = with_context!(request, context).send().await.map_err(|error| failure(&error))?;
        let plaintext = answer.plaintext.map(Blob::into_inner).map(zeroize::Zeroizing::new).unwrap_or_default();
        DataKey::from_slice(&plaintext).ok_or(VaultError::KmsAnswer(plaintext.len()))
    }
}

fn failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> VaultError {
    let service = match error {
        SdkError::ServiceError(service) => service,
        SdkError::TimeoutError(_) => return VaultError::KmsUnreachable("no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            return VaultError::KmsUnreachable("no connection in time".to_owned());
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => return VaultError::KmsUnreachable("no connection".to_owned()),
        SdkError::ConstructionFailure(_) => return VaultError::KmsUnreachable("the request could not be made".to_owned()),
        SdkError::ResponseError(_) => return VaultError::KmsUnreachable("the answer is not KMS's protocol".to_owned()),
        _ => return VaultError::KmsUnreachable("no credentials or region, or the connection failed".to_owned()),
    };
    let Some(code) = service.err().code() else {
        return VaultError::KmsUnreachable("the answer is not KMS's protocol".to_owned());
    };
    let retryable = service.raw().status().is_server_error()
        || matches!(
            code,
            "ThrottlingException" | "KMSInternalException" | "DependencyTimeoutException" | "KeyUnavailableException"
        );
    match code {
        "InvalidCiphertextException" | "IncorrectKeyException" => VaultError::Refused,
        code => VaultError::Kms { code: code.to_owned(), retryable },
    }
}
