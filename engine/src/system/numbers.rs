//! Numbers of the event log as UUIDs, which is what clients of the peer expect of ids.

use uuid::Uuid;

/// Where a UUID of version 8 (RFC 9562, section 5.8) says that it is one.
const MARKS: u128 = 0x8 << 76 | 0x2 << 62;
/// The lower bits of a number come after the variant, the others before it.
const LOW_BITS: u32 = 62;

/// The number's UUID: `00000000-0000-8000-8000-00000000002a` is 42.
pub fn to_uuid(number: u64) -> Uuid {
    let low = u128::from(number & ((1 << LOW_BITS) - 1));
    Uuid::from_u128(MARKS | u128::from(number >> LOW_BITS) << 64 | low)
}

/// The number of such a UUID, or one written in digits.
pub fn parse(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let uuid = Uuid::try_parse(text).ok()?;
    let value = uuid.as_u128();
    let number = u64::try_from(value >> 64 & 0x3).ok()? << LOW_BITS | u64::try_from(value & ((1 << LOW_BITS) - 1)).ok()?;
    (to_uuid(number) == uuid).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_being_uuids() {
        for number in [0, 42, 1 << 61, 1 << 62, u64::MAX] {
            let text = to_uuid(number).to_string();
            assert_eq!((parse(&text), parse(&number.to_string())), (Some(number), Some(number)), "{text}");
        }
        assert_eq!(to_uuid(42).to_string(), "00000000-0000-8000-8000-00000000002a");
        for other in ["", "x", "-1", "00000000-0000-4000-8000-00000000002a", "10000000-0000-8000-8000-00000000002a"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
