//! Masks what differs between two captures of the same database, and finds the first difference.
//!
//! Both read the same WAL, so positions, transaction ids and commit times of streamed changes are
//! compared as they are. Masked are the clocks of the two processes, the ids of the two runs, and
//! of rows of a snapshot whatever comes from its transaction.

use crate::json::Json;
use crate::kafka::Record;
use std::fmt::Write as _;

/// The first difference between two captures' records of one topic, in words.
pub(crate) fn difference(debezium: &[Record], minicdc: &[Record]) -> Option<String> {
    let (debezium, minicdc) = (masked(debezium), masked(minicdc));
    let count = debezium.len().max(minicdc.len());
    for index in 0..count {
        let mut report = format!("record {} of {count}:", index + 1);
        match (debezium.get(index), minicdc.get(index)) {
            (left, right) if left == right => continue,
            (Some(left), None) => report += &format!(" missing\n    Debezium {}", short(left)),
            (None, Some(right)) => {
                report += &format!(" Debezium has none\n    minicdc  {}", short(right));
            }
            (Some(left), Some(right)) => {
                for (part, (left, right)) in
                    ["partition", "key", "value", "headers"].iter().zip(left.iter().zip(right))
                {
                    if left != right {
                        let (left, right) = around_difference(left, right);
                        report += &format!("\n  {part}\n    Debezium {left}\n    minicdc  {right}");
                    }
                }
            }
            (None, None) => {}
        }
        return Some(report);
    }
    None
}

/// Partition, key, value, headers.
type Parts = [String; 4];

fn masked(records: &[Record]) -> Vec<Parts> {
    let mut all: Vec<Parts> = records.iter().map(mask).collect();
    // How many heartbeats there are is chance.
    all.dedup_by(|this, before| this[1].contains(r#""serverName":"#) && this == before);
    all
}

fn mask(record: &Record) -> Parts {
    // Without a key, which partition is chance.
    let partition = record.key.as_ref().map_or(String::new(), |_| record.partition.to_string());
    let text = |text: &Option<String>| match text {
        None => "(null)".to_owned(),
        Some(text) => match Json::parse(text) {
            Ok(mut json) => {
                mask_payload(&mut json);
                json.to_string()
            }
            Err(_) => format!("no JSON: {text}"),
        },
    };
    let mut headers = String::new();
    for (name, value) in &record.headers {
        let is_run = name == "__debezium.context.runId" && value.is_some();
        let value = if is_run { Some("<run>") } else { value.as_deref() };
        let _infallible = write!(headers, "{name}={value:?} ");
    }
    [partition, text(&record.key), text(&record.value), headers]
}

fn mask_payload(json: &mut Json) {
    let has_schema =
        matches!(json, Json::Object(members) if members.len() == 2 && members[0].0 == "\"schema\"");
    let payload = if has_schema { json.member_mut("payload") } else { Some(json) };
    let Some(Json::Object(members)) = payload else { return };
    let is_read = members
        .iter()
        .any(|(name, value)| (name == "\"op\"" || name == "\"__op\"") && value.text() == Some("r"));
    for (name, value) in members {
        match name.trim_matches('"') {
            "source" if is_read => mask_snapshot(value),
            "ts_ms" | "ts_us" | "ts_ns" | "__ts_ms" | "__ts_us" | "__ts_ns" => mask_clock(value),
            "__source_ts_ms" | "__source_lsn" | "__source_txId" | "__lsn" | "__txId" if is_read => {
                mask_clock(value);
            }
            "data_collections" => mask_java_objects(value),
            _ => {}
        }
    }
}

/// Rows of a snapshot: time, position and transaction are those of each capture's own.
fn mask_snapshot(source: &mut Json) {
    for name in ["ts_ms", "ts_us", "ts_ns", "txId", "lsn", "sequence"] {
        if let Some(value) = source.member_mut(name) {
            mask_clock(value);
        }
    }
}

/// Keeps the number of digits, so that a wrong unit is not hidden.
fn mask_clock(value: &mut Json) {
    let Json::Scalar(raw) = value else { return };
    if raw != "null" {
        let digits = raw.chars().filter(char::is_ascii_digit).count();
        *raw = if digits > 12 { format!("<{digits} digits>") } else { "<number>".to_owned() };
    }
}

/// What END counts logical messages under: a Java object's text there, `message` here.
fn mask_java_objects(collections: &mut Json) {
    let Json::Array(items) = collections else { return };
    for name in items.iter_mut().filter_map(|item| item.member_mut("data_collection")) {
        if name.text().is_some_and(|text| text.contains("$LogicalDecodingMessageId@")) {
            *name = Json::Scalar("\"message\"".to_owned());
        }
    }
}

fn short(parts: &Parts) -> String {
    let value: String = parts[2].chars().take(700).collect();
    format!("key {} value {value}", parts[1])
}

/// The neighbourhood of the first differing character in both texts.
fn around_difference(left: &str, right: &str) -> (String, String) {
    let at = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
    let from = at.saturating_sub(160);
    let cut = |text: &str| -> String {
        let part: String = text.chars().skip(from).take(320).collect();
        if from > 0 { format!("…{part}") } else { part }
    };
    (cut(left), cut(right))
}
