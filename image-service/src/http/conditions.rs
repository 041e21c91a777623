//! `If-None-Match`, `If-Range` and `Range` (RFC 9110, 13.1 and 14.2).

/// Whether a list of entity tags names this one; weakly compared, as `If-None-Match` asks for.
pub(super) fn names_etag(list: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|tag| opaque(tag) == opaque(etag))
}

/// Whether a range may be sent: strongly compared, and a date never matches.
pub(super) fn is_same_state(if_range: &str, etag: &str) -> bool {
    if_range.trim() == etag && etag.starts_with('"')
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// No range, several, or none that we understand: the whole object.
    Whole,
    /// First and last byte.
    Part(u64, u64),
    /// Outside of the object.
    Outside,
}

/// A single range of bytes within `size`.
pub(super) fn range(header: &str, size: u64) -> Asked {
    let parse = || -> Option<Asked> {
        let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
        // `str::parse` would take a plus sign.
        let number = |text: &str| -> Option<u64> { text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())? };
        if first.is_empty() {
            let n_last = number(last).filter(|_| !last.is_empty())?;
            return Some(if n_last == 0 || size == 0 {
                Asked::Outside
            } else {
                Asked::Part(size.saturating_sub(n_last), size - 1)
            });
        }
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        Some(if first >= size { Asked::Outside } else { Asked::Part(first, last.min(size - 1)) })
    };
    parse().unwrap_or(Asked::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_found_in_lists() {
        for list in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*", " \"b\" ,W/\"a\" "] {
            assert!(names_etag(list, "\"a\"") && names_etag(list, "W/\"a\""), "{list}");
        }
        for list in ["", "\"b\"", "a", "\"a", "\"aa\""] {
            assert!(!names_etag(list, "\"a\""), "{list}");
        }
    }

    #[test]
    fn only_the_very_same_state_is_continued() {
        assert!(is_same_state("\"a\"", "\"a\""));
        assert!(!is_same_state("W/\"a\"", "W/\"a\"") && !is_same_state("Sat, 21 Nov 2026 21:00:00 GMT", "\"a\""));
    }

    #[test]
    fn ranges_are_read() {
        for (header, asked) in [
            ("bytes=0-9", Asked::Part(0, 9)),
            ("bytes=90-", Asked::Part(90, 99)),
            ("bytes=90-1000", Asked::Part(90, 99)),
            ("bytes=-5", Asked::Part(95, 99)),
            ("bytes=-500", Asked::Part(0, 99)),
            ("bytes=100-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=9-1", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=99999999999999999999-", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(range(header, 100), asked, "{header}");
        }
        assert_eq!(range("bytes=-5", 0), Asked::Outside);
    }
}
