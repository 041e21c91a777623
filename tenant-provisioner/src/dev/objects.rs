//! Bucket and photographs, through the AWS SDK like everything else that speaks S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::{Builder, tls};
use freehold_ids::{ObjectKey, TenantId};

use super::example::Photograph;
use crate::cli::context::S3;
use crate::cli::failure::{Failure, chain};

/// The bucket's client.
pub(super) struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// Opens the bucket, making it when it is missing.
    pub(super) async fn open(s3: &S3) -> Result<Self, Failure> {
        let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(s3.region.clone()))
            .endpoint_url(&s3.endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(&s3.access_key, &s3.secret_key, None, None, "freehold-dev"))
            .http_client(http);
        let bucket = Self { client: Client::from_conf(config.build()), name: s3.bucket.clone() };
        if bucket.client.head_bucket().bucket(&bucket.name).send().await.is_err() {
            bucket.client.create_bucket().bucket(&bucket.name).send().await.map_err(|error| failed(&error))?;
        }
        Ok(bucket)
    }

    /// Uploads what is missing below the tenant's prefix.
    pub(super) async fn upload(&self, tenant: TenantId, photographs: &[Photograph]) -> Result<(), Failure> {
        for photograph in photographs {
            let key = ObjectKey::new(tenant, &photograph.key).map_err(|error| failed(&error))?;
            if self.client.head_object().bucket(&self.name).key(key.as_str()).send().await.is_ok() {
                continue;
            }
            let body = ByteStream::from_path(&photograph.file).await.map_err(|error| failed(&error))?;
            let put =
                self.client.put_object().bucket(&self.name).key(key.as_str()).content_type(photograph.media_type).body(body);
            put.send().await.map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::local("DEV_OBJECTS", format!("cannot fill the object storage: {}", chain(error)))
}
