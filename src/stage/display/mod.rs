//! One value as a person wants to read it: `19.99` and `2024-02-29`, not base64 and day numbers.

mod decimal;
mod temporal;

use super::json;
use super::kind::Kind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write as _;

/// Bytes of a binary value that are shown; its length follows.
const BINARY_SHOWN_BYTES_MAX: usize = 8;

/// Bits of a bit string that are shown.
const BITS_SHOWN_MAX: usize = 64;

/// Appends the value to `out`, unescaped: control characters and all. A value that does not have
/// the form its kind promises is shown as it stands.
pub fn push_value(out: &mut String, json: &str, kind: &Kind) {
    if decoded(out, json, kind).is_none() {
        match json::string(json) {
            Some(text) => out.push_str(&text),
            None => out.push_str(json),
        }
    }
}

/// Appends the value read by its kind; `None`, with nothing appended, when it does not fit.
fn decoded(out: &mut String, json: &str, kind: &Kind) -> Option<()> {
    match kind {
        Kind::Plain | Kind::Struct(_) => None,
        Kind::Decimal { scale } => decimal::push(out, &bytes(json)?, *scale),
        Kind::VariableScaleDecimal => {
            let members = json::members(json)?;
            let [scale, value] = members.as_slice() else { return None };
            decimal::push(out, &bytes(value.json)?, scale.json.parse().ok()?)
        }
        Kind::Bytes => {
            push_binary(out, &bytes(json)?);
            Some(())
        }
        Kind::Bits { length } => push_bits(out, &bytes(json)?, usize::try_from(*length).ok()?),
        Kind::Date => temporal::push_date(out, json.parse().ok()?),
        Kind::Time(unit) => temporal::push_time(out, json.parse().ok()?, *unit),
        Kind::Timestamp(unit) => temporal::push_timestamp(out, json.parse().ok()?, *unit),
        Kind::Duration(unit) => temporal::push_duration(out, json.parse().ok()?, *unit),
        Kind::IsoText => temporal::push_iso(out, &json::string(json)?),
        Kind::Point => {
            let members = json::members(json)?;
            let [x, y, ..] = members.as_slice() else { return None };
            out.push('(');
            out.push_str(x.json);
            out.push_str(", ");
            out.push_str(y.json);
            out.push(')');
            Some(())
        }
        Kind::Array(item) if **item == Kind::Plain => None,
        Kind::Array(item) => {
            let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).ok()?;
            out.push('[');
            for (index, element) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_value(out, element.get(), item);
            }
            out.push(']');
            Some(())
        }
    }
}

/// Bytes of a base64 string.
fn bytes(json: &str) -> Option<Vec<u8>> {
    BASE64.decode(json::string(json)?.as_bytes()).ok()
}

/// Text of a logical message's content, when its bytes are text.
#[must_use]
pub fn message_text(json: &str) -> Option<String> {
    String::from_utf8(bytes(json)?).ok()
}

/// The first bytes in hex as PostgreSQL writes them, and how many there are.
pub fn push_binary(out: &mut String, bytes: &[u8]) {
    out.push_str("\\x");
    for byte in bytes.iter().take(BINARY_SHOWN_BYTES_MAX) {
        // Writing to a string cannot fail.
        write!(out, "{byte:02x}").unwrap_or_default();
    }
    let more = if bytes.len() > BINARY_SHOWN_BYTES_MAX { "…" } else { "" };
    write!(out, "{more} {} B", bytes.len()).unwrap_or_default();
}

