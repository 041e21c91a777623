//! The object store: one bucket, of which the engine signs addresses and reads nothing.

use std::error::Error;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_smithy_http_client::{Builder, tls};
use chrono::{DateTime, Utc};
use freehold_ids::ObjectKey;

use super::ObjectError;
use super::upload::Upload;
use crate::config::S3Config;

/// Keys are new for every upload, so an object never changes.
const CACHE_CONTROL: &str = "immutable";

/// Signs addresses of objects of one bucket.
pub struct ObjectStore {
    client: Client,
    bucket: String,
}

/// An address that the store honours for a while.
#[derive(Debug)]
pub struct Signed {
    /// Whoever has it may do what was signed.
    pub url: String,
    /// By which method.
    pub method: String,
    /// Headers that must be sent as they are. The length of an upload, when it is signed, is sent by every client anyway and not listed.
    pub headers: Vec<(&'static str, String)>,
}

/// SDK settings for the configured store; credentials from the standard chain.
pub async fn sdk_config(config: &S3Config) -> SdkConfig {
    // The SDK's default HTTP client would bring another crypto library than ring (ARCHITECTURE D9). Only some sources of credentials use it.
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http).region(Region::new(config.region.clone()));
    if let Some(endpoint_url) = config.endpoint_url.as_deref().filter(|url| !url.is_empty()) {
        loader = loader.endpoint_url(endpoint_url);
    }
    loader.load().await
}

impl ObjectStore {
    /// Of the configured bucket.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &S3Config) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(sdk)
            .force_path_style(config.force_path_style)
            // Whoever uploads has the bytes; nothing that is signed here can know their checksum.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self { client: Client::from_conf(s3), bucket: config.bucket.clone() }
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What addresses of all objects begin with.
    pub async fn base_url(&self, now: DateTime<Utc>) -> Result<String, ObjectError> {
        const NAME: &str = "x";
        let request = self.client.get_object().bucket(&self.bucket).key(NAME);
        let signed = request.presigned(presigning(Duration::from_secs(1), now)?).await.map_err(|error| unavailable(&error))?;
        let address = signed.uri().split('?').next().unwrap_or_default();
        address.strip_suffix(NAME).map(str::to_owned).ok_or(ObjectError::Unavailable)
    }

    /// An address to read an object from.
    pub async fn sign_read(&self, key: &ObjectKey, life: Duration, now: DateTime<Utc>) -> Result<Signed, ObjectError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let signed = request.presigned(presigning(life, now)?).await.map_err(|error| unavailable(&error))?;
        Ok(Signed::new(&signed, Vec::new()))
    }

    /// An address to upload an object to. Type, caching, name and, where given, size are part of the signature: the store refuses an upload with others.
    pub async fn sign_upload(&self, upload: &Upload, life: Duration, now: DateTime<Utc>) -> Result<Signed, ObjectError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .cache_control(CACHE_CONTROL)
            .content_type(&upload.content_type)
            .set_content_disposition(upload.disposition.clone())
            .set_content_length(upload.size);
        let signed = request.presigned(presigning(life, now)?).await.map_err(|error| unavailable(&error))?;
        let mut headers = vec![("Cache-Control", CACHE_CONTROL.to_owned()), ("Content-Type", upload.content_type.clone())];
        headers.extend(upload.disposition.clone().map(|disposition| ("Content-Disposition", disposition)));
        Ok(Signed::new(&signed, headers))
    }
}

impl Signed {
    fn new(request: &PresignedRequest, headers: Vec<(&'static str, String)>) -> Self {
        Self { url: request.uri().to_owned(), method: request.method().to_owned(), headers }
    }
}

fn presigning(life: Duration, now: DateTime<Utc>) -> Result<PresigningConfig, ObjectError> {
    let config = PresigningConfig::builder().start_time(now.into()).expires_in(life).build();
    config.map_err(|error| unavailable(&error))
}

/// Signing asks nobody but the source of credentials, so this is what went wrong.
fn unavailable(error: &dyn Error) -> ObjectError {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        causes.push(error.to_string());
        source = error.source();
    }
    tracing::error!(error = causes.join(": "), "an address of the object store cannot be signed; check the AWS credentials");
    ObjectError::Unavailable
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
    use freehold_ids::TenantId;

