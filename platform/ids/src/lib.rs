//! Identifiers that cross crates: tenants, servers, releases, operations, slugs, plans, names of tenant databases.
//!
//! A tenant's id never changes and names everything that belongs to it: `t_<id>` is its database, `<id>/` its object prefix. Its
//! slug is a name in URLs and may change. Database and role names are visible to every role of a PostgreSQL cluster, so they
//! hold the opaque id and never the slug (ARCHITECTURE D1).

mod object_key;

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

pub use object_key::{ObjectKey, ObjectKeyError};

/// Why a text is no identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 26 characters of lower-case base32.
    #[error("`{0}` is not an id: 26 characters of a-z and 2-7 are expected")]
    Id(String),
    /// Not a slug.
    #[error(
        "`{0}` is not a slug: 2 to 40 characters of a-z, 0-9 and single dashes are expected, starting with a letter and not ending with a dash"
    )]
    Slug(String),
    /// Not a plan's name.
    #[error(
        "`{0}` is not the name of a plan: 1 to 40 characters of a-z, 0-9 and single dashes are expected, starting with a letter and not ending with a dash"
    )]
    Plan(String),
    /// Not a release.
    #[error("`{0}` is not a schema release: 64 hexadecimal digits are expected")]
    Release(String),
}

/// RFC 4648 base32 in lower case without padding: 16 bytes become 26 characters, all legal in PostgreSQL names, S3 keys, host names and URLs.
///
/// Made once: it is a hundredth of a request otherwise.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().expect("the alphabet is a constant with 32 symbols")
});

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered by the time of its making (UUIDv7).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// From the catalogue's `uuid` column.
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// For the catalogue's `uuid` column.
            #[must_use]
            pub fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE32.encode(self.0.as_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = BASE32.decode(text.as_bytes()).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
                bytes.map(|bytes| Self(Uuid::from_bytes(bytes))).ok_or_else(|| IdError::Id(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

uuid_ids! {
    /// A tenant: one organisation's home.
    TenantId;
    /// A PostgreSQL cluster that carries tenant databases.
    ServerId;
    /// A durable run of a saga.
    OperationId;
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident: $check:ident => $error:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err(IdError::$error(text.to_owned())) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_ids! {
    /// A tenant's name in URLs.
    Slug: is_slug => Slug;
    /// Name of a plan, which many tenants may have.
    PlanName: is_plain_name => Plan;
    /// SHA-256 of a schema release's canonical JSON, in lower-case hexadecimal.
    ReleaseId: is_release => Release;
}

/// Longer than 40 characters would not fit beside prefixes in host names; 26 characters of base32 alone could be mistaken for an id.
fn is_slug(text: &str) -> bool {
    text.len() >= 2 && is_plain_name(text) && text.parse::<TenantId>().is_err()
}

fn is_plain_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=40).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.last() != Some(&b'-')
        && !text.contains("--")
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

fn is_release(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl ReleaseId {
    /// From the 32 bytes of a SHA-256.
    #[must_use]
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        Self(data_encoding::HEXLOWER.encode(digest))
    }
}

impl TenantId {
    /// Name of the tenant's database, and of the PostgreSQL role that owns it.
    #[must_use]
    pub fn database(&self) -> String {
        format!("t_{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text() {
        let id = TenantId::generate();
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("T_UPPER".parse::<TenantId>().is_err());
        // The last character holds two spare bits; a second spelling of the same id must not exist.
        assert!("aaaaaaaaaaaaaaaaaaaaaaaaab".parse::<TenantId>().is_err());
    }

    #[test]
    fn slugs_are_short_plain_and_never_an_id() {
        for good in ["acme", "a1", "two-words", "x".repeat(40).as_str()] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        let id = TenantId::generate().to_string();
        for bad in ["", "a", "Acme", "1a", "-a", "a-", "a--b", "a_b", "ä1", "a/b", "x".repeat(41).as_str(), id.as_str()] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
