//! Column types from the cells of a whole file.
//!
//! A type is only chosen when PostgreSQL reads every cell with it and nothing is lost: leading
//! zeros (postcodes), a leading plus (telephone numbers), nanoseconds and `yes`/`no` stay text.

use std::fmt;

/// The types that a made table may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bigint,
    Numeric,
    Boolean,
    Date,
    Timestamptz,
    Uuid,
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bigint => "bigint",
            Self::Numeric => "numeric",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamptz => "timestamptz",
            Self::Uuid => "uuid",
            Self::Text => "text",
        })
    }
}

/// What the cells of one column have been so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guess {
    kind: Option<Kind>,
    nulls: bool,
}

impl Guess {
    /// Takes one more cell into account; `None` is NULL.
    pub(super) fn see(&mut self, cell: Option<&[u8]>) {
        match (cell, self.kind) {
            (None, _) => self.nulls = true,
            (Some(_), Some(Kind::Text)) => {}
            (Some(cell), None) => self.kind = Some(classify(cell)),
            (Some(cell), Some(kind)) => self.kind = Some(join(kind, classify(cell))),
        }
    }

    /// The type that reads every cell seen; text when there was none.
    pub(super) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Text)
    }

    /// True when there were cells and none was NULL.
    pub(super) const fn is_complete(&self) -> bool {
        self.kind.is_some() && !self.nulls
    }
}

/// The narrowest type that reads what both read.
fn join(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        _ if a == b => a,
        (Kind::Bigint, Kind::Numeric) | (Kind::Numeric, Kind::Bigint) => Kind::Numeric,
        (Kind::Date, Kind::Timestamptz) | (Kind::Timestamptz, Kind::Date) => Kind::Timestamptz,
        _ => Kind::Text,
    }
}

fn classify(cell: &[u8]) -> Kind {
    if let Some(kind) = number(cell) {
        return kind;
    }
    if ["true", "false", "t", "f"].iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes())) {
        return Kind::Boolean;
    }
    if is_uuid(cell) {
        return Kind::Uuid;
    }
    match date(cell) {
        Some([]) => Kind::Date,
        Some(rest) if is_time_of_day(rest) => Kind::Timestamptz,
        _ => Kind::Text,
    }
}

/// `-12`, `12.50`, `1.5e-7`; whole numbers beyond 64 bits are numeric.
fn number(cell: &[u8]) -> Option<Kind> {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    let (whole, rest) = take_digits(digits);
    let leading_zero = whole.len() > 1 && whole.first() == Some(&b'0');
    // PostgreSQL's numeric has room for 131,072 digits before and 16,383 behind the point.
    if whole.is_empty() || leading_zero || cell.len() > 1_000 {
        return None;
    }
    if rest.is_empty() {
        let fits = std::str::from_utf8(cell).is_ok_and(|text| text.parse::<i64>().is_ok());
        // "-0" would come back as "0".
        return (cell != b"-0").then_some(if fits { Kind::Bigint } else { Kind::Numeric });
    }
    // An exponent without a point is a product code more often than a number.
    let (fraction, rest) = take_digits(rest.strip_prefix(b".")?);
    let exponent = match rest {
        [] => return (!fraction.is_empty()).then_some(Kind::Numeric),
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => digits,
        _ => return None,
    };
    let is_short = (1..=3).contains(&exponent.len()) && exponent.iter().all(u8::is_ascii_digit);
    (!fraction.is_empty() && is_short).then_some(Kind::Numeric)
}

fn take_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len()))
}

