//! Exact decimal numbers that behave as PostgreSQL's `numeric`: any size, and a scale that is part
//! of the value, so that `1.50` prints as `1.50`.
//!
//! The scale of each result follows `numeric.c` of PostgreSQL: addition takes the larger scale,
//! multiplication the sum of both, division `select_div_scale`. There is
//! no NaN and no infinity: neither Debezium's Decimal nor a finite sum makes one.

mod divide;
mod round;
mod text;

pub use text::ParseDecimalError;

use num_bigint::BigInt;
use std::cmp::Ordering;

/// The most digits behind the point that a product keeps, as in PostgreSQL.
pub const SCALE_MAX: u32 = 16_383;

/// A number `unscaled × 10^-scale`.
///
/// Equality is by representation (`1.5` is not `1.50`); [`Decimal::compare`] is by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    unscaled: Unscaled,
    scale: u32,
}

/// Most numbers fit into a word; the others are boxed. A number that fits is never `Big`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Unscaled {
    Small(i64),
    Big(Box<BigInt>),
}

impl Unscaled {
    fn big(&self) -> BigInt {
        match self {
            Self::Small(value) => BigInt::from(*value),
            Self::Big(value) => (**value).clone(),
        }
    }
}

impl From<i128> for Unscaled {
    fn from(value: i128) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Big(Box::new(value.into())), Self::Small)
    }
}

impl From<BigInt> for Unscaled {
    fn from(value: BigInt) -> Self {
        i64::try_from(&value).map_or_else(|_| Self::Big(Box::new(value)), Self::Small)
    }
}

/// 10 to the power of `exponent`, as far as it fits.
fn small_power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

fn power(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self { unscaled: Unscaled::Small(value), scale: 0 }
    }
}

impl From<i128> for Decimal {
    fn from(value: i128) -> Self {
        Self { unscaled: value.into(), scale: 0 }
    }
}

impl Decimal {
    /// Zero without digits behind the point.
    pub const ZERO: Self = Self { unscaled: Unscaled::Small(0), scale: 0 };

    /// `unscaled × 10^-scale`.
    #[must_use]
    pub const fn new(unscaled: i64, scale: u32) -> Self {
        Self { unscaled: Unscaled::Small(unscaled), scale }
    }

