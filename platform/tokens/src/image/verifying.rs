//! Checking image URLs.

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde::Deserialize;

use super::{DIGEST_BYTES, ImageError, ImageRequest, MAX_PATH_BYTES, path, signing, tenant_key};
use crate::jwt::Unverified;
use crate::{Keyring, TokenError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    exp: i64,
    h: String,
}

/// Checks path and query of a request exactly as received: nothing is decoded or normalised before, or ever.
///
/// # Errors
/// [`ImageError::Path`] and [`ImageError::Operations`] for addresses that nobody could have signed, [`ImageError::Token`] for others.
pub fn verify(keys: &Keyring, path: &str, now: DateTime<Utc>) -> Result<ImageRequest, ImageError> {
    let path = path::parse(path)?;
    let operations = path.operations.clone()?;
    let expires_at = verify_token(keys, &path)?;
    if now >= expires_at {
        return Err(TokenError::Expired.into());
    }
    Ok(ImageRequest { tenant: path.tenant, operations, version: path.version.to_owned(), object: path.object, expires_at })
}

fn verify_token(keys: &Keyring, path: &path::ImagePath<'_>) -> Result<DateTime<Utc>, TokenError> {
    let token = Unverified::parse(path.token, MAX_PATH_BYTES)?;
    let master = keys.get(&token.header.kid).ok_or(TokenError::UnknownKey)?;
    let signature = BASE64URL_NOPAD.decode(token.signature.as_bytes()).map_err(|_| TokenError::Malformed)?;
    hmac::verify(&tenant_key(master, path.tenant), token.message.as_bytes(), &signature).map_err(|_| TokenError::Signature)?;

    let payload: Payload = serde_json::from_slice(&token.payload).map_err(|_| TokenError::Claims)?;
    let expected = digest(&SHA256, path.signed.as_bytes());
    if payload.h != BASE64URL_NOPAD.encode(&expected.as_ref()[..DIGEST_BYTES]) {
        return Err(TokenError::Path);
    }
    // One spelling: the token must be, byte for byte, the one that signing makes of these claims.
    let canonical = [
        signing::header(&token.header.kid),
        BASE64URL_NOPAD.encode(signing::payload(payload.exp, &expected.as_ref()[..DIGEST_BYTES]).as_bytes()),
    ];
    if canonical.join(".") != token.message {
        return Err(TokenError::Claims);
    }
    DateTime::from_timestamp(payload.exp, 0).ok_or(TokenError::Claims)
}
