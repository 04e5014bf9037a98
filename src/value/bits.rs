//! `bit(n)` and `bit varying(n)`.

use super::ValueError;
use super::json::write_bytes;

const MALFORMED: ValueError = ValueError::Malformed { what: "bit string" };

/// Writes a one-bit string as a boolean; an empty `varbit(1)` is neither.
pub(super) fn write_bit(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let word: &[u8] = match text {
        b"1" => b"true",
        b"0" => b"false",
        _ => return Err(MALFORMED),
    };
    out.extend_from_slice(word);
    Ok(())
}

/// Writes a bit string as `io.debezium.data.Bits`: the rightmost bit is bit 0 of byte 0, and no
/// byte follows the one with the highest set bit.
pub(super) fn write_bits(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    if !text.iter().all(|bit| matches!(bit, b'0' | b'1')) {
        return Err(MALFORMED);
    }
    let first = text.iter().position(|bit| *bit == b'1').unwrap_or(text.len());
    let set = text.get(first..).unwrap_or_default();
    let byte = |bits: &[u8]| bits.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
    let mut short = [0_u8; 64];
    let long: Vec<u8>;
    let bytes = if set.len() <= short.len() * 8 {
        let mut length = 0;
        for (slot, bits) in short.iter_mut().zip(set.rchunks(8)) {
            *slot = byte(bits);
            length += 1;
        }
        short.get(..length).unwrap_or_default()
    } else {
        long = set.rchunks(8).map(byte).collect();
        &long
    };
    write_bytes(bytes, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_follows_the_highest_set_bit() {
        #[rustfmt::skip] // types_binary.default
        let cases = [
            ("10101", "FQ=="), ("10101010", "qg=="), ("1010101010101010101010101010101", "VVVVVQ=="), ("10000000000000000000000000000001", "AQAAgA=="),
            ("100000000000000000000000000000001", "AQAAAAE="), ("1000000000000000000000000000000000000000000000000000000000000001", "AQAAAAAAAIA="),
            ("10000000000000000000000000000000000000000000000000000000000000001", "AQAAAAAAAAAB"), ("101", "BQ=="), ("00000000", ""), ("", ""),
            ("1000000000000001", "AYA="), ("00100", "BA=="), ("000000110000001000000001", "AQID"),
            ("1111111111111111111111111111111111111111111111111111111111111111111111", "//////////8/"),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            write_bits(text.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{expected}\""), "{text}");
        }
        let (mut long, mut out) = (vec![b'0'; 600], Vec::new());
        long[0] = b'1';
        write_bits(&long, &mut out).unwrap();
        assert_eq!(out.len(), 102, "75 bytes in base64");
    }

    #[test]
    fn anything_but_bits_is_an_error() {
        assert_eq!(write_bits(b"012", &mut Vec::new()), Err(MALFORMED));
        for text in [&b""[..], b"2", b"10"] {
            assert_eq!(write_bit(text, &mut Vec::new()), Err(MALFORMED));
        }
    }
}
