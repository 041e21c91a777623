//! Names of the content schema: one type per kind, so that an entity's name never lands where a field's is meant.
//!
//! A name matches `[_a-zA-Z][_a-zA-Z0-9]*` and has at most 63 bytes (PostgreSQL's `NAMEDATALEN - 1`), because
//! it becomes a GraphQL name and, in a statement's result, a column name. Names that come from a schema file are checked by
//! the schema's validation; this module only keeps the kinds apart.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest name PostgreSQL keeps whole, in bytes.
pub const MAX_NAME_BYTES: usize = 63;

/// Whether `text` is a GraphQL name that PostgreSQL does not cut.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts = bytes.next().is_some_and(|b| b == b'_' || b.is_ascii_alphabetic());
    starts && text.len() <= MAX_NAME_BYTES && bytes.all(|b| b == b'_' || b.is_ascii_alphanumeric())
}

macro_rules! name_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that was already checked, or that is about to be.
            #[must_use]
            pub fn new(name: &str) -> Self {
                Self(Arc::from(name))
            }

            /// The name as text.
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
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    )*};
}

name_types! {
    /// Name of an entity, `Article`.
    EntityName;
    /// Name of a field of an entity, `publishedAt`.
    FieldName;
    /// Name of an enum as the schema spells it, `ArticleState`.
    EnumName;
    /// Name of a role, `editor`.
    RoleName;
    /// Name of a role's variable, `site`.
    VariableName;
    /// Name of a predicate within one entity's permissions of one role.
    PredicateName;
}
