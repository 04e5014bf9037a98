//! `timestamp without time zone`.

use super::calendar::Day;
use super::parse::{self, DAY_MICROS, DateTime, Moment};
use super::{Calendar, iso, structured};
use crate::value::ValueError;
use crate::value::json::write_integer;

/// How a timestamp is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::value) enum TimestampForm {
    /// Milliseconds since the Unix epoch.
    Millis,
    /// Microseconds since the Unix epoch.
    Micros,
    /// Nanoseconds since the Unix epoch.
    Nanos,
    /// `2024-02-29T12:34:56.789Z`.
    Iso,
    /// A struct of calendar fields with the column's precision.
    Structured { precision: u8 },
}

/// The driver's stand-ins for the infinities, in microseconds.
const INFINITY_MICROS: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY_MICROS: i64 = -9_223_372_036_832_400_000;

/// Writes one timestamp.
pub(in crate::value) fn write_timestamp(
    text: &[u8],
    form: TimestampForm,
    calendar: Calendar,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let moment = parse::timestamp(text)?;
    if let TimestampForm::Structured { precision } = form {
        structured::write_timestamp(moment, precision, out);
        return Ok(());
    }
    match moment {
        Moment::At(at) => {
            let days = match calendar {
                Calendar::Iso => at.day.number(),
                Calendar::JavaSql => at.day.java_number(),
            };
            write_instant(Instant::new(days, at), form, out)
        }
        Moment::Infinity => write_infinity(INFINITY_MICROS, i64::MAX, form, out),
        Moment::MinusInfinity => write_infinity(MINUS_INFINITY_MICROS, i64::MIN, form, out),
    }
}

/// A point in time: seconds since the Unix epoch and the microseconds on top.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant {
    pub(super) seconds: i64,
    pub(super) micros: i64,
}

impl Instant {
    /// The instant of a date and clock, its offset taken off; `days` is the date's number.
    pub(super) const fn new(days: i64, at: DateTime) -> Self {
        let seconds = days * 86_400 + at.clock.micros / 1_000_000 - at.clock.offset;
        Self { seconds, micros: at.clock.micros % 1_000_000 }
    }

    /// Date and microseconds of the day in UTC.
    pub(super) const fn civil(self) -> (Day, i64) {
        let day = Day::from_number(self.seconds.div_euclid(86_400));
        (day, self.seconds.rem_euclid(86_400) * 1_000_000 + self.micros)
    }
}

/// Writes a finite instant.
pub(super) fn write_instant(
    instant: Instant,
    form: TimestampForm,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let Instant { seconds, micros } = instant;
    match form {
        TimestampForm::Millis => write_integer(seconds * 1000 + micros / 1000, out),
        // Java saturates the seconds and lets the rest overflow; only the last years can see it.
        TimestampForm::Micros => {
            write_integer(seconds.saturating_mul(1_000_000).wrapping_add(micros), out);
        }
        TimestampForm::Nanos => {
            let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(micros) * 1000;
            let lost = ValueError::OutOfRange { what: "timestamp", target: "nanoseconds" };
            write_integer(i64::try_from(nanos).map_err(|_| lost)?, out);
        }
        TimestampForm::Iso | TimestampForm::Structured { .. } => write_iso(instant, out),
    }
    Ok(())
}

/// `2024-02-29T12:34:56.789Z` in quotes.
fn write_iso(instant: Instant, out: &mut Vec<u8>) {
    let (day, micros) = instant.civil();
    out.push(b'"');
    iso::write_day(day, out);
    out.push(b'T');
    iso::write_seconds(micros, out);
    iso::write_short_fraction(micros, out);
    out.extend_from_slice(b"Z\"");
}

fn write_infinity(
    micros: i64,
    nanos: i64,
    form: TimestampForm,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    if form == TimestampForm::Nanos {
        write_integer(nanos, out);
        return Ok(());
    }
    let instant = Instant {
        seconds: micros.div_euclid(1_000_000),
        micros: micros.rem_euclid(DAY_MICROS) % 1_000_000,
    };
    write_instant(instant, form, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str, form: TimestampForm, calendar: Calendar) -> Result<String, ValueError> {
        let mut out = Vec::new();
        write_timestamp(text.as_bytes(), form, calendar, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn timestamp_in_every_unit() {
        #[rustfmt::skip] // types_time.*, time_special.*
        let cases = [
            ("2024-02-29 12:34:56.789012", "1709210096789", "1709210096789012", Some("1709210096789012000"), "2024-02-29T12:34:56.789012Z"),
            ("1970-01-01 00:00:00", "0", "0", Some("0"), "1970-01-01T00:00:00Z"),
            ("1969-12-31 23:59:59.999999", "-1", "-1", Some("-1000"), "1969-12-31T23:59:59.999999Z"),
            ("0001-01-01 00:00:00", "-62135596800000", "-62135596800000000", None, "0001-01-01T00:00:00Z"),
            ("1582-10-04 00:00:01", "-12220243199000", "-12220243199000000", None, "1582-10-04T00:00:01Z"),
            ("9999-12-31 23:59:59.999999", "253402300799999", "253402300799999999", None, "9999-12-31T23:59:59.999999Z"),
            ("2262-04-11 23:47:16.854775", "9223372036854", "9223372036854775", Some("9223372036854775000"), "2262-04-11T23:47:16.854775Z"),
            ("0044-03-15 12:00:00 BC", "-63517780800000", "-63517780800000000", None, "-0043-03-15T12:00:00Z"),
            ("294276-12-31 23:59:59.999999", "9224318015999999", "-9223372036853775810", None, "+294276-12-31T23:59:59.999999Z"),
            ("infinity", "9223372036825200", "9223372036825200000", Some("9223372036854775807"), "+294247-01-10T04:00:25.2Z"),
            ("-infinity", "-9223372036832400", "-9223372036832400000", Some("-9223372036854775808"), "-290308-12-21T19:59:27.6Z"),
        ];
        for (text, millis, micros, nanos, iso) in cases {
            let write = |form| write(text, form, Calendar::Iso).ok();
            assert_eq!(write(TimestampForm::Millis).as_deref(), Some(millis), "{text}");
            assert_eq!(write(TimestampForm::Micros).as_deref(), Some(micros), "{text}");
            assert_eq!(write(TimestampForm::Nanos).as_deref(), nanos, "{text}");
            assert_eq!(write(TimestampForm::Iso), Some(format!("\"{iso}\"")), "{text}");
        }
    }

    #[test]
    fn array_elements_before_the_reform_are_julian() {
        // runs of Debezium 3.6.3 on timestamp[]
        let write = |text, form| write(text, form, Calendar::JavaSql).unwrap();
        let bc = "0044-03-15 01:02:03 BC";
        assert_eq!(write(bc, TimestampForm::Micros), "-63517993077000000");
        assert_eq!(write(bc, TimestampForm::Iso), "\"-0043-03-13T01:02:03Z\"");
        assert_eq!(write("1500-03-01 00:00:00", TimestampForm::Micros), "-14825808000000000");
    }
}
