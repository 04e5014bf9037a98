//! Kafka Connect's Decimal: a big-endian two's-complement number and a scale.

use std::fmt::Write as _;

/// Numbers of more bytes than this (600 digits) are not worth spelling out in a feed.
const UNSCALED_BYTES_MAX: usize = 256;

/// Zeros that are written out before or behind the digits.
const ZEROS_MAX: usize = 64;

/// Digits of one limb.
const LIMB: u64 = 1_000_000_000;

/// Appends `unscaled × 10^-scale` in plain notation; `None` when it is too long for that.
pub(super) fn push(out: &mut String, unscaled: &[u8], scale: i32) -> Option<()> {
    if unscaled.is_empty() || unscaled.len() > UNSCALED_BYTES_MAX {
        return None;
    }
    let (negative, digits) = digits(unscaled);
    let scale_abs = usize::try_from(scale.unsigned_abs()).ok()?;
    if scale_abs > digits.len() + ZEROS_MAX {
        return None;
    }
    if negative {
        out.push('-');
    }
    if scale <= 0 {
        out.push_str(&digits);
        if digits != "0" {
            out.extend(std::iter::repeat_n('0', scale_abs));
        }
    } else if let Some((whole, fraction)) = digits
        .len()
        .checked_sub(scale_abs)
        .filter(|at| *at > 0)
        .and_then(|at| digits.split_at_checked(at))
    {
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', scale_abs - digits.len()));
        out.push_str(&digits);
    }
    Some(())
}

/// Sign and decimal digits of a big-endian two's-complement number.
fn digits(bytes: &[u8]) -> (bool, String) {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    // Most significant limb last; each step is limbs × 256 + byte.
    let mut limbs: Vec<u64> = vec![0];
    for &byte in bytes {
        // ~x + 1 is the magnitude of a negative number: complement here, add the one below.
        let mut carry = u64::from(if negative { !byte } else { byte });
        for limb in &mut limbs {
            let step = *limb * 256 + carry;
            *limb = step % LIMB;
            carry = step / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut carry = u64::from(negative);
    for limb in &mut limbs {
        let step = *limb + carry;
        *limb = step % LIMB;
        carry = step / LIMB;
    }
    if carry > 0 {
        limbs.push(carry);
    }
    let mut text = String::with_capacity(limbs.len() * 9);
    for (index, limb) in limbs.iter().rev().enumerate() {
        // Writing to a string cannot fail.
        if index == 0 {
            write!(text, "{limb}").unwrap_or_default();
        } else {
            write!(text, "{limb:09}").unwrap_or_default();
        }
    }
    (negative, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(unscaled: &[u8], scale: i32) -> Option<String> {
        let mut out = String::new();
        push(&mut out, unscaled, scale).map(|()| out)
    }

    #[test]
    fn scale_moves_the_point_either_way() {
        #[rustfmt::skip] // one case a line
        let cases: [(&[u8], i32, Option<&str>); 10] = [
            (&[123], 0, Some("123")),
            (&[123], 2, Some("1.23")),
            (&[123], 3, Some("0.123")),
            (&[5], 4, Some("0.0005")),
            (&[0], 2, Some("0.00")),
            (&[123], -2, Some("12300")),
            (&[0], -2, Some("0")),
            (&[0xff], 1, Some("-0.1")),
            (&[], 2, None),
            (&[1], 5000, None),
        ];
        for (unscaled, scale, expected) in cases {
            assert_eq!(shown(unscaled, scale).as_deref(), expected, "{unscaled:?} {scale}");
        }
        assert_eq!(shown(&[0x80; 257], 0), None);
    }

    proptest! {
        #[test]
        fn equals_bigdecimal(
            bytes in proptest::collection::vec(any::<u8>(), 1..60),
            scale in 0..40_i32,
        ) {
            use bigdecimal::BigDecimal;
            use bigdecimal::num_bigint::BigInt;
            let oracle = BigDecimal::new(BigInt::from_signed_bytes_be(&bytes), i64::from(scale));
            prop_assert_eq!(shown(&bytes, scale).unwrap(), oracle.to_plain_string());
        }
    }
}
