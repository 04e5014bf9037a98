//! Values as bytes, for the state that is kept across restarts; and as JSON.

use super::decimal::Decimal;
use super::time::Interval;
use super::value::{Type, Value};

/// Appends a value: a tag, then its bytes, lengths and numbers in little-endian order.
pub fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(value) => out.extend([1, u8::from(*value)]),
        Value::Int(value) => tagged(out, 2, &value.to_le_bytes()),
        Value::Float(value) => tagged(out, 3, &value.to_bits().to_le_bytes()),
        Value::Decimal(number) => {
            out.push(4);
            push_bytes(out, number.to_string().as_bytes());
        }
        Value::Text(text) => {
            out.push(5);
            push_bytes(out, text.as_bytes());
        }
        Value::Bytes(bytes) => {
            out.push(6);
            push_bytes(out, bytes);
        }
        Value::Uuid(bytes) => tagged(out, 7, bytes),
        Value::Date(days) => tagged(out, 8, &days.to_le_bytes()),
        Value::Time(micros) => tagged(out, 9, &micros.to_le_bytes()),
        Value::Timestamp(micros) => tagged(out, 10, &micros.to_le_bytes()),
        Value::Interval(interval) => {
            tagged(out, 11, &interval.months.to_le_bytes());
            out.extend(interval.days.to_le_bytes());
            out.extend(interval.micros.to_le_bytes());
        }
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Appends bytes behind their length.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing that lies in memory as one record is longer than 4 GB.
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes so many bytes from the front; `None` when there are fewer.
pub fn take<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(taken)
}

/// Takes an array from the front.
pub fn take_array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    take(from, N)?.try_into().ok()
}

/// Takes bytes that stand behind their length.
pub fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take_array(from)?);
    take(from, usize::try_from(length).ok()?)
}

/// Takes a value; `None` for bytes that [`push_value`] did not write.
pub fn take_value(from: &mut &[u8]) -> Option<Value> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
    let [tag] = take_array(from)?;
    Some(match tag {
        0 => Value::Null,
        1 => Value::Bool(take_array::<1>(from)? != [0]),
        2 => Value::Int(i64::from_le_bytes(take_array(from)?)),
        3 => Value::Float(f64::from_bits(u64::from_le_bytes(take_array(from)?))),
        4 => Value::Decimal(text(take_bytes(from)?)?.parse::<Decimal>().ok()?),
        5 => Value::Text(text(take_bytes(from)?)?.into()),
        6 => Value::Bytes(take_bytes(from)?.into()),
        7 => Value::Uuid(take_array(from)?),
        8 => Value::Date(i32::from_le_bytes(take_array(from)?)),
        9 => Value::Time(i64::from_le_bytes(take_array(from)?)),
        10 => Value::Timestamp(i64::from_le_bytes(take_array(from)?)),
        11 => Value::Interval(Interval {
            months: i32::from_le_bytes(take_array(from)?),
            days: i32::from_le_bytes(take_array(from)?),
            micros: i64::from_le_bytes(take_array(from)?),
        }),
        _ => return None,
    })
}

/// Appends a value as JSON: numbers with all their digits, what JSON has no form for as text.
pub fn push_json(out: &mut String, value: &Value, ty: Type) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(_) | Value::Decimal(_) => value.write(ty, out),
        Value::Float(float) if float.is_finite() => value.write(ty, out),
        Value::Text(text) if ty == Type::Json => {
            match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => out.push_str(text),
                Err(_) => push_quoted(out, text),
            }
        }
        Value::Text(text) => push_quoted(out, text),
        other => push_quoted(out, &other.to_text(ty)),
    }
}

/// Appends text as a JSON string.
pub fn push_quoted(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> Vec<Value> {
        vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(-7),
            Value::Float(f64::NAN),
            Value::Decimal("-1.50".parse().unwrap()),
            Value::text("é\n"),
            Value::Bytes([0, 255].into()),
            Value::Uuid([7; 16]),
            Value::Date(19_782),
            Value::Time(1),
            Value::Timestamp(i64::MAX),
            Value::Interval(Interval { months: 1, days: -2, micros: 3 }),
        ]
    }

    #[test]
    fn values_are_read_back_as_they_were_written() {
        let mut bytes = Vec::new();
        values().iter().for_each(|value| push_value(&mut bytes, value));
        let mut from = bytes.as_slice();
        for value in values() {
            assert_eq!(take_value(&mut from), Some(value));
        }
        assert_eq!(from, [0_u8; 0]);
        for length in 0..bytes.len() {
            let mut from = &bytes[..length];
            let mut read = 0;
            while take_value(&mut from).is_some() {
                read += 1;
            }
            assert!(read < values().len());
        }
    }

    #[test]
    fn json_keeps_digits_and_quotes_the_rest() {
        let json = |value: Value, ty| {
            let mut out = String::new();
            push_json(&mut out, &value, ty);
            out
        };
        assert_eq!(json(Value::Decimal("1.50".parse().unwrap()), Type::Numeric), "1.50");
        assert_eq!(json(Value::Float(f64::NAN), Type::Float8), "\"NaN\"");
        assert_eq!(json(Value::Float(1e300), Type::Float8), "1e+300");
        assert_eq!(json(Value::text("a\"\n"), Type::Text), r#""a\"\n""#);
        assert_eq!(json(Value::text("{\"a\": 1}"), Type::Json), "{\"a\": 1}");
        assert_eq!(json(Value::Date(0), Type::Date), "\"1970-01-01\"");
    }

    proptest! {
        #[test]
        fn any_bytes_are_values_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut from = bytes.as_slice();
            while let Some(value) = take_value(&mut from) {
                let mut again = Vec::new();
                push_value(&mut again, &value);
                prop_assert_eq!(take_value(&mut again.as_slice()), Some(value));
            }
        }
    }
}
