//! Header values as Kafka Connect's SimpleHeaderConverter writes them.

use super::connect::{Schema, string};

/// The bytes of a header; the inner `None` is a null header. Nothing for types whose text is not
/// that of their JSON: decimals and Connect's own dates and times.
pub(super) fn header_text(schema: &Schema, json: &str) -> Option<Option<Vec<u8>>> {
    if json == "null" {
        return Some(None);
    }
    if schema.name.as_ref().is_some_and(|name| name.starts_with("org.apache.kafka.connect.data.")) {
        return None;
    }
    let text = match &*schema.kind {
        "string" | "bytes" => string(json)?,
        _ => json.to_owned(),
    };
    Some(Some(text.into_bytes()))
}