fn is_uuid(cell: &[u8]) -> bool {
    cell.len() == 36
        && cell.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What follows a valid `YYYY-MM-DD`.
fn date(cell: &[u8]) -> Option<&[u8]> {
    let (year, rest) = number_of(cell, 4)?;
    let (month, rest) = number_of(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number_of(rest.strip_prefix(b"-")?, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    (year > 0 && (1..=days).contains(&day)).then_some(rest)
}

/// `[ T]HH:MM[:SS[.ffffff]][ ][Z|±HH[[:]MM]]`.
fn is_time_of_day(text: &[u8]) -> bool {
    parse_time_of_day(text).is_some_and(<[u8]>::is_empty)
}

fn parse_time_of_day(text: &[u8]) -> Option<&[u8]> {
    let [b' ' | b'T' | b't', rest @ ..] = text else { return None };
    let (hour, rest) = number_of(rest, 2)?;
    let (minute, mut rest) = number_of(rest.strip_prefix(b":")?, 2)?;
    let mut second = 0;
    if let Some(behind) = rest.strip_prefix(b":") {
        (second, rest) = number_of(behind, 2)?;
        if let Some(behind) = rest.strip_prefix(b".") {
            let (fraction, behind) = take_digits(behind);
            if !(1..=6).contains(&fraction.len()) {
                return None;
            }
            rest = behind;
        }
    }
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    zone(rest)
}

fn zone(text: &[u8]) -> Option<&[u8]> {
    let spaced = text.strip_prefix(b" ");
    match (spaced.unwrap_or(text), spaced.is_some()) {
        ([], spaced) => (!spaced).then_some(&[]),
        ([b'Z' | b'z', rest @ ..], _) => Some(rest),
        ([b'+' | b'-', rest @ ..], _) => {
            let (hours, rest) = number_of(rest, 2)?;
            let minutes = rest.strip_prefix(b":").unwrap_or(rest);
            let (minutes, rest) = if rest.is_empty() { (0, rest) } else { number_of(minutes, 2)? };
            (hours < 15 && minutes < 60).then_some(rest)
        }
        _ => None,
    }
}

/// A number of exactly so many digits, and what follows it.
fn number_of(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let number = number.iter().try_fold(0_u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
    })?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_get_the_narrowest_type_that_loses_nothing() {
        let uuid = "C0FFEE00-1234-5678-9abc-def012345678";
        let huge = "9".repeat(40);
        #[rustfmt::skip] // one type a line
        let cases: [(Kind, &[&str]); 7] = [
            (Kind::Bigint, &["0", "7", "-7", "9223372036854775807", "-9223372036854775808"]),
            (Kind::Numeric, &["9223372036854775808", "0.5", "-12.50", "1.5e-7", "1.0E12", &huge]),
            (Kind::Boolean, &["true", "FALSE", "t", "F"]),
            (Kind::Date, &["2024-02-29", "0001-01-01", "9999-12-31"]),
            (Kind::Timestamptz, &["2024-02-29 23:59", "2024-02-29T23:59:59.123456Z", "2024-01-01 00:00:00+02",
                "2024-01-01 00:00:00 -0330", "2024-01-01T00:00:00+05:45"]),
            (Kind::Uuid, &[uuid]),
            (Kind::Text, &["", "007", "00.5", "+49", "-0", "1e5", "1.", ".5", "-", "1 ", "NaN", "infinity", "yes",
                "2023-02-29", "2024-13-01", "2024-1-1", "0000-01-01", "2024-01-01 24:00", "2024-01-01 00:00:60",
                "2024-01-01 00:00:00.1234567", "2024-01-01 00:00 ", "2024-01-01 00:00+99", "12:30", "é", "2024-01-01x"]),
        ];
        for (kind, cells) in cases {
            for cell in cells {
                assert_eq!(classify(cell.as_bytes()), kind, "{cell:?}");
            }
        }
    }

    #[test]
    fn columns_widen_over_all_their_cells() {
        let kind = |cells: &[Option<&str>]| {
            let mut guess = Guess::default();
            cells.iter().for_each(|cell| guess.see(cell.map(str::as_bytes)));
            (guess.kind(), guess.is_complete())
        };
        assert_eq!(kind(&[Some("1"), Some("2.5")]), (Kind::Numeric, true));
        assert_eq!(kind(&[Some("1"), None]), (Kind::Bigint, false));
        assert_eq!(kind(&[Some("1"), Some("007"), Some("2")]), (Kind::Text, true));
        assert_eq!(
            kind(&[Some("2024-01-01"), Some("2024-01-01 10:00")]),
            (Kind::Timestamptz, true)
        );
        assert_eq!(kind(&[Some("true"), Some("1")]), (Kind::Text, true));
        assert_eq!(kind(&[None]), (Kind::Text, false));
        assert_eq!(kind(&[]), (Kind::Text, false));
    }
}
