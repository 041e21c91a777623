//! Instants: PostgreSQL's `to_char` takes longer for one than finding its row did.

use super::Malformed;

/// Digits of the second's fraction; more are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fraction {
    /// `.123`
    Milliseconds,
    /// `.123456`
    Microseconds,
}

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
/// From 0000-03-01, where the calendar's 400 years begin, to 2000-01-01, where PostgreSQL's time does.
const DAYS_BEFORE_2000: i64 = 730_425;
const DAYS_PER_400_YEARS: i64 = 146_097;

/// Writes what `to_char(…, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')` gives, or `infinity`, for microseconds since 2000.
pub(super) fn write(fraction: Fraction, value: &[u8], json: &mut Vec<u8>) -> Result<(), Malformed> {
    let microseconds = i64::from_be_bytes(value.try_into().map_err(|_| Malformed)?);
    match microseconds {
        i64::MAX => json.extend_from_slice(b"\"infinity\""),
        i64::MIN => json.extend_from_slice(b"\"-infinity\""),
        _ => write_finite(fraction, microseconds, json),
    }
    Ok(())
}

fn write_finite(fraction: Fraction, microseconds: i64, json: &mut Vec<u8>) {
    let (year, month, day) = date(microseconds.div_euclid(MICROSECONDS_PER_DAY));
    let time = microseconds.rem_euclid(MICROSECONDS_PER_DAY);
    let seconds = time / 1_000_000;
    json.push(b'"');
    // Years before the first count from 1 again, and nothing says so: as `to_char` has it.
    write_number(if year > 0 { year } else { 1 - year }, 4, json);
    for (before, number) in [(b'-', month), (b'-', day), (b'T', seconds / 3600), (b':', seconds / 60 % 60), (b':', seconds % 60)]
    {
        json.push(before);
        write_number(number, 2, json);
    }
    json.push(b'.');
    match fraction {
        Fraction::Milliseconds => write_number(time / 1000 % 1000, 3, json),
        Fraction::Microseconds => write_number(time % 1_000_000, 6, json),
    }
    json.extend_from_slice(b"Z\"");
}

/// Year, month and day so many days after 2000-01-01. Years of the algorithm begin in March, so that the day that is sometimes missing is their last.
fn date(days_since_2000: i64) -> (i64, i64, i64) {
    let days = days_since_2000 + DAYS_BEFORE_2000;
    let (era, day_of_era) = (days.div_euclid(DAYS_PER_400_YEARS), days.rem_euclid(DAYS_PER_400_YEARS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = if months_since_march < 10 { months_since_march + 3 } else { months_since_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// At least `width` digits of a number that is not negative.
fn write_number(number: i64, width: usize, json: &mut Vec<u8>) {
    let (mut digits, mut rest, mut start) = ([b'0'; 20], number.unsigned_abs(), 20);
    while rest > 0 || 20 - start < width {
        start -= 1;
        digits[start] = b"0123456789"[usize::try_from(rest % 10).expect("a digit is small")];
        rest /= 10;
    }
    json.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fraction: Fraction, microseconds: i64) -> String {
        let mut json = Vec::new();
        write(fraction, &microseconds.to_be_bytes(), &mut json).unwrap();
        String::from_utf8(json).unwrap()
    }

    /// Microseconds and what PostgreSQL 15 wrote for them.
    #[test]
    fn instants_are_written_as_postgresql_does() {
        for (microseconds, text) in [
            (0, "2000-01-01T00:00:00.000000Z"),
            (-1, "1999-12-31T23:59:59.999999Z"),
            (762_525_296_700_000, "2024-02-29T12:34:56.700000Z"),
            (-3_150_579_600_000_000, "1900-02-28T23:00:00.000000Z"),
            (-3_150_576_000_000_000, "1900-03-01T00:00:00.000000Z"),
            (5_097_600_000_000, "2000-02-29T00:00:00.000000Z"),
            (3_187_295_999_000_001, "2100-12-31T23:59:59.000001Z"),
            (-63_082_281_600_000_000, "0001-01-01T00:00:00.000000Z"),
            (-63_082_368_000_000_000, "0001-12-31T00:00:00.000000Z"),
            (-64_464_465_600_000_000, "0044-03-15T12:00:00.000000Z"),
            (-211_810_204_800_000_000, "4713-01-01T00:00:00.000000Z"),
            (252_455_615_999_000_000, "9999-12-31T23:59:59.000000Z"),
            (316_340_038_923_000_000, "12024-06-01T01:02:03.000000Z"),
            (9_223_371_331_199_999_999, "294276-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(written(Fraction::Microseconds, microseconds), format!("\"{text}\""));
        }
        assert_eq!(written(Fraction::Milliseconds, 123_999), "\"2000-01-01T00:00:00.123Z\"");
        assert_eq!(written(Fraction::Milliseconds, -1), "\"1999-12-31T23:59:59.999Z\"");
        assert_eq!(written(Fraction::Milliseconds, i64::MAX), "\"infinity\"");
        assert_eq!(written(Fraction::Milliseconds, i64::MIN), "\"-infinity\"");
        assert!(write(Fraction::Milliseconds, &[0; 4], &mut Vec::new()).is_err());
    }
}
