//! What stands for an unchanged TOAST value that the server did not send.

use super::bytea::write_binary;
use super::json::{write_integer, write_str};
use super::{BinaryMode, HstoreMode};
use md5::{Digest, Md5};

/// The form in which a type can carry `unavailable.value.placeholder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unavailable {
    /// No form: null.
    Null,
    /// The placeholder itself.
    Text,
    /// The placeholder's bytes; Debezium has none in the base64 modes.
    Binary(BinaryMode),
    /// An array with the placeholder as its one element.
    TextArray,
    /// An array with the placeholder's bytes as its one element.
    BytesArray,
    /// An array of numbers, one for each byte of the placeholder.
    ByteValues,
    /// An array with a UUID that is derived from the placeholder.
    UuidArray,
    /// The placeholder as key and value.
    Hstore(HstoreMode),
}

impl Unavailable {
    /// The JSON, or `None` where null must do.
    pub(super) fn json(self, placeholder: &[u8]) -> Option<Vec<u8>> {
        let text = String::from_utf8_lossy(placeholder);
        let mut out = Vec::new();
        match self {
            Self::Null | Self::Binary(BinaryMode::Base64 | BinaryMode::Base64UrlSafe) => {
                return None;
            }
            Self::Text | Self::Binary(BinaryMode::Hex) => write_str(&text, &mut out),
            Self::Binary(mode @ BinaryMode::Bytes) => write_binary(placeholder, mode, &mut out),
            Self::TextArray => in_brackets(&mut out, |out| write_str(&text, out)),
            Self::BytesArray => in_brackets(&mut out, |out| {
                write_binary(placeholder, BinaryMode::Bytes, out);
            }),
            Self::ByteValues => in_brackets(&mut out, |out| write_byte_values(placeholder, out)),
            Self::UuidArray => {
                in_brackets(&mut out, |out| write_str(&name_uuid(placeholder), out));
            }
            Self::Hstore(HstoreMode::Map) => write_pair(&text, &mut out),
            Self::Hstore(HstoreMode::Json) => {
                let mut json = Vec::new();
                write_pair(&text, &mut json);
                write_str(&String::from_utf8_lossy(&json), &mut out);
            }
        }
        Some(out)
    }
}

fn in_brackets(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'[');
    write(out);
    out.push(b']');
}

/// Java's bytes are signed.
fn write_byte_values(placeholder: &[u8], out: &mut Vec<u8>) {
    for (position, byte) in placeholder.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_integer(byte.cast_signed(), out);
    }
}

fn write_pair(text: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    write_str(text, out);
    out.push(b':');
    write_str(text, out);
    out.push(b'}');
}

/// `UUID.nameUUIDFromBytes`: version 3 without a namespace.
fn name_uuid(name: &[u8]) -> String {
    let mut bytes: [u8; 16] = Md5::digest(name).into();
    bytes[6] = bytes[6] & 0x0f | 0x30;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_as_recorded() {
        #[rustfmt::skip] // toast.default, toast.strings
        let cases = [
            (Unavailable::Null, None), (Unavailable::Text, Some("\"__debezium_unavailable_value\"")),
            (Unavailable::Binary(BinaryMode::Bytes), Some("\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"")),
            (Unavailable::Binary(BinaryMode::Hex), Some("\"__debezium_unavailable_value\"")), (Unavailable::Binary(BinaryMode::Base64), None),
            (Unavailable::TextArray, Some("[\"__debezium_unavailable_value\"]")),
            (Unavailable::BytesArray, Some("[\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"]")),
            (Unavailable::ByteValues, Some("[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]")),
            (Unavailable::UuidArray, Some("[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]")),
            (Unavailable::Hstore(HstoreMode::Json), Some(r#""{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}""#)),
            (Unavailable::Hstore(HstoreMode::Map), Some(r#"{"__debezium_unavailable_value":"__debezium_unavailable_value"}"#)),
        ];
        for (form, expected) in cases {
            let json = form.json(b"__debezium_unavailable_value");
            assert_eq!(json.map(|json| String::from_utf8(json).unwrap()).as_deref(), expected);
        }
    }

    #[test]
    fn placeholder_of_any_bytes_is_written() {
        assert_eq!(Unavailable::ByteValues.json(b"\xff").unwrap(), b"[-1]");
        assert_eq!(Unavailable::Text.json(b"\xff").unwrap(), "\"\u{fffd}\"".as_bytes());
    }
}