    use super::*;

    fn store(config: &S3Config) -> ObjectStore {
        store_with(config, Credentials::new("AKIDEXAMPLE", "secret", Some("session".to_owned()), None, "test"))
    }

    fn store_with(config: &S3Config, credentials: impl ProvideCredentials + 'static) -> ObjectStore {
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        sdk.set_endpoint_url(config.endpoint_url.clone());
        ObjectStore::new(&sdk.build(), config)
    }

    fn at_aws() -> S3Config {
        S3Config { bucket: "media".to_owned(), region: "eu-central-1".to_owned(), ..S3Config::default() }
    }

    fn at_home() -> S3Config {
        S3Config { endpoint_url: Some("http://127.0.0.1:9000".to_owned()), force_path_style: true, ..at_aws() }
    }

    fn instant() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    fn upload(size: Option<i64>, disposition: Option<&str>) -> Upload {
        let key = ObjectKey::new(TenantId::generate(), "a b/ž.jpg").unwrap();
        Upload { key, content_type: "image/jpeg".to_owned(), disposition: disposition.map(str::to_owned), size }
    }

    fn parameter<'u>(url: &'u str, name: &str) -> Option<&'u str> {
        url.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    const LIFE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn everything_that_matters_of_an_upload_is_signed() {
        let table = [
            (None, None, "cache-control%3Bcontent-type%3Bhost"),
            (Some(5), None, "cache-control%3Bcontent-length%3Bcontent-type%3Bhost"),
            (Some(5), Some("inline"), "cache-control%3Bcontent-disposition%3Bcontent-length%3Bcontent-type%3Bhost"),
        ];
        for (size, disposition, expected) in table {
            let upload = upload(size, disposition);
            let signed = store(&at_aws()).sign_upload(&upload, LIFE, instant()).await.unwrap();
            assert_eq!(parameter(&signed.url, "X-Amz-SignedHeaders"), Some(expected), "{}", signed.url);
            assert_eq!(parameter(&signed.url, "X-Amz-Expires"), Some("60"));
            assert_eq!(parameter(&signed.url, "X-Amz-Date"), Some("20261118T110640Z"));
            assert_eq!(parameter(&signed.url, "X-Amz-Security-Token"), Some("session"));
            assert!(!signed.url.contains("checksum"), "{}", signed.url);
            assert_eq!(signed.method, "PUT");
            let names: Vec<&str> = signed.headers.iter().map(|(name, _)| *name).collect();
            let all = ["Cache-Control", "Content-Type", "Content-Disposition"];
            assert_eq!(names, all[..if disposition.is_some() { 3 } else { 2 }]);
        }
    }

    #[tokio::test]
    async fn addresses_begin_with_the_bucket_and_the_tenant() {
        let table = [(at_aws(), "https://media.s3.eu-central-1.amazonaws.com/"), (at_home(), "http://127.0.0.1:9000/media/")];
        for (config, base) in table {
            let (store, upload) = (store(&config), upload(None, None));
            assert_eq!(store.base_url(instant()).await.unwrap(), base);
            let signed = store.sign_read(&upload.key, LIFE, instant()).await.unwrap();
            let tenant = upload.key.as_str().split('/').next().unwrap();
            assert!(signed.url.starts_with(&format!("{base}{tenant}/a%20b/%C5%BE.jpg?")), "{}", signed.url);
            assert_eq!((signed.method.as_str(), signed.headers.len()), ("GET", 0));
        }
    }

    #[derive(Debug)]
    struct Nowhere;

    impl ProvideCredentials for Nowhere {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("there are none")))
        }
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_signed() {
        let store = store_with(&at_aws(), Nowhere);
        assert_eq!(store.sign_upload(&upload(None, None), LIFE, instant()).await.unwrap_err(), ObjectError::Unavailable);
        assert_eq!(store.base_url(instant()).await.unwrap_err(), ObjectError::Unavailable);
    }
}
