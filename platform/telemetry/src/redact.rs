//! Taking secrets and personal data out of text before it leaves the process.
//!
//! Used for error reports, where messages of panics and errors were written by code that knows nothing of privacy. Logs never
//! get such text in the first place; this is the net below, not the rope.

use std::borrow::Cow;

/// What replaces everything that is taken out.
pub const REDACTED: &str = "[redacted]";

/// Replaces tokens, passwords in connection strings, query strings and e-mail addresses.
///
/// Words are judged one by one: a word that could be a secret is taken out even when it is not one.
#[must_use]
pub fn text(input: &str) -> Cow<'_, str> {
    if !input.split(is_separator).any(|word| word_without_secrets(word).is_some()) && !mentions_bearer(input) {
        return Cow::Borrowed(input);
    }
    let mut output = String::with_capacity(input.len());
    let mut rest = input;
    let mut after_bearer = false;
    while !rest.is_empty() {
        let end = rest.find(is_separator).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if after_bearer && !word.is_empty() {
            output.push_str(REDACTED);
        } else {
            output.push_str(word_without_secrets(word).as_deref().unwrap_or(word));
        }
        after_bearer = if word.is_empty() { after_bearer } else { is_bearer(word) };
        let separator = tail.chars().next().map_or(0, char::len_utf8);
        output.push_str(&tail[..separator]);
        rest = &tail[separator..];
    }
    Cow::Owned(output)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | ',' | ';')
}

fn is_bearer(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

fn mentions_bearer(input: &str) -> bool {
    input.split(is_separator).any(is_bearer)
}

fn word_without_secrets(word: &str) -> Option<String> {
    if let Some((scheme, rest)) = word.split_once("://") {
        return url_without_secrets(scheme, rest);
    }
    for name in ["password=", "secret=", "token=", "access_key=", "authorization:", "cookie:"] {
        if let Some(at) = word.to_ascii_lowercase().find(name) {
            let end = at + name.len();
            return (end < word.len()).then(|| format!("{}{REDACTED}", &word[..end]));
        }
    }
    if looks_like_a_token(word) || looks_like_an_address(word) {
        return Some(REDACTED.to_owned());
    }
    let (path, query) = word.split_once('?')?;
    (path.starts_with('/') && !query.is_empty()).then(|| format!("{}?{REDACTED}", segments_without_tokens(path)))
}

fn url_without_secrets(scheme: &str, rest: &str) -> Option<String> {
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let (authority, path) = place.split_once('/').map_or((place, None), |(authority, path)| (authority, Some(path)));
    let has_user = authority.contains('@');
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let clean_path = path.map(segments_without_tokens);
    if !has_user && query.is_none() && clean_path.as_deref() == path {
        return None;
    }
    let user = if has_user { format!("{REDACTED}@") } else { String::new() };
    let path = clean_path.map(|path| format!("/{path}")).unwrap_or_default();
    let query = if query.is_some() { format!("?{REDACTED}") } else { String::new() };
    Some(format!("{scheme}://{user}{host}{path}{query}"))
}

/// Image URLs carry their token as a path segment.
fn segments_without_tokens(path: &str) -> String {
    path.split('/').map(|segment| if looks_like_a_token(segment) { REDACTED } else { segment }).collect::<Vec<_>>().join("/")
}

/// A JSON web token: three parts of base64url, of which the first begins an object.
fn looks_like_a_token(word: &str) -> bool {
    word.find("eyJ").is_some_and(|at| {
        let candidate = &word[at..];
        candidate.len() >= 20 && candidate.contains('.')
    })
}

fn looks_like_an_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(person, host)| !person.is_empty() && host.contains('.') && !host.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        for (input, expected) in [
            ("connecting to postgres://u:pw@db/x failed".to_owned(), "connecting to postgres://[redacted]@db/x failed"),
            (format!("Authorization: Bearer {token}"), "Authorization: Bearer [redacted]"),
            ("header Bearer opaque-key here".to_owned(), "header Bearer [redacted] here"),
            (format!("bad token \"{token}\""), "bad token \"[redacted]\""),
            (format!("GET http://h/i/{token}/a/b"), "GET http://h/i/[redacted]/a/b"),
            ("GET /content/acme?query=secret".to_owned(), "GET /content/acme?[redacted]"),
            ("GET https://h/x?y=z".to_owned(), "GET https://h/x?[redacted]"),
            ("user ada@example.org is gone".to_owned(), "user [redacted] is gone"),
            ("host=db password=hunter2 user=x".to_owned(), "host=db password=[redacted] user=x"),
        ] {
            assert_eq!(text(&input), expected);
        }
    }

    #[test]
    fn ordinary_text_is_borrowed() {
        let plain = "index out of bounds: the len is 3 but the index is 7; see https://example.org/docs (what?)";
        assert!(matches!(text(plain), Cow::Borrowed(_)));
    }
}
