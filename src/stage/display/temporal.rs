//! Dates and times counted from 1970, written as PostgreSQL writes them.

use crate::stage::kind::Unit;
use std::fmt::Write as _;

const SECONDS_PER_DAY: i64 = 86_400;

/// What Debezium sends for `infinity` and `-infinity`, in microseconds.
const INFINITY_MICROS: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY_MICROS: i64 = -9_223_372_036_832_400_000;

/// Appends a date.
pub(super) fn push_date(out: &mut String, days: i64) -> Option<()> {
    // Days of an int32 column; anything else is no date.
    let days = i32::try_from(days).ok()?;
    let bc = push_civil(out, i64::from(days));
    out.push_str(bc);
    Some(())
}

/// Appends a time of day; 24:00:00 is one.
pub(super) fn push_time(out: &mut String, value: i64, unit: Unit) -> Option<()> {
    let seconds = value.div_euclid(unit.per_second());
    if !(0..=SECONDS_PER_DAY).contains(&seconds) {
        return None;
    }
    push_clock(out, seconds, value.rem_euclid(unit.per_second()), unit);
    Some(())
}

/// Appends date and time.
pub(super) fn push_timestamp(out: &mut String, value: i64, unit: Unit) -> Option<()> {
    let infinity = |micros: i64| match unit {
        Unit::Millis => micros / 1_000,
        Unit::Micros => micros,
        Unit::Nanos => micros.signum().saturating_mul(i64::MAX),
    };
    if value == infinity(INFINITY_MICROS) || (unit == Unit::Nanos && value == i64::MAX) {
        out.push_str("infinity");
    } else if value == infinity(MINUS_INFINITY_MICROS) || (unit == Unit::Nanos && value == i64::MIN)
    {
        out.push_str("-infinity");
    } else {
        let seconds = value.div_euclid(unit.per_second());
        let bc = push_civil(out, seconds.div_euclid(SECONDS_PER_DAY));
        out.push(' ');
        let fraction = value.rem_euclid(unit.per_second());
        push_clock(out, seconds.rem_euclid(SECONDS_PER_DAY), fraction, unit);
        out.push_str(bc);
    }
    Some(())
}

/// Appends a length of time as days and a clock.
pub(super) fn push_duration(out: &mut String, value: i64, unit: Unit) -> Option<()> {
    let (per_second, magnitude) = (unit.per_second(), value.checked_abs()?);
    if value < 0 {
        out.push('-');
    }
    let seconds = magnitude / per_second;
    match seconds / SECONDS_PER_DAY {
        0 => {}
        1 => out.push_str("1 day "),
        days => write!(out, "{days} days ").unwrap_or_default(),
    }
    push_clock(out, seconds % SECONDS_PER_DAY, magnitude % per_second, unit);
    Some(())
}

/// Appends ISO text with a space for the `T` and without zeros at the end of the fraction.
pub(super) fn push_iso(out: &mut String, text: &str) -> Option<()> {
    let (clock, zone) = match text.strip_suffix('Z') {
        Some(clock) => (clock, "Z"),
        None => (text, ""),
    };
    let clock =
        if clock.contains('.') { clock.trim_end_matches('0').trim_end_matches('.') } else { clock };
    match clock.split_once('T') {
        Some((date, time)) => {
            out.push_str(date);
            out.push(' ');
            out.push_str(time);
        }
        None => out.push_str(clock),
    }
    out.push_str(zone);
    Some(())
}

fn push_clock(out: &mut String, seconds: i64, fraction: i64, unit: Unit) {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    // Writing to a string cannot fail.
    write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60).unwrap_or_default();
    if fraction != 0 {
        let digits = format!("{fraction:0width$}", width = unit.digits());
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}

