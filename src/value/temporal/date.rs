//! `date`.

use super::Calendar;
use super::calendar::Day;
use super::parse::{self, Moment};
use super::{iso, structured};
use crate::value::ValueError;
use crate::value::json::write_integer;

/// How a date is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::value) enum DateForm {
    /// Days since 1970-01-01 as int32.
    Days,
    /// `2024-02-29Z`.
    Iso,
    /// A struct of calendar fields.
    Structured,
}

/// Where Debezium's own parser ends up with infinity: PostgreSQL's largest day number is counted
/// from 2000 instead of 1970 and overflows.
const INFINITY: Day = Day { year: -5_877_611, month: 6, day: 21 };
const MINUS_INFINITY: Day = Day { year: -5_877_611, month: 6, day: 22 };

/// Where `java.sql.Date` ends up with the driver's stand-ins for infinity.
const JAVA_INFINITY: Day = Day { year: 292_278_994, month: 8, day: 16 };
const JAVA_MINUS_INFINITY: Day = Day { year: 292_269_055, month: 12, day: 2 };

/// Writes one date.
pub(in crate::value) fn write_date(
    text: &[u8],
    form: DateForm,
    calendar: Calendar,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let moment = parse::date(text)?;
    if form == DateForm::Structured {
        structured::write_date(moment, out);
        return Ok(());
    }
    let day = match (moment, calendar) {
        (Moment::At(day), Calendar::Iso) => day,
        (Moment::At(day), Calendar::JavaSql) => java_day(day)?,
        (Moment::Infinity, Calendar::Iso) => INFINITY,
        (Moment::MinusInfinity, Calendar::Iso) => MINUS_INFINITY,
        (Moment::Infinity, Calendar::JavaSql) => JAVA_INFINITY,
        (Moment::MinusInfinity, Calendar::JavaSql) => JAVA_MINUS_INFINITY,
    };
    write_day(day, form, out);
    Ok(())
}

/// Writes a day in one of the two plain forms.
pub(super) fn write_day(day: Day, form: DateForm, out: &mut Vec<u8>) {
    if form == DateForm::Iso {
        out.push(b'"');
        iso::write_day(day, out);
        out.extend_from_slice(b"Z\"");
    } else {
        write_integer(low_half(day.number()), out);
    }
}

/// Java's cast from long to int, which far years do not survive.
#[expect(clippy::cast_possible_truncation, reason = "Debezium truncates the same way")]
const fn low_half(days: i64) -> i32 {
    days as i32
}

/// The date that `java.sql.Date.toLocalDate` makes of it: the era is lost, and the days that the
/// Gregorian reform skipped move behind it.
fn java_day(day: Day) -> Result<Day, ValueError> {
    let year = if day.year < 1 { 1 - day.year } else { day.year };
    let java = Day { year, ..day };
    if (year, day.month) == (1582, 10) && day.year > 0 && (5..15).contains(&day.day) {
        return Ok(Day { day: day.day + 10, ..java });
    }
    if !java.exists() {
        return Err(ValueError::OutOfRange { what: "29 February BC", target: "java.sql.Date" });
    }
    Ok(java)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str, form: DateForm, calendar: Calendar) -> Result<String, ValueError> {
        let mut out = Vec::new();
        write_date(text.as_bytes(), form, calendar, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn stream_and_snapshot_agree_on_common_dates_only() {
        #[rustfmt::skip] // types_time.default, time_special.default, and runs of Debezium 3.6.3
        let cases = [
            ("2024-02-29", "19782", "19782"), ("1970-01-01", "0", "0"), ("1969-12-31", "-1", "-1"),
            ("0001-01-01", "-719162", "-719162"), ("1500-03-01", "-171605", "-171605"), ("9999-12-31", "2932896", "2932896"),
            ("5874897-12-31", "2145042905", "2145042905"),
            ("1582-10-04", "-141438", "-141438"), ("1582-10-05", "-141437", "-141427"), ("1582-10-14", "-141428", "-141418"), ("1582-10-15", "-141427", "-141427"),
            ("0044-03-15 BC", "-735160", "-703383"), ("4713-01-01 BC", "-2440550", "1001860"), ("0001-12-31 BC", "-719163", "-718798"),
            ("infinity", "-2147472692", "-622191234"), ("-infinity", "-2147472691", "-625821272"),
        ];
        for (text, stream, snapshot) in cases {
            assert_eq!(write(text, DateForm::Days, Calendar::Iso).as_deref(), Ok(stream), "{text}");
            assert_eq!(
                write(text, DateForm::Days, Calendar::JavaSql).as_deref(),
                Ok(snapshot),
                "{text}"
            );
        }
        assert!(write("0005-02-29 BC", DateForm::Days, Calendar::JavaSql).is_err());
    }

    #[test]
    fn iso_dates_end_in_z() {
        #[rustfmt::skip] // time_special.isostring
        let cases = [
            ("2262-04-12", Calendar::Iso, "\"2262-04-12Z\""), ("5874897-12-31", Calendar::Iso, "\"+5874897-12-31Z\""),
            ("0044-03-15 BC", Calendar::Iso, "\"-0043-03-15Z\""), ("0044-03-15 BC", Calendar::JavaSql, "\"0044-03-15Z\""),
            ("0001-12-31 BC", Calendar::Iso, "\"0000-12-31Z\""), ("infinity", Calendar::Iso, "\"-5877611-06-21Z\""),
            ("infinity", Calendar::JavaSql, "\"+292278994-08-16Z\""), ("-infinity", Calendar::JavaSql, "\"+292269055-12-02Z\""),
        ];
        for (text, calendar, expected) in cases {
            assert_eq!(write(text, DateForm::Iso, calendar).as_deref(), Ok(expected), "{text}");
        }
    }
}
