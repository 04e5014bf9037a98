//! `numeric` and `money`: from decimal text to unscaled two's-complement bytes, float or text.

use super::ValueError;
use super::bigint::{SMALL_DIGITS_MAX, WORD_DIGITS_MAX, write_big, write_small, write_word};
use super::float::write_f64;
use super::json::write_integer;

/// More digits than PostgreSQL's numeric can hold (131072 before the point, 16383 after it).
const DIGITS_MAX: usize = 150_000;

const MALFORMED: ValueError = ValueError::Malformed { what: "numeric" };

/// How a decimal is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalForm {
    /// Connect's Decimal with a fixed scale.
    Fixed { scale: u16 },
    /// The same as a JSON number.
    Number { scale: u16 },
    /// Debezium's VariableScaleDecimal.
    Variable,
    /// A float64.
    Double,
    /// Plain text, with zeros up to the scale when the column has one.
    Text { scale: Option<u16> },
}

/// A decimal number in plain notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    /// Digits before the point.
    pub(super) whole: &'a [u8],
    /// Digits behind the point.
    pub(super) fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    /// Reads `-123.45`, as `numeric_out` prints it; a number needs at least one digit.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, ValueError> {
        let (negative, digits) = match text.split_first() {
            Some((b'-', digits)) => (true, digits),
            _ => (false, text),
        };
        let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let (whole, fraction) = digits.split_at(point);
        let fraction = fraction.get(1..).unwrap_or_default();
        let only_digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
        let length = whole.len() + fraction.len();
        if length == 0 || length > DIGITS_MAX || !only_digits(whole) || !only_digits(fraction) {
            return Err(MALFORMED);
        }
        Ok(Self { negative, whole, fraction })
    }

    /// Writes the unscaled value at `scale` as Connect bytes.
    fn write_unscaled(self, scale: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let Some(zeros) = scale.checked_sub(self.fraction.len()) else {
            return Err(ValueError::OutOfRange { what: "a longer fraction", target: "the scale" });
        };
        let count = self.whole.len() + scale;
        if count <= WORD_DIGITS_MAX {
            let add = |value, digit: &u8| value * 10 + i64::from(digit - b'0');
            let value = self.fraction.iter().fold(self.whole.iter().fold(0, add), add);
            let value = (0..zeros).fold(value, |value, _| value * 10);
            write_word(if self.negative { -value } else { value }, out);
            return Ok(());
        }
        let digits = self.whole.iter().chain(self.fraction).map(|digit| digit - b'0');
        if count <= SMALL_DIGITS_MAX {
            write_small(self.negative, digits.chain(std::iter::repeat_n(0, zeros)), out);
        } else {
            write_big(self.negative, digits.chain(std::iter::repeat_n(0, zeros)), count, out);
        }
        Ok(())
    }

    /// The same number without zeros at the end of its fraction.
    fn stripped(self) -> Self {
        let kept = self.fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1);
        Self { fraction: self.fraction.get(..kept).unwrap_or_default(), ..self }
    }

    /// Writes the number as text with zeros up to `scale`.
    pub(super) fn write_plain(self, scale: usize, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        out.extend_from_slice(if self.whole.is_empty() { b"0" } else { self.whole });
        if self.fraction.is_empty() && scale == 0 {
            return;
        }
        out.push(b'.');
        out.extend_from_slice(self.fraction);
        out.extend(std::iter::repeat_n(b'0', scale.saturating_sub(self.fraction.len())));
    }
}

/// Writes one `numeric` in the given form.
pub(super) fn write_numeric(
    text: &[u8],
    form: DecimalForm,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match form {
        DecimalForm::Fixed { scale } => decimal(text)?.write_unscaled(usize::from(scale), out),
        DecimalForm::Number { scale } => decimal(text)?.write_number(usize::from(scale), out),
        DecimalForm::Variable => write_variable(decimal(text)?.stripped(), out),
        DecimalForm::Double => write_double(text, out),
        DecimalForm::Text { scale } => write_text(text, scale, out),
    }
}

/// A finite decimal: NaN and infinity have no bytes.
fn decimal(text: &[u8]) -> Result<Decimal<'_>, ValueError> {
    if special_name(text).is_some() {
        return Err(ValueError::OutOfRange { what: "NaN or infinity", target: "a Decimal" });
    }
    Decimal::parse(text)
}

