//! The payload of each record as one line of JSON.

use super::RecordView;
use super::change::Parser;
use super::json;
use super::record_json;

/// Appends the payload of a record, without a line break; false when it has none (a tombstone).
///
/// What is no JSON is written as a string, as in [`record_json`].
pub fn write(out: &mut Vec<u8>, parser: &mut Parser, record: &RecordView<'_>) -> bool {
    let Some(value) = record.value else { return false };
    match parser.payload(record.topic, value) {
        Some(payload) => json::push_on_one_line(out, payload),
        None => {
            record_json::push_text(out, value);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: Option<&[u8]>) -> Option<String> {
        let mut out = Vec::new();
        let record = RecordView { topic: "t", timestamp_ms: None, key: None, value };
        let written = write(&mut out, &mut Parser::default(), &record);
        written.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn schema_is_left_away_and_other_values_stay() {
        #[rustfmt::skip] // one case a line
        let cases: [(&[u8], &str); 5] = [
            (br#"{"schema":{"type":"int32"},"payload":{"b":1.0,"a":2}}"#, r#"{"b":1.0,"a":2}"#),
            (br#"{"op":"c","after":{"id":1}}"#, r#"{"op":"c","after":{"id":1}}"#),
            (b"[1,\n2]", "[1, 2]"),
            (b"plain \"text\"", r#""plain \"text\"""#),
            (b"\xff\xfe", r#""//4=""#),
        ];
        for (value, expected) in cases {
            assert_eq!(line(Some(value)).as_deref(), Some(expected));
        }
        assert_eq!(line(None), None);
    }
}