/// A bit string, most significant bit first; Debezium leaves leading zero bytes out.
fn push_bits(out: &mut String, bytes: &[u8], length: usize) -> Option<()> {
    let highest = bytes.iter().rposition(|&byte| byte != 0).and_then(|index| {
        let byte = bytes.get(index)?;
        Some(index * 8 + 8 - usize::try_from(byte.leading_zeros()).ok()?)
    });
    // A bit string without a declared length has the largest one there is.
    let digits = if length <= 4096 { length } else { highest.unwrap_or(0) };
    if highest > Some(digits) {
        return None;
    }
    for at in (0..digits).rev().take(BITS_SHOWN_MAX) {
        let set = bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        out.push(if set { '1' } else { '0' });
    }
    if digits > BITS_SHOWN_MAX {
        write!(out, "… {digits} bits").unwrap_or_default();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::kind::Unit;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn shown(json: &str, kind: &Kind) -> String {
        let mut out = String::new();
        push_value(&mut out, json, kind);
        out
    }

    #[test]
    fn values_are_shown_as_postgres_would_write_them() {
        #[rustfmt::skip] // one case a line
        let cases = [
            ("12345678901234567890.10", Kind::Plain, "12345678901234567890.10"),
            (r#""a\nb""#, Kind::Plain, "a\nb"),
            ("true", Kind::Plain, "true"),
            (r#"["a",null]"#, Kind::Array(Arc::new(Kind::Plain)), r#"["a",null]"#),
            (r#"{"x":1}"#, Kind::Plain, r#"{"x":1}"#),
            (r#""bg==""#, Kind::Decimal { scale: 2 }, "1.10"),
            (r#""/h3t""#, Kind::Decimal { scale: 2 }, "-1234.11"),
            ("19.99", Kind::Decimal { scale: 2 }, "19.99"),
            (r#""no base64!""#, Kind::Decimal { scale: 2 }, "no base64!"),
            (r#"{"scale":4,"value":"AYr3"}"#, Kind::VariableScaleDecimal, "10.1111"),
            (r#"{"scale":"x"}"#, Kind::VariableScaleDecimal, r#"{"scale":"x"}"#),
            (r#""AQID""#, Kind::Bytes, "\\x010203 3 B"),
            (r#""AAECAwQFBgcICQ==""#, Kind::Bytes, "\\x0001020304050607… 10 B"),
            (r#""""#, Kind::Bytes, "\\x 0 B"),
            (r#""Aw==""#, Kind::Bits { length: 2 }, "11"),
            (r#""QA==""#, Kind::Bits { length: 9 }, "001000000"),
            (r#""AQID""#, Kind::Bits { length: 2_147_483_647 }, "110000001000000001"),
            (r#""""#, Kind::Bits { length: 3 }, "000"),
            ("19782", Kind::Date, "2024-02-29"),
            ("49890123", Kind::Time(Unit::Millis), "13:51:30.123"),
            ("1478267490123456", Kind::Timestamp(Unit::Micros), "2016-11-04 13:51:30.123456"),
            (r#""2020-04-01T11:51:02.000000Z""#, Kind::IsoText, "2020-04-01 11:51:02Z"),
            (r#"{"x":1.0,"y":-2.5,"wkb":"AQ==","srid":null}"#, Kind::Point, "(1.0, -2.5)"),
            ("[19782,null]", Kind::Array(Arc::new(Kind::Date)), "[2024-02-29, null]"),
        ];
        for (json, kind, expected) in cases {
            assert_eq!(shown(json, &kind), expected, "{json} as {kind:?}");
        }
    }

    #[test]
    fn long_bit_strings_are_cut_and_counted() {
        let text = shown(r#""Aw==""#, &Kind::Bits { length: 100 });
        assert_eq!(text, format!("{}… 100 bits", "0".repeat(64)));
    }

    proptest! {
        #[test]
        fn any_json_of_any_kind_is_shown(
            number in any::<i64>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            scale in any::<i32>(),
            length in any::<u32>(),
            text in "\\PC*",
        ) {
            let base64 = format!("\"{}\"", BASE64.encode(&bytes));
            let jsons = [
                number.to_string(),
                base64.clone(),
                serde_json::to_string(&text).unwrap(),
                format!("[{number},{base64},null]"),
                format!("{{\"scale\":{scale},\"value\":{base64}}}"),
                text,
            ];
            let mut kinds = vec![
                Kind::Plain, Kind::Decimal { scale }, Kind::VariableScaleDecimal, Kind::Bytes,
                Kind::Bits { length }, Kind::Date, Kind::IsoText, Kind::Point,
            ];
            for unit in [Unit::Millis, Unit::Micros, Unit::Nanos] {
                kinds.extend([Kind::Time(unit), Kind::Timestamp(unit), Kind::Duration(unit)]);
            }
            for kind in kinds {
                for json in &jsons {
                    shown(json, &kind);
                    shown(json, &Kind::Array(Arc::new(kind.clone())));
                }
            }
        }
    }
}
