//! `time without time zone`.

use super::parse::{self, DAY_MICROS};
use super::{Calendar, iso, structured};
use crate::value::ValueError;
use crate::value::json::write_integer;

/// How a time of day is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::value) enum TimeForm {
    /// Milliseconds since midnight.
    Millis,
    /// Microseconds since midnight.
    Micros,
    /// Nanoseconds since midnight.
    Nanos,
    /// `12:34:56.789Z`.
    Iso,
    /// A struct of clock fields with the column's precision.
    Structured { precision: u8 },
}

/// Writes one time; [`Calendar::JavaSql`] cuts it to milliseconds and makes 24:00:00 midnight, as array
/// elements do.
pub(in crate::value) fn write_time(
    text: &[u8],
    form: TimeForm,
    calendar: Calendar,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let mut micros = parse::time(text)?.micros;
    if calendar == Calendar::JavaSql {
        micros = micros % DAY_MICROS / 1000 * 1000;
    }
    match form {
        TimeForm::Millis => write_integer(micros / 1000, out),
        TimeForm::Micros => write_integer(micros, out),
        TimeForm::Nanos => write_integer(micros * 1000, out),
        TimeForm::Iso => {
            out.push(b'"');
            iso::write_seconds(micros % DAY_MICROS, out);
            iso::write_short_fraction(micros, out);
            out.extend_from_slice(b"Z\"");
        }
        TimeForm::Structured { precision } => structured::write_time(micros, precision, out),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str, form: TimeForm, calendar: Calendar) -> String {
        let mut out = Vec::new();
        write_time(text.as_bytes(), form, calendar, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn time_in_every_unit() {
        #[rustfmt::skip] // types_time.*, time_special.*
        let cases = [
            ("12:34:56.789012", "45296789", "45296789012", "45296789012000", "\"12:34:56.789012Z\""),
            ("23:59:59.999999", "86399999", "86399999999", "86399999999000", "\"23:59:59.999999Z\""),
            ("24:00:00", "86400000", "86400000000", "86400000000000", "\"00:00:00Z\""),
            ("12:34:56.5", "45296500", "45296500000", "45296500000000", "\"12:34:56.5Z\""),
            ("00:00:00", "0", "0", "0", "\"00:00:00Z\""),
        ];
        for (text, millis, micros, nanos, iso) in cases {
            assert_eq!(write(text, TimeForm::Millis, Calendar::Iso), millis);
            assert_eq!(write(text, TimeForm::Micros, Calendar::Iso), micros);
            assert_eq!(write(text, TimeForm::Nanos, Calendar::Iso), nanos);
            assert_eq!(write(text, TimeForm::Iso, Calendar::Iso), iso);
        }
    }

    #[test]
    fn array_elements_lose_their_microseconds() {
        assert_eq!(write("12:00:00.123456", TimeForm::Micros, Calendar::JavaSql), "43200123000");
        assert_eq!(write("24:00:00", TimeForm::Micros, Calendar::JavaSql), "0");
        assert_eq!(write("12:00:00.123456", TimeForm::Iso, Calendar::JavaSql), "\"12:00:00.123Z\"");
    }
}
