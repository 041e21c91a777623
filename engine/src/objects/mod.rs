//! Signed URLs by which clients upload and read objects of their tenant (content API, section 19). No bytes come through here.
//!
//! What may be asked for is decided by [`upload`] and [`read`] from arguments, rules and the tenant of the request; [`store`] signs.

mod error;
mod media;
mod read;
mod store;
mod upload;

use std::time::Duration;

use chrono::{DateTime, Utc};
use freehold_compiler::coerce::Variables;
use freehold_compiler::objects::{ObjectArguments, ObjectRequest, ReadArguments, UploadArguments};
use freehold_compiler::permissions::ObjectRules;
use freehold_compiler::selection::Input;
use freehold_ids::{ObjectKey, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

pub use error::ObjectError;
use store::Signed;
pub use store::{ObjectStore, sdk_config};
use upload::Upload;

/// Life of a URL in seconds, unless asked otherwise.
const DEFAULT_LIFE: i64 = 3600;
/// Signatures of version 4 hold no longer.
const LONGEST_LIFE: i64 = 7 * 24 * 3600;

/// Answers the requests of one operation.
pub struct Signing<'a> {
    /// Where objects are.
    pub store: &'a ObjectStore,
    /// Whose objects: the tenant that the request was routed to.
    pub tenant: TenantId,
    /// What the caller's roles may do with them.
    pub rules: &'a ObjectRules,
    /// The request's variables.
    pub variables: &'a Variables,
    /// The request's instant.
    pub now: DateTime<Utc>,
}

impl Signing<'_> {
    /// The JSON of the root field.
    pub async fn answer(&self, request: &ObjectRequest) -> Result<String, ObjectError> {
        let answer = match &request.arguments {
            ObjectArguments::Upload(arguments) => self.upload(arguments).await?,
            ObjectArguments::Read(arguments) => self.read(arguments).await?,
        };
        Ok(request.answer(&answer))
    }

    async fn upload(&self, arguments: &UploadArguments) -> Result<Value, ObjectError> {
        let upload = Upload::new(arguments, self.variables, self.tenant, Uuid::new_v4())?;
        upload.permit(self.rules)?;
        let life = self.life(&arguments.expiration)?;
        let signed = self.store.sign_upload(&upload, life, self.now).await?;
        let public_url = signed.url.split('?').next().unwrap_or_default().to_owned();
        let mut answer = self.signed("S3SignedUpload", &upload.key, signed);
        answer["publicUrl"] = Value::from(public_url);
        Ok(answer)
    }

    async fn read(&self, arguments: &ReadArguments) -> Result<Value, ObjectError> {
        let given = arguments.object_key.to_text(self.variables).unwrap_or_default();
        let key = if read::is_url(&given) {
            read::key_of_url(self.tenant, &given, &self.store.base_url(self.now).await?)?
        } else {
            read::key(self.tenant, &given)?
        };
        if !self.rules.may_read(key.own()) {
            return Err(ObjectError::ReadForbidden(key.own().to_owned()));
        }
        let life = self.life(&arguments.expiration)?;
        let signed = self.store.sign_read(&key, life, self.now).await?;
        Ok(self.signed("S3SignedRead", &key, signed))
    }

    fn life(&self, expiration: &Input) -> Result<Duration, ObjectError> {
        let seconds = expiration.to_int(self.variables).unwrap_or(DEFAULT_LIFE);
        match u64::try_from(seconds) {
            Ok(life) if (1..=LONGEST_LIFE).contains(&seconds) => Ok(Duration::from_secs(life)),
            _ => Err(ObjectError::Argument("`expiration` is 1 to 604800 seconds: a signature holds for seven days at most")),
        }
    }

    /// Keys are answered as the tenant knows them, so that one can be stored as the `key` of an image, and read again.
    fn signed(&self, type_name: &str, key: &ObjectKey, signed: Signed) -> Value {
        let header = |(name, value): (&str, String)| json!({ "__typename": "S3Header", "key": name, "value": value });
        json!({
            "__typename": type_name,
            "url": signed.url,
            "headers": signed.headers.into_iter().map(header).collect::<Vec<_>>(),
            "method": signed.method,
            "objectKey": key.own(),
            "bucket": self.store.bucket(),
        })
    }
}
