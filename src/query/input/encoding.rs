//! How Debezium writes a column, by the names in its schema, and back to the value.

use super::json;
use crate::query::decimal::Decimal;
use crate::query::time::{self, Interval};
use crate::query::value::{Type, Value, parse_uuid};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Bool,
    Int(Type),
    Float(Type),
    Text,
    /// Base64 of two's complement, with a scale.
    Decimal(i32),
    /// `{"scale":…,"value":base64}`
    VariableScaleDecimal,
    Bytes,
    /// Base64 of so many bits, the least significant byte first.
    Bits(u32),
    Uuid,
    /// JSON within a string.
    JsonText,
    /// A structure of any kind, shown as JSON.
    Json,
    Date,
    /// A time of day in so many units a second.
    Time(i64),
    Timestamp(i64),
    Duration(i64),
    IsoDate,
    IsoTime,
    IsoTimestamp,
    ZonedTimestamp,
    IsoInterval,
    /// Nothing is known: an integer, a float, a boolean, text or JSON, as it comes.
    Any,
}

const MILLIS: i64 = 1_000;
const MICROS: i64 = 1_000_000;
const NANOS: i64 = 1_000_000_000;

/// Debezium's numbers for the infinite timestamps, in microseconds.
const INFINITY_MICROS: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY_MICROS: i64 = -9_223_372_036_832_400_000;

/// A node of a schema as the JSON converter writes it.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    #[serde(rename = "type")]
    type_name: String,
    name: Option<String>,
    pub(super) field: Option<String>,
    #[serde(default)]
    pub(super) fields: Vec<Node>,
    parameters: Option<Parameters>,
}

#[derive(Debug, Deserialize)]
struct Parameters {
    scale: Option<String>,
    length: Option<String>,
}

impl Node {
    /// How values of this schema are written.
    pub(super) fn encoding(&self) -> Encoding {
        self.name.as_deref().and_then(|name| self.semantic(name)).unwrap_or({
            match self.type_name.as_str() {
                "boolean" => Encoding::Bool,
                "int8" | "int16" => Encoding::Int(Type::Int2),
                "int32" => Encoding::Int(Type::Int4),
                "int64" => Encoding::Int(Type::Int8),
                "float" | "float32" => Encoding::Float(Type::Float4),
                "double" | "float64" => Encoding::Float(Type::Float8),
                "string" => Encoding::Text,
                "bytes" => Encoding::Bytes,
                _ => Encoding::Json,
            }
        })
    }

    fn semantic(&self, name: &str) -> Option<Encoding> {
        let parameters = self.parameters.as_ref();
        if let Some(name) = name.strip_prefix("org.apache.kafka.connect.data.") {
            return Some(match name {
                "Decimal" => Encoding::Decimal(parameters?.scale.as_deref()?.parse().ok()?),
                "Date" => Encoding::Date,
                "Time" => Encoding::Time(MILLIS),
                "Timestamp" => Encoding::Timestamp(MILLIS),
                _ => return None,
            });
        }
        Some(match name.strip_prefix("io.debezium.")? {
            "data.VariableScaleDecimal" => Encoding::VariableScaleDecimal,
            "data.Bits" => Encoding::Bits(parameters?.length.as_deref()?.parse().ok()?),
            "data.Uuid" => Encoding::Uuid,
            "data.Json" => Encoding::JsonText,
            "time.Date" => Encoding::Date,
            "time.Time" => Encoding::Time(MILLIS),
            "time.MicroTime" => Encoding::Time(MICROS),
            "time.NanoTime" => Encoding::Time(NANOS),
            "time.Timestamp" => Encoding::Timestamp(MILLIS),
            "time.MicroTimestamp" => Encoding::Timestamp(MICROS),
            "time.NanoTimestamp" => Encoding::Timestamp(NANOS),
            "time.MicroDuration" => Encoding::Duration(MICROS),
            "time.NanoDuration" => Encoding::Duration(NANOS),
            "time.ZonedTimestamp" => Encoding::ZonedTimestamp,
            "time.IsoDate" => Encoding::IsoDate,
            "time.IsoTime" => Encoding::IsoTime,
            "time.IsoTimestamp" => Encoding::IsoTimestamp,
            "time.Interval" => Encoding::IsoInterval,
            _ => return None,
        })
    }
}

