//! The one place where a PostgreSQL identifier is quoted.

use std::fmt;
use std::sync::Arc;

/// A PostgreSQL identifier: table, column, constraint, role, database. Printing it quotes it.
///
/// PostgreSQL manual, 4.1.1 "Identifiers and Key Words": a quoted identifier holds any character but NUL, a quote inside is
/// doubled, and more than 63 bytes are cut silently, which could make two names one. So construction refuses both.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(Arc<str>);

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentError {
    /// Empty text.
    #[error("a name in the database cannot be empty")]
    Empty,
    /// More than 63 bytes: PostgreSQL would cut it.
    #[error("`{0}` is longer than 63 bytes, the most that PostgreSQL keeps of a name")]
    TooLong(String),
    /// Contains a NUL byte.
    #[error("a name in the database cannot contain NUL")]
    Nul,
}

impl Ident {
    /// Checks length and content.
    ///
    /// # Errors
    /// [`IdentError`] when PostgreSQL would refuse or cut the name.
    pub fn new(name: &str) -> Result<Self, IdentError> {
        if name.is_empty() {
            return Err(IdentError::Empty);
        }
        if name.contains('\0') {
            return Err(IdentError::Nul);
        }
        if name.len() > crate::names::MAX_NAME_BYTES {
            return Err(IdentError::TooLong(name.to_owned()));
        }
        Ok(Self(Arc::from(name)))
    }

    /// The bare name, for catalogue look-ups. Never put it into SQL text: print the `Ident` itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for part in self.0.split_inclusive('"') {
            f.write_str(part)?;
            if part.ends_with('"') {
                f.write_str("\"")?;
            }
        }
        f.write_str("\"")
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        let name = Ident::new("a\"b; DROP TABLE x; --").expect("a legal, if unpleasant, identifier");
        assert_eq!(name.to_string(), "\"a\"\"b; DROP TABLE x; --\"");
    }

    #[test]
    fn names_that_postgresql_would_cut_are_refused() {
        assert!(Ident::new(&"x".repeat(63)).is_ok());
        assert_eq!(Ident::new(&"x".repeat(64)), Err(IdentError::TooLong("x".repeat(64))));
        assert_eq!(Ident::new(""), Err(IdentError::Empty));
        assert_eq!(Ident::new("a\0"), Err(IdentError::Nul));
    }
}
