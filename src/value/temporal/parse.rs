//! Reads what PostgreSQL prints with `DateStyle = ISO`.

use super::calendar::Day;
use crate::value::ValueError;

/// Microseconds in a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// A value of a type that knows infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment<T> {
    /// Before everything.
    MinusInfinity,
    /// A finite value.
    At(T),
    /// After everything.
    Infinity,
}

/// A time of day and, for types with a zone, what the clock is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Microseconds since midnight, up to and with 24:00:00.
    pub(super) micros: i64,
    /// Seconds east of UTC; 0 when none was printed.
    pub(super) offset: i64,
}

/// A date and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime {
    pub(super) day: Day,
    pub(super) clock: Clock,
}

impl<T> Moment<T> {
    /// Recognises the two infinities, else reads the value.
    fn parse(text: &[u8], read: impl FnOnce() -> Option<T>) -> Option<Self> {
        match text {
            b"infinity" => Some(Self::Infinity),
            b"-infinity" => Some(Self::MinusInfinity),
            _ => read().map(Self::At),
        }
    }
}

/// `2024-02-29`, `0044-03-15 BC`, `infinity`.
pub(super) fn date(text: &[u8]) -> Result<Moment<Day>, ValueError> {
    Moment::parse(text, || {
        let mut cursor = Cursor(text);
        let day = cursor.day()?;
        cursor.era(day)
    })
    .ok_or(ValueError::Malformed { what: "date" })
}

/// `12:34:56.789`, with `+05:30` behind it for timetz.
pub(super) fn time(text: &[u8]) -> Result<Clock, ValueError> {
    let mut cursor = Cursor(text);
    cursor.clock().filter(|_| cursor.0.is_empty()).ok_or(ValueError::Malformed { what: "time" })
}

/// `2024-02-29 12:34:56.789012`, `… BC`, with an offset before the era for timestamptz.
pub(super) fn timestamp(text: &[u8]) -> Result<Moment<DateTime>, ValueError> {
    Moment::parse(text, || {
        let mut cursor = Cursor(text);
        let day = cursor.day()?;
        cursor.expect(b' ')?;
        let clock = cursor.clock()?;
        Some(DateTime { day: cursor.era(day)?, clock })
    })
    .ok_or(ValueError::Malformed { what: "timestamp" })
}

/// The number that two digits make.
const fn pair(tens: u8, ones: u8) -> Option<u8> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Some((tens - b'0') * 10 + (ones - b'0'))
    } else {
        None
    }
}

/// What is left of the text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// Exactly two digits.
    fn two(&mut self) -> Option<u8> {
        let [tens, ones, rest @ ..] = self.0 else { return None };
        let value = pair(*tens, *ones)?;
        self.0 = rest;
        Some(value)
    }

    /// A number of at most seven digits, which hold every year that PostgreSQL knows, and how
    /// many it has.
    fn number(&mut self) -> Option<(i64, usize)> {
        let mut value = 0;
        let mut length = 0;
        while let [digit @ b'0'..=b'9', rest @ ..] = self.0 {
            value = value * 10 + i64::from(digit - b'0');
            length += 1;
            self.0 = rest;
            if length > 7 {
                return None;
            }
        }
        (length > 0).then_some((value, length))
    }

    /// Four digits nearly always, more when there must be.
    fn year(&mut self) -> Option<i64> {
        if let [a, b, c, d, b'-', ..] = self.0 {
            let year = i64::from(pair(*a, *b)?) * 100 + i64::from(pair(*c, *d)?);
            self.0 = self.0.get(4..)?;
            return Some(year);
        }
        self.number().map(|(year, _)| year)
    }

    /// `YYYY-MM-DD`, the year without its era.
    fn day(&mut self) -> Option<Day> {
        let year = self.year()?;
        let [b'-', a, b, b'-', c, d, rest @ ..] = self.0 else { return None };
        let (month, day) = (pair(*a, *b)?, pair(*c, *d)?);
        self.0 = rest;
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Day { year, month, day })
    }

    /// The end of the text, with ` BC` for years before 1: year 1 BC is the astronomical 0.
    fn era(&mut self, day: Day) -> Option<Day> {
        match self.0 {
            b"" => Some(day),
            b" BC" => Some(Day { year: 1 - day.year, ..day }),
            _ => None,
        }
    }

    /// `HH:MM:SS[.ffffff][±HH[:MM[:SS]]]`.
    fn clock(&mut self) -> Option<Clock> {
        let [a, b, b':', c, d, b':', e, f, rest @ ..] = self.0 else { return None };
        let (hour, minute, second) = (pair(*a, *b)?, pair(*c, *d)?, pair(*e, *f)?);
        if minute > 59 || second > 59 {
            return None;
        }
        self.0 = rest;
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let micros = seconds * 1_000_000 + self.fraction()?;
        (micros <= DAY_MICROS).then_some(Clock { micros, offset: self.offset()? })
    }

    /// Microseconds behind the point, if there is one.
    fn fraction(&mut self) -> Option<i64> {
        if self.expect(b'.').is_none() {
            return Some(0);
        }
        let (value, length) = self.number()?;
        let missing = 6_usize.checked_sub(length)?;
        Some((0..missing).fold(value, |value, _| value * 10))
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.0 {
            [b'+', rest @ ..] => {
                self.0 = rest;
                1
            }
            [b'-', rest @ ..] => {
                self.0 = rest;
                -1
            }
            _ => return Some(0),
        };
        let mut seconds = i64::from(self.two()?) * 3600;
        for unit in [60, 1] {
            if self.expect(b':').is_none() {
                break;
            }
            seconds += i64::from(self.two()?) * unit;
        }
        Some(sign * seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_timestamp_is_read() {
        let parsed = timestamp(b"0044-03-15 12:34:56.5+05:45:01 BC").unwrap();
        let Moment::At(at) = parsed else { panic!("{parsed:?}") };
        assert_eq!(at.day, Day { year: -43, month: 3, day: 15 });
        assert_eq!(at.clock, Clock { micros: 45_296_500_000, offset: 20_701 });
    }

    #[test]
    fn other_styles_and_rubbish_are_errors() {
        let texts = [
            "",
            "2024-1-1",
            "01/02/2024",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-01-01 AD",
            "12345678-01-01",
            "-2024-01-01",
        ];
        for text in texts {
            assert!(date(text.as_bytes()).is_err(), "{text}");
        }
        for text in
            ["24:00:00.000001", "1:00:00", "12:60:00", "12:00:60", "12:00", "12:00:00.1234567"]
        {
            assert!(time(text.as_bytes()).is_err(), "{text}");
        }
        for text in ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00 ", "Infinity"] {
            assert!(timestamp(text.as_bytes()).is_err(), "{text}");
        }
    }
}
