//! Lengths of time: months, days and microseconds, each on its own.

use super::{Civil, DAY, SECOND, push, write_fraction};
use std::cmp::Ordering;

/// PostgreSQL's `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Whole months.
    pub months: i32,
    /// Whole days.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Interval {
    /// Microseconds of all parts; a month counts as 30 days, as PostgreSQL compares them.
    #[must_use]
    pub fn total_micros(&self) -> i128 {
        let days = i128::from(self.months) * 30 + i128::from(self.days);
        days * i128::from(DAY) + i128::from(self.micros)
    }

    /// PostgreSQL's order.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.total_micros().cmp(&other.total_micros())
    }

    /// Adds each part; `None` when one does not fit.
    #[must_use]
    pub fn add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    /// Turns the sign of each part; `None` when one does not fit.
    #[must_use]
    pub fn negate(&self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    /// A timestamp so much later: months first, then days, then the rest; a day that the month
    /// does not have becomes its last one.
    #[must_use]
    pub fn after(&self, timestamp: i64) -> Option<i64> {
        if timestamp == i64::MAX || timestamp == i64::MIN {
            return Some(timestamp);
        }
        let (mut days, time) = (timestamp.div_euclid(DAY), timestamp.rem_euclid(DAY));
        if self.months != 0 {
            let civil = Civil::from_days(days);
            let months = civil.year * 12 + civil.month - 1 + i64::from(self.months);
            let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
            let first = Civil { year, month, day: 1 };
            days = Civil { day: civil.day.min(first.days_in_month()), ..first }.days();
        }
        days.checked_add(self.days.into())?
            .checked_mul(DAY)?
            .checked_add(time)?
            .checked_add(self.micros)
    }

    /// What lies between two timestamps, in days and a time of day.
    #[must_use]
    pub fn between(later: i64, earlier: i64) -> Option<Self> {
        let micros = later.checked_sub(earlier)?;
        Some(Self { months: 0, days: i32::try_from(micros / DAY).ok()?, micros: micros % DAY })
    }

    /// Reads `1 day 02:03:04`, `90 minutes`, `-1 mon`, `P1Y2M3DT4H5M6.5S`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(iso) = text.strip_prefix('P') {
            return Self::parse_iso(iso);
        }
        let spaced = spaced(text);
        let mut words = spaced.split_ascii_whitespace().peekable();
        let mut interval = Self::default();
        let mut any = false;
        while let Some(word) = words.next() {
            any = true;
            if word == "ago" && words.peek().is_none() {
                return interval.negate();
            }
            let part = if word.contains(':') {
                Self { micros: clock(word)?, ..Self::default() }
            } else {
                let unit =
                    words.next_if(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()));
                Self::of(word, unit.unwrap_or("second"))?
            };
            interval = interval.add(&part)?;
        }
        any.then_some(interval)
    }

    fn parse_iso(text: &str) -> Option<Self> {
        let mut interval = Self::default();
        let (mut number, mut in_time) = (String::new(), false);
        for c in text.chars() {
            let unit = match c {
                'T' => {
                    in_time = true;
                    continue;
                }
                'Y' => "year",
                'M' if in_time => "minute",
                'M' => "month",
                'W' => "week",
                'D' => "day",
                'H' => "hour",
                'S' => "second",
                _ => {
                    number.push(c);
                    continue;
                }
            };
            interval = interval.add(&Self::of(&number, unit)?)?;
            number.clear();
        }
        number.is_empty().then_some(interval)
    }

    /// `number` of one unit; a fraction of a month or day goes to the smaller parts.
    fn of(number: &str, unit: &str) -> Option<Self> {
        const MICROS: fn(i64) -> Interval = |micros| Interval { months: 0, days: 0, micros };
        const DAYS: fn(i32) -> Interval = |days| Interval { months: 0, days, micros: 0 };
        const MONTHS: fn(i32) -> Interval = |months| Interval { months, days: 0, micros: 0 };
        let unit = unit.to_ascii_lowercase();
        let unit = match unit.as_str() {
            "us" | "ms" | "s" | "h" | "d" | "w" | "y" | "m" => unit.as_str(),
            longer => longer.strip_suffix('s').unwrap_or(longer),
        };
        let one = match unit {
            "us" | "usec" | "microsecond" => MICROS(1),
            "ms" | "msec" | "millisecond" => MICROS(1_000),
            "s" | "sec" | "second" => MICROS(SECOND),
            "m" | "min" | "minute" => MICROS(60 * SECOND),
            "h" | "hr" | "hour" => MICROS(3600 * SECOND),
            "d" | "day" => DAYS(1),
            "w" | "week" => DAYS(7),
            "mon" | "month" => MONTHS(1),
            "y" | "yr" | "year" => MONTHS(12),
            "decade" => MONTHS(120),
            "century" | "centurie" => MONTHS(1200),
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let negative = whole.starts_with('-');
        let count: i64 = match whole {
            "" | "-" | "+" if !fraction.is_empty() => 0,
            _ => whole.parse().ok()?,
        };
        // Millionths of one unit.
        let millionths: i64 = match fraction.len() {
            0 => 0,
            _ if !fraction.bytes().all(|b| b.is_ascii_digit()) => return None,
            digits => {
                let kept: String = fraction.chars().chain("000000".chars()).take(6).collect();
                let rounds_up =
                    digits > 6 && fraction.as_bytes().get(6).is_some_and(|b| *b >= b'5');
                kept.parse::<i64>().ok()? + i64::from(rounds_up)
            }
        };
        let millionths = if negative { -millionths } else { millionths };
        let months = i32::try_from(count).ok().and_then(|count| one.months.checked_mul(count));
        let days = i32::try_from(count).ok().and_then(|count| one.days.checked_mul(count));
        let mut interval = Self {
            months: if one.months == 0 { 0 } else { months? },
            days: if one.days == 0 { 0 } else { days? },
            micros: one.micros.checked_mul(count)?,
        };
        interval.micros +=
            i64::try_from(i128::from(one.micros) * i128::from(millionths) / 1_000_000).ok()?;
        if one.days != 0 {
            let micros =
                i128::from(one.days) * i128::from(DAY) * i128::from(millionths) / 1_000_000;
            let micros = i64::try_from(micros).ok()?;
            interval.days += i32::try_from(micros / DAY).ok()?;
            interval.micros += micros % DAY;
        }
        if one.months != 0 && millionths != 0 {
            let months = i64::from(one.months) * millionths;
            if months % 1_000_000 != 0 {
                return None; // Half a month is 15 days to PostgreSQL; nobody should rely on that.
            }
            interval.months += i32::try_from(months / 1_000_000).ok()?;
        }
        Some(interval)
    }

    /// Appends the interval as PostgreSQL prints it (`IntervalStyle = postgres`).
    pub fn write(&self, out: &mut String) {
        let from = out.len();
        let mut negative_before = false;
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count != 0) {
            let space = if out.len() > from { " " } else { "" };
            let plus = if negative_before && count > 0 { "+" } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            push(out, format_args!("{space}{plus}{count} {unit}{plural}"));
            negative_before = count < 0;
        }
        if self.micros != 0 || out.len() == from {
            let space = if out.len() > from { " " } else { "" };
            let sign = match self.micros {
                ..0 => "-",
                _ if negative_before => "+",
                _ => "",
            };
            let micros = self.micros.unsigned_abs();
            let seconds = micros / 1_000_000;
            push(
                out,
                format_args!(
                    "{space}{sign}{:02}:{:02}:{:02}",
                    seconds / 3600,
                    seconds / 60 % 60,
                    seconds % 60
                ),
            );
            write_fraction(out, self.micros % SECOND);
        }
    }
}

/// Puts a space between numbers and their units.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut last = ' ';
    for c in text.chars() {
        let unit_begins = c.is_ascii_alphabetic() && last.is_ascii_digit();
        if unit_begins || (c.is_ascii_digit() && last.is_ascii_alphabetic()) {
            out.push(' ');
        }
        out.push(c);
        last = c;
    }
    out
}

/// `[-]hh:mm[:ss[.ffffff]]` in microseconds.
fn clock(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds = Interval::of(parts.next().unwrap_or("0"), "second")?.micros;
    if parts.next().is_some() || minutes > 59 || seconds > 60 * SECOND {
        return None;
    }
    let micros = hours.checked_mul(3600 * SECOND)?.checked_add(minutes * 60 * SECOND + seconds)?;
    Some(if negative { -micros } else { micros })
}
