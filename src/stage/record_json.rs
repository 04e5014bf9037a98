//! One Kafka record as one line of JSON, key and value verbatim.

use super::json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Appends one record as a JSON object, without a line break behind it.
///
/// Members in order: `topic`, `partition` (`null` when not chosen yet), `offset` and `timestamp`
/// (left out when `None`), `key`, `value`, `headers`. A key or value that is JSON is spliced in
/// unchanged, so numbers keep their digits and members their order; other text becomes a JSON
/// string; bytes that are not even UTF-8 become base64 and are marked by a following `keyEncoding`,
/// `valueEncoding` or (inside a header) `encoding` with the value `"base64"`. A header's value is
/// always a string or `null`.
#[expect(clippy::too_many_arguments, reason = "the parts of a Kafka record, each borrowed")]
pub fn write<'a>(
    out: &mut Vec<u8>,
    topic: &str,
    partition: Option<i32>,
    offset: Option<i64>,
    timestamp_ms: Option<i64>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>,
) {
    out.extend_from_slice(b"{\"topic\":");
    json::push_string(out, topic);
    out.extend_from_slice(b",\"partition\":");
    match partition {
        Some(partition) => push_number(out, partition),
        None => out.extend_from_slice(b"null"),
    }
    if let Some(offset) = offset {
        out.extend_from_slice(b",\"offset\":");
        push_number(out, offset);
    }
    if let Some(timestamp_ms) = timestamp_ms {
        out.extend_from_slice(b",\"timestamp\":");
        push_number(out, timestamp_ms);
    }
    out.extend_from_slice(b",\"key\":");
    push_bytes(out, key, "keyEncoding");
    out.extend_from_slice(b",\"value\":");
    push_bytes(out, value, "valueEncoding");
    out.extend_from_slice(b",\"headers\":[");
    for (index, (name, value)) in headers.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"key\":");
        json::push_string(out, name);
        out.extend_from_slice(b",\"value\":");
        match value {
            Some(value) => push_marked_text(out, value, "encoding"),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}

/// Key or value: JSON as it is, anything else as [`push_text`].
fn push_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>, marker: &str) {
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    match json::valid(bytes) {
        Some(text) => json::push_on_one_line(out, text),
        None => push_marked_text(out, bytes, marker),
    }
}

/// Bytes as a JSON string, with the member `marker` behind it when they had to become base64.
fn push_marked_text(out: &mut Vec<u8>, bytes: &[u8], marker: &str) {
    if !push_text(out, bytes) {
        out.push(b',');
        json::push_string(out, marker);
        out.extend_from_slice(b":\"base64\"");
    }
}

/// Bytes as a JSON string: their text, or base64 (and false) when they are not UTF-8.
pub(super) fn push_text(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(text) => json::push_string(out, text),
        Err(_) => {
            json::push_string(out, &BASE64.encode(bytes));
            return false;
        }
    }
    true
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(&str, Option<&[u8]>)]) -> String {
        let mut out = Vec::new();
        let headers = headers.iter().copied();
        write(&mut out, "shop.public.t", Some(0), Some(7), Some(1_700_000), key, value, headers);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_spliced_in_with_its_digits_and_order() {
        let headers: &[(&str, Option<&[u8]>)] = &[("a", Some(b"1")), ("b", None)];
        assert_eq!(
            line(Some(b"{\"z\":1.50,\"a\":1E5}"), Some(b"[1, 2]"), headers),
            "{\"topic\":\"shop.public.t\",\"partition\":0,\"offset\":7,\"timestamp\":1700000,\
             \"key\":{\"z\":1.50,\"a\":1E5},\"value\":[1, 2],\
             \"headers\":[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"b\",\"value\":null}]}"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out_and_an_open_partition_is_null() {
        let mut out = Vec::new();
        write(&mut out, "t", None, None, None, None, None, []);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"topic\":\"t\",\"partition\":null,\"key\":null,\"value\":null,\"headers\":[]}"
        );
    }

    #[test]
    fn text_becomes_a_string_and_other_bytes_marked_base64() {
        assert_eq!(
            line(Some(b"caf\xc3\xa9 \"1\"\n"), Some(b"\xff\x00"), &[("h", Some(b"\xfe"))]),
            "{\"topic\":\"shop.public.t\",\"partition\":0,\"offset\":7,\"timestamp\":1700000,\
             \"key\":\"café \\\"1\\\"\\n\",\"value\":\"/wA=\",\"valueEncoding\":\"base64\",\
             \"headers\":[{\"key\":\"h\",\"value\":\"/g==\",\"encoding\":\"base64\"}]}"
        );
    }

    #[test]
    fn json_over_several_lines_stays_on_one() {
        let value = line(None, Some(b"{\r\n  \"a\": \"x\\ny\"\n}"), &[]);
        assert!(value.contains("\"value\":{    \"a\": \"x\\ny\" }"), "{value}");
    }

    proptest! {
        #[test]
        fn any_record_is_one_line_of_valid_json(
            topic in ".*",
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
            value in proptest::option::of("\\PC*|[\\[\\]{}:,0-9\"a\\\\ \n]*"),
            header in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        ) {
            let mut out = Vec::new();
            let value = value.as_deref().map(str::as_bytes);
            write(&mut out, &topic, None, Some(0), None, key.as_deref(), value,
                [("name", header.as_deref())]);
            prop_assert!(!out.contains(&b'\n'));
            let parsed: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(parsed["topic"].as_str().unwrap(), topic);
        }
    }
}