/// The name of Java's `SpecialValue` constant for a numeric that is no number.
fn special_name(text: &[u8]) -> Option<&'static str> {
    match text {
        b"NaN" => Some("NAN"),
        b"Infinity" => Some("POSITIVE_INFINITY"),
        b"-Infinity" => Some("NEGATIVE_INFINITY"),
        _ => None,
    }
}

/// `{"scale":…,"value":…}` of a number without zeros at its end.
fn write_variable(decimal: Decimal<'_>, out: &mut Vec<u8>) -> Result<(), ValueError> {
    out.extend_from_slice(b"{\"scale\":");
    write_integer(decimal.fraction.len(), out);
    out.extend_from_slice(b",\"value\":");
    decimal.write_unscaled(decimal.fraction.len(), out)?;
    out.push(b'}');
    Ok(())
}

fn write_double(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    if special_name(text).is_none() {
        Decimal::parse(text)?;
    }
    let text = std::str::from_utf8(text).map_err(|_| MALFORMED)?;
    let value: f64 = text.parse().map_err(|_| MALFORMED)?;
    // Java's BigDecimal has no negative zero.
    write_f64(if value == 0.0 { 0.0 } else { value }, out);
    Ok(())
}

fn write_text(text: &[u8], scale: Option<u16>, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let start = out.len();
    out.push(b'"');
    if let Some(name) = special_name(text) {
        out.extend_from_slice(name.as_bytes());
    } else {
        let decimal = Decimal::parse(text).inspect_err(|_| out.truncate(start))?;
        decimal.write_plain(scale.map_or(0, usize::from), out);
    }
    out.push(b'"');
    Ok(())
}

/// `money.fraction.digits` and the way money is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MoneyForm {
    /// Digits behind the point.
    pub(super) digits: u16,
    /// One of the forms of `decimal.handling.mode`; its own scale is not used.
    pub(super) form: DecimalForm,
}

/// Writes `$1,234.11`, `-$1,234.11` or `($1,234.11)`, rounded half up to the wanted digits.
pub(super) fn write_money(
    text: &[u8],
    money: MoneyForm,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    // The longest money is -92233720368547758.08: 21 bytes without symbol and commas.
    let mut plain = [0_u8; 32];
    let digits = usize::from(money.digits);
    let length = plain_money(text, &mut plain).ok_or(ValueError::Malformed { what: "money" })?;
    let mut exact = Decimal::parse(plain.get(..length).unwrap_or_default())
        .map_err(|_| ValueError::Malformed { what: "money" })?;
    let rounded;
    if exact.fraction.len() > digits {
        rounded = round_half_up(exact, digits);
        exact = Decimal::parse(rounded.as_bytes())?;
    }
    match money.form {
        DecimalForm::Text { .. } => {
            out.push(b'"');
            exact.write_plain(digits, out);
            out.push(b'"');
            Ok(())
        }
        DecimalForm::Double => {
            let mut text = Vec::with_capacity(32);
            exact.write_plain(digits, &mut text);
            write_double(&text, out)
        }
        DecimalForm::Number { .. } => exact.write_number(digits, out),
        DecimalForm::Fixed { .. } | DecimalForm::Variable => exact.write_unscaled(digits, out),
    }
}

/// Copies sign, digits and point; `None` when the text is too long or a comma follows the point,
/// as it does where the comma is the decimal separator.
fn plain_money(text: &[u8], plain: &mut [u8; 32]) -> Option<usize> {
    let mut length = 0;
    let mut push = |byte| -> Option<()> {
        *plain.get_mut(length)? = byte;
        length += 1;
        Some(())
    };
    let mut point = false;
    if text.iter().any(|byte| matches!(byte, b'-' | b'(')) {
        push(b'-')?;
    }
    for &byte in text {
        match byte {
            b'0'..=b'9' => push(byte)?,
            b'.' if point => return None,
            b'.' => {
                point = true;
                push(b'.')?;
            }
            b',' if point => return None,
            _ => {}
        }
    }
    Some(length)
}

