//! Header values as Kafka Connect's converters write them.
//!
//! SimpleHeaderConverter writes most values as JsonConverter does, with its own escapes in texts,
//! decimals as numbers, and Connect's dates and times as ISO 8601 without quotes.
//!
//! Source: Kafka's `Values.convertToString`; recordings `headers`.

use super::bigint::decimal_digits;
use super::decimal_number::write_scaled;
use super::json::write_str;
use super::temporal::write_java_date;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// What distinguishes the text of a value in a header from its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderForm {
    /// Nothing.
    Same,
    /// A string, or bytes: without quotes unless it is part of something.
    Text,
    /// A float: NaN and the infinities have no quotes.
    Float,
    /// Connect's Decimal of a scale.
    Decimal(usize),
    /// Connect's Date, Time or Timestamp, and how many milliseconds one of its numbers is.
    Date(i64),
    /// An array of it.
    Array(Box<HeaderForm>),
    /// A map with string keys.
    Map(Box<HeaderForm>),
    /// A struct of it.
    Struct(Vec<(String, HeaderForm)>),
}

#[derive(Deserialize)]
struct RawSchema<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    fields: Vec<&'a RawValue>,
    #[serde(borrow)]
    field: Option<Cow<'a, str>>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parameters: HashMap<Cow<'a, str>, Cow<'a, str>>,
}

impl HeaderForm {
    /// The form of a schema that JsonConverter wrote; nothing when the text is no schema.
    #[must_use]
    pub fn of(schema: &str) -> Option<Self> {
        let raw: RawSchema<'_> = serde_json::from_str(schema).ok()?;
        let connect = raw.name.as_deref().and_then(|name| {
            name.strip_prefix("org.apache.kafka.connect.data.").map(str::to_owned)
        });
        Some(match (connect.as_deref(), &*raw.kind) {
            (Some("Decimal"), _) => {
                Self::Decimal(raw.parameters.get("scale").and_then(|scale| scale.parse().ok())?)
            }
            (Some("Date"), _) => Self::Date(86_400_000),
            (Some("Time" | "Timestamp"), _) => Self::Date(1),
            (_, "string" | "bytes") => Self::Text,
            (_, "float" | "double") => Self::Float,
            (_, "array") => Self::Array(Box::new(Self::of(raw.items?.get())?)),
            (_, "map") => Self::Map(Box::new(Self::of(raw.values?.get())?)),
            (_, "struct") => {
                let mut fields = Vec::with_capacity(raw.fields.len());
                for field in raw.fields {
                    let form = Self::of(field.get())?;
                    let named: RawSchema<'_> = serde_json::from_str(field.get()).ok()?;
                    fields.push((named.field?.into_owned(), form));
                }
                Self::Struct(fields)
            }
            _ => Self::Same,
        })
    }
}

/// Writes the text of a value that JsonConverter wrote; nothing when it is not of that form.
#[must_use]
pub fn write_header(form: &HeaderForm, json: &str, out: &mut Vec<u8>) -> Option<()> {
    write(form, json, false, out)
}

fn write(form: &HeaderForm, json: &str, inside: bool, out: &mut Vec<u8>) -> Option<()> {
    if json == "null" {
        out.extend_from_slice(b"null");
        return Some(());
    }
    match form {
        HeaderForm::Same => out.extend_from_slice(json.as_bytes()),
        HeaderForm::Text if inside => write_quoted(&text(json)?, out),
        HeaderForm::Text => out.extend_from_slice(text(json)?.as_bytes()),
        HeaderForm::Float => out.extend_from_slice(json.trim_matches('"').as_bytes()),
        HeaderForm::Decimal(scale) if json.starts_with('"') => {
            let bytes = STANDARD.decode(json.trim_matches('"')).ok()?;
            let (negative, digits) = decimal_digits(&bytes);
            if negative {
                out.push(b'-');
            }
            write_scaled(&digits, *scale, out);
        }
        HeaderForm::Decimal(_) => out.extend_from_slice(json.as_bytes()),
        HeaderForm::Date(unit) => {
            write_java_date(json.parse::<i64>().ok()?.checked_mul(*unit)?, out);
        }
        HeaderForm::Array(items) => {
            let values: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(items, value.get(), true, out)?;
            }
            out.push(b']');
        }
        HeaderForm::Map(values) => write_map(values, json, out)?,
        HeaderForm::Struct(fields) => write_fields(fields, json, out)?,
    }
    Some(())
}

fn write_fields(fields: &[(String, HeaderForm)], json: &str, out: &mut Vec<u8>) -> Option<()> {
    let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).ok()?;
    let mut separator = b'{';
    for (name, form) in fields {
        out.push(separator);
        separator = b',';
        write_quoted(name, out);
        out.push(b':');
        write(form, members.get(name.as_str())?.get(), true, out)?;
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Some(())
}

fn write_map(values: &HeaderForm, json: &str, out: &mut Vec<u8>) -> Option<()> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    let mut separator = b'{';
    for (name, value) in &members {
        out.push(separator);
        separator = b',';
        write_quoted(name, out);
        out.push(b':');
        write(values, &value.to_string(), true, out)?;
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Some(())
}

fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// Only quotes and backslashes are escaped.
fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A text as JsonConverter writes it into a header.
#[must_use]
pub fn json_header(text: &str, schemas: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if schemas {
        out.extend_from_slice(br#"{"schema":{"type":"string","optional":false},"payload":"#);
    }
    write_str(text, &mut out);
    if schemas {
        out.push(b'}');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(schema: &str, json: &str) -> String {
        let mut out = Vec::new();
        write_header(&HeaderForm::of(schema).unwrap(), json, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_have_quotes_only_inside_of_something() {
        assert_eq!(
            header(r#"{"type":"string","optional":true}"#, r#""a\"\n\uD834\uDD1E""#),
            "a\"\n𝄞"
        );
        let array = r#"{"type":"array","items":{"type":"string"},"optional":true}"#;
        assert_eq!(header(array, r#"["a\"\\\n",null]"#), "[\"a\\\"\\\\\n\",null]");
        assert_eq!(header(r#"{"type":"double"}"#, "\"NaN\""), "NaN");
    }

    #[test]
    fn decimals_are_numbers_and_dates_are_iso() {
        let decimal = r#"{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"6"},"field":"k"}"#;
        let one = |json| header(decimal, json);
        assert_eq!(
            [one("\"AJY=\""), one("\"/w==\""), one("1.50"), one("null")],
            ["1.50", "-0.01", "1.50", "null"]
        );
        let date = r#"{"type":"int32","name":"org.apache.kafka.connect.data.Date","version":1}"#;
        assert_eq!(
            [header(date, "19723"), header(date, "0"), header(date, "-1")],
            ["2024-01-01", "00:00:00.000Z", "00:00:00.000Z"]
        );
        let stamp =
            r#"{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1}"#;
        assert_eq!(header(stamp, "1704067200123"), "2024-01-01T00:00:00.123Z");
    }

    #[test]
    fn structs_and_maps_keep_their_order() {
        let schema = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"b"},{"type":"map","keys":{"type":"string"},"values":{"type":"string"},"field":"a"}]}"#;
        assert_eq!(
            header(schema, r#"{"b":"x","a":{"k":null,"j":"\\"}}"#),
            r#"{"b":"x","a":{"k":null,"j":"\\"}}"#
        );
    }
}
