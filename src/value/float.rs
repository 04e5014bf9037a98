//! `real` and `double precision` in Java's spelling.
//!
//! `Double.toString` of JDK 17, with which the recordings were made: the shortest decimal that reads
//! back as the same number, but for the cases in `java_float.rs`; in plain notation from 10⁻³ up to
//! 10⁷ and in scientific notation elsewhere, always with a point.

use super::ValueError;
use super::java_float::{self, Format};

/// A float that Java has a spelling for.
pub(super) trait Float:
    zmij::Float + std::fmt::LowerExp + std::str::FromStr + Copy + PartialEq
{
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// The literal for what is not finite.
    fn special(self) -> &'static [u8];
    /// Too small for full precision.
    fn is_subnormal(self) -> bool;
    /// The same number without its sign.
    fn magnitude(self) -> f64;
    /// What numbers of this type can be.
    const FORMAT: Format;
}

macro_rules! float {
    ($type:ty) => {
        impl Float for $type {
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            fn special(self) -> &'static [u8] {
                if self.is_nan() {
                    b"\"NaN\""
                } else if self > 0.0 {
                    b"\"Infinity\""
                } else {
                    b"\"-Infinity\""
                }
            }
            fn is_subnormal(self) -> bool {
                self.is_subnormal()
            }
            fn magnitude(self) -> f64 {
                f64::from(self.abs())
            }
            const FORMAT: Format = Format {
                significant_bits: <$type>::MANTISSA_DIGITS.cast_signed(),
                exponent_min: <$type>::MIN_EXP - 1,
            };
        }
    };
}
float!(f32);
float!(f64);

/// Writes the value that `text` spells.
pub(super) fn write_float<F: Float>(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let malformed = ValueError::Malformed { what: "float" };
    let text = std::str::from_utf8(text).map_err(|_| malformed)?;
    let value: F = text.parse().map_err(|_| malformed)?;
    write_f(value, out);
    Ok(())
}

/// Writes a double.
pub(crate) fn write_f64(value: f64, out: &mut Vec<u8>) {
    write_f(value, out);
}

/// Writes a float; what is not finite becomes a quoted word, as Jackson writes it.
pub(super) fn write_f<F: Float>(value: F, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(value.special());
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let mut shortest = buffer.format_finite(value);
    let mut unsigned = shortest.trim_start_matches('-');
    // Java wants two digits at least, the nearest two; for normal numbers these are d.0, and for the
    // doubles 2 and 20 times the smallest one, where it takes the exponent for one too high.
    let two;
    let rounds_up = value.magnitude() < 1e-300 && unsigned.starts_with("1e");
    if value.is_subnormal() && !rounds_up {
        two = format!("{value:.1e}");
        if two.parse::<F>().is_ok_and(|read| read == value) {
            shortest = &two;
            unsigned = shortest.trim_start_matches('-');
        }
    }
    match java_float::digits(value.magnitude(), F::FORMAT, unsigned) {
        None => write_java(shortest.as_bytes(), out),
        Some(digits) => {
            if unsigned.len() < shortest.len() {
                out.push(b'-');
            }
            write_java(digits.as_bytes(), out);
        }
    }
}

/// Moves point and exponent of a shortest decimal to where Java puts them.
fn write_java(shortest: &[u8], out: &mut Vec<u8>) {
    let (negative, text) = match shortest.split_first() {
        Some((b'-', text)) => (true, text),
        _ => (false, shortest),
    };
    if negative {
        out.push(b'-');
    }
    let mut digits = [0_u8; 32];
    let (digits, exponent) = significant(text, &mut digits);
    match digits {
        [] => out.extend_from_slice(b"0.0"),
        [first, rest @ ..] if !(-3..7).contains(&exponent) => {
            out.extend_from_slice(&[*first, b'.']);
            out.extend_from_slice(if rest.is_empty() { b"0" } else { rest });
            out.push(b'E');
            super::json::write_integer(exponent, out);
        }
        _ => write_plain(digits, exponent, out),
    }
}

