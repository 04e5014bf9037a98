//! Parts of timestamps: `extract` and `date_trunc`.

use super::{Civil, DAY, SECOND};
use crate::query::decimal::Decimal;

/// A field of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum Field {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Dow,
    Isodow,
    Doy,
    Isoyear,
    Julian,
    Epoch,
}

impl Field {
    /// Reads a field's name, also in the plural.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microsecond" | "microseconds" => Self::Microseconds,
            "millisecond" | "milliseconds" => Self::Milliseconds,
            "second" | "seconds" => Self::Second,
            "minute" | "minutes" => Self::Minute,
            "hour" | "hours" => Self::Hour,
            "day" | "days" => Self::Day,
            "week" | "weeks" => Self::Week,
            "month" | "months" => Self::Month,
            "quarter" => Self::Quarter,
            "year" | "years" => Self::Year,
            "decade" | "decades" => Self::Decade,
            "century" | "centuries" => Self::Century,
            "millennium" | "millenniums" | "millennia" => Self::Millennium,
            "dow" => Self::Dow,
            "isodow" => Self::Isodow,
            "doy" => Self::Doy,
            "isoyear" => Self::Isoyear,
            "julian" => Self::Julian,
            "epoch" => Self::Epoch,
            _ => return None,
        })
    }

    /// True for the fields that a date has.
    #[must_use]
    pub const fn is_of_date(self) -> bool {
        !matches!(
            self,
            Self::Microseconds | Self::Milliseconds | Self::Second | Self::Minute | Self::Hour
        )
    }

    /// True for the fields that a time of day has.
    #[must_use]
    pub const fn is_of_time(self) -> bool {
        !self.is_of_date() || matches!(self, Self::Epoch)
    }
}

/// 1 for the first hundred (or thousand) years, and no year 0 in between.
const fn count_of(year: i64, years: i64) -> i64 {
    if year > 0 { (year + years - 1) / years } else { -((years - 1 - (year - 1)) / years) }
}

/// Monday of the first week of an ISO year, in days since 1970-01-01.
const fn iso_year_start(year: i64) -> i64 {
    let fourth = Civil { year, month: 1, day: 4 }.days();
    fourth - (fourth + 3).rem_euclid(7)
}

const fn iso_year(days: i64) -> i64 {
    let year = Civil::from_days(days).year;
    if days >= iso_year_start(year + 1) {
        year + 1
    } else if days < iso_year_start(year) {
        year - 1
    } else {
        year
    }
}

/// A field of a timestamp (or of a date, when `is_date`), as PostgreSQL 14 and newer give it:
/// a numeric whose scale depends on the field.
#[must_use]
pub fn extract(field: Field, timestamp: i64, is_date: bool) -> Decimal {
    let (days, time) = (timestamp.div_euclid(DAY), timestamp.rem_euclid(DAY));
    let civil = Civil::from_days(days);
    let of_minute = time % (60 * SECOND);
    Decimal::from(match field {
        Field::Microseconds => of_minute,
        Field::Milliseconds => return Decimal::new(of_minute, 3),
        Field::Second => return Decimal::new(of_minute, 6),
        Field::Epoch if is_date => timestamp / SECOND,
        Field::Epoch => return Decimal::new(timestamp, 6),
        Field::Minute => time / (60 * SECOND) % 60,
        Field::Hour => time / (3600 * SECOND),
        Field::Day => civil.day,
        Field::Week => (days - iso_year_start(iso_year(days))) / 7 + 1,
        Field::Month => civil.month,
        Field::Quarter => (civil.month + 2) / 3,
        // There is no year 0: the one before 1 is 1 BC.
        Field::Year => civil.year - i64::from(civil.year <= 0),
        Field::Decade => civil.year.div_euclid(10),
        Field::Century => count_of(civil.year, 100),
        Field::Millennium => count_of(civil.year, 1000),
        Field::Dow => (days + 4).rem_euclid(7),
        Field::Isodow => (days + 3).rem_euclid(7) + 1,
        Field::Doy => days - Civil { month: 1, day: 1, ..civil }.days() + 1,
        Field::Isoyear => iso_year(days) - i64::from(iso_year(days) <= 0),
        Field::Julian if is_date => days + 2_440_588,
        Field::Julian => {
            let part = Decimal::from(time).divide(&Decimal::from(DAY));
            return Decimal::from(days + 2_440_588).add(&part.unwrap_or(Decimal::ZERO));
        }
    })
}

/// The start of the field that a timestamp lies in; `None` for fields that do not divide time.
#[must_use]
pub fn truncate(field: Field, timestamp: i64) -> Option<i64> {
    let (days, time) = (timestamp.div_euclid(DAY), timestamp.rem_euclid(DAY));
    let civil = Civil::from_days(days);
    let year_start = |year| Civil { year, month: 1, day: 1 }.days().checked_mul(DAY);
    let down_to = |micros: i64| Some(timestamp - time.rem_euclid(micros));
    // The first year of the decade, century or millennium that begins with `first`.
    let first_of = |years: i64, first: i64| (civil.year - first).div_euclid(years) * years + first;
    match field {
        Field::Microseconds => Some(timestamp),
        Field::Milliseconds => down_to(1_000),
        Field::Second => down_to(SECOND),
        Field::Minute => down_to(60 * SECOND),
        Field::Hour => down_to(3600 * SECOND),
        Field::Day => Some(timestamp - time),
        Field::Week => (days - (days + 3).rem_euclid(7)).checked_mul(DAY),
        Field::Month => Civil { day: 1, ..civil }.days().checked_mul(DAY),
        Field::Quarter => {
            let month = (civil.month - 1) / 3 * 3 + 1;
            Civil { month, day: 1, ..civil }.days().checked_mul(DAY)
        }
        Field::Year => year_start(civil.year),
        Field::Decade => year_start(first_of(10, 0)),
        Field::Century => year_start(first_of(100, 1)),
        Field::Millennium => year_start(first_of(1000, 1)),
        Field::Dow | Field::Isodow | Field::Doy | Field::Isoyear | Field::Julian | Field::Epoch => {
            None
        }
    }
}
