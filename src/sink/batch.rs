//! Records that were copied, to be sent later and perhaps more than once.

use crate::record::Additions;
use crate::record::Record;
use std::ops::Range;
use std::sync::Arc;

type Headers = Arc<[(&'static str, Arc<[u8]>)]>;

/// Records in their order; their bytes stand in one buffer.
#[derive(Debug, Default)]
pub(super) struct RecordBatch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Those of the record before: most records have the same.
    headers: Option<Headers>,
}

#[derive(Debug)]
struct Entry {
    sequence: u64,
    topic: Arc<str>,
    partition: Option<i32>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    own_header: Option<(&'static str, Range<usize>)>,
    headers: Headers,
    additions: Option<Box<Additions>>,
}

impl RecordBatch {
    /// Copies a record.
    pub(super) fn push(&mut self, record: &Record<'_>) {
        let headers = match &self.headers {
            Some(before) if are_same(before, record.headers) => Arc::clone(before),
            _ => Arc::clone(self.headers.insert(record.headers.into())),
        };
        let mut keep = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        self.entries.push(Entry {
            sequence: record.sequence,
            topic: Arc::clone(record.topic),
            partition: record.partition,
            key: record.key.map(&mut keep),
            value: record.value.map(&mut keep),
            own_header: record.own_header.map(|(name, value)| (name, keep(value))),
            headers,
            additions: record.additions.cloned().map(Box::new),
        });
    }

    /// The record at a place.
    pub(super) fn get(&self, index: usize) -> Option<Record<'_>> {
        let entry = self.entries.get(index)?;
        let bytes = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        Some(Record {
            sequence: entry.sequence,
            topic: &entry.topic,
            partition: entry.partition,
            key: entry.key.as_ref().map(bytes),
            value: entry.value.as_ref().map(bytes),
            own_header: entry.own_header.as_ref().map(|(name, range)| (*name, bytes(range))),
            headers: &entry.headers,
            additions: entry.additions.as_deref(),
        })
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of keys, values and own headers.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// An empty one that takes as much without growing.
    pub(super) fn successor(&self) -> Self {
        Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            entries: Vec::with_capacity(self.entries.len()),
            headers: self.headers.clone(),
        }
    }
}

/// Whether both hold the same values, not only equal ones; that is quick to see.
fn are_same(one: &[(&'static str, Arc<[u8]>)], other: &[(&'static str, Arc<[u8]>)]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let topic: Arc<str> = "t".into();
        let headers: [(&'static str, Arc<[u8]>); 1] = [("h", Arc::from(*b"1"))];
        let additions = Additions { headers: vec![("a".to_owned(), None)], timestamp_ms: Some(7) };
        let first = Record {
            sequence: 4,
            topic: &topic,
            partition: Some(2),
            key: Some(b"key"),
            value: None,
            own_header: Some(("own", b"o")),
            headers: &headers,
            additions: Some(&additions),
        };
        let second = Record {
            sequence: 5,
            key: None,
            value: Some(b""),
            own_header: None,
            headers: &[],
            additions: None,
            ..first
        };
        let mut batch = RecordBatch::default();
        for record in [&first, &first, &second] {
            batch.push(record);
        }
        assert_eq!((batch.len(), batch.bytes()), (3, 8));
        for (index, record) in [first, first, second].iter().enumerate() {
            assert_eq!(format!("{:?}", batch.get(index).unwrap()), format!("{record:?}"));
        }
        assert!(batch.get(3).is_none());
        assert!(Arc::ptr_eq(&batch.entries[0].headers, &batch.entries[1].headers));
    }
}
