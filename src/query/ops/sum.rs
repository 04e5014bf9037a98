//! Sums that stay right when numbers are taken out again.

use crate::query::decimal::Decimal;
use num_bigint::{BigInt, Sign};
use std::collections::BTreeMap;

/// A sum of `numeric`; its scale is the largest of those that are in it.
#[derive(Debug, Default)]
pub(super) struct DecimalSum {
    sum: Option<Decimal>,
    scales: BTreeMap<u32, i64>,
}

impl DecimalSum {
    pub(super) fn add(&mut self, number: &Decimal, weight: i64) {
        let part = match weight {
            1 => number.clone(),
            -1 => number.negate(),
            weight => number.multiply(&Decimal::from(weight)),
        };
        self.sum = Some(match &self.sum {
            Some(sum) => sum.add(&part),
            None => part,
        });
        let count = self.scales.entry(number.scale()).or_default();
        *count += weight;
        if *count == 0 {
            self.scales.remove(&number.scale());
        }
    }

    pub(super) fn value(&self) -> Decimal {
        let scale = self.scales.last_key_value().map_or(0, |(scale, _)| *scale);
        // Digits behind the largest scale are zeros: what had them has left.
        self.sum.as_ref().unwrap_or(&Decimal::ZERO).round(scale.cast_signed())
    }
}

/// Bits behind the point of the smallest float.
const FRACTION_BITS: u64 = 1074;

/// A sum of floats, exact and independent of their order: PostgreSQL's depends on the order, and a
/// sum in floats could not be undone.
#[derive(Debug, Default)]
pub(super) struct FloatSum {
    /// In units of the smallest float.
    exact: BigInt,
    nans: i64,
    infinities: i64,
    minus_infinities: i64,
}

impl FloatSum {
    pub(super) fn add(&mut self, value: f64, weight: i64) {
        match value {
            f64::INFINITY => self.infinities += weight,
            f64::NEG_INFINITY => self.minus_infinities += weight,
            value if value.is_nan() => self.nans += weight,
            value => {
                let bits = value.to_bits();
                let exponent = (bits >> 52) & 0x7ff;
                let fraction = bits & ((1 << 52) - 1);
                let (mantissa, shift) = match exponent {
                    0 => (fraction, 0),
                    exponent => (fraction | 1 << 52, exponent - 1),
                };
                let magnitude = BigInt::from(mantissa) << shift;
                let weight = if value.is_sign_negative() { -weight } else { weight };
                self.exact += magnitude * weight;
            }
        }
    }

    pub(super) fn value(&self) -> f64 {
        if self.nans > 0 || (self.infinities > 0 && self.minus_infinities > 0) {
            f64::NAN
        } else if self.infinities > 0 {
            f64::INFINITY
        } else if self.minus_infinities > 0 {
            f64::NEG_INFINITY
        } else {
            to_float(&self.exact)
        }
    }
}

/// The nearest float of a number in units of the smallest one.
#[expect(clippy::cast_precision_loss, reason = "the bits that are left fit")]
fn to_float(exact: &BigInt) -> f64 {
    let magnitude = exact.magnitude();
    let bits = magnitude.bits();
    // The top 64 bits, of which the last one says whether there is anything behind them: then the
    // conversion rounds as if it saw all.
    let dropped = bits.saturating_sub(64);
    let top = magnitude >> dropped;
    let is_exact = (&top << dropped) == *magnitude;
    let top = top.iter_u64_digits().next().unwrap_or(0) | u64::from(!is_exact);
    let value =
        scale(top as f64, i64::try_from(dropped).unwrap_or(i64::MAX) - FRACTION_BITS.cast_signed());
    if exact.sign() == Sign::Minus { -value } else { value }
}

/// `value × 2^exponent`, in steps that floats can take.
fn scale(mut value: f64, mut exponent: i64) -> f64 {
    while exponent > 1000 {
        value *= 2.0_f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 {
        value *= 2.0_f64.powi(-1000);
        exponent += 1000;
    }
    value * 2.0_f64.powi(i32::try_from(exponent).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scale_of_a_sum_is_that_of_what_is_in_it() {
        let mut sum = DecimalSum::default();
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        sum.add(&number("1.5"), 1);
        sum.add(&number("0.250"), 1);
        assert_eq!(sum.value(), number("1.750"));
        sum.add(&number("0.250"), -1);
        assert_eq!(sum.value(), number("1.5"));
        sum.add(&number("1.5"), -1);
        assert_eq!(sum.value(), number("0"));
    }

    proptest! {
        #[test]
        fn sum_of_floats_forgets_what_was_taken_out(
            kept in proptest::collection::vec(-1e9..1e9_f64, 0..8),
            gone in proptest::collection::vec(any::<f64>(), 0..8),
        ) {
            let (mut sum, mut expected) = (FloatSum::default(), FloatSum::default());
            for value in gone.iter().chain(&kept) {
                sum.add(*value, 1);
            }
            for value in &kept {
                expected.add(*value, 1);
            }
            for value in &gone {
                sum.add(*value, -1);
            }
            prop_assert_eq!(sum.value().to_bits(), expected.value().to_bits());
            let plain: f64 = kept.iter().sum();
            prop_assert!((sum.value() - plain).abs() <= 1e-4);
        }

        #[test]
        fn one_float_is_its_own_sum(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let mut sum = FloatSum::default();
            sum.add(value, 1);
            prop_assert_eq!(sum.value() == value, true);
        }
    }
}
