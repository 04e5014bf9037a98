//! `interval`: approximate microseconds, or ISO 8601 text that keeps every unit.

use super::structured;
use crate::value::ValueError;
use crate::value::json::write_integer;

/// How an interval is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::value) enum IntervalForm {
    /// Microseconds, a month counted as 365.25 / 12 days.
    Micros,
    /// `P1Y2M3DT4H5M6.789S`.
    Iso,
    /// A struct of units with the column's precision.
    Structured { precision: u8 },
}

const MALFORMED: ValueError = ValueError::Malformed { what: "interval" };

/// The units of an interval, each with its own sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) years: i64,
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) hours: i64,
    pub(super) minutes: i64,
    /// Seconds and their fraction.
    pub(super) micros: i64,
}

/// Writes one interval.
pub(in crate::value) fn write_interval(
    text: &[u8],
    form: IntervalForm,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let interval = parse(text).ok_or(MALFORMED)?;
    match form {
        IntervalForm::Micros => write_integer(interval.approximate_micros(), out),
        IntervalForm::Iso => interval.write_iso(out),
        IntervalForm::Structured { precision } => {
            structured::write_duration(interval, precision, out);
        }
    }
    Ok(())
}

impl Interval {
    /// Debezium's `MicroDuration`, in double arithmetic and in its order of operations, so that
    /// even the rounding is the same; saturates.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "Debezium converts the same way, and the units have far less than 53 bits"
    )]
    fn approximate_micros(self) -> i64 {
        let months = self.years * 12 + self.months;
        let days = months as f64 * (365.25 / 12.0) + self.days as f64;
        let minutes = (days * 24.0 + self.hours as f64) * 60.0 + self.minutes as f64;
        ((minutes * 60.0 + self.seconds()) * 1e6) as i64
    }

    fn write_iso(self, out: &mut Vec<u8>) {
        let units = [
            (&b"\"P"[..], self.years),
            (b"Y", self.months),
            (b"M", self.days),
            (b"DT", self.hours),
            (b"H", self.minutes),
        ];
        for (before, value) in units {
            out.extend_from_slice(before);
            write_integer(value, out);
        }
        out.push(b'M');
        out.extend_from_slice(self.seconds_text().as_bytes());
        out.extend_from_slice(b"S\"");
    }

    /// Seconds and their fraction as one double, whose sum need not be the nearest one to what the
    /// interval says: -1.597015 becomes -1.597014999, with the nine digits that Debezium keeps.
    fn seconds_text(self) -> String {
        let text = self.seconds().to_string();
        let Some((whole, fraction)) = text.split_once('.') else { return text };
        let fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
        match fraction {
            "" if whole == "-0" => "0".to_owned(),
            "" => whole.to_owned(),
            _ => format!("{whole}.{fraction}"),
        }
    }

    /// As pgjdbc's `PGInterval` adds them up.
    #[expect(clippy::cast_precision_loss, reason = "seconds of an interval are below a minute")]
    fn seconds(self) -> f64 {
        let whole = (self.micros / 1_000_000) as f64;
        whole + (self.micros % 1_000_000) as f64 / 1_000_000.0
    }
}

/// Reads what PostgreSQL prints with `IntervalStyle` postgres or `postgres_verbose`, such as
/// `-1 years -2 mons +3 days -04:05:06.789` and `@ 1 year 2 mins 3.5 secs ago`, or iso_8601.
fn parse(text: &[u8]) -> Option<Interval> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(iso) = text.strip_prefix('P') {
        return parse_iso(iso);
    }
    let mut words = text.trim_start_matches("@ ").split(' ');
    let mut interval = Interval::default();
    let mut ago = false;
    while let Some(word) = words.next() {
        if word.contains(':') {
            add_clock(word, &mut interval)?;
        } else if word == "ago" {
            ago = true;
        } else if word != "0" || words.clone().next().is_some() {
            interval.add(word, words.next()?)?;
        }
    }
    if ago {
        interval.negate()?;
    }
    (!text.is_empty()).then_some(interval)
}

impl Interval {
    /// Adds `-1` `years`, in any of the spellings.
    fn add(&mut self, amount: &str, unit: &str) -> Option<()> {
        let slot = match unit.trim_end_matches('s') {
            "year" => &mut self.years,
            "mon" => &mut self.months,
            "day" => &mut self.days,
            "hour" => &mut self.hours,
            "min" => &mut self.minutes,
            "sec" => {
                self.micros = micros(amount)?;
                return Some(());
            }
            _ => return None,
        };
        *slot = small(amount)?;
        Some(())
    }

    /// Turns every unit round.
    fn negate(&mut self) -> Option<()> {
        for unit in [
            &mut self.years,
            &mut self.months,
            &mut self.days,
            &mut self.hours,
            &mut self.minutes,
            &mut self.micros,
        ] {
            *unit = unit.checked_neg()?;
        }
        Some(())
    }
}

/// Adds `-04:05:06.789`, whose sign holds for all three parts.
fn add_clock(word: &str, interval: &mut Interval) -> Option<()> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word.trim_start_matches('+')),
    };
    let mut parts = digits.splitn(3, ':');
    interval.hours = sign * small(parts.next()?)?;
    interval.minutes = sign * small(parts.next()?)?;
    interval.micros = sign * micros(parts.next().unwrap_or("0"))?;
    Some(())
}

