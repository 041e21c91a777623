//! Patterns of object keys, as roles name them: `articles/**`.
//!
//! What a pattern means is what picomatch makes of it, so that rules written for other engines keep their meaning. What else picomatch knows (braces, classes,
//! negation) is refused when the schema is read: a rule that silently meant something else would give rights away.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest key that S3 has, in bytes.
const MAX_BYTES: usize = 1024;
/// What picomatch gives a meaning of its own.
const SPECIAL: &[char] = &['[', ']', '{', '}', '(', ')', '\\'];

/// A pattern of keys. Letters count as they are written; `*` stands for characters within a segment, `?` for one of them, `**` for any number of segments.
/// Wildcards never stand for the dot that a segment begins with.
#[derive(Debug, Clone)]
pub struct KeyPattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
enum Segment {
    /// `**`
    Any,
    Glob(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Many,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyPatternError {
    /// It names no key.
    #[error("a pattern of keys has 1 to {MAX_BYTES} bytes")]
    Length,
    /// A slash at an end, or two beside each other, or dots that other systems take for folders.
    #[error("a pattern of keys has no empty segments and none of `.` or `..`")]
    Segment,
    /// `a**`
    #[error("`**` stands alone between slashes")]
    Globstar,
    /// A control character, or what picomatch gives a meaning that Freehold does not know.
    #[error(
        "a pattern of keys knows `*`, `**` and `?`, and neither brackets, braces, backslashes, a leading `!` nor control characters"
    )]
    Character,
}

impl FromStr for KeyPattern {
    type Err = KeyPatternError;

    fn from_str(text: &str) -> Result<Self, KeyPatternError> {
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(KeyPatternError::Length);
        }
        if text.starts_with('!') || text.contains(SPECIAL) || text.contains(char::is_control) {
            return Err(KeyPatternError::Character);
        }
        let segments = text.split('/').map(segment).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), segments })
    }
}

fn segment(text: &str) -> Result<Segment, KeyPatternError> {
    match text {
        "" | "." | ".." => Err(KeyPatternError::Segment),
        "**" => Ok(Segment::Any),
        text if text.contains("**") => Err(KeyPatternError::Globstar),
        text => Ok(Segment::Glob(text.chars().map(token).collect())),
    }
}

fn token(character: char) -> Token {
    match character {
        '*' => Token::Many,
        '?' => Token::One,
        other => Token::Literal(other),
    }
}

impl KeyPattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches a key. No pattern matches a key with an empty segment or one of dots, whatever made the key.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        let segments: Vec<&str> = key.split('/').collect();
        let is_plain = segments.iter().all(|segment| !matches!(*segment, "" | "." | ".."));
        is_plain && leads_to_end(&self.segments, &segments, |segment| matches!(segment, Segment::Any), Segment::takes)
    }
}

impl Segment {
    fn takes(&self, text: &&str) -> bool {
        match self {
            Self::Any => !text.starts_with('.'),
            Self::Glob(tokens) => {
                let characters: Vec<char> = text.chars().collect();
                let may_begin = !text.starts_with('.') || tokens.first() == Some(&Token::Literal('.'));
                may_begin && leads_to_end(tokens, &characters, |token| *token == Token::Many, Token::takes)
            }
        }
    }
}

impl Token {
    fn takes(&self, character: &char) -> bool {
        match self {
            Self::Literal(literal) => literal == character,
            Self::One | Self::Many => true,
        }
    }
}

/// Whether the parts take all items, each one, or any number of them where it repeats. Follows all ways at once: trying them one after the other takes
/// exponential time for patterns with many wildcards.
fn leads_to_end<P, T>(parts: &[P], items: &[T], repeats: impl Fn(&P) -> bool, takes: impl Fn(&P, &T) -> bool) -> bool {
    let mut reached = vec![false; items.len() + 1];
    reached[0] = true;
    for part in parts {
        if repeats(part) {
            for (at, item) in items.iter().enumerate() {
                reached[at + 1] |= reached[at] && takes(part, item);
            }
        } else {
            for (at, item) in items.iter().enumerate().rev() {
                reached[at + 1] = reached[at] && takes(part, item);
            }
            reached[0] = false;
        }
    }
    reached[items.len()]
}

impl PartialEq for KeyPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for KeyPattern {}