impl Encoding {
    /// The type of the values.
    pub(super) const fn ty(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Int(ty) | Self::Float(ty) => ty,
            Self::Text | Self::Bits(_) | Self::Any => Type::Text,
            Self::Decimal(_) | Self::VariableScaleDecimal => Type::Numeric,
            Self::Bytes => Type::Bytea,
            Self::Uuid => Type::Uuid,
            Self::JsonText | Self::Json => Type::Json,
            Self::Date | Self::IsoDate => Type::Date,
            Self::Time(_) | Self::IsoTime => Type::Time,
            Self::Timestamp(_) | Self::IsoTimestamp => Type::Timestamp,
            Self::ZonedTimestamp => Type::TimestampTz,
            Self::Duration(_) | Self::IsoInterval => Type::Interval,
        }
    }

    /// The encoding of a value that brought no schema.
    pub(super) fn infer(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b't' | b'f') => Self::Bool,
            Some(b'"') => Self::Text,
            Some(b'{' | b'[') => Self::Json,
            Some(b'n') | None => Self::Any,
            Some(_) if json.contains(['.', 'e', 'E']) => Self::Float(Type::Float8),
            Some(_) => Self::Int(Type::Int8),
        }
    }

    /// One encoding for values that were inferred one by one.
    pub(super) fn widen(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Any, known) | (known, Self::Any) => known,
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                Self::Float(Type::Float8)
            }
            _ => Self::Text,
        }
    }

    /// The value of a JSON text; `None` when it is not written this way.
    pub(super) fn decode(self, json: &str) -> Option<Value> {
        if json == "null" {
            return Some(Value::Null);
        }
        Some(match self {
            Self::Bool => Value::Bool(json.parse().ok()?),
            Self::Int(_) => Value::Int(json.parse().ok()?),
            Self::Float(ty) => Value::Float(float(json, ty)?),
            Self::Text => match json::text(json) {
                Some(text) => Value::Text(text.into()),
                // What is no text, where text is expected, is shown as it is written.
                None => Value::text(json),
            },
            Self::Decimal(scale) => Value::Decimal(Decimal::from_be_bytes(&base64(json)?, scale)),
            Self::VariableScaleDecimal => {
                let mut members = json::members(json)?;
                let scale = members.find(|(name, _)| *name == "scale")?.1.parse().ok()?;
                let mut members = json::members(json)?;
                let value = members.find(|(name, _)| *name == "value")?.1;
                Value::Decimal(Decimal::from_be_bytes(&base64(value)?, scale))
            }
            Self::Bytes => Value::Bytes(base64(json)?.into()),
            Self::Bits(length) => Value::Text(bits(&base64(json)?, length).into()),
            Self::Uuid => Value::Uuid(parse_uuid(&json::text(json)?)?),
            Self::JsonText => Value::Text(json::text(json)?.into()),
            Self::Json | Self::Any => Value::text(json),
            Self::Date => Value::Date(json.parse().ok()?),
            Self::Time(unit) => Value::Time(micros(json, unit)?),
            Self::Timestamp(unit) => Value::Timestamp(match micros(json, unit)? {
                INFINITY_MICROS.. => i64::MAX,
                i64::MIN..=MINUS_INFINITY_MICROS => i64::MIN,
                micros => micros,
            }),
            Self::Duration(unit) => {
                Value::Interval(Interval { micros: micros(json, unit)?, ..Interval::default() })
            }
            Self::IsoDate => {
                Value::Date(time::parse_date(json::text(json)?.trim_end_matches('Z'))?)
            }
            Self::IsoTime => {
                Value::Time(time::parse_time(json::text(json)?.trim_end_matches('Z'))?)
            }
            Self::IsoTimestamp => {
                Value::Timestamp(time::parse_timestamp(&json::text(json)?, false)?)
            }
            Self::ZonedTimestamp => {
                Value::Timestamp(time::parse_timestamp(&json::text(json)?, true)?)
            }
            Self::IsoInterval => Value::Interval(Interval::parse(&json::text(json)?)?),
        })
    }

    /// Whether a JSON text is the placeholder for a value that PostgreSQL did not send.
    pub(super) fn is_unavailable(self, json: &str, placeholder: &str) -> bool {
        let is_placeholder = |json: &str| json::text(json).is_some_and(|text| text == placeholder);
        match self {
            Self::Text | Self::JsonText | Self::Any => is_placeholder(json),
            Self::Bytes => base64(json).is_some_and(|bytes| bytes == placeholder.as_bytes()),
            // An array of text whose one element is the placeholder.
            Self::Json => json
                .strip_prefix('[')
                .and_then(|json| json.strip_suffix(']'))
                .is_some_and(is_placeholder),
            _ => json.starts_with('"') && is_placeholder(json),
        }
    }
}

fn base64(json: &str) -> Option<Vec<u8>> {
    // Base64 has no characters that JSON escapes, but for a slash that need not be.
    let text: Cow<'_, str> = json::text(json)?;
    STANDARD.decode(text.as_bytes()).ok()
}

fn float(json: &str, ty: Type) -> Option<f64> {
    let text = json::text(json);
    Some(match text.as_deref() {
        Some("NaN") => f64::NAN,
        Some("Infinity" | "POSITIVE_INFINITY") => f64::INFINITY,
        Some("-Infinity" | "NEGATIVE_INFINITY") => f64::NEG_INFINITY,
        Some(_) => return None,
        None if ty == Type::Float4 => json.parse::<f32>().ok()?.into(),
        None => json.parse().ok()?,
    })
}

/// A time in so many units a second, as microseconds.
fn micros(json: &str, unit: i64) -> Option<i64> {
    let value: i64 = json.parse().ok()?;
    if unit > MICROS {
        Some(value.div_euclid(unit / MICROS))
    } else {
        value.checked_mul(MICROS / unit)
    }
}

