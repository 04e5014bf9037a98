//! The transaction topic: BEGIN and END records of `provide.transaction.metadata`.

use super::source_block::number;
use crate::value::write_str;
use std::sync::Arc;

const KEY_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"#,
    r#""optional":false,"name":"io.debezium.connector.common.TransactionMetadataKey","#,
    r#""version":1},"payload":"#,
);

const VALUE_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"status"},"#,
    r#"{"type":"string","optional":false,"field":"id"},"#,
    r#"{"type":"int64","optional":true,"field":"event_count"},"#,
    r#"{"type":"array","items":{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"data_collection"},"#,
    r#"{"type":"int64","optional":false,"field":"event_count"}],"#,
    r#""optional":true,"name":"event.collection","version":1},"#,
    r#""optional":true,"field":"data_collections"},"#,
    r#"{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.TransactionMetadataValue","version":1},"payload":"#,
);

/// One end of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct TransactionMark<'a> {
    /// Transaction id.
    pub xid: u32,
    /// Position of the BEGIN or COMMIT message, which is part of the id.
    pub lsn: u64,
    /// Commit time in Unix milliseconds.
    pub ts_ms: i64,
    /// For END: events per table in their first appearance; `None` for BEGIN.
    pub counts: Option<&'a [(Arc<str>, u64)]>,
}

impl TransactionMark<'_> {
    fn write_id(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        number(out, self.xid);
        out.push(b':');
        number(out, self.lsn);
        out.push(b'"');
    }

    /// Appends the record's key.
    pub fn write_key(&self, with_schema: bool, out: &mut Vec<u8>) {
        wrapped(with_schema.then_some(KEY_SCHEMA), out, |out| {
            out.extend_from_slice(b"{\"id\":");
            self.write_id(out);
            out.push(b'}');
        });
    }

    /// Appends the record's value.
    pub fn write_value(&self, with_schema: bool, out: &mut Vec<u8>) {
        wrapped(with_schema.then_some(VALUE_SCHEMA), out, |out| {
            out.extend_from_slice(b"{\"status\":\"");
            out.extend_from_slice(if self.counts.is_some() { b"END" } else { b"BEGIN" });
            out.extend_from_slice(b"\",\"id\":");
            self.write_id(out);
            out.extend_from_slice(b",\"event_count\":");
            match self.counts {
                Some(counts) => self.write_counts(counts, out),
                None => out.extend_from_slice(b"null,\"data_collections\":null"),
            }
            out.extend_from_slice(b",\"ts_ms\":");
            number(out, self.ts_ms);
            out.push(b'}');
        });
    }

    fn write_counts(&self, counts: &[(Arc<str>, u64)], out: &mut Vec<u8>) {
        number(out, counts.iter().map(|(_, count)| count).sum::<u64>());
        out.extend_from_slice(b",\"data_collections\":[");
        let mut separator = false;
        for index in java_hash_map_order(counts.iter().map(|(name, _)| &**name)) {
            let Some((name, count)) = counts.get(index) else { continue };
            if std::mem::replace(&mut separator, true) {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"data_collection\":");
            write_str(name, out);
            out.extend_from_slice(b",\"event_count\":");
            number(out, *count);
            out.push(b'}');
        }
        out.push(b']');
    }
}

fn wrapped(schema: Option<&str>, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(schema.unwrap_or_default().as_bytes());
    write(out);
    if schema.is_some() {
        out.push(b'}');
    }
}

/// The order in which a `java.util.HashMap` lists keys that were put in this order; Debezium keeps
/// its per-table counts in one.
///
/// Source: OpenJDK's HashMap: 16 buckets, doubled past three quarters, `h ^ h >>> 16`.
fn java_hash_map_order<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> Vec<usize> {
    let mut buckets: u32 = 16;
    while keys.len() as u64 * 4 > u64::from(buckets) * 3 {
        buckets *= 2;
    }
    let mut order: Vec<(u32, usize)> = keys
        .enumerate()
        .map(|(index, key)| {
            let hash = key
                .encode_utf16()
                .fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
            ((hash ^ hash >> 16) & (buckets - 1), index)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(mark: TransactionMark<'_>) -> String {
        let mut out = Vec::new();
        mark.write_value(false, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn begin_has_no_counts() {
        let mark = TransactionMark { xid: 738, lsn: 22_126_016, ts_ms: 5, counts: None };
        assert_eq!(
            value(mark),
            r#"{"status":"BEGIN","id":"738:22126016","event_count":null,"data_collections":null,"ts_ms":5}"#
        );
        let mut key = Vec::new();
        mark.write_key(false, &mut key);
        assert_eq!(key, br#"{"id":"738:22126016"}"#);
    }

    #[test]
    fn end_lists_tables_in_java_hash_map_order() {
        // The recording `truncate.none_txmeta`.
        let counts = [("public.t1".into(), 3), ("public.t2".into(), 1)];
        let mark = TransactionMark { xid: 735, lsn: 22_078_048, ts_ms: 5, counts: Some(&counts) };
        assert_eq!(
            value(mark),
            concat!(
                r#"{"status":"END","id":"735:22078048","event_count":4,"data_collections":["#,
                r#"{"data_collection":"public.t2","event_count":1},"#,
                r#"{"data_collection":"public.t1","event_count":3}],"ts_ms":5}"#
            )
        );
    }

    #[test]
    fn schemas_are_json_around_the_payload() {
        let mark = TransactionMark { xid: 1, lsn: 2, ts_ms: 3, counts: Some(&[]) };
        for write in [TransactionMark::write_key, TransactionMark::write_value] {
            let mut out = Vec::new();
            write(&mark, true, &mut out);
            let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(json["payload"]["id"], "1:2");
        }
    }
}
