//! Shortening names that PostgreSQL would cut.

use crate::names::MAX_NAME_BYTES;

/// FNV-1a, 64 bits (RFC 9923). Keeps shortened names apart; nothing secret depends on it.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// As much of `name` as fits beside a hash of `content`.
pub(crate) fn shorten(name: &str, content: &str) -> String {
    let suffix = format!("_{:016x}", fnv1a(content));
    let mut keep = name.len().min(MAX_NAME_BYTES - suffix.len());
    while !name.is_char_boundary(keep) {
        keep -= 1;
    }
    format!("{}{suffix}", &name[..keep])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_matches_published_values() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn shortened_names_fit_and_differ() {
        let long = "ž".repeat(60);
        assert!(shorten(&long, "a").len() <= MAX_NAME_BYTES);
        assert_ne!(shorten(&long, "a"), shorten(&long, "b"));
    }
}