/// Reads `1Y2M3DT4H5M6.789S`.
fn parse_iso(mut text: &str) -> Option<Interval> {
    let mut interval = Interval::default();
    let mut in_time = false;
    while !text.is_empty() {
        if let Some(rest) = text.strip_prefix('T') {
            (in_time, text) = (true, rest);
            continue;
        }
        let (amount, rest) = text.split_at_checked(text.find(|c: char| c.is_ascii_uppercase())?)?;
        let (unit, rest) = rest.split_at_checked(1)?;
        text = rest;
        match (unit, in_time) {
            ("Y", false) => interval.years = small(amount)?,
            ("M", false) => interval.months = small(amount)?,
            ("D", false) => interval.days = small(amount)?,
            ("H", true) => interval.hours = small(amount)?,
            ("M", true) => interval.minutes = small(amount)?,
            ("S", true) => interval.micros = micros(amount)?,
            _ => return None,
        }
    }
    Some(interval)
}

/// A signed number of at most 12 digits, so that no arithmetic on it overflows.
fn small(text: &str) -> Option<i64> {
    text.parse().ok().filter(|value: &i64| value.unsigned_abs() < 1_000_000_000_000)
}

/// Seconds with up to six fraction digits, as microseconds.
fn micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    let whole = small(whole)? * 1_000_000;
    Some(if negative { whole - fraction } else { whole + fraction })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(text: &str, form: IntervalForm) -> String {
        let mut out = Vec::new();
        write_interval(text.as_bytes(), form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn micros_and_text_of_recorded_intervals() {
        #[rustfmt::skip] // types_time.default, types_time.intervalstring
        let cases = [
            ("1 year 2 mons 3 days 04:05:06.789", "37091106789000", "P1Y2M3DT4H5M6.789S"),
            ("3 years", "94672800000000", "P3Y0M0DT0H0M0S"),
            ("1 day 02:03:04.567", "93784567000", "P0Y0M1DT2H3M4.567S"),
            ("00:00:00", "0", "P0Y0M0DT0H0M0S"),
            ("-1 years -2 mons -3 days -04:05:06.789", "-37091106789000", "P-1Y-2M-3DT-4H-5M-6.789S"),
            ("-1 days -02:03:04.567", "-93784567000", "P0Y0M-1DT-2H-3M-4.567S"),
            ("1 mon", "2629800000000", "P0Y1M0DT0H0M0S"),
            ("-1 mons +2 days -00:00:00.000001", "-2457000000001", "P0Y-1M2DT0H0M-0.000001S"),
            ("100000 years", "3155760000000000000", "P100000Y0M0DT0H0M0S"),
            ("00:00:00.5", "500000", "P0Y0M0DT0H0M0.5S"),
            ("10 mons -3 days", "26038800000000", "P0Y10M-3DT0H0M0S"),
            ("178000000 years", "9223372036854775807", "P178000000Y0M0DT0H0M0S"),
            ("25:00:00", "90000000000", "P0Y0M0DT25H0M0S"),
            ("2 years 400 days 100:00:00", "98035200000000", "P2Y0M400DT100H0M0S"),
            ("-2 days", "-172800000000", "P0Y0M-2DT0H0M0S"),
            // Found by scripts/parity.sh: the sum of two doubles.
            ("12 years 4 mons -375 days -11:10:01.597015", "356770198402985", "P12Y4M-375DT-11H-10M-1.597014999S"),
        ];
        for (text, micros, iso) in cases {
            assert_eq!(write(text, IntervalForm::Micros), micros, "{text}");
            assert_eq!(write(text, IntervalForm::Iso), format!("\"{iso}\""), "{text}");
        }
    }

    #[test]
    fn other_interval_styles_mean_the_same() {
        let expected = "\"P1Y2M3DT4H5M6.789S\"";
        assert_eq!(write("P1Y2M3DT4H5M6.789S", IntervalForm::Iso), expected);
        let verbose = "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs";
        assert_eq!(write(verbose, IntervalForm::Iso), expected);
        assert_eq!(write("@ 2 days ago", IntervalForm::Iso), "\"P0Y0M-2DT0H0M0S\"");
        assert_eq!(write("@ 0", IntervalForm::Iso), "\"P0Y0M0DT0H0M0S\"");
        assert_eq!(write("PT-0.5S", IntervalForm::Micros), "-500000");
    }

    #[test]
    fn what_is_no_interval_is_an_error() {
        for text in
            ["", "infinity", "1", "1 fortnight", "1:2:3:4", "P1X", "PT1.1234567S", "1 day 1"]
        {
            assert!(
                write_interval(text.as_bytes(), IntervalForm::Iso, &mut Vec::new()).is_err(),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_interval_or_an_error(text in "[-+@P0-9YMDTHS:. a-z]{0,40}") {
            let mut out = Vec::new();
            for form in [IntervalForm::Micros, IntervalForm::Iso] {
                out.clear();
                if write_interval(text.as_bytes(), form, &mut out).is_ok() {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
                }
            }
        }
    }
}
