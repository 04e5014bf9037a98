//! A Kafka record on its way out ([`Record`]) and on its way back in ([`StoredRecord`]).

use std::sync::Arc;

/// A record as the encoder hands it to a sink; everything is borrowed, so the sink copies once,
/// into whatever it writes.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Position of this record in the run, from 0 without gaps; deliveries name it.
    pub sequence: u64,
    /// Topic name, already sanitised.
    pub topic: &'a Arc<str>,
    /// A fixed partition; `None` leaves the choice to the key's hash.
    pub partition: Option<i32>,
    /// Key bytes as the key converter wrote them; `None` is Kafka's null key.
    pub key: Option<&'a [u8]>,
    /// Value bytes; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Header that only this record has (`__debezium.newkey`, `__debezium.oldkey`); comes first.
    pub own_header: Option<(&'static str, &'a [u8])>,
    /// Headers that many records share; they follow `own_header`.
    pub headers: &'a [(&'static str, Arc<[u8]>)],
    /// What a transform added.
    pub additions: Option<&'a Additions>,
}

/// What transforms add to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// Headers behind those that the record had; a header's value can be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Kafka's timestamp in Unix milliseconds; without one the sink takes its own clock.
    pub timestamp_ms: Option<i64>,
}

impl Record<'_> {
    /// All headers in their order.
    pub fn all_headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let added = self.additions.map_or(&[][..], |additions| &additions.headers);
        self.own_header
            .into_iter()
            .chain(self.headers.iter().map(|(name, value)| (*name, value.as_ref())))
            .map(|(name, value)| (name, Some(value)))
            .chain(added.iter().map(|(name, value)| (name.as_str(), value.as_deref())))
    }

    /// The timestamp that a transform gave the record.
    #[must_use]
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.additions.and_then(|additions| additions.timestamp_ms)
    }

    /// Bytes of key, value and headers: what the record weighs while it is in flight.
    #[must_use]
    pub fn weight(&self) -> usize {
        let headers: usize =
            self.all_headers().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers
    }
}

/// A record as it was read from Kafka or from the embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition within the topic.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
    /// Milliseconds since the Unix epoch; -1 when the broker has none.
    pub timestamp_ms: i64,
    /// Key bytes, or Kafka's null.
    pub key: Option<Vec<u8>>,
    /// Value bytes; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order; a header's value can be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}
