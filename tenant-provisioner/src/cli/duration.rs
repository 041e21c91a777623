//! Durations as people type them.

use std::str::FromStr;

use chrono::TimeDelta;

/// Tokens are for a caller, not for ever.
const MAX_DAYS: i64 = 366;
/// What can be taken from any date of today's.
const MAX_AGE_DAYS: i64 = 36_500;

/// How long a token is good for: `90s`, `15m`, `1h`, `30d`, or several together: `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ttl(pub(crate) TimeDelta);

/// How old something is: `90d`, `12h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) TimeDelta);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let total = parse(text)?;
        if total > TimeDelta::days(MAX_AGE_DAYS) {
            Err(format!("`{text}` is before there was anything"))
        } else {
            Ok(Self(total))
        }
    }
}

/// How long something is kept: whole days, `30d`; None for ever, `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention(pub(crate) Option<u32>);

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(None));
        }
        let Age(age) = text.parse()?;
        let days = u32::try_from(age.num_days()).ok().filter(|_| age == TimeDelta::days(age.num_days()));
        days.map(|days| Self(Some(days)))
            .ok_or_else(|| format!("`{text}` is not a number of whole days; write it like 30d, or forever"))
    }
}

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let total = parse(text)?;
        if total > TimeDelta::days(MAX_DAYS) {
            return Err(format!("`{text}` is longer than {MAX_DAYS} days, the longest a token may live"));
        }
        Ok(Self(total))
    }
}

fn parse(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("`{text}` is not a duration; write it like 90s, 15m, 1h or 30d");
    let mut total = TimeDelta::zero();
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = rest[..unit_at].parse().map_err(|_| wrong())?;
        let unit = rest[unit_at..].chars().next().ok_or_else(wrong)?;
        let part = match unit {
            's' => TimeDelta::try_seconds(number),
            'm' => TimeDelta::try_minutes(number),
            'h' => TimeDelta::try_hours(number),
            'd' => TimeDelta::try_days(number),
            _ => return Err(wrong()),
        };
        total = part.and_then(|part| total.checked_add(&part)).ok_or_else(wrong)?;
        rest = &rest[unit_at + unit.len_utf8()..];
    }
    if total <= TimeDelta::zero() {
        return Err(wrong());
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_typed() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2_592_000), ("1h30m", 5400)] {
            assert_eq!(text.parse::<Ttl>().map(|ttl| ttl.0.num_seconds()), Ok(seconds), "{text}");
        }
        for wrong in ["", "1", "h", "1x", "-1h", "0s", "1h-", "99999999999999999999d", "9999999999999d", "367d", "1é"] {
            assert!(wrong.parse::<Ttl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn retention_is_in_whole_days_or_for_ever() {
        for (text, days) in [("30d", Some(30)), ("48h", Some(2)), ("36500d", Some(36_500)), ("forever", None)] {
            assert_eq!(text.parse(), Ok(Retention(days)), "{text}");
        }
        for wrong in ["", "30", "12h", "25h", "0d", "36501d", "never"] {
            assert!(wrong.parse::<Retention>().is_err(), "{wrong}");
        }
    }
}
