//! Rounding, cutting off, and fitting into a declared precision.

use super::divide::rounded_big;
use super::{Decimal, Unscaled, power, small_power};
use num_bigint::BigInt;

impl Decimal {
    /// Rounds half away from zero to so many digits behind the point; fewer than none rounds to
    /// tens, hundreds and so on. The result has that scale, and never less than 0.
    #[must_use]
    pub fn round(&self, digits: i32) -> Self {
        self.reduce(digits, rounded_big, |value, power| {
            let half = power / 2;
            (value + if value < 0 { -half } else { half }) / power
        })
    }

    /// As [`Decimal::round`], but cuts off.
    #[must_use]
    pub fn truncate(&self, digits: i32) -> Self {
        self.reduce(digits, |value, power| value / power, |value, power| value / power)
    }

    /// The smallest integer that is not less.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.to_whole(|value, whole| value.compare(whole).is_gt(), 1)
    }

    /// The largest integer that is not greater.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.to_whole(|value, whole| value.compare(whole).is_lt(), -1)
    }

    fn to_whole(&self, beyond: impl Fn(&Self, &Self) -> bool, step: i64) -> Self {
        let whole = self.truncate(0);
        if beyond(self, &whole) { whole.add(&Self::from(step)) } else { whole }
    }

    fn reduce(
        &self,
        digits: i32,
        big: impl Fn(&BigInt, &BigInt) -> BigInt,
        small: impl Fn(i128, i128) -> i128,
    ) -> Self {
        let scale = u32::try_from(digits).unwrap_or(0);
        let dropped = i64::from(self.scale) - i64::from(digits);
        let Some(dropped) = u32::try_from(dropped).ok().filter(|dropped| *dropped > 0) else {
            return self.with_scale_at_least(scale);
        };
        // 10^0 for digits ≥ 0; what was dropped in front of the point comes back as zeros.
        let zeros = digits.min(0).unsigned_abs();
        if dropped > 400_000 {
            return Self { unscaled: Unscaled::Small(0), scale };
        }
        if let Unscaled::Small(value) = self.unscaled
            && let Some((power, zeros)) = small_power(dropped).zip(small_power(zeros))
            && power < i128::MAX / 4
            && let Some(unscaled) = small(value.into(), power).checked_mul(zeros)
        {
            return Self { unscaled: unscaled.into(), scale };
        }
        let unscaled = big(&self.unscaled.big(), &power(dropped)) * power(zeros);
        Self { unscaled: unscaled.into(), scale }
    }

    /// The value as a `numeric(precision, scale)` holds it; `None` when it does not fit.
    #[must_use]
    pub fn fit(&self, precision: u32, scale: i32) -> Option<Self> {
        let rounded = self.round(scale);
        let whole_max = i64::from(precision) - i64::from(scale);
        (i64::from(rounded.whole_digits()) <= whole_max.max(0)).then_some(rounded)
    }
}
