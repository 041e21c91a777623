//! Image tokens: signed paths `/i/<jwt>/<tenant>/<operations>/<version>/<key>`.
//!
//! The token holds when it ends and a digest of the path behind it; it is signed by a key of that tenant alone. A path has exactly one
//! spelling and, for a day, one token: the same picture has the same URL on every page, so that browsers and proxies keep it. The rules are
//! argued in ARCHITECTURE D10.

mod operations;
mod path;
mod signing;
mod verifying;

use chrono::{DateTime, Utc};
use freehold_ids::{ObjectKey, TenantId};

use crate::TokenError;
use crate::derive::{KEY_BYTES, derive};

pub use operations::{Fit, Format, MAX_SIDE, Operations, OperationsError, Resize};
pub use path::{MAX_PATH_BYTES, PathError};
pub use signing::{Signer, TenantSigner, sign};
pub use verifying::verify;

/// URLs are the same for so long.
pub const BUCKET_SECONDS: i64 = 24 * 60 * 60;
/// A fresh URL is valid at least so long, and at most a bucket longer.
pub const MIN_LIFE_SECONDS: i64 = 12 * 60 * 60;

/// Raised for one tenant, all its URLs die. No part of the platform raises it yet.
const EPOCH: u64 = 0;
/// Of SHA-256: 128 bits are beyond search, and a shorter URL.
const DIGEST_BYTES: usize = 16;

/// A verified request for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// Whose image.
    pub tenant: TenantId,
    /// What to make of it.
    pub operations: Operations,
    /// Which state of the object; another state has another URL.
    pub version: String,
    /// The object that holds it.
    pub object: ObjectKey,
    /// From this second on the URL is refused.
    pub expires_at: DateTime<Utc>,
}

/// Why there is no such image URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The address is not spelled as image URLs are.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The operations are not spelled as they must be.
    #[error(transparent)]
    Operations(#[from] OperationsError),
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl ImageError {
    /// Published in error answers; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path(PathError::TooLong) => "IMAGE_URL_TOO_LONG",
            Self::Path(_) => "IMAGE_URL_MALFORMED",
            Self::Operations(_) => "IMAGE_OPERATIONS_INVALID",
            Self::Token(error) => error.code(),
        }
    }
}

/// The key of one tenant's image tokens. Wrong code elsewhere cannot make a token of one tenant good for another.
fn tenant_key(master: &[u8; KEY_BYTES], tenant: TenantId) -> ring::hmac::Key {
    let key = derive(master, &[b"img/v1", tenant.to_string().as_bytes(), EPOCH.to_string().as_bytes()]);
    ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_slice())
}

#[cfg(test)]
mod tests;