    /// Reads big-endian two's-complement bytes, as Connect's Decimal has them. A negative scale
    /// counts zeros in front of the point.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8], scale: i32) -> Self {
        let unscaled = match bytes.len() {
            0..=8 => {
                let sign = bytes.first().map_or(0, |first| if *first >= 0x80 { -1 } else { 0 });
                let value =
                    bytes.iter().fold(sign, |value: i64, byte| value << 8 | i64::from(*byte));
                Unscaled::Small(value)
            }
            _ => BigInt::from_signed_bytes_be(bytes).into(),
        };
        match u32::try_from(scale) {
            Ok(scale) => Self { unscaled, scale },
            Err(_) => {
                let unscaled = (unscaled.big() * power(scale.unsigned_abs().min(200_000))).into();
                Self { unscaled, scale: 0 }
            }
        }
    }

    /// Digits behind the point.
    #[must_use]
    pub const fn scale(&self) -> u32 {
        self.scale
    }

    /// True for 0, 0.00 and so on.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.unscaled == Unscaled::Small(0)
    }

    /// True below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.unscaled {
            Unscaled::Small(value) => *value < 0,
            Unscaled::Big(value) => value.sign() == num_bigint::Sign::Minus,
        }
    }

    /// Unscaled value at a larger scale, if it fits into 128 bits.
    fn small_at(&self, scale: u32) -> Option<i128> {
        let Unscaled::Small(value) = self.unscaled else { return None };
        if scale == self.scale {
            return Some(value.into());
        }
        i128::from(value).checked_mul(small_power(scale - self.scale)?)
    }

    /// Unscaled value at a larger scale.
    fn big_at(&self, scale: u32) -> BigInt {
        if scale == self.scale {
            return self.unscaled.big();
        }
        self.unscaled.big() * power(scale - self.scale)
    }

    /// Combines two numbers at their larger scale.
    fn at_common_scale(
        &self,
        other: &Self,
        small: impl Fn(i128, i128) -> Option<i128>,
        big: impl Fn(BigInt, BigInt) -> BigInt,
    ) -> Self {
        let scale = self.scale.max(other.scale);
        let both = self.small_at(scale).zip(other.small_at(scale));
        let unscaled = match both.and_then(|(left, right)| small(left, right)) {
            Some(value) => value.into(),
            None => big(self.big_at(scale), other.big_at(scale)).into(),
        };
        Self { unscaled, scale }
    }

    /// The sum; its scale is the larger one.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.at_common_scale(other, i128::checked_add, |left, right| left + right)
    }

    /// The difference; its scale is the larger one.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.at_common_scale(other, i128::checked_sub, |left, right| left - right)
    }

    /// The product; its scale is the sum of both.
    #[must_use]
    pub fn multiply(&self, other: &Self) -> Self {
        let scale = self.scale + other.scale;
        let unscaled = match (&self.unscaled, &other.unscaled) {
            (Unscaled::Small(left), Unscaled::Small(right)) => {
                (i128::from(*left) * i128::from(*right)).into()
            }
            (left, right) => (left.big() * right.big()).into(),
        };
        let product = Self { unscaled, scale };
        if scale > SCALE_MAX { product.round(SCALE_MAX.cast_signed()) } else { product }
    }

    /// The number with its sign turned.
    #[must_use]
    pub fn negate(&self) -> Self {
        let unscaled = match &self.unscaled {
            Unscaled::Small(value) => (-i128::from(*value)).into(),
            Unscaled::Big(value) => (-(**value).clone()).into(),
        };
        Self { unscaled, scale: self.scale }
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    /// Compares by value: `1.5` equals `1.50`.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match self.small_at(scale).zip(other.small_at(scale)) {
            Some((left, right)) => left.cmp(&right),
            None => self.big_at(scale).cmp(&other.big_at(scale)),
        }
    }

    /// The same value in the one representation that all equal numbers share: without zeros at
    /// the end of the fraction.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut scale = self.scale;
        match &self.unscaled {
            Unscaled::Small(0) => Self::ZERO,
            Unscaled::Small(value) => {
                let mut value = *value;
                while scale > 0 && value % 10 == 0 {
                    value /= 10;
                    scale -= 1;
                }
                Self { unscaled: Unscaled::Small(value), scale }
            }
            Unscaled::Big(value) => {
                let digits = value.to_string();
                let zeros = digits.bytes().rev().take_while(|digit| *digit == b'0').count();
                let zeros = u32::try_from(zeros).unwrap_or(scale).min(scale);
                Self { unscaled: ((**value).clone() / power(zeros)).into(), scale: scale - zeros }
            }
        }
    }

    /// The same value with at least `scale` digits behind the point.
    #[must_use]
    pub fn with_scale_at_least(&self, scale: u32) -> Self {
        if scale <= self.scale {
            return self.clone();
        }
        let unscaled = match self.small_at(scale) {
            Some(value) => value.into(),
            None => self.big_at(scale).into(),
        };
        Self { unscaled, scale }
    }

    /// The integer that this is, rounded half away from zero; `None` when it does not fit.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        match self.round(0).unscaled {
            Unscaled::Small(value) => Some(value),
            Unscaled::Big(_) => None,
        }
    }

    /// The nearest float.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Digits in front of the point, leading zeros not counted.
    #[must_use]
    pub fn whole_digits(&self) -> u32 {
        let digits = match &self.unscaled {
            Unscaled::Small(0) => 0,
            Unscaled::Small(value) => value.unsigned_abs().ilog10() + 1,
            Unscaled::Big(value) => u32::try_from(value.magnitude().to_string().len()).unwrap_or(0),
        };
        digits.saturating_sub(self.scale)
    }
}

#[cfg(test)]
mod tests;
