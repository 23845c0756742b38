//! Times as RFC 3339 text: written in UTC with milliseconds, read in any offset and precision.

use std::fmt;

use comptoir_domain::time::Timestamp;
use serde::{Serialize, Serializer, ser};
use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

const FORMAT: StaticFormatDescription = format_description!(
    version = 2,
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
);

/// `2026-01-31T12:00:00.000Z`
const BYTES: usize = 24;

/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: all that four digits of year can tell
/// (RFC 3339 §5.6). Times beyond are written as the nearest of these.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

/// Writes a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written(pub(crate) Timestamp);

impl Written {
    /// Gives the text to `take`, from a buffer on the stack.
    fn with<T>(self, take: impl FnOnce(&str) -> T) -> Option<T> {
        let millis = self.0.as_millis().clamp(FIRST, LAST);
        let time = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(millis);
        let mut buffer = [0; BYTES];
        time.format_into(&mut buffer.as_mut_slice(), FORMAT).ok()?;
        std::str::from_utf8(&buffer).ok().map(take)
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = self.with(|text| to.serialize_str(text));
        written
            .unwrap_or_else(|| Err(ser::Error::custom("a time of more than four digits of year")))
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| f.write_str(text)).unwrap_or(Err(fmt::Error))
    }
}

/// Reads a time; finer digits than milliseconds are dropped.
pub(crate) fn parse(text: &str) -> Result<Timestamp, time::error::Parse> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339)?.unix_timestamp_nanos();
    let millis = i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(LAST);
    // An offset can push the first and the last day out of what can be written again.
    Ok(Timestamp::from_millis(millis.clamp(FIRST, LAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(millis: i64) -> String {
        let json = serde_json::to_string(&Written(Timestamp::from_millis(millis))).unwrap();
        json.trim_matches('"').to_owned()
    }

    #[test]
    fn milliseconds_are_always_written() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_709_210_096_007, "2024-02-29T12:34:56.007Z"),
            (FIRST, "0000-01-01T00:00:00.000Z"),
            (LAST, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(written(millis), text);
            let read = parse(text).unwrap().as_millis();
            assert_eq!(read, millis.clamp(FIRST, LAST), "{text}");
        }
    }

    #[test]
    fn other_spellings_of_a_time_are_read() {
        for (text, millis) in [
            ("2024-02-29T12:34:56Z", 1_709_210_096_000),
            ("2024-02-29T13:34:56.0079999+01:00", 1_709_210_096_007),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("0000-01-01T00:00:00+23:59", FIRST),
            ("9999-12-31T23:59:59-23:59", LAST),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "now",
            "1709210096",
            "2024-02-30T12:34:56Z",
            "2024-02-29T12:34:56",
            "2024-02-29 ",
            "2024-02-29T25:00:00Z",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
