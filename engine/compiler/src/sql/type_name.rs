//! PostgreSQL types that a statement casts to.

use freehold_schema::ident::Ident;
use std::sync::Arc;

/// A type's name, safe to stand in SQL text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeName {
    /// Words like `timestamp with time zone`, without modifiers.
    Plain(Arc<str>),
    /// An enum of the tenant's content.
    Content(Ident),
}

impl TypeName {
    /// Reads a column's type as the schema spells it. Modifiers are dropped, because a cast to `varchar(5)` would cut a value that is only compared.
    ///
    /// None when it is more than words: such a column is compared as its kind's usual type.
    #[must_use]
    pub fn parse(spelled: &str) -> Option<Self> {
        let mut words = String::with_capacity(spelled.len());
        let mut inside = false;
        for c in spelled.chars() {
            match c {
                '(' if !inside => inside = true,
                ')' if inside => inside = false,
                '0'..='9' | ',' | ' ' if inside => {}
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ' ' if !inside => words.push(c),
                _ => return None,
            }
        }
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let starts = words.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        (!inside && starts).then(|| Self::Plain(words.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_dropped_and_anything_but_words_is_refused() {
        let parsed = |text| match TypeName::parse(text) {
            Some(TypeName::Plain(words)) => Some(words.to_string()),
            Some(TypeName::Content(_)) | None => None,
        };
        assert_eq!(parsed("numeric(20, 4)").as_deref(), Some("numeric"));
        assert_eq!(parsed("timestamp(3) with time zone").as_deref(), Some("timestamp with time zone"));
        for wrong in ["", "text; DROP TABLE x", "text'", "\"x\"", "a.b", "text--", "text(1", "9", "text[]", "text)"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