/// The bits from the most significant one, as PostgreSQL prints them.
fn bits(bytes: &[u8], length: u32) -> String {
    let bit = |at: u32| {
        let byte = bytes.get(usize::try_from(at / 8).unwrap_or(usize::MAX)).copied().unwrap_or(0);
        if byte >> (at % 8) & 1 == 1 { '1' } else { '0' }
    };
    let length = length.min(u32::try_from(bytes.len().saturating_mul(8)).unwrap_or(length));
    (0..length).rev().map(bit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(schema: &str) -> Encoding {
        serde_json::from_str::<Node>(schema).unwrap().encoding()
    }

    #[test]
    fn what_debezium_writes_becomes_what_postgresql_prints() {
        let connect = |name: &str, ty: &str| {
            format!(
                r#"{{"type":"{ty}","name":"org.apache.kafka.connect.data.{name}","parameters":{{"scale":"2"}}}}"#
            )
        };
        let debezium = |name: &str, ty: &str| {
            format!(
                r#"{{"type":"{ty}","name":"io.debezium.{name}","parameters":{{"length":"5"}}}}"#
            )
        };
        let plain = |ty: &str| format!(r#"{{"type":"{ty}"}}"#);
        #[rustfmt::skip] // one case a line
        let cases = [
            (plain("boolean"), "true", "t"), (plain("int16"), "-7", "-7"), (plain("int64"), "9223372036854775807", "9223372036854775807"),
            (plain("float"), "123456.79", "123456.79"), (plain("double"), "1.0E21", "1e+21"), (plain("double"), "\"NaN\"", "NaN"),
            (plain("string"), "\"a\\n\\u00e9\"", "a\né"), (plain("bytes"), "\"CgsM\"", "\\x0a0b0c"), (plain("array"), "[1, 2]", "[1, 2]"),
            (connect("Decimal", "bytes"), "\"fQ==\"", "1.25"), (connect("Date", "int32"), "19782", "2024-02-29"), (connect("Timestamp", "int64"), "1709210096789", "2024-02-29 12:34:56.789"),
            (debezium("data.VariableScaleDecimal", "struct"), r#"{"scale":1,"value":"Cw=="}"#, "1.1"), (debezium("data.Bits", "bytes"), "\"Eg==\"", "10010"),
            (debezium("data.Uuid", "string"), "\"123e4567-e89b-12d3-a456-426614174000\"", "123e4567-e89b-12d3-a456-426614174000"),
            (debezium("data.Json", "string"), r#""{\"a\": 1}""#, "{\"a\": 1}"), (debezium("data.Enum", "string"), "\"ok\"", "ok"),
            (debezium("time.Date", "int32"), "-1", "1969-12-31"), (debezium("time.MicroTime", "int64"), "45296789012", "12:34:56.789012"),
            (debezium("time.NanoTime", "int64"), "45296789012000", "12:34:56.789012"), (debezium("time.MicroTimestamp", "int64"), "1709210096789012", "2024-02-29 12:34:56.789012"),
            (debezium("time.MicroTimestamp", "int64"), "9223372036825200000", "infinity"), (debezium("time.ZonedTimestamp", "string"), "\"2024-02-29T10:34:56.789012Z\"", "2024-02-29 10:34:56.789012+00"),
            (debezium("time.ZonedTimestamp", "string"), "\"infinity\"", "infinity"), (debezium("time.MicroDuration", "int64"), "5400000000", "01:30:00"),
            (debezium("time.Interval", "string"), "\"P1Y2M3DT4H5M6.789S\"", "1 year 2 mons 3 days 04:05:06.789"), (debezium("time.IsoTimestamp", "string"), "\"2024-02-29T12:34:56.789012Z\"", "2024-02-29 12:34:56.789012"),
        ];
        for (schema, json, text) in cases {
            let encoding = encoding(&schema);
            let value = encoding.decode(json).unwrap_or_else(|| panic!("{schema} {json}"));
            assert_eq!(value.to_text(encoding.ty()), text, "{schema} {json}");
            assert_eq!(encoding.decode("null"), Some(Value::Null));
        }
        assert_eq!(Encoding::Int(Type::Int4).decode("\"x\""), None);
        assert_eq!(Encoding::Bytes.decode("\"?\""), None);
    }

    #[test]
    fn placeholder_is_known_in_every_form() {
        let unavailable = "__debezium_unavailable_value";
        let text = format!("\"{unavailable}\"");
        assert!(Encoding::Text.is_unavailable(&text, unavailable));
        assert!(Encoding::Json.is_unavailable(&format!("[{text}]"), unavailable));
        let bytes = format!("\"{}\"", STANDARD.encode(unavailable));
        assert!(Encoding::Bytes.is_unavailable(&bytes, unavailable));
        assert!(!Encoding::Text.is_unavailable("\"x\"", unavailable));
    }
}
