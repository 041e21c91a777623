//! Caller tokens: who calls the engine, for which tenant, in which roles, until when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_ids::TenantId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::derive::{KEY_BYTES, KeyBytes, derive};
use crate::jwt::Unverified;
use crate::{Keyring, TokenError};

const AUDIENCE: &str = "freehold-engine";
const PURPOSE: &[u8] = b"caller/v1";
/// Roles with long lists of variable values fit; what is longer belongs into the tenant's database. HTTP servers limit a header likewise.
pub const MAX_BYTES: usize = 8 * 1024;

/// What a caller token states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerClaims {
    /// The only tenant whose data the caller may ask for. By id: a slug may be given to another tenant later.
    pub tenant: TenantId,
    /// The identity.
    pub subject: Uuid,
    /// What the caller may do there.
    pub roles: Vec<RoleGrant>,
    /// From this second on the token is refused.
    pub expires_at: DateTime<Utc>,
}

/// A role of the content schema with the values of its variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleGrant {
    /// The role's name.
    pub role: String,
    /// Values by the variable's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Vec<String>>,
}

/// The payload as written. A claim that is absent, repeated, unknown or of another type is an error: a mistyped `exp` must not turn into
/// a token without end (CVE-2026-25537).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    aud: String,
    exp: u64,
    sub: Uuid,
    tenant: TenantId,
    roles: Vec<RoleGrant>,
}

/// Signs the claims with the keyring's current key.
#[must_use]
pub fn mint(keys: &Keyring, claims: &CallerClaims) -> String {
    let (kid, master) = keys.current();
    let header = jsonwebtoken::Header { kid: Some(kid.to_owned()), ..jsonwebtoken::Header::new(Algorithm::HS256) };
    let payload = Payload {
        aud: AUDIENCE.to_owned(),
        // Before 1970 is as expired as 1970.
        exp: u64::try_from(claims.expires_at.timestamp()).unwrap_or(0),
        sub: claims.subject,
        tenant: claims.tenant,
        roles: claims.roles.clone(),
    };
    let key = EncodingKey::from_secret(key(master).as_slice());
    jsonwebtoken::encode(&header, &payload, &key).expect("texts and numbers serialise, and the key is an HMAC key")
}

/// Checks a token and reads its claims. The tenant it names must still be compared with the tenant that is asked for.
///
/// # Errors
/// When the token is not one that [`mint`] made with a key of this ring, or has expired.
pub fn verify(keys: &Keyring, token: &str, now: DateTime<Utc>) -> Result<CallerClaims, TokenError> {
    let token = Unverified::parse(token, MAX_BYTES)?;
    let master = keys.get(&token.header.kid).ok_or(TokenError::UnknownKey)?;
    let key = DecodingKey::from_secret(key(master).as_slice());
    let good = jsonwebtoken::crypto::verify(token.signature, token.message.as_bytes(), &key, Algorithm::HS256);
    if !matches!(good, Ok(true)) {
        return Err(TokenError::Signature);
    }
    let payload: Payload = serde_json::from_slice(&token.payload).map_err(|_| TokenError::Claims)?;
    if payload.aud != AUDIENCE {
        return Err(TokenError::Audience);
    }
    let exp = i64::try_from(payload.exp).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let expires_at = exp.ok_or(TokenError::Claims)?;
    if now >= expires_at {
        return Err(TokenError::Expired);
    }
    Ok(CallerClaims { tenant: payload.tenant, subject: payload.sub, roles: payload.roles, expires_at })
}

fn key(master: &[u8; KEY_BYTES]) -> KeyBytes {
    derive(master, &[PURPOSE])
}

#[cfg(test)]
#[path = "caller_tests.rs"]
mod tests;
