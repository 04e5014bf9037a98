//! Division and remainder.

use super::{Decimal, Unscaled, power, small_power};
use num_bigint::BigInt;

/// Significant digits that a quotient has at least.
const MIN_SIGNIFICANT_DIGITS: i64 = 16;

/// The largest scale that a quotient is given.
const MAX_DISPLAY_SCALE: i64 = 1000;

/// Decimal digits in one digit of PostgreSQL's numeric.
const BASE_DIGITS: i64 = 4;

/// Digits behind the point of `left / right`.
///
/// Source: `select_div_scale` in PostgreSQL's `numeric.c`. It counts in digits of base 10,000, and
/// so has to be followed in that base.
pub(super) fn division_scale(left: &Decimal, right: &Decimal) -> u32 {
    let (left_weight, left_first) = leading_digit(left);
    let (right_weight, right_first) = leading_digit(right);
    // When the first digits are equal, the quotient may begin one digit further right.
    let weight = left_weight - right_weight - i64::from(left_first <= right_first);
    let scale = (MIN_SIGNIFICANT_DIGITS - weight * BASE_DIGITS)
        .max(left.scale.into())
        .max(right.scale.into())
        .clamp(0, MAX_DISPLAY_SCALE);
    u32::try_from(scale).unwrap_or(0)
}

/// Weight and value of the first digit of base 10,000 that is not 0.
fn leading_digit(number: &Decimal) -> (i64, u32) {
    if number.is_zero() {
        return (0, 0);
    }
    let digits = match &number.unscaled {
        Unscaled::Small(value) => value.unsigned_abs().to_string(),
        Unscaled::Big(value) => value.magnitude().to_string(),
    };
    let exponent = i64::try_from(digits.len()).unwrap_or(i64::MAX) - i64::from(number.scale) - 1;
    let weight = exponent.div_euclid(BASE_DIGITS);
    let wanted = usize::try_from(exponent.rem_euclid(BASE_DIGITS) + 1).unwrap_or(1);
    let digits = digits.bytes().chain(std::iter::repeat(b'0')).take(wanted);
    (weight, digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

/// `left / right`, rounded half away from zero; `right` is not 0.
fn rounded_small(left: i128, right: i128) -> Option<i128> {
    let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
    let is_half = rest.unsigned_abs() >= right.unsigned_abs() - rest.unsigned_abs();
    let away = if (left < 0) == (right < 0) { 1 } else { -1 };
    Some(if is_half && rest != 0 { quotient + away } else { quotient })
}

/// As [`rounded_small`], for any size.
pub(super) fn rounded_big(left: &BigInt, right: &BigInt) -> BigInt {
    let (quotient, rest) = (left / right, left % right);
    if rest == BigInt::ZERO {
        return quotient;
    }
    let is_half = rest.magnitude() * 2_u32 >= *right.magnitude();
    let away = if left.sign() == right.sign() { 1 } else { -1 };
    if is_half { quotient + away } else { quotient }
}

impl Decimal {
    /// The quotient with PostgreSQL's scale; `None` for a division by zero.
    #[must_use]
    pub fn divide(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        let scale = division_scale(self, divisor);
        // unscaled = left × 10^(scale + right.scale - left.scale) ÷ right
        let shift = i64::from(scale) + i64::from(divisor.scale) - i64::from(self.scale);
        let shift = u32::try_from(shift).unwrap_or(0);
        if let (Unscaled::Small(left), Unscaled::Small(right)) = (&self.unscaled, &divisor.unscaled)
            && let Some(left) = small_power(shift).and_then(|p| i128::from(*left).checked_mul(p))
            && let Some(unscaled) = rounded_small(left, (*right).into())
        {
            return Some(Self { unscaled: unscaled.into(), scale });
        }
        let left = self.unscaled.big() * power(shift);
        let unscaled = rounded_big(&left, &divisor.unscaled.big()).into();
        Some(Self { unscaled, scale })
    }

    /// The remainder, with the sign of the dividend; `None` for a division by zero.
    #[must_use]
    pub fn remainder(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        Some(self.at_common_scale(divisor, i128::checked_rem, |left, right| left % right))
    }
}
