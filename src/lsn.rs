//! Log sequence numbers: byte positions in PostgreSQL's write-ahead log.

use std::{fmt, str::FromStr};

/// Byte position in the WAL; 0 is invalid. Written as two hex halves, `16/B374D848`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(u64);

impl Lsn {
    /// The invalid position `0/0`, which PostgreSQL uses for "none".
    pub const INVALID: Self = Self(0);

    /// The position of a byte offset as PostgreSQL's protocol sends it.
    #[must_use]
    pub const fn new(position: u64) -> Self {
        Self(position)
    }

    /// The byte offset, as Debezium prints it in `source.lsn`.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Bytes between `earlier` and this position; 0 when `earlier` is not earlier.
    #[must_use]
    pub const fn bytes_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The text was not an LSN.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("invalid LSN \"{0}\": expected two hex numbers such as 16/B374D848")]
pub struct ParseLsnError(String);

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, ParseLsnError> {
        // from_str_radix takes a leading sign, PostgreSQL does not.
        let half = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            u32::from_str_radix(digits, 16).ok().map(u64::from)
        };
        text.split_once('/')
            .and_then(|(high, low)| Some(Self(half(high)? << 32 | half(low)?)))
            .ok_or_else(|| ParseLsnError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsn_text_goes_both_ways() {
        let lsn: Lsn = "16/B374D848".parse().unwrap();
        assert_eq!(lsn.as_u64(), 0x16_B374_D848);
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert_eq!(Lsn::new(u64::MAX).to_string(), "FFFFFFFF/FFFFFFFF");
    }

    #[test]
    fn lsn_text_that_is_none_is_refused() {
        for text in ["", "/", "0", "1/", "/1", "1/2/3", "+1/2", "1/-2", "g/0", "123456789/0"] {
            assert!(text.parse::<Lsn>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn distance_never_goes_below_zero() {
        assert_eq!(Lsn::new(5).bytes_since(Lsn::new(2)), 3);
        assert_eq!(Lsn::new(2).bytes_since(Lsn::new(5)), 0);
    }
}