/// Plain notation of `d.ddd × 10^exponent`, with at least one digit on each side of the point.
fn write_plain(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    match usize::try_from(exponent) {
        Ok(exponent) => {
            let whole = exponent + 1;
            for position in 0..whole.max(digits.len()).max(whole + 1) {
                if position == whole {
                    out.push(b'.');
                }
                out.push(digits.get(position).copied().unwrap_or(b'0'));
            }
        }
        Err(_) => {
            out.extend_from_slice(b"0.");
            out.extend((exponent..-1).map(|_| b'0'));
            out.extend_from_slice(digits);
        }
    }
}

/// The digits without zeros at either end, and the exponent of the first one; no digits for zero.
fn significant<'a>(text: &[u8], digits: &'a mut [u8; 32]) -> (&'a [u8], i32) {
    let (mantissa, exponent) = match text.iter().position(|byte| *byte == b'e') {
        Some(at) => {
            let exponent = text.get(at + 1..).and_then(|tail| std::str::from_utf8(tail).ok());
            (text.get(..at).unwrap_or_default(), exponent.and_then(|text| text.parse().ok()))
        }
        None => (text, Some(0)),
    };
    let mut exponent: i32 = exponent.unwrap_or(0);
    let mut length = 0;
    let mut point = false;
    for &byte in mantissa {
        match byte {
            b'.' => point = true,
            b'0' if length == 0 => exponent -= i32::from(point),
            _ => {
                exponent += i32::from(!point);
                if let Some(slot) = digits.get_mut(length) {
                    *slot = byte;
                    length += 1;
                }
            }
        }
    }
    let digits = digits.get(..length).unwrap_or_default();
    let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1);
    (digits.get(..kept).unwrap_or_default(), exponent - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn double(text: &str) -> String {
        let mut out = Vec::new();
        write_float::<f64>(text.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn single(text: &str) -> String {
        let mut out = Vec::new();
        write_float::<f32>(text.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_spelled_as_java_does() {
        // types_numeric.default, types_geo.default, types_array.default
        #[rustfmt::skip]
        let cases = [
            ("0", "0.0"), ("-0", "-0.0"), ("1", "1.0"), ("2.5", "2.5"), ("0.1", "0.1"), ("-0.1", "-0.1"),
            ("-1.7976931348623157e+308", "-1.7976931348623157E308"), ("4.9e-324", "4.9E-324"),
            ("1e+21", "1.0E21"), ("123456789.12345679", "1.2345678912345679E8"), ("1e-07", "1.0E-7"),
            ("9007199254740992", "9.007199254740992E15"), ("10000000", "1.0E7"), ("0.001", "0.001"),
            ("9999999.999", "9999999.999"), ("0.00099", "9.9E-4"), ("1000000", "1000000.0"), ("1e300", "1.0E300"),
            ("123456789.123", "1.23456789123E8"), ("NaN", "\"NaN\""), ("Infinity", "\"Infinity\""), ("-Infinity", "\"-Infinity\""),
            ("2e23", "1.9999999999999998E23"), ("1e-323", "1.0E-323"), ("2e-323", "2.0E-323"), ("12.5", "12.5"),
        ];
        for (text, expected) in cases {
            assert_eq!(double(text), expected, "{text}");
        }
    }

    #[test]
    fn singles_keep_their_own_digits() {
        #[rustfmt::skip]
        let cases = [
            ("-3.4028235e+38", "-3.4028235E38"), ("1e+10", "1.0E10"), ("123456.79", "123456.79"), ("1e-07", "1.0E-7"),
            ("16777216", "1.6777216E7"), ("1e+06", "1000000.0"), ("3e-05", "3.0E-5"), ("1e-45", "1.4E-45"),
            ("3.3", "3.3"), ("1.1754944e-38", "1.17549435E-38"),
        ];
        for (text, expected) in cases {
            assert_eq!(single(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_float_is_an_error() {
        for text in ["", "x", "1,5", "1e", "\u{e9}"] {
            assert!(write_float::<f64>(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn java_spelling_reads_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = double(&format!("{value:e}"));
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
            let (mantissa, _) = text.split_once('E').unwrap_or((&text, ""));
            prop_assert!(mantissa.contains('.'));
        }
    }
}
