//! Booleans and integers: text that is nearly JSON already.

use super::ValueError;

/// Writes `t` or `f`.
pub(super) fn write_bool(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let word: &[u8] = match text {
        b"t" | b"true" => b"true",
        b"f" | b"false" => b"false",
        _ => return Err(ValueError::Malformed { what: "boolean" }),
    };
    out.extend_from_slice(word);
    Ok(())
}

/// Copies an integer of at most `digits_max` digits after making sure that it is one in JSON, too.
pub(super) fn write_int(
    text: &[u8],
    digits_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let valid = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < digits_max && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !valid {
        return Err(ValueError::Malformed { what: "integer" });
    }
    out.extend_from_slice(text);
    Ok(())
}

/// Writes numbers with spaces between them, such as `1 2`, as an array.
pub(super) fn write_list(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    out.push(b'[');
    for (index, word) in text.split(|byte| *byte == b' ').filter(|w| !w.is_empty()).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_int(word, 10, out)?;
    }
    out.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_copied_when_they_are_json() {
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808", "4294967295"] {
            let mut out = Vec::new();
            write_int(text.as_bytes(), 19, &mut out).unwrap();
            assert_eq!(out, text.as_bytes());
        }
        for text in ["", "-", "-0", "01", "+1", "1.0", "1e3", " 1", "12345678901234567890"] {
            assert!(write_int(text.as_bytes(), 19, &mut Vec::new()).is_err(), "{text}");
        }
        assert!(write_int(b"100000", 5, &mut Vec::new()).is_err());
    }
}
