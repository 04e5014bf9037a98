//! `bytea`, and the text of types that are delivered as bytes.

use super::json::{BASE64, BASE64_URL, write_base64, write_string};
use super::{BinaryMode, ValueError};

const MALFORMED: ValueError = ValueError::Malformed { what: "bytea" };

/// Writes one `bytea` that PostgreSQL printed as `\x00ff` or, with `bytea_output = escape`, as
/// `\000\377`.
pub(super) fn write_bytea(
    text: &[u8],
    mode: BinaryMode,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match text.strip_prefix(b"\\x") {
        Some(hex) => write_hex_digits(hex, mode, out),
        None => {
            write_binary(&unescape(text).ok_or(MALFORMED)?, mode, out);
            Ok(())
        }
    }
}

/// Writes raw bytes in the given mode.
pub fn write_binary(bytes: &[u8], mode: BinaryMode, out: &mut Vec<u8>) {
    out.push(b'"');
    match alphabet(mode) {
        Some(alphabet) => write_base64(bytes, alphabet, out),
        None => {
            for byte in bytes {
                out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
            }
        }
    }
    out.push(b'"');
}

/// Writes text as bytes, as it is done with types that Debezium does not know.
pub(super) fn write_text_as_bytes(
    text: &[u8],
    mode: BinaryMode,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    std::str::from_utf8(text).map_err(|_| ValueError::NotUtf8)?;
    write_binary(text, mode, out);
    Ok(())
}

/// The base64 alphabet of a mode, `None` for hexadecimal.
const fn alphabet(mode: BinaryMode) -> Option<&'static [u8; 64]> {
    match mode {
        BinaryMode::Bytes | BinaryMode::Base64 => Some(BASE64),
        BinaryMode::Base64UrlSafe => Some(BASE64_URL),
        BinaryMode::Hex => None,
    }
}

/// Writes bytes that are given as hexadecimal digits.
fn write_hex_digits(hex: &[u8], mode: BinaryMode, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let Some(alphabet) = alphabet(mode) else {
        if !hex.len().is_multiple_of(2) || !hex.iter().all(u8::is_ascii_hexdigit) {
            return Err(MALFORMED);
        }
        return write_string(&hex.to_ascii_lowercase(), out);
    };
    out.push(b'"');
    // Three bytes become four letters, so a block of a multiple of three can stand alone.
    let mut block = [0_u8; 768];
    for digits in hex.chunks(block.len() * 2) {
        let bytes = decode_hex(digits, &mut block).ok_or(MALFORMED)?;
        write_base64(bytes, alphabet, out);
    }
    out.push(b'"');
    Ok(())
}

/// Decodes an even number of digits into `bytes`.
pub(super) fn decode_hex<'a>(hex: &[u8], bytes: &'a mut [u8]) -> Option<&'a [u8]> {
    let (pairs, rest) = hex.as_chunks::<2>();
    let bytes = bytes.get_mut(..pairs.len()).filter(|_| rest.is_empty())?;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (HEX_VALUES[usize::from(*high)], HEX_VALUES[usize::from(*low)]);
        if high | low > 15 {
            return None;
        }
        *byte = high << 4 | low;
    }
    Some(bytes)
}

/// What a hexadecimal digit is worth; above 15 for all other bytes.
const HEX_VALUES: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        table[digit as usize] = value;
        table[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    table
};

/// One lower-case hexadecimal digit.
const fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// Undoes `bytea_output = escape`: `\\` and three octal digits.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                bytes.push(b'\\');
                tail
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                tail
            }
            (b'\\', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(text: &[u8], mode: BinaryMode) -> Result<String, ValueError> {
        let mut out = Vec::new();
        write_bytea(text, mode, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_mode_as_recorded() {
        #[rustfmt::skip] // types_binary.*
        let cases = [
            (&b"\\x0001feff"[..], "AAH+/w==", "AAH-_w==", "0001feff"), (b"\\x", "", "", ""),
            (b"\\xfbefbe3f3e2f2b", "++++Pz4vKw==", "----Pz4vKw==", "fbefbe3f3e2f2b"),
            (b"\\xAB", "qw==", "qw==", "ab"), (b"\\000\\001\\376\\377", "AAH+/w==", "AAH-_w==", "0001feff"),
            (b"a\\\\b", "YVxi", "YVxi", "615c62"), (b"", "", "", ""),
        ];
        for (text, base64, url_safe, hex) in cases {
            assert_eq!(write(text, BinaryMode::Bytes), Ok(format!("\"{base64}\"")));
            assert_eq!(write(text, BinaryMode::Base64), Ok(format!("\"{base64}\"")));
            assert_eq!(write(text, BinaryMode::Base64UrlSafe), Ok(format!("\"{url_safe}\"")));
            assert_eq!(write(text, BinaryMode::Hex), Ok(format!("\"{hex}\"")));
        }
    }

    #[test]
    fn broken_digits_and_escapes_are_errors() {
        for text in [&b"\\x0"[..], b"\\xgg", b"\\9", b"\\", b"\\400"] {
            for mode in [BinaryMode::Bytes, BinaryMode::Hex] {
                assert_eq!(write(text, mode), Err(MALFORMED), "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn both_output_forms_give_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
            let mut expected = Vec::new();
            write_binary(&bytes, BinaryMode::Bytes, &mut expected);
            let expected = String::from_utf8(expected).unwrap();
            let from_hex = write(format!("\\x{hex}").as_bytes(), BinaryMode::Bytes);
            prop_assert_eq!(from_hex.as_deref(), Ok(expected.as_str()));
            prop_assert_eq!(write(escaped.as_bytes(), BinaryMode::Bytes), Ok(expected));
        }
    }
}
