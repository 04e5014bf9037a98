//! `timestamp with time zone` and `time with time zone`, always delivered in UTC.

use super::calendar::Day;
use super::parse::{self, DAY_MICROS, Moment};
use super::timestamp::Instant;
use super::{Calendar, iso, structured};
use crate::value::ValueError;

/// How a type with a zone is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::value) enum ZonedForm {
    /// ISO text with the column's number of fraction digits (which timetz does not heed).
    Iso { digits: u8 },
    /// A struct of calendar fields with the column's precision.
    Structured { precision: u8 },
}

/// Writes `2024-02-29T10:34:56.789012Z`, `infinity` or `-infinity`.
pub(in crate::value) fn write_zoned_timestamp(
    text: &[u8],
    form: ZonedForm,
    calendar: Calendar,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let moment = parse::timestamp(text)?;
    let digits = match form {
        ZonedForm::Iso { digits } => u32::from(digits),
        ZonedForm::Structured { precision } => {
            structured::write_zoned_timestamp(moment, precision, out);
            return Ok(());
        }
    };
    out.push(b'"');
    match (moment, calendar) {
        (Moment::At(at), _) => {
            let (day, micros) = Instant::new(at.day.number(), at).civil();
            iso::write_day(era_lost(day, calendar), out);
            out.push(b'T');
            iso::write_seconds(micros, out);
            iso::write_fixed_fraction(micros, digits, out);
            out.push(b'Z');
        }
        (Moment::Infinity, _) => out.extend_from_slice(b"infinity"),
        (Moment::MinusInfinity, Calendar::Iso) => out.extend_from_slice(b"-infinity"),
        (Moment::MinusInfinity, Calendar::JavaSql) => {
            out.extend_from_slice(b"+292269055-12-02T23:00:00");
            iso::write_fixed_fraction(0, digits, out);
            out.push(b'Z');
        }
    }
    out.push(b'"');
    Ok(())
}

/// `java.sql.Timestamp` knows years before 1 by their number only.
fn era_lost(day: Day, calendar: Calendar) -> Day {
    match calendar {
        Calendar::JavaSql if day.year < 1 => Day { year: 1 - day.year, ..day },
        _ => day,
    }
}

/// Writes `07:04:56.789012Z`, with as few fraction digits as it needs; [`Calendar::JavaSql`] drops them, as
/// array elements do.
pub(in crate::value) fn write_zoned_time(
    text: &[u8],
    form: ZonedForm,
    calendar: Calendar,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let clock = parse::time(text)?;
    if let ZonedForm::Structured { precision } = form {
        structured::write_zoned_time(clock, precision, out);
        return Ok(());
    }
    let mut micros = (clock.micros - clock.offset * 1_000_000).rem_euclid(DAY_MICROS);
    if calendar == Calendar::JavaSql {
        micros = micros / 1_000_000 * 1_000_000;
    }
    out.push(b'"');
    iso::write_seconds(micros, out);
    iso::write_short_fraction(micros, out);
    out.extend_from_slice(b"Z\"");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str, digits: u8, calendar: Calendar) -> String {
        let mut out = Vec::new();
        let form = ZonedForm::Iso { digits };
        write_zoned_timestamp(text.as_bytes(), form, calendar, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamptz_has_exactly_the_columns_digits_in_utc() {
        #[rustfmt::skip] // types_time.default, time_special.default
        let cases = [
            ("2024-02-29 12:34:56.789012+02", 6, "2024-02-29T10:34:56.789012Z"), ("2024-02-29 12:34:56+00", 0, "2024-02-29T12:34:56Z"),
            ("2024-02-29 12:34:56.789+00", 3, "2024-02-29T12:34:56.789Z"), ("1970-01-01 00:00:00+00", 6, "1970-01-01T00:00:00.000000Z"),
            ("2024-03-10 07:30:00+00", 6, "2024-03-10T07:30:00.000000Z"), ("2024-07-01 00:00:00+05:45", 6, "2024-06-30T18:15:00.000000Z"),
            ("1900-01-01 00:00:00+00:19:32", 6, "1899-12-31T23:40:28.000000Z"), ("0044-03-15 12:00:00+00 BC", 6, "-0043-03-15T12:00:00.000000Z"),
            ("0001-12-31 23:59:59.999999+00 BC", 6, "0000-12-31T23:59:59.999999Z"), ("294276-12-31 23:59:59.999999+00", 6, "+294276-12-31T23:59:59.999999Z"),
            ("2023-12-31 22:00:00.1-02", 1, "2024-01-01T00:00:00.1Z"), ("infinity", 6, "infinity"), ("-infinity", 6, "-infinity"),
        ];
        for (text, digits, expected) in cases {
            assert_eq!(stamp(text, digits, Calendar::Iso), format!("\"{expected}\""), "{text}");
        }
    }

    #[test]
    fn array_elements_forget_the_era() {
        // runs of Debezium 3.6.3 on timestamptz[]
        let write = |text| stamp(text, 6, Calendar::JavaSql);
        assert_eq!(write("0044-03-15 01:02:03+00 BC"), "\"0044-03-15T01:02:03.000000Z\"");
        assert_eq!(write("-infinity"), "\"+292269055-12-02T23:00:00.000000Z\"");
    }

    #[test]
    fn timetz_moves_to_utc_with_few_digits() {
        #[rustfmt::skip] // types_time.default, time_special.default
        let cases = [
            ("12:34:56.789012+05:30", "07:04:56.789012Z"), ("12:34:56-08", "20:34:56Z"), ("00:00:00+14", "10:00:00Z"),
            ("23:59:59.999999-12", "11:59:59.999999Z"), ("23:59:59+13:45", "10:14:59Z"), ("24:00:00+00", "00:00:00Z"), ("24:00:00-01", "01:00:00Z"),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            write_zoned_time(
                text.as_bytes(),
                ZonedForm::Iso { digits: 6 },
                Calendar::Iso,
                &mut out,
            )
            .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{expected}\""), "{text}");
        }
        let mut out = Vec::new();
        write_zoned_time(
            b"12:00:00.123456+02",
            ZonedForm::Iso { digits: 6 },
            Calendar::JavaSql,
            &mut out,
        )
        .unwrap();
        assert_eq!(out, b"\"10:00:00Z\"", "array elements");
    }
}