/// The number rounded half away from zero; only for short ones such as money.
fn round_half_up(decimal: Decimal<'_>, digits: usize) -> String {
    let kept = decimal.fraction.get(..digits).unwrap_or_default();
    let up = decimal.fraction.get(digits).is_some_and(|digit| *digit >= b'5');
    let value = decimal
        .whole
        .iter()
        .chain(kept)
        .fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let value = value + i128::from(up);
    let sign = if decimal.negative && value != 0 { "-" } else { "" };
    let width = digits + 1;
    let text = format!("{value:0>width$}");
    let (whole, fraction) = text.split_at(text.len() - digits);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigdecimal::BigDecimal;
    use proptest::prelude::*;
    use std::str::FromStr;

    fn numeric(text: &str, form: DecimalForm) -> Result<String, ValueError> {
        let mut out = Vec::new();
        write_numeric(text.as_bytes(), form, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn fixed_scale_is_unscaled_twos_complement() {
        #[rustfmt::skip]
        let cases = [
            // types_numeric.default
            ("1.25", 2, "fQ=="), ("-99999999.99", 2, "/av0HAE="), ("99999999.99", 2, "AlQL4/8="),
            ("12345", 0, "MDk="), ("-99999", 0, "/nlh"), ("99999", 0, "AYaf"), ("0.00", 2, "AA=="),
            ("-9999999999999999999999999999.9999999999", 10, "tMSzV6V5O4X2dd3AAAAAAQ=="),
            ("9999999999999999999999999999.9999999999", 10, "SztMqFqGxHoJiiI//////w=="),
            ("-0.01", 2, "/w=="), ("0.0000000001", 10, "AQ=="),
            // numeric_special.default
            ("0.00999", 5, "A+c="),
            // boundaries of a byte
            ("127", 0, "fw=="), ("128", 0, "AIA="), ("-128", 0, "gA=="), ("-129", 0, "/38="),
        ];
        for (text, scale, expected) in cases {
            let expected = format!("\"{expected}\"");
            assert_eq!(numeric(text, DecimalForm::Fixed { scale }), Ok(expected), "{text}");
        }
    }

    #[test]
    fn negative_scale_of_the_catalogue_becomes_2046_zeros() {
        // numeric_special.default: numeric(5,-2) is declared with scale 2046
        let form = DecimalForm::Fixed { scale: 2046 };
        let written = numeric("123500", form).unwrap();
        assert!(written.starts_with("\"L82a9lXocL9hMZO9q+INFXlk0+/5L4KPhbe8Hp1HXIgAsz1qc4Vx9Rhwo"));
        let text = numeric("123500", DecimalForm::Text { scale: Some(2046) }).unwrap();
        assert_eq!(text, format!("\"123500.{}\"", "0".repeat(2046)));
    }

    #[test]
    fn variable_scale_strips_zeros() {
        #[rustfmt::skip]
        let cases = [
            ("3.14159", 5, "BMsv"), ("-123456789012345678901234567890.123456789", 9, "ox8WWp/qATpVIFzXUcZ+6w=="),
            ("1.10", 1, "Cw=="), ("1000000000000000000000000000000", 0, "DJ8snNBGdO3qQAAAAA=="), ("100", 0, "ZA=="),
            ("0.0", 0, "AA=="), ("0.00", 0, "AA=="), ("1.000000", 0, "AQ=="), ("12300", 0, "MAw="),
            ("0.000000000000000000000000000000000000001", 39, "AQ=="),
        ];
        for (text, scale, value) in cases {
            let expected = format!("{{\"scale\":{scale},\"value\":\"{value}\"}}");
            assert_eq!(numeric(text, DecimalForm::Variable), Ok(expected), "{text}");
        }
    }

    #[test]
    fn double_and_text_hold_what_has_no_bytes() {
        let text = DecimalForm::Text { scale: None };
        #[rustfmt::skip]
        let cases = [
            ("NaN", "\"NaN\"", "\"NAN\""), ("Infinity", "\"Infinity\"", "\"POSITIVE_INFINITY\""),
            ("-Infinity", "\"-Infinity\"", "\"NEGATIVE_INFINITY\""), ("1.10", "1.1", "\"1.10\""),
            ("-99999999.99", "-9.999999999E7", "\"-99999999.99\""), ("0.00", "0.0", "\"0.00\""),
            ("123456789012345678901234567890.123456789", "1.2345678901234568E29", "\"123456789012345678901234567890.123456789\""),
        ];
        for (input, double, plain) in cases {
            assert_eq!(numeric(input, DecimalForm::Double).as_deref(), Ok(double));
            assert_eq!(numeric(input, text).as_deref(), Ok(plain));
        }
        let lost = ValueError::OutOfRange { what: "NaN or infinity", target: "a Decimal" };
        assert_eq!(numeric("NaN", DecimalForm::Fixed { scale: 2 }), Err(lost));
        assert_eq!(numeric("-Infinity", DecimalForm::Variable), Err(lost));
    }

    #[test]
    fn malformed_numbers_are_errors() {
        let form = DecimalForm::Fixed { scale: 2 };
        for text in ["", "-", ".", "1e5", "1.2.3", " 1", "+1", "--1", "0x1"] {
            assert_eq!(numeric(text, form), Err(MALFORMED), "{text}");
        }
        assert!(matches!(numeric("1.234", form), Err(ValueError::OutOfRange { .. })));
    }

    #[test]
    fn money_of_locale_c_in_every_form() {
        let write = |text: &str, digits, form| {
            let mut out = Vec::new();
            write_money(text.as_bytes(), MoneyForm { digits, form }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let precise = DecimalForm::Fixed { scale: 0 };
        #[rustfmt::skip]
        let cases = [
            ("$1.23", "\"ew==\""), ("-$92,233,720,368,547,758.08", "\"gAAAAAAAAAA=\""), ("$92,233,720,368,547,758.07", "\"f/////////8=\""),
            ("$0.00", "\"AA==\""), ("-$1,234.50", "\"/h3G\""), ("($1,234.11)", "\"/h3t\""), ("$1,234.11", "\"AeIT\""),
        ];
        for (text, expected) in cases {
            assert_eq!(write(text, 2, precise), expected, "{text}");
        }
        assert_eq!(write("-$1,234.11", 2, DecimalForm::Double), "-1234.11");
        assert_eq!(write("$1,234.11", 2, DecimalForm::Text { scale: None }), "\"1234.11\"");
        assert_eq!(write("$1,234.15", 1, DecimalForm::Text { scale: None }), "\"1234.2\"");
        assert_eq!(write("-$0.99", 0, DecimalForm::Text { scale: None }), "\"-1\"");
        assert_eq!(write("$0.05", 3, DecimalForm::Text { scale: None }), "\"0.050\"");
    }

    #[test]
    fn money_of_another_locale_is_refused() {
        let form = MoneyForm { digits: 2, form: DecimalForm::Double };
        let error = write_money("1.234,56 €".as_bytes(), form, &mut Vec::new()).unwrap_err();
        assert_eq!(error, ValueError::Malformed { what: "money" });
        assert!(error.hint().unwrap().contains("lc_monetary"));
    }

    proptest! {
        #[test]
        fn fixed_scale_agrees_with_bigdecimal(text in "-?[0-9]{1,80}(\\.[0-9]{1,30})?", extra in 0_u16..20) {
            let oracle = BigDecimal::from_str(&text).unwrap();
            let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let scale = u16::try_from(fraction).unwrap() + extra;
            let (unscaled, _) = oracle.with_scale(i64::from(scale)).into_bigint_and_exponent();
            let mut expected = Vec::new();
            crate::value::json::write_bytes(&unscaled.to_signed_bytes_be(), &mut expected);
            let expected = String::from_utf8(expected).unwrap();
            prop_assert_eq!(numeric(&text, DecimalForm::Fixed { scale }), Ok(expected));
        }

        #[test]
        fn any_text_is_a_number_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..40), digits in 0_u16..6) {
            for form in [DecimalForm::Fixed { scale: 2 }, DecimalForm::Variable, DecimalForm::Double, DecimalForm::Text { scale: Some(3) }] {
                let mut out = Vec::new();
                if write_numeric(&text, form, &mut out).is_ok() {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
                }
                out.clear();
                if write_money(&text, MoneyForm { digits, form }, &mut out).is_ok() {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
                }
            }
        }
    }
}
