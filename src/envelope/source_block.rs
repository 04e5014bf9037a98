//! The `source` block: where an event comes from.

use super::EnvelopeOptions;
use crate::lsn::Lsn;
use crate::value::ValueOptions;
use crate::value::write_str;

/// Connect schema of the block, as a member named `source`.
///
/// Source: Debezium's PostgresSourceInfoStructMaker; field order from the recordings.
pub(super) const SCHEMA: &str = concat!(
    r#"{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"version"},"#,
    r#"{"type":"string","optional":false,"field":"connector"},"#,
    r#"{"type":"string","optional":false,"field":"name"},"#,
    r#"{"type":"int64","optional":false,"field":"ts_ms"},"#,
    r#"{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"#,
    r#""parameters":{"allowed":"true,first,first_in_data_collection,last_in_data_collection,"#,
    r#"last,false,incremental"},"default":"false","field":"snapshot"},"#,
    r#"{"type":"string","optional":false,"field":"db"},"#,
    r#"{"type":"string","optional":true,"field":"sequence"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_us"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ns"},"#,
    r#"{"type":"string","optional":false,"field":"schema"},"#,
    r#"{"type":"string","optional":false,"field":"table"},"#,
    r#"{"type":"int64","optional":true,"field":"txId"},"#,
    r#"{"type":"int64","optional":true,"field":"lsn"},"#,
    r#"{"type":"int64","optional":true,"field":"xmin"},"#,
    r#"{"type":"string","optional":true,"field":"origin"},"#,
    r#"{"type":"int64","optional":true,"field":"origin_lsn"}],"#,
    r#""optional":false,"name":"io.debezium.connector.postgresql.Source","version":1,"#,
    r#""field":"source"}"#,
);

/// `source.snapshot`: which row of a snapshot this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Debezium's")]
pub enum SnapshotMarker {
    True,
    First,
    FirstInDataCollection,
    LastInDataCollection,
    Last,
    False,
    Incremental,
}

impl SnapshotMarker {
    /// As Debezium writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::First => "first",
            Self::FirstInDataCollection => "first_in_data_collection",
            Self::LastInDataCollection => "last_in_data_collection",
            Self::Last => "last",
            Self::False => "false",
            Self::Incremental => "incremental",
        }
    }
}

/// What is the same in the blocks of all events.
#[derive(Debug)]
pub(super) struct SourceParts {
    /// `,"source":{…,"ts_ms":`
    head: Box<[u8]>,
    /// `,"db":"…","sequence":"[`
    database: Box<[u8]>,
    /// Debezium sets no marker on streamed events; it is the schema's default that shows.
    null_defaults: bool,
}

impl SourceParts {
    pub(super) fn new(options: &EnvelopeOptions, values: &ValueOptions) -> Self {
        let mut head = b",\"source\":{\"version\":".to_vec();
        write_str(&options.version, &mut head);
        head.extend_from_slice(b",\"connector\":\"postgresql\",\"name\":");
        write_str(&options.topic_prefix, &mut head);
        head.extend_from_slice(b",\"ts_ms\":");
        let mut database = b",\"db\":".to_vec();
        write_str(&options.database, &mut database);
        database.extend_from_slice(b",\"sequence\":\"[");
        let null_defaults = values.json.null_defaults;
        Self { head: head.into(), database: database.into(), null_defaults }
    }
}

/// What the block says about one event, beside its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceContext {
    /// Commit time, or the database's clock in a snapshot; Unix microseconds.
    pub ts_us: i64,
    /// Which row of a snapshot, or `False`.
    pub snapshot: SnapshotMarker,
    /// Position behind the last transaction that was processed, once there is one.
    pub last_commit_lsn: Option<Lsn>,
    /// Position of the change.
    pub lsn: Lsn,
    /// Transaction id.
    pub tx_id: Option<u64>,
    /// `catalog_xmin` of the slot, when it is fetched.
    pub xmin: Option<u64>,
    /// Replication origin and the position there.
    pub origin: Option<(String, Lsn)>,
}

