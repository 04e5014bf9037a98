//! JSON as text: values stay the bytes they were, so that digits and member order survive.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One member of an object: its name, and its value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Name, unescaped.
    pub name: Cow<'a, str>,
    /// JSON text of the value.
    pub json: &'a str,
}

/// The members of a JSON object in their order; `None` when the text is anything else.
#[must_use]
pub fn members(object: &str) -> Option<Vec<Member<'_>>> {
    // Most records that are no objects are refused here, before anything is allocated.
    if !object.trim_ascii_start().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Members<'_>>(object).ok().map(|members| members.0)
}

struct Members<'a>(Vec<Member<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some(Name(name)) = map.next_key()? {
            members.push(Member { name, json: map.next_value::<&RawValue>()?.get() });
        }
        Ok(members)
    }
}

/// The text of a JSON string; `None` when `json` is no string.
#[must_use]
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    // A lone surrogate is valid JSON but no text: then the escapes stay visible.
    Some(serde_json::from_str(json).map_or(Cow::Borrowed(inner), Cow::Owned))
}

/// The bytes as text when they are exactly one valid JSON value (white space around it allowed).
#[must_use]
pub fn valid(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<IgnoredAny>(text).is_ok().then_some(text)
}

/// Appends `text` as a JSON string; only what must be escaped is escaped.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                let hex =
                    |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[hex(control >> 4), hex(control & 15)]);
            }
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out.push(b'"');
}

/// Appends JSON text unchanged, except that line breaks between its tokens become spaces, so that
/// the text stays on one line. (Inside JSON strings a raw line break is not valid.)
pub fn push_on_one_line(out: &mut Vec<u8>, json: &str) {
    let from = out.len();
    out.extend_from_slice(json.as_bytes());
    if let Some(copied) = out.get_mut(from..) {
        for byte in copied {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn valid_takes_one_whole_value_only() {
        for json in ["1", " {\"a\":[1.50,null]} ", "\"x\\u00e9\"", "1E400", "\"\\ud800\""] {
            assert_eq!(valid(json.as_bytes()), Some(json));
        }
        for other in ["", " ", "{", "{}{}", "01", "nul", "\"a\nb\"", "plain text", "NaN"] {
            assert_eq!(valid(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(valid(b"\"\xff\""), None);
    }

    #[test]
    fn members_keep_order_digits_and_doubles() {
        let found = members(r#" {"b":1.50,"a":{"x": [1]},"\u0062":"\"","b":null} "#).unwrap();
        let found: Vec<_> = found.iter().map(|m| (m.name.as_ref(), m.json)).collect();
        assert_eq!(found, [("b", "1.50"), ("a", r#"{"x": [1]}"#), ("b", r#""\"""#), ("b", "null")]);
        for other in ["", "[]", "1", "{", "{\"a\":}", "{} {}"] {
            assert_eq!(members(other), None, "{other}");
        }
    }

    #[test]
    fn string_is_unescaped_and_a_lone_surrogate_stays_visible() {
        assert_eq!(string(r#""a\n\u00e9""#).as_deref(), Some("a\né"));
        assert_eq!(string(r#""\ud800""#).as_deref(), Some("\\ud800"));
        assert_eq!(string("12"), None);
        assert_eq!(string("\""), None);
    }

    #[test]
    fn deep_nesting_is_checked_without_recursion() {
        let deep = [vec![b'['; 200_000], vec![b']'; 200_000]].concat();
        assert!(valid(&deep).is_some());
    }

    proptest! {
        #[test]
        fn string_reads_back_as_written(text in ".*") {
            let mut out = Vec::new();
            push_string(&mut out, &text);
            prop_assert!(!out.contains(&b'\n'));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