/// Appends year, month and day; returns ` BC` when that has to follow.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn push_civil(out: &mut String, days: i64) -> &'static str {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, bc) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    write!(out, "{year:04}-{month:02}-{day:02}").unwrap_or_default();
    bc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(push: impl FnOnce(&mut String) -> Option<()>) -> Option<String> {
        let mut out = String::new();
        push(&mut out).map(|()| out)
    }

    #[test]
    fn dates_before_christ_and_far_ahead_are_written_as_postgres_does() {
        #[rustfmt::skip] // one case a line
        let cases = [
            (0, "1970-01-01"), (-1, "1969-12-31"), (19_782, "2024-02-29"), (11_016, "2000-02-29"),
            (-719_162, "0001-01-01"), (-719_163, "0001-12-31 BC"), (2_932_896, "9999-12-31"),
            (2_932_897, "10000-01-01"), (-2_440_550, "4713-01-01 BC"),
        ];
        for (days, expected) in cases {
            assert_eq!(shown(|out| push_date(out, days)).as_deref(), Some(expected));
        }
        assert_eq!(shown(|out| push_date(out, i64::MAX)), None);
    }

    #[test]
    fn times_of_each_unit_keep_only_the_digits_they_need() {
        let time = |value, unit| shown(|out| push_time(out, value, unit));
        assert_eq!(time(49_890_000, Unit::Millis).as_deref(), Some("13:51:30"));
        assert_eq!(time(49_890_120_000, Unit::Micros).as_deref(), Some("13:51:30.12"));
        assert_eq!(time(1, Unit::Nanos).as_deref(), Some("00:00:00.000000001"));
        assert_eq!(time(86_400_000_000, Unit::Micros).as_deref(), Some("24:00:00"));
        assert_eq!(time(-1, Unit::Micros), None);
    }

    #[test]
    fn infinite_timestamps_are_words() {
        let stamp = |value, unit| shown(|out| push_timestamp(out, value, unit)).unwrap();
        assert_eq!(stamp(9_223_372_036_825_200_000, Unit::Micros), "infinity");
        assert_eq!(stamp(-9_223_372_036_832_400_000, Unit::Micros), "-infinity");
        assert_eq!(stamp(9_223_372_036_825_200, Unit::Millis), "infinity");
        assert_eq!(stamp(-9_223_372_036_832_400, Unit::Millis), "-infinity");
        assert_eq!(stamp(i64::MAX, Unit::Nanos), "infinity");
        assert_eq!(stamp(i64::MIN, Unit::Nanos), "-infinity");
        assert_eq!(stamp(-1, Unit::Millis), "1969-12-31 23:59:59.999");
        assert_eq!(stamp(-210_831_897_600_000_001, Unit::Micros), "4713-12-31 23:59:59.999999 BC");
    }

    #[test]
    fn durations_are_days_and_a_clock() {
        let duration = |value| shown(|out| push_duration(out, value, Unit::Micros));
        assert_eq!(duration(37_091_106_780_000).as_deref(), Some("429 days 07:05:06.78"));
        assert_eq!(duration(-90_000_000_000).as_deref(), Some("-1 day 01:00:00"));
        assert_eq!(duration(0).as_deref(), Some("00:00:00"));
        assert_eq!(duration(i64::MIN), None);
    }

    #[test]
    fn iso_text_loses_its_letter_and_its_zeros() {
        let iso = |text: &str| shown(|out| push_iso(out, text)).unwrap();
        assert_eq!(iso("2020-04-01T11:51:02.120000Z"), "2020-04-01 11:51:02.12Z");
        assert_eq!(iso("2020-04-01T11:51:00Z"), "2020-04-01 11:51:00Z");
        assert_eq!(iso("11:51:02Z"), "11:51:02Z");
        assert_eq!(iso("infinity"), "infinity");
    }

    proptest! {
        #[test]
        fn dates_equal_jiff(days in -719_162_i64..2_932_896) {
            let date = jiff::civil::date(1970, 1, 1);
            let date = date.checked_add(jiff::Span::new().days(days)).unwrap();
            prop_assert_eq!(shown(|out| push_date(out, days)).unwrap(), date.to_string());
        }
    }
}