/// Appends a whole number.
pub(super) fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn optional_number(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => number(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

impl SourceContext {
    /// Writes the block's value; `table` is `,"schema":"…","table":"…","txId":`.
    pub(super) fn write(&self, parts: &SourceParts, table: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&parts.head);
        number(out, self.ts_us.div_euclid(1000));
        out.extend_from_slice(b",\"snapshot\":");
        if self.snapshot == SnapshotMarker::False && !parts.null_defaults {
            out.extend_from_slice(b"null");
        } else {
            out.push(b'"');
            out.extend_from_slice(self.snapshot.as_str().as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(&parts.database);
        match self.last_commit_lsn {
            Some(lsn) => {
                out.extend_from_slice(b"\\\"");
                number(out, lsn.as_u64());
                out.extend_from_slice(b"\\\"");
            }
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\\\"");
        number(out, self.lsn.as_u64());
        out.extend_from_slice(b"\\\"]\",\"ts_us\":");
        number(out, self.ts_us);
        out.extend_from_slice(b",\"ts_ns\":");
        number(out, self.ts_us.saturating_mul(1000));
        out.extend_from_slice(table);
        optional_number(out, self.tx_id);
        out.extend_from_slice(b",\"lsn\":");
        // Rows of incremental snapshots come from no place in the WAL.
        let has_place = self.snapshot != SnapshotMarker::Incremental;
        optional_number(out, has_place.then_some(self.lsn.as_u64()));
        out.extend_from_slice(b",\"xmin\":");
        optional_number(out, self.xmin);
        out.extend_from_slice(b",\"origin\":");
        match &self.origin {
            Some((name, lsn)) => {
                write_str(name, out);
                out.extend_from_slice(b",\"origin_lsn\":");
                number(out, lsn.as_u64());
                out.push(b'}');
            }
            None => out.extend_from_slice(b"null,\"origin_lsn\":null}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> SourceContext {
        SourceContext {
            ts_us: 1_559_033_904_863_123,
            snapshot: SnapshotMarker::False,
            last_commit_lsn: Some(Lsn::new(24_023_119)),
            lsn: Lsn::new(24_023_128),
            tx_id: Some(556),
            xmin: None,
            origin: None,
        }
    }

    fn written(context: &SourceContext) -> String {
        let mut out = Vec::new();
        let parts = SourceParts {
            head: Box::from(&b"{\"ts_ms\":"[..]),
            database: Box::from(&b",\"db\":\"shop\",\"sequence\":\"["[..]),
            null_defaults: true,
        };
        context.write(&parts, b",\"schema\":\"s\",\"table\":\"t\",\"txId\":", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn block_has_debeziums_members_in_order() {
        assert_eq!(
            written(&context()),
            concat!(
                r#"{"ts_ms":1559033904863,"snapshot":"false","db":"shop","#,
                r#""sequence":"[\"24023119\",\"24023128\"]","ts_us":1559033904863123,"#,
                r#""ts_ns":1559033904863123000,"schema":"s","table":"t","txId":556,"#,
                r#""lsn":24023128,"xmin":null,"origin":null,"origin_lsn":null}"#
            )
        );
    }

    #[test]
    fn first_event_has_no_last_commit_and_origin_is_escaped() {
        let text = written(&SourceContext {
            last_commit_lsn: None,
            tx_id: None,
            xmin: Some(729),
            origin: Some(("a\"b".to_owned(), Lsn::new(7))),
            ..context()
        });
        assert!(text.contains(r#""sequence":"[null,\"24023128\"]""#), "{text}");
        assert!(text.contains(r#""txId":null"#), "{text}");
        assert!(text.contains(r#""xmin":729,"#), "{text}");
        assert!(text.ends_with(r#""origin":"a\"b","origin_lsn":7}"#), "{text}");
    }

    #[test]
    fn schema_is_json() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["fields"].as_array().map(Vec::len), Some(16));
    }
}
