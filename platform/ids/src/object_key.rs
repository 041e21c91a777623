//! Names of objects in the bucket that all tenants share.

use std::fmt;
use std::str::FromStr;

use crate::TenantId;

/// The longest key that S3 has, in bytes.
const MAX_BYTES: usize = 1024;

/// The name of a tenant's object: its id, a slash, and a key of its own. There is no other way to make one, so no key of one tenant can name an object of another,
/// not even of one whose id begins with the same characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    /// With the prefix.
    text: String,
    prefix_bytes: usize,
}

/// Why a text is no key of a tenant's object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectKeyError {
    /// Nothing, or more than S3 takes.
    #[error("the object key is empty, or with its prefix longer than {MAX_BYTES} bytes")]
    Length,
    /// Clients and proxies would spell it differently, or read it as a path upwards.
    #[error("the object key has empty segments, or segments of dots: it begins and ends without a slash")]
    Segment,
    /// No header or log could hold it as it is.
    #[error("the object key has control characters")]
    Control,
    /// It looks like the whole name of some tenant's object, and is to be read as one.
    #[error("the object key begins with a tenant's id")]
    TenantPrefix,
}

impl ObjectKey {
    /// The object of `tenant` that it calls `key`.
    ///
    /// # Errors
    /// When the key has empty segments, segments of dots or control characters, begins with some tenant's id, or is too long.
    pub fn new(tenant: TenantId, key: &str) -> Result<Self, ObjectKeyError> {
        let prefix = format!("{tenant}/");
        if key.is_empty() || prefix.len() + key.len() > MAX_BYTES {
            return Err(ObjectKeyError::Length);
        }
        if key.contains(char::is_control) {
            return Err(ObjectKeyError::Control);
        }
        if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(ObjectKeyError::Segment);
        }
        if first_tenant(key).is_some() {
            return Err(ObjectKeyError::TenantPrefix);
        }
        Ok(Self { prefix_bytes: prefix.len(), text: prefix + key })
    }

    /// The same, where the key may also be given with the tenant's own prefix.
    ///
    /// # Errors
    /// As [`ObjectKey::new`]; [`ObjectKeyError::TenantPrefix`] for another tenant's prefix, whether there is such a tenant or not.
    pub fn read(tenant: TenantId, key: &str) -> Result<Self, ObjectKeyError> {
        match (first_tenant(key), key.split_once('/')) {
            (Some(named), Some((_, own))) if named == tenant => Self::new(tenant, own),
            _ => Self::new(tenant, key),
        }
    }

    /// The name in the bucket.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the tenant calls it: without the prefix.
    #[must_use]
    pub fn own(&self) -> &str {
        &self.text[self.prefix_bytes..]
    }
}

/// The tenant whose id is the first segment.
fn first_tenant(key: &str) -> Option<TenantId> {
    TenantId::from_str(key.split('/').next().unwrap_or_default()).ok()
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_below_their_tenant() {
        let tenant = TenantId::generate();
        for own in ["a", "photos/a b.jpg", "žluťoučký/kůň.webp", ".x/...", "a..b/c", "%2e%2e/x"] {
            let key = ObjectKey::new(tenant, own).unwrap();
            assert_eq!((key.as_str(), key.own()), (format!("{tenant}/{own}").as_str(), own));
            assert_eq!(ObjectKey::read(tenant, own), Ok(key.clone()));
            assert_eq!(ObjectKey::read(tenant, key.as_str()), Ok(key), "with its prefix");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_key() {
        let (tenant, other) = (TenantId::generate(), TenantId::generate());
        let sibling = format!("{other}/photos/a.jpg");
        let upwards = format!("{tenant}/../{other}/a.jpg");
        let twice = format!("{tenant}/{tenant}/a");
        let bare = tenant.to_string();
        let long = "x".repeat(MAX_BYTES - 26);
        let cases = [
            ("", ObjectKeyError::Length),
            (&long, ObjectKeyError::Length),
            ("/a", ObjectKeyError::Segment),
            ("a/", ObjectKeyError::Segment),
            ("a//b", ObjectKeyError::Segment),
            ("..", ObjectKeyError::Segment),
            ("a/../../b", ObjectKeyError::Segment),
            ("./a", ObjectKeyError::Segment),
            (&upwards, ObjectKeyError::Segment),
            ("a\u{0}b", ObjectKeyError::Control),
            ("a\nb", ObjectKeyError::Control),
            ("a\u{85}b", ObjectKeyError::Control),
            (&sibling, ObjectKeyError::TenantPrefix),
            (&twice, ObjectKeyError::TenantPrefix),
            (&bare, ObjectKeyError::TenantPrefix),
        ];
        for (text, expected) in cases {
            assert_eq!(ObjectKey::read(tenant, text), Err(expected.clone()), "{text:?}");
            assert!(ObjectKey::new(tenant, text).is_err(), "{text:?}");
        }
        assert!(ObjectKey::new(tenant, &long[1..]).is_ok(), "1024 bytes are the most");
        // `acme` and `acme2`: an id has one length, and what only begins like one is a key like any other.
        let key = ObjectKey::read(tenant, &format!("{tenant}2/a")).unwrap();
        assert_eq!(key.as_str(), format!("{tenant}/{tenant}2/a"));
    }
}
