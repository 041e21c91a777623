//! The object store: one bucket, read only, spoken to by the AWS SDK.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::{Builder, tls};
use bytes::{Bytes, BytesMut};
use freehold_ids::ObjectKey;
use tokio::time::timeout;

use crate::config::S3Config;
use crate::error::Failure;
use crate::media::SNIFF_BYTES;

/// Reads objects of one bucket.
#[derive(Clone)]
pub(crate) struct Storage {
    client: Client,
    bucket: String,
    read_timeout: Duration,
}

/// An object, or a part of it, whose bytes are on their way.
pub(crate) struct Object {
    /// Bytes to come.
    pub length: u64,
    /// As the store sent it, with quotes.
    pub etag: Option<String>,
    pub body: Body,
}

/// The start of an object and its measures.
pub(crate) struct Start {
    /// Length of the whole object.
    pub size: u64,
    pub etag: Option<String>,
    pub bytes: Bytes,
}

/// Answer to a request under conditions.
pub(crate) enum Conditional<T> {
    Given(T),
    NotModified,
}

/// Bytes with a limit on the wait for each piece.
pub(crate) struct Body {
    stream: ByteStream,
    read_timeout: Duration,
}

impl Body {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        match timeout(self.read_timeout, self.stream.next()).await {
            Ok(piece) => piece.map(|piece| {
                piece.map_err(|error| {
                    tracing::warn!(error = %error, "the object store broke off while sending an object");
                    Failure::Storage
                })
            }),
            Err(_) => {
                tracing::warn!("the object store stopped sending in the middle of an object");
                Some(Err(Failure::Storage))
            }
        }
    }
}

/// SDK settings for the configured store; credentials from the standard chain.
pub(crate) async fn sdk_config(config: &S3Config) -> SdkConfig {
    // The SDK's default HTTP client would bring another crypto library than ring (ARCHITECTURE D9).
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(config.connect_timeout())
        .read_timeout(config.read_timeout())
        .operation_attempt_timeout(config.connect_timeout() + config.read_timeout())
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(config.region.clone()))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2));
    if let Some(endpoint_url) = config.endpoint_url.as_deref().filter(|url| !url.is_empty()) {
        loader = loader.endpoint_url(endpoint_url);
    }
    loader.load().await
}

impl Storage {
    pub(crate) fn new(sdk: &SdkConfig, config: &S3Config) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(sdk).force_path_style(config.force_path_style).build();
        Self { client: Client::from_conf(s3), bucket: config.bucket.clone(), read_timeout: config.read_timeout() }
    }

    /// Whether the bucket can be reached with these credentials.
    pub(crate) async fn check(&self) -> Result<(), Failure> {
        let request = self.client.head_bucket().bucket(&self.bucket).send();
        let answer = timeout(self.read_timeout, request).await.map_err(|_| Failure::Storage)?;
        answer.map(|_| ()).map_err(|error| match failure(&error) {
            Refusal::NotModified | Refusal::EmptyObject | Refusal::Failure(_) => Failure::Storage,
        })
    }

    /// A whole object, unless the browser's copy is the same.
    pub(crate) async fn open(&self, key: &ObjectKey, if_none_match: Option<&str>) -> Result<Conditional<Object>, Failure> {
        let request =
            self.client.get_object().bucket(&self.bucket).key(key.as_str()).set_if_none_match(if_none_match.map(str::to_owned));
        match request.send().await {
            Ok(answer) => Ok(Conditional::Given(self.object(answer)?)),
            Err(error) => match failure(&error) {
                Refusal::NotModified => Ok(Conditional::NotModified),
                Refusal::EmptyObject => Err(Failure::Storage),
                Refusal::Failure(failure) => Err(failure),
            },
        }
    }

    /// Bytes `first..=last` of an object.
    pub(crate) async fn open_range(&self, key: &ObjectKey, first: u64, last: u64) -> Result<Object, Failure> {
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str()).range(format!("bytes={first}-{last}"));
        match request.send().await {
            Ok(answer) => self.object(answer),
            Err(error) => match failure(&error) {
                Refusal::NotModified | Refusal::EmptyObject => Err(Failure::Storage),
                Refusal::Failure(failure) => Err(failure),
            },
        }
    }

    /// The first bytes: they say what an object is and how long.
    pub(crate) async fn start(&self, key: &ObjectKey) -> Result<Start, Failure> {
        let range = format!("bytes=0-{}", SNIFF_BYTES - 1);
        let answer = match self.client.get_object().bucket(&self.bucket).key(key.as_str()).range(range).send().await {
            Ok(answer) => answer,
            Err(error) => match failure(&error) {
                Refusal::EmptyObject => return Ok(Start { size: 0, etag: None, bytes: Bytes::new() }),
                Refusal::NotModified => return Err(Failure::Storage),
                Refusal::Failure(failure) => return Err(failure),
            },
        };
        let total = answer.content_range().and_then(|range| range.rsplit_once('/')).and_then(|(_, size)| size.parse().ok());
        let object = self.object(answer)?;
        let (size, etag) = (total.unwrap_or(object.length), object.etag.clone());
        Ok(Start { size, etag, bytes: collect(object, SNIFF_BYTES as u64).await? })
    }

    /// A whole object in memory.
    pub(crate) async fn read(&self, key: &ObjectKey, max_bytes: u64) -> Result<Bytes, Failure> {
        match self.open(key, None).await? {
            Conditional::Given(object) if object.length > max_bytes => {
                Err(Failure::SourceTooLarge { bytes: object.length, max: max_bytes })
            }
            Conditional::Given(object) => collect(object, max_bytes).await,
            Conditional::NotModified => Err(Failure::Storage),
        }
    }

    fn object(&self, answer: GetObjectOutput) -> Result<Object, Failure> {
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok()).ok_or(Failure::Storage)?;
        let body = Body { stream: answer.body, read_timeout: self.read_timeout };
        Ok(Object { length, etag: answer.e_tag, body })
    }
}

async fn collect(mut object: Object, max_bytes: u64) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(object.length.min(max_bytes)).unwrap_or(0));
    while let Some(piece) = object.body.next().await {
        bytes.extend_from_slice(&piece?);
        // The store may send more than it announced.
        if bytes.len() as u64 > max_bytes {
            return Err(Failure::SourceTooLarge { bytes: bytes.len() as u64, max: max_bytes });
        }
    }
    Ok(bytes.freeze())
}

enum Refusal {
    NotModified,
    /// A range of an object without bytes.
    EmptyObject,
    Failure(Failure),
}

fn failure<E: ProvideErrorMetadata + std::error::Error>(error: &SdkError<E>) -> Refusal {
    let (status, code) = match error {
        SdkError::ServiceError(service) => (service.raw().status().as_u16(), service.err().code()),
        SdkError::ResponseError(response) => (response.raw().status().as_u16(), None),
        _ => (0, None),
    };
    match status {
        304 => Refusal::NotModified,
        416 => Refusal::EmptyObject,
        404 if code != Some("NoSuchBucket") => Refusal::Failure(Failure::NotFound),
        // Also 403: with the right to list the bucket, which readiness asks for, a missing object is 404.
        _ => {
            tracing::error!(s3.status = status, s3.code = code, error = %kind(error), "the object store refused a request");
            Refusal::Failure(Failure::Storage)
        }
    }
}

/// Without the request, which an error's own text may quote.
fn kind<E>(error: &SdkError<E>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be made (credentials, region)",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "the answer is not S3's protocol",
        _ => "refused",
    }
}
