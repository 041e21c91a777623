//! How an image's address is spelled: checked byte by byte before anything is decoded.

use freehold_ids::{ObjectKey, TenantId};

use super::{Operations, OperationsError};

/// Longest path, token included.
pub const MAX_PATH_BYTES: usize = 1024;
pub(super) const ROOT: &str = "/i/";
const MAX_VERSION_BYTES: usize = 64;

/// Why the address is no image URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("the address is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// Escapes, query strings, backslashes, control bytes, non-ASCII text.
    #[error("the address may only hold A-Z, a-z, 0-9, `.`, `_`, `~`, `-` and `/`, and no query string")]
    Alphabet,
    /// A part is missing.
    #[error("the address is not /i/<token>/<tenant>/<operations>/<version>/<key>")]
    Parts,
    /// The tenant is not spelled as an id.
    #[error("the address names no tenant id")]
    Tenant,
    /// Empty, too long, or with dots.
    #[error("the version must be 1 to {MAX_VERSION_BYTES} characters of A-Z, a-z, 0-9, `_` and `-`")]
    Version,
    /// `//`, `/./`, `/../`, a slash at an end, or another tenant's prefix.
    #[error("the key must not have empty or dot segments, nor begin with a tenant's id")]
    Key,
}

/// An address taken apart.
pub(super) struct ImagePath<'a> {
    pub token: &'a str,
    /// All bytes behind the token: what its digest covers.
    pub signed: &'a str,
    pub tenant: TenantId,
    pub operations: Result<Operations, OperationsError>,
    pub version: &'a str,
    pub object: ObjectKey,
}

pub(super) fn parse(path: &str) -> Result<ImagePath<'_>, PathError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(PathError::TooLong);
    }
    if !path.bytes().all(is_allowed) {
        return Err(PathError::Alphabet);
    }
    let rest = path.strip_prefix(ROOT).ok_or(PathError::Parts)?;
    let (token, behind) = rest.split_once('/').ok_or(PathError::Parts)?;
    let mut parts = behind.splitn(4, '/');
    let (Some(tenant), Some(operations), Some(version), Some(key)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(PathError::Parts);
    };
    check_version(version)?;
    let tenant = tenant.parse().map_err(|_| PathError::Tenant)?;
    Ok(ImagePath {
        token,
        signed: &rest[token.len()..],
        tenant,
        operations: operations.parse(),
        version,
        object: object(tenant, key)?,
    })
}

pub(super) fn check_version(version: &str) -> Result<(), PathError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=MAX_VERSION_BYTES).contains(&version.len()) && version.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(PathError::Version)
    }
}

/// Unreserved characters only (RFC 3986, 2.3), so that no client, proxy or bucket spells a key differently.
pub(super) fn object(tenant: TenantId, key: &str) -> Result<ObjectKey, PathError> {
    if !key.bytes().all(is_allowed) {
        return Err(PathError::Alphabet);
    }
    ObjectKey::new(tenant, key).map_err(|_| PathError::Key)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-' | b'/')
}