impl Hash for KeyPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYS: &[&str] = &[
        "a",
        ".a",
        "a/b",
        "a/b/c",
        "public",
        "public/a",
        "public/a/b",
        "publicx/a",
        "Public/a",
        "x.jpg",
        ".jpg",
        "a/x.jpg",
        "a/.x.jpg",
        "abc",
        "ac",
        "a.c",
        "a/x/y/b",
        "aXbYc",
        "photos/2026/11/x.webp",
        "photos/1999/x.webp",
        ".x/a",
        ".x/.y",
        "a/.x/b",
        "ž",
        "a!b@c+d",
    ];

    /// Asked of picomatch 2.3.2.
    #[test]
    fn patterns_mean_what_picomatch_makes_of_them() {
        let all: Vec<&str> = KEYS.iter().copied().filter(|key| !key.contains("/.") && !key.starts_with('.')).collect();
        let table: &[(&str, &[&str])] = &[
            ("**", &all),
            ("*", &["a", "public", "x.jpg", "abc", "ac", "a.c", "aXbYc", "ž", "a!b@c+d"]),
            ("public/**", &["public", "public/a", "public/a/b"]),
            ("public/*", &["public/a"]),
            ("**/*.jpg", &["x.jpg", "a/x.jpg"]),
            ("*.jpg", &["x.jpg"]),
            ("a/**/b", &["a/b", "a/x/y/b"]),
            ("a/**/**/b", &["a/b", "a/x/y/b"]),
            ("**/b", &["a/b", "public/a/b", "a/x/y/b"]),
            ("a/**/*", &["a/b", "a/b/c", "a/x.jpg", "a/x/y/b"]),
            ("a?c", &["abc", "a.c"]),
            ("?", &["a", "ž"]),
            ("a*b*c", &["abc", "aXbYc"]),
            ("photos/20*/**", &["photos/2026/11/x.webp"]),
            (".x/**", &[".x/a"]),
            ("a/.*", &["a/.x.jpg"]),
            ("a!b@c+d", &["a!b@c+d"]),
        ];
        for (text, expected) in table {
            let pattern: KeyPattern = text.parse().unwrap();
            let found: Vec<&str> = KEYS.iter().copied().filter(|key| pattern.matches(key)).collect();
            assert_eq!(&found, expected, "{text}");
        }
    }

    #[test]
    fn keys_that_lead_elsewhere_match_nothing() {
        for text in ["**", "*", "a/**", "**/b", "a/*/b", "..*", "a/..*/b"] {
            let pattern: KeyPattern = text.parse().unwrap();
            for key in ["", "/", "/a", "a/", "a//b", "..", ".", "a/../b", "a/./b", "../b", "a/.."] {
                assert!(!pattern.matches(key), "{text} {key}");
            }
        }
    }

    #[test]
    fn other_texts_are_no_patterns() {
        let long = "x".repeat(MAX_BYTES + 1);
        let cases = [
            ("", KeyPatternError::Length),
            (&long, KeyPatternError::Length),
            ("/a", KeyPatternError::Segment),
            ("a//b", KeyPatternError::Segment),
            ("a/", KeyPatternError::Segment),
            ("a/../b", KeyPatternError::Segment),
            ("./a", KeyPatternError::Segment),
            ("a**", KeyPatternError::Globstar),
            ("a/***", KeyPatternError::Globstar),
            ("!a", KeyPatternError::Character),
            ("a/{b,c}", KeyPatternError::Character),
            ("[ab]", KeyPatternError::Character),
            ("+(a)", KeyPatternError::Character),
            ("a\\b", KeyPatternError::Character),
            ("a\nb", KeyPatternError::Character),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<KeyPattern>().map(|pattern| pattern.text), Err(expected), "{text}");
        }
    }

    #[test]
    fn many_wildcards_are_not_slow() {
        let pattern: KeyPattern = "*a".repeat(500).parse().unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(1000))));
        let pattern: KeyPattern = ["**/a"; 200].join("/").parse().unwrap();
        assert!(!pattern.matches(&format!("{}b", "a/".repeat(500))));
    }

    /// The definition, word by word.
    fn slow(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern, key) {
            ([], []) => true,
            (["**", rest @ ..], key) => {
                slow(rest, key) || matches!(key, [first, others @ ..] if !first.starts_with('.') && slow(pattern, others))
            }
            ([first, rest @ ..], [segment, others @ ..]) => {
                let may_begin = !segment.starts_with('.') || first.starts_with('.');
                may_begin && slow_segment(first, segment) && slow(rest, others)
            }
            _ => false,
        }
    }

    fn slow_segment(pattern: &str, text: &str) -> bool {
        let (mut patterns, mut texts) = (pattern.chars(), text.chars());
        match (patterns.next(), texts.next()) {
            (None, None) => true,
            (Some('*'), next) => {
                slow_segment(patterns.as_str(), text) || (next.is_some() && slow_segment(pattern, texts.as_str()))
            }
            (Some(wanted), Some(found)) => (wanted == '?' || wanted == found) && slow_segment(patterns.as_str(), texts.as_str()),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn matching_is_the_definition(
            pattern in prop::collection::vec("\\*\\*|[.ab?][ab]?\\*?[ab.]?|\\*[ab.]?", 1..5),
            key in prop::collection::vec("[.ab][ab.]{0,2}", 1..6),
        ) {
            let Ok(read) = pattern.join("/").parse::<KeyPattern>() else { return Ok(()) };
            let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
            let segments: Vec<&str> = key.iter().map(String::as_str).collect();
            let is_plain = segments.iter().all(|segment| *segment != "." && *segment != "..");
            prop_assert_eq!(read.matches(&key.join("/")), is_plain && slow(&pattern, &segments), "{} {}", read, key.join("/"));
        }
    }
}
