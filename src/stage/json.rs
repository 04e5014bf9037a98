//! JSON as text: is it valid, and how a string is written.

use serde::de::IgnoredAny;

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
