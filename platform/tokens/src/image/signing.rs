//! Making image URLs: a pure function of key, address and the current day.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use freehold_ids::TenantId;
use ring::digest::{SHA256, digest};
use ring::hmac;

use super::{
    BUCKET_SECONDS, DIGEST_BYTES, ImageError, MAX_PATH_BYTES, MIN_LIFE_SECONDS, Operations, PathError, path, tenant_key,
};
use crate::Keyring;
use crate::derive::KeyBytes;

/// Derived keys kept: about 0.3 KB each. A process that serves more tenants in turn derives again, which costs a few microseconds.
const MAX_CACHED_TENANTS: usize = 4096;

/// Signs for any tenant with the keyring's current key; keeps what it derived.
pub struct Signer {
    master: KeyBytes,
    header: Arc<str>,
    tenants: Mutex<HashMap<TenantId, TenantSigner>>,
}

/// Signs for one tenant, without a lock: get one per request and mint a page of URLs with it.
#[derive(Clone)]
pub struct TenantSigner {
    tenant: TenantId,
    header: Arc<str>,
    key: Arc<hmac::Key>,
}

impl Signer {
    /// With the current key of the ring.
    #[must_use]
    pub fn new(keys: &Keyring) -> Self {
        let (kid, master) = keys.current();
        Self { master: KeyBytes::new(*master), header: header(kid).into(), tenants: Mutex::default() }
    }

    /// The signer of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> TenantSigner {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = tenants.get(&tenant) {
            return signer.clone();
        }
        if tenants.len() >= MAX_CACHED_TENANTS {
            tenants.clear();
        }
        let key = Arc::new(tenant_key(&self.master, tenant));
        let signer = TenantSigner { tenant, header: Arc::clone(&self.header), key };
        tenants.insert(tenant, signer.clone());
        signer
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl fmt::Debug for TenantSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantSigner").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl TenantSigner {
    /// The path of an image, from `/i/` on.
    ///
    /// # Errors
    /// When version or key cannot stand in a URL, or the path would be too long.
    pub fn sign(&self, operations: &Operations, version: &str, key: &str, now: DateTime<Utc>) -> Result<String, ImageError> {
        path::check_version(version)?;
        let object = path::object(self.tenant, key)?;
        let signed = format!("/{}/{operations}/{version}/{}", self.tenant, object.own());
        let digest = digest(&SHA256, signed.as_bytes());
        let (digest, rest) = digest.as_ref().split_at(DIGEST_BYTES);
        let expires_at = expiry(now.timestamp(), phase(rest));
        let token = token(&self.header, &payload(expires_at, digest), &self.key);
        let path = [path::ROOT, &token, &signed].concat();
        if path.len() > MAX_PATH_BYTES { Err(PathError::TooLong.into()) } else { Ok(path) }
    }
}

/// One URL, without keeping what was derived. For many, use a [`Signer`].
///
/// # Errors
/// As [`TenantSigner::sign`].
pub fn sign(
    keys: &Keyring,
    tenant: TenantId,
    operations: &Operations,
    version: &str,
    key: &str,
    now: DateTime<Utc>,
) -> Result<String, ImageError> {
    Signer::new(keys).tenant(tenant).sign(operations, version, key, now)
}

pub(super) fn header(kid: &str) -> String {
    BASE64URL_NOPAD.encode(format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#).as_bytes())
}

/// Fixed order of claims, no spaces: one spelling.
pub(super) fn payload(expires_at: i64, digest: &[u8]) -> String {
    format!(r#"{{"exp":{expires_at},"h":"{}"}}"#, BASE64URL_NOPAD.encode(digest))
}

fn token(header: &str, payload: &str, key: &hmac::Key) -> String {
    let mut token = String::with_capacity(256);
    token.push_str(header);
    token.push('.');
    BASE64URL_NOPAD.encode_append(payload.as_bytes(), &mut token);
    let tag = hmac::sign(key, token.as_bytes());
    token.push('.');
    BASE64URL_NOPAD.encode_append(tag.as_ref(), &mut token);
    token
}

/// Each address changes its token at another second of the day, so that caches do not all expire at midnight.
fn phase(digest: &[u8]) -> i64 {
    let number = digest.iter().take(4).fold(0, |number, byte| number << 8 | i64::from(*byte));
    number % BUCKET_SECONDS
}

/// The end of the bucket in which `now + MIN_LIFE_SECONDS` lies.
fn expiry(now: i64, phase: i64) -> i64 {
    let earliest = now.saturating_add(MIN_LIFE_SECONDS).saturating_add(phase);
    (earliest.div_euclid(BUCKET_SECONDS) + 1).saturating_mul(BUCKET_SECONDS) - phase
}
