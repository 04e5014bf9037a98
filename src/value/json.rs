//! JSON strings and base64 as Jackson and Kafka Connect's JsonConverter write them.

use super::ValueError;

/// What Jackson puts behind a backslash, by byte: 0 = nothing to escape, `u` = four hex digits,
/// [`PAIR`] = the first of the four bytes of a character beyond U+FFFF.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    byte = 0xF0;
    while byte <= 0xF4 {
        table[byte] = PAIR;
        byte += 1;
    }
    table
};

/// Jackson writes such a character as two escaped surrogates, all others raw.
const PAIR: u8 = 1;

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Writes `text` as a quoted JSON string.
///
/// # Errors
///
/// [`ValueError::NotUtf8`]; `out` is then unchanged.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let text = std::str::from_utf8(text).map_err(|_| ValueError::NotUtf8)?;
    write_str(text, out);
    Ok(())
}

/// Writes `text` as a quoted JSON string.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text.as_bytes(), out);
    out.push(b'"');
}

/// Writes `text` as a quoted JSON string within a text, where Jackson writes to a `Writer` and
/// leaves characters beyond U+FFFF raw; the string around it escapes them.
pub(super) fn write_inner_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let beyond = |c: char| c > '\u{ffff}';
    for part in text.split_inclusive(beyond) {
        let plain = part.trim_end_matches(beyond);
        write_escaped(plain.as_bytes(), out);
        out.extend_from_slice(part.get(plain.len()..).unwrap_or_default().as_bytes());
    }
    out.push(b'"');
}

/// Writes the inside of a JSON string: only `"`, `\`, the bytes below 0x20 and characters beyond
/// U+FFFF are escaped, all else, also U+2028 and DEL, stays raw.
///
/// Source: Jackson's UTF8JsonGenerator without COMBINE_UNICODE_SURROGATES_IN_UTF8, and the
/// recordings `keys` and `types_text`.
pub(super) fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = first_to_escape(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, tail)) = tail.split_first() else { return };
        match ESCAPES[usize::from(byte)] {
            b'u' => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX_UPPER[usize::from(byte >> 4)]);
                out.push(HEX_UPPER[usize::from(byte & 15)]);
            }
            PAIR => {
                if let Some((&[b, c, d], tail)) = tail.split_first_chunk::<3>() {
                    write_surrogates([byte, b, c, d], out);
                    rest = tail;
                    continue;
                }
                out.push(byte);
            }
            short => out.extend_from_slice(&[b'\\', short]),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}

/// Where the first byte stands that cannot be copied.
fn first_to_escape(text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks::<8>();
    let clean = words.iter().take_while(|word| is_clean(u64::from_ne_bytes(**word))).count() * 8;
    let rest = text.get(clean..).unwrap_or_default();
    rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0).map(|at| clean + at)
}

/// True when none of eight bytes needs an escape; false may be a false alarm.
const fn is_clean(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES * 0x80;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ (ONES * b'\\' as u64);
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    let four_bytes = word & word << 1 & word << 2 & word << 3;
    (control | quote | backslash | four_bytes) & HIGHS == 0
}

/// Writes a character of four UTF-8 bytes as two `\uXXXX`.
fn write_surrogates(bytes: [u8; 4], out: &mut Vec<u8>) {
    let [a, b, c, d] = bytes.map(u32::from);
    let character = (a & 0x07) << 18 | (b & 0x3F) << 12 | (c & 0x3F) << 6 | d & 0x3F;
    let offset = character.wrapping_sub(0x1_0000) & 0xF_FFFF;
    for unit in [0xD800 | offset >> 10, 0xDC00 | offset & 0x3FF] {
        out.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            out.push(HEX_UPPER[(unit >> shift & 15) as usize]);
        }
    }
}

/// The alphabet of RFC 4648 section 4.
pub(super) const BASE64: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The alphabet of RFC 4648 section 5.
pub(super) const BASE64_URL: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Appends base64 with padding; feed it multiples of three bytes to continue a longer run.
pub(super) fn write_base64(bytes: &[u8], alphabet: &[u8; 64], out: &mut Vec<u8>) {
    let letter = |bits: u32| alphabet[(bits & 63) as usize];
    let (triples, tail) = bytes.as_chunks::<3>();
    for &[a, b, c] in triples {
        let bits = u32::from_be_bytes([0, a, b, c]);
        out.extend_from_slice(&[
            letter(bits >> 18),
            letter(bits >> 12),
            letter(bits >> 6),
            letter(bits),
        ]);
    }
    match *tail {
        [a] => {
            let bits = u32::from_be_bytes([0, a, 0, 0]);
            out.extend_from_slice(&[letter(bits >> 18), letter(bits >> 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from_be_bytes([0, a, b, 0]);
            out.extend_from_slice(&[
                letter(bits >> 18),
                letter(bits >> 12),
                letter(bits >> 6),
                b'=',
            ]);
        }
        _ => {}
    }
}

/// Writes Connect bytes: a quoted base64 string.
pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_base64(bytes, BASE64, out);
    out.push(b'"');
}

/// Writes an integer.
pub(super) fn write_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        write_str(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_jackson_does() {
        // types_text.default, row 4 of the recording
        assert_eq!(
            string("tab\t nl\n cr\r bs\\ q\" é 𝄞 \u{1} \u{7f} \u{2028} </script> /"),
            "\"tab\\t nl\\n cr\\r bs\\\\ q\\\" é \\uD834\\uDD1E \\u0001 \u{7f} \u{2028} </script> /\""
        );
        assert_eq!(string("\u{8}\u{c}\u{1f}"), r#""\b\f\u001F""#);
    }

    #[test]
    fn invalid_utf8_is_an_error_and_writes_nothing() {
        let mut out = b"x".to_vec();
        assert_eq!(write_string(b"ab\xff", &mut out), Err(ValueError::NotUtf8));
        assert_eq!(out, b"x");
    }

    #[test]
    fn base64_pads() {
        for (bytes, expected) in [
            ("", "\"\""),
            ("f", "\"Zg==\""),
            ("fo", "\"Zm8=\""),
            ("foo", "\"Zm9v\""),
            ("foob", "\"Zm9vYg==\""),
        ] {
            let mut out = Vec::new();
            write_bytes(bytes.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_string_reads_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let read: String = serde_json::from_str(&string(&text)).unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
