//! Texts to search for. Whatever a person types is a search: `websearch_to_tsquery` knows no syntax errors. It has limits, though.

use crate::error::{ErrorCode, RequestError};

/// PostgreSQL's stack ends at some ten thousand words; nobody types as many.
const MOST_CHARACTERS: usize = 1_000;

/// PostgreSQL takes each of the `-` before a word for a `not`, and has room for 32 of them.
const MOST_DASHES: usize = 30;

/// The text as PostgreSQL can take it.
///
/// # Errors
/// When it is too long.
pub(crate) fn search_text(text: &str) -> Result<String, RequestError> {
    let n_characters = text.chars().count();
    if n_characters > MOST_CHARACTERS {
        return Err(RequestError {
            message: format!("The text to search for has {n_characters} characters, allowed are {MOST_CHARACTERS}."),
            locations: Vec::new(),
            code: ErrorCode::BadUserInput,
        });
    }
    Ok(without_rules(text))
}

/// The text with a space for each line of dashes, which is no word and excludes none.
fn without_rules(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut start, mut n_dashes) = (0, 0);
    for c in text.chars() {
        if c == '-' {
            start = if n_dashes == 0 { kept.len() } else { start };
            n_dashes += 1;
        } else if n_dashes > 0 && !is_skipped(c) {
            if n_dashes > MOST_DASHES {
                kept.truncate(start);
                kept.push(' ');
            }
            n_dashes = 0;
        }
        kept.push(c);
    }
    if n_dashes > MOST_DASHES {
        kept.truncate(start);
    }
    kept
}

/// What PostgreSQL skips between two `not`.
fn is_skipped(c: char) -> bool {
    c.is_whitespace() || matches!(c, '!' | '&' | '|' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["", "a", "-a", "\"a b\" or -c", "a -- b", "well-known --- but", "- - - - a", "ž \u{1f600}"] {
            assert_eq!(search_text(text).unwrap(), text);
        }
    }

    #[test]
    fn lines_of_dashes_are_left_out() {
        let line = "-".repeat(40);
        assert_eq!(search_text(&format!("a{line}b")).unwrap(), "a b");
        assert_eq!(search_text(&format!("{} b", "- (".repeat(40))).unwrap(), " b");
        assert_eq!(search_text(&format!("a {line}")).unwrap(), "a ");
        assert_eq!(search_text(&format!("{line} a -b")).unwrap(), " a -b");
    }

    #[test]
    fn long_texts_are_refused() {
        assert!(search_text(&"ž".repeat(1_000)).is_ok());
        let refused = search_text(&"ž".repeat(1_001)).unwrap_err();
        assert_eq!(refused.message, "The text to search for has 1001 characters, allowed are 1000.");
    }
}
