//! Where Java before 19 writes other digits of a float than the shortest ones.
//!
//! Its `Double.toString` and `Float.toString` look for the fewest digits that lie less than half a
//! unit in the last place from the value, as everybody does, with three exceptions:
//!
//! - a whole number below 2⁶³ is written with about as many digits as its type can hold, though
//!   fewer would do;
//! - for a power of two the distance is a quarter of a unit, on both sides;
//! - a decimal at half a unit exactly does not count, though it may read back as the number.
//!
//! Source: behaviour of OpenJDK 17, with which the recordings were made; `java_17.txt` holds what it
//! wrote for 685 numbers. Of 662,114 numbers 44 had another last digit there, all between 2.7·10²⁵ and
//! 7.7·10²⁵ or 2⁸³, where an overflow keeps Java from rounding up; that is not followed.

use super::bigint::multiply_add;
use std::cmp::Ordering;

/// One of the two formats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Bits of the significand, the hidden one included.
    pub(super) significant_bits: i32,
    /// Exponent of the smallest normal number.
    pub(super) exponent_min: i32,
}

/// 2⁶³, below which whole numbers are written as such.
const WHOLE_END: f64 = 9_223_372_036_854_775_808.0;
/// From here on no decimal of 17 digits lies at half a unit exactly.
const TIES_END: f64 = 1e41;

/// A decimal `digits × 10^exponent`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: u64,
    exponent: i32,
}

impl Decimal {
    /// Of text such as `1.5e-7`, with at most 19 digits.
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Some(Self {
            digits: format!("{whole}{fraction}").parse().ok()?,
            exponent: exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?,
        })
    }
}

/// The digits of a positive number, when they are not `shortest`.
pub(super) fn digits(value: f64, format: Format, shortest: &str) -> Option<String> {
    let (mantissa, exponent) = decompose(value);
    let top = exponent + 63 - i32::try_from(mantissa.leading_zeros()).ok()?;
    if value < WHOLE_END && value.fract() == 0.0 {
        return whole(mantissa, exponent, top - format.significant_bits);
    }
    let is_power = mantissa.is_power_of_two();
    if !is_power && !(WHOLE_END..TIES_END).contains(&value) {
        return None;
    }
    let unit = top.max(format.exponent_min) - (format.significant_bits - 1);
    let margin = unit - if is_power { 2 } else { 1 };
    let is_near = |text: &str| {
        Decimal::parse(text).is_some_and(|decimal| is_within(decimal, mantissa, exponent, margin))
    };
    if is_near(shortest) {
        return None;
    }
    (1..18).map(|places| format!("{value:.places$e}")).find(|text| is_near(text))
}

/// `mantissa × 2^exponent`.
const fn decompose(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = (bits >> 52 & 0x7ff) as i32;
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

/// A whole number, rounded to the digits above the `excess` bits that its type cannot hold; `None`
/// when it holds them all, since the shortest digits are all of them then.
fn whole(mantissa: u64, exponent: i32, excess: i32) -> Option<String> {
    if excess <= 0 {
        return None;
    }
    let value = match u32::try_from(exponent) {
        Ok(left) => mantissa << left,
        Err(_) => mantissa >> exponent.unsigned_abs(),
    };
    // As many decimal digits as a number of one bit less than the excess has, but one.
    let dropped = 1_u64.checked_shl(u32::try_from(excess - 1).ok()?)?.ilog10();
    let unit = 10_u64.pow(dropped);
    let rounded = value / unit + u64::from(dropped > 0 && value % unit >= unit / 2);
    Some(format!("{rounded}e{dropped}"))
}

/// True when a decimal is less than `2^margin` away from `mantissa × 2^exponent`.
fn is_within(decimal: Decimal, mantissa: u64, exponent: i32, margin: i32) -> bool {
    let up = u32::try_from(-exponent.min(margin).min(0)).unwrap_or_default();
    let tens = decimal.exponent.unsigned_abs();
    let (tens_of_decimal, tens_of_value) = if decimal.exponent < 0 { (0, tens) } else { (tens, 0) };
    let shift = |power: i32| u32::try_from(power + up.cast_signed()).unwrap_or_default();
    let decimal = scaled(decimal.digits, tens_of_decimal, up);
    let value = scaled(mantissa, tens_of_value, shift(exponent));
    let margin = scaled(1, tens_of_value, shift(margin));
    let difference = match compare(&decimal, &value) {
        Ordering::Less => subtract(value, &decimal),
        _ => subtract(decimal, &value),
    };
    compare(&difference, &margin).is_lt()
}

/// `value × 10^tens × 2^twos`, least significant word first.
fn scaled(value: u64, tens: u32, twos: u32) -> Vec<u64> {
    /// The largest power of ten in a word.
    const STEP: u32 = 19;
    let mut words = vec![0; twos as usize / 64];
    let mut high = vec![value];
    for _ in 0..tens / STEP {
        multiply_add(&mut high, 10_u64.pow(STEP), 0);
    }
    multiply_add(&mut high, 10_u64.pow(tens % STEP), 0);
    multiply_add(&mut high, 1 << (twos % 64), 0);
    words.append(&mut high);
    words
}

fn compare(left: &[u64], right: &[u64]) -> Ordering {
    let word = |words: &[u64], index: usize| words.get(index).copied().unwrap_or(0);
    let indices = (0..left.len().max(right.len())).rev();
    indices
        .map(|index| word(left, index).cmp(&word(right, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// `left - right`, which must not be negative.
fn subtract(mut left: Vec<u64>, right: &[u64]) -> Vec<u64> {
    let mut borrow = false;
    for (index, word) in left.iter_mut().enumerate() {
        let (value, first) = word.overflowing_sub(right.get(index).copied().unwrap_or(0));
        let (value, second) = value.overflowing_sub(u64::from(borrow));
        (*word, borrow) = (value, first || second);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::super::float::write_f;

    #[test]
    fn digits_are_those_of_java_17() {
        let mut wrong = Vec::new();
        for line in include_str!("java_17.txt").lines() {
            let mut fields = line.split(' ');
            let mut next = || fields.next().unwrap();
            let (kind, bits, expected) = (next(), next(), next());
            let mut out = Vec::new();
            match kind {
                "d" => write_f(f64::from_bits(u64::from_str_radix(bits, 16).unwrap()), &mut out),
                _ => write_f(f32::from_bits(u32::from_str_radix(bits, 16).unwrap()), &mut out),
            }
            let written = String::from_utf8(out).unwrap();
            if written != expected {
                wrong.push(format!("{line}: {written}"));
            }
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}
