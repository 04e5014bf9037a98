//! Days since 1970-01-01 and calendar dates, in both calendars.

/// A date with an astronomical year: 0 is 1 BC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: u8,
    pub(super) day: u8,
}

/// The first day of the Gregorian calendar.
const GREGORIAN_START: Day = Day { year: 1582, month: 10, day: 15 };

impl Day {
    /// Days since 1970-01-01 in the proleptic Gregorian calendar.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub(super) const fn number(self) -> i64 {
        let (year, day_of_year) = self.march_based();
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// Days since 1970-01-01 when the fields are read in the Julian calendar.
    const fn julian_number(self) -> i64 {
        let (year, day_of_year) = self.march_based();
        year * 365 + year.div_euclid(4) + day_of_year - 719_470
    }

    /// Days since 1970-01-01 as `java.util.GregorianCalendar` counts: Julian before its change.
    pub(super) fn java_number(self) -> i64 {
        if self < GREGORIAN_START { self.julian_number() } else { self.number() }
    }

    /// The year that begins in March, and the day within it.
    const fn march_based(self) -> (i64, i64) {
        let (month, year) = if self.month > 2 {
            (self.month as i64 - 3, self.year)
        } else {
            (self.month as i64 + 9, self.year - 1)
        };
        (year, (153 * month + 2) / 5 + self.day as i64 - 1)
    }

    /// The date of a day number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "month is 1 to 12 and day 1 to 31 by construction"
    )]
    pub(super) const fn from_number(number: i64) -> Self {
        let number = number + 719_468;
        let era = number.div_euclid(146_097);
        let day_of_era = number.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u8;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as i64;
        Self { year, month: month as u8, day }
    }

    /// True for dates that the proleptic Gregorian calendar has.
    pub(super) fn exists(self) -> bool {
        Self::from_number(self.number()) == self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn day(year: i64, month: u8, day: u8) -> Day {
        Day { year, month, day }
    }

    #[test]
    fn known_days_have_known_numbers() {
        assert_eq!(day(1970, 1, 1).number(), 0);
        assert_eq!(day(2024, 2, 29).number(), 19_782);
        assert_eq!(day(-4712, 1, 1).number(), -2_440_550);
        assert_eq!(day(5_874_897, 12, 31).number(), 2_145_042_905);
        assert!(!day(2023, 2, 29).exists());
    }

    #[test]
    fn julian_dates_run_behind() {
        assert_eq!(day(1500, 3, 1).java_number(), day(1500, 3, 11).number());
        assert_eq!(day(-43, 3, 15).java_number(), day(-43, 3, 13).number());
        assert_eq!(day(1582, 10, 4).java_number() + 1, day(1582, 10, 15).java_number());
    }

    proptest! {
        #[test]
        fn every_number_has_one_date(number in -200_000_000_000_i64..200_000_000_000) {
            prop_assert_eq!(Day::from_number(number).number(), number);
        }
    }
}
