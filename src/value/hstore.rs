//! `hstore`: a map, or the map as JSON text.

use super::java_map::{sort_as_hash_map, string_hash};
use super::json::{write_inner_str, write_str, write_string};
use super::{HstoreMode, ValueError};
use std::borrow::Cow;

const MALFORMED: ValueError = ValueError::Malformed { what: "hstore" };

/// A key and its value, which may be NULL.
type Entry<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// Writes `"a"=>"1", "b"=>NULL` as an object in Java's order, in text mode as JSON within a string.
pub(super) fn write_hstore(
    text: &[u8],
    mode: HstoreMode,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let text = std::str::from_utf8(text).map_err(|_| ValueError::NotUtf8)?;
    let mut entries = parse(text).ok_or(MALFORMED)?;
    sort_as_hash_map(&mut entries, |(key, _)| string_hash(key));
    match mode {
        HstoreMode::Map => write_object(&entries, write_str, out),
        HstoreMode::Json => {
            let mut json = Vec::with_capacity(text.len() + 8);
            write_object(&entries, write_inner_str, &mut json);
            write_string(&json, out)?;
        }
    }
    Ok(())
}

fn write_object(entries: &[Entry<'_>], write_str: impl Fn(&str, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'{');
    for (position, (key, value)) in entries.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_str(key, out);
        out.push(b':');
        match value {
            Some(value) => write_str(value, out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

/// Reads what `hstore_out` prints: quoted keys and values, `\` before `"` and `\`.
fn parse(text: &str) -> Option<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, tail) = quoted(rest)?;
        let tail = tail.strip_prefix("=>")?;
        let (value, tail) = match tail.strip_prefix("NULL") {
            Some(tail) => (None, tail),
            None => quoted(tail).map(|(value, tail)| (Some(value), tail))?,
        };
        entries.push((key, value));
        rest = match tail.strip_prefix(", ") {
            Some("") => return None,
            Some(tail) => tail,
            None if tail.is_empty() => tail,
            None => return None,
        };
    }
    Some(entries)
}

/// Reads one quoted word; without escapes it is borrowed.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.strip_prefix('"')?;
    let end = text.find(['"', '\\'])?;
    let (plain, tail) = text.split_at_checked(end)?;
    if let Some(tail) = tail.strip_prefix('"') {
        return Some((Cow::Borrowed(plain), tail));
    }
    let mut word = plain.to_owned();
    let mut chars = tail.chars();
    loop {
        match chars.next()? {
            '"' => return Some((Cow::Owned(word), chars.as_str())),
            '\\' => word.push(chars.next()?),
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(text: &str, mode: HstoreMode) -> Result<String, ValueError> {
        let mut out = Vec::new();
        write_hstore(text.as_bytes(), mode, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn both_modes_as_recorded() {
        #[rustfmt::skip] // types_ext.default
        let cases = [
            (r#""a"=>"1", "b"=>NULL"#, r#""{\"a\":\"1\",\"b\":null}""#, r#"{"a":"1","b":null}"#),
            ("", r#""{}""#, "{}"),
            (r#""𝄞"=>"𝄞 é""#, r#""{\"\uD834\uDD1E\":\"\uD834\uDD1E é\"}""#, r#"{"\uD834\uDD1E":"\uD834\uDD1E é"}"#),
            (r#""e"=>"", "ü"=>"é", "k q"=>"v \\ \" , => x""#, r#""{\"e\":\"\",\"ü\":\"é\",\"k q\":\"v \\\\ \\\" , => x\"}""#, r#"{"e":"","ü":"é","k q":"v \\ \" , => x"}"#),
            (r#""b"=>"1", "c"=>"3", "aa"=>"2", "NULL"=>"NULL""#, r#""{\"aa\":\"2\",\"b\":\"1\",\"c\":\"3\",\"NULL\":\"NULL\"}""#, r#"{"aa":"2","b":"1","c":"3","NULL":"NULL"}"#),
        ];
        for (text, json, map) in cases {
            assert_eq!(write(text, HstoreMode::Json).as_deref(), Ok(json), "{text}");
            assert_eq!(write(text, HstoreMode::Map).as_deref(), Ok(map), "{text}");
        }
    }

    #[test]
    fn broken_text_is_an_error() {
        for text in
            ["a", "\"a\"", "\"a\"=>", "\"a\"=>\"b", "\"a\"=>\"b\", ", "\"a\"=>\"b\"x", "\"a\\"]
        {
            assert_eq!(write(text, HstoreMode::Json), Err(MALFORMED), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_object_or_an_error(text in "[\"\\\\=>, NULaé]{0,30}") {
            if let Ok(json) = write(&text, HstoreMode::Map) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
            }
        }
    }
}
