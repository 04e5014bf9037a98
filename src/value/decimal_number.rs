//! Decimals as JSON numbers, spelled as Java's `BigDecimal.toString` does.

use super::ValueError;
use super::json::write_integer;
use super::numeric::Decimal;

impl Decimal<'_> {
    /// Writes the number with exactly `scale` digits behind its point, or with an exponent where
    /// Java takes one: when more than five zeros would stand behind the point.
    pub(super) fn write_number(self, scale: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let Some(zeros) = scale.checked_sub(self.fraction.len()) else {
            return Err(ValueError::OutOfRange { what: "a longer fraction", target: "the scale" });
        };
        let digits = self.whole.iter().chain(self.fraction).copied();
        let digits = digits.chain(std::iter::repeat_n(b'0', zeros)).skip_while(|d| *d == b'0');
        let mut unscaled: Vec<u8> = digits.collect();
        if self.negative && !unscaled.is_empty() {
            out.push(b'-');
        }
        if unscaled.is_empty() {
            unscaled.push(b'0');
        }
        write_scaled(&unscaled, scale, out);
        Ok(())
    }
}

/// Writes unscaled digits without leading zeros at a scale.
pub(super) fn write_scaled(unscaled: &[u8], scale: usize, out: &mut Vec<u8>) {
    if scale == 0 {
        out.extend_from_slice(unscaled);
    } else if let Some(point) = unscaled.len().checked_sub(scale).filter(|point| *point > 0) {
        let (whole, fraction) = unscaled.split_at(point);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else if scale - unscaled.len() <= 5 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', scale - unscaled.len()));
        out.extend_from_slice(unscaled);
    } else {
        let (first, rest) = unscaled.split_at(1);
        out.extend_from_slice(first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(b"E-");
        write_integer(scale + 1 - unscaled.len(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_recorded() {
        #[rustfmt::skip] // converters.numeric
        let cases = [
            ("1.5", 2, "1.50"), ("-0.01", 2, "-0.01"), ("12", 0, "12"), ("1.5", 10, "1.5000000000"), ("0.0000000001", 10, "1E-10"),
            ("0", 10, "0E-10"), ("0.0000001", 10, "1.000E-7"), ("0.00000012", 10, "1.200E-7"), ("0", 2, "0.00"), ("0", 2046, "0E-2046"),
            ("-99", 0, "-99"), ("000.5", 1, "0.5"), ("0.000001", 6, "0.000001"), ("0.0000001", 7, "1E-7"), ("-0.0000001", 7, "-1E-7"),
            ("0.000000", 6, "0.000000"), ("0.0000000", 7, "0E-7"), ("0", 0, "0"),
        ];
        for (text, scale, expected) in cases {
            let mut out = Vec::new();
            Decimal::parse(text.as_bytes()).unwrap().write_number(scale, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text} at {scale}");
        }
        assert!(Decimal::parse(b"1.25").unwrap().write_number(1, &mut Vec::new()).is_err());
    }
}
