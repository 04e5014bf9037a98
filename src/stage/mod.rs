//! The stage: reads records back and shows them. Bytes in, text out; no clock, files or terminal.
//!
//! ```text
//! record ─► change (schema split off, envelope found) ─► feed | table | payload
//!    └────────────────────────────────────────────────► record_json
//! ```
//!
//! Nothing here trusts its input: a record may be a Debezium envelope with or without its schema,
//! an unwrapped row, a tombstone, or any bytes.
#![warn(clippy::indexing_slicing, clippy::string_slice, clippy::wildcard_enum_match_arm)]

pub mod change;
pub mod display;
pub mod feed;
pub mod json;
pub mod kind;
pub mod names;
pub mod payload;
pub mod record_json;
mod rows;
pub mod table;
mod text;
mod topic_map;

pub use feed::{FeedOptions, FeedWriter};
pub use table::TableWriter;
pub use text::grouped;

use crate::record::{Record, StoredRecord};

/// What the stage needs of a record, borrowed from wherever it lies.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// The record's own time in milliseconds since the Unix epoch, when it has one.
    pub timestamp_ms: Option<i64>,
    /// Key bytes, or Kafka's null.
    pub key: Option<&'a [u8]>,
    /// Value bytes; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl<'a> From<&Record<'a>> for RecordView<'a> {
    /// A record on its way out has no time of its own yet.
    fn from(record: &Record<'a>) -> Self {
        Self { topic: record.topic, timestamp_ms: None, key: record.key, value: record.value }
    }
}

impl<'a> From<&'a StoredRecord> for RecordView<'a> {
    fn from(record: &'a StoredRecord) -> Self {
        Self {
            topic: &record.topic,
            timestamp_ms: (record.timestamp_ms >= 0).then_some(record.timestamp_ms),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
        }
    }
}
