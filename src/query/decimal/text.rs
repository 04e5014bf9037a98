//! Decimal numbers as text, and from floats.

use super::{Decimal, SCALE_MAX, Unscaled, power};
use num_bigint::BigInt;
use std::fmt;
use std::str::FromStr;

/// More digits than PostgreSQL's numeric can hold.
const DIGITS_MAX: usize = 150_000;

/// Text that is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number")]
pub struct ParseDecimalError;

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Reads what `numeric_in` reads: `12`, `-1.50`, `.5`, `1e-3`.
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        let text = text.trim_ascii();
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => {
                let exponent: i32 = exponent.parse().map_err(|_| ParseDecimalError)?;
                (number, exponent)
            }
            None => (text, 0),
        };
        if exponent.unsigned_abs() > 140_000 {
            return Err(ParseDecimalError);
        }
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let count = whole.len() + fraction.len();
        let digits = || whole.bytes().chain(fraction.bytes());
        if count == 0 || count > DIGITS_MAX || !digits().all(|digit| digit.is_ascii_digit()) {
            return Err(ParseDecimalError);
        }
        let unscaled: Unscaled = if count <= 18 {
            let add = |value, digit| value * 10 + i64::from(digit - b'0');
            let value = digits().fold(0, add);
            Unscaled::Small(if negative { -value } else { value })
        } else {
            let sign = if negative { num_bigint::Sign::Minus } else { num_bigint::Sign::Plus };
            let digits: Vec<u8> = digits().map(|digit| digit - b'0').collect();
            BigInt::from_radix_be(sign, &digits, 10).ok_or(ParseDecimalError)?.into()
        };
        let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX) - i64::from(exponent);
        Ok(match u32::try_from(scale) {
            Ok(scale) if scale <= SCALE_MAX => Self { unscaled, scale },
            Ok(_) => return Err(ParseDecimalError),
            Err(_) => {
                let zeros = u32::try_from(scale.unsigned_abs()).map_err(|_| ParseDecimalError)?;
                Self { unscaled: (unscaled.big() * power(zeros)).into(), scale: 0 }
            }
        })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match &self.unscaled {
            Unscaled::Small(value) => value.unsigned_abs().to_string(),
            Unscaled::Big(value) => value.magnitude().to_string(),
        };
        let scale = self.scale as usize;
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let point = if scale > 0 { "." } else { "" };
        f.pad_integral(!self.is_negative(), "", &format!("{whole}{point}{fraction}"))
    }
}

impl Decimal {
    /// What a cast from `double precision` (15 digits) or `real` (6 digits) makes of a finite
    /// float.
    #[must_use]
    pub fn from_float(value: f64, significant_digits: usize) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:.precision$e}", precision = significant_digits - 1);
        let (digits, exponent) = text.split_once('e')?;
        let digits = match digits.contains('.') {
            true => digits.trim_end_matches('0').trim_end_matches('.'),
            false => digits,
        };
        format!("{digits}e{exponent}").parse().ok()
    }
}
