//! Dates, times and intervals as PostgreSQL keeps them, with UTC as the session's time zone.
//!
//! Dates are days and timestamps are microseconds since 1970-01-01; the smallest and the largest
//! value stand for `-infinity` and `infinity`.

mod interval;
mod parse;
mod parts;

pub use interval::Interval;
pub use parse::{parse_date, parse_time, parse_timestamp};
pub use parts::{Field, extract, truncate};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;

/// Year, month and day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Civil {
    /// The date of a day since 1970-01-01.
    ///
    /// Eras of 400 years that begin in March make the leap day the last of the year; see Howard
    /// Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub(super) const fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year, month, day }
    }

    /// Days since 1970-01-01.
    pub(super) const fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// Days of this month.
    pub(super) const fn days_in_month(self) -> i64 {
        match self.month {
            2 if self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    pub(super) fn is_valid(self) -> bool {
        (1..=12).contains(&self.month) && (1..=self.days_in_month()).contains(&self.day)
    }
}

/// Appends a date as PostgreSQL prints it.
pub fn write_date(out: &mut String, days: i32) {
    match days {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        _ => {
            let civil = Civil::from_days(days.into());
            write_civil(out, civil);
            write_era(out, civil);
        }
    }
}

/// Appends a time of day, given in microseconds.
pub fn write_time(out: &mut String, time: i64) {
    let seconds = time / SECOND;
    push(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    write_fraction(out, time % SECOND);
}

/// Appends a timestamp; `zone` is `+00` for one with a time zone.
pub fn write_timestamp(out: &mut String, micros: i64, zone: &str) {
    match micros {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        _ => {
            let civil = Civil::from_days(micros.div_euclid(DAY));
            write_civil(out, civil);
            out.push(' ');
            write_time(out, micros.rem_euclid(DAY));
            out.push_str(zone);
            write_era(out, civil);
        }
    }
}

fn write_civil(out: &mut String, civil: Civil) {
    let year = if civil.year > 0 { civil.year } else { 1 - civil.year };
    push(out, format_args!("{year:04}-{:02}-{:02}", civil.month, civil.day));
}

fn write_era(out: &mut String, civil: Civil) {
    if civil.year <= 0 {
        out.push_str(" BC");
    }
}

/// Appends `.5` for half a second; nothing for 0.
fn write_fraction(out: &mut String, micros: i64) {
    if micros != 0 {
        let digits = format!("{:06}", micros.abs());
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    match text.as_str() {
        Some(text) => out.push_str(text),
        None => out.push_str(&text.to_string()),
    }
}

#[cfg(test)]
mod tests;
