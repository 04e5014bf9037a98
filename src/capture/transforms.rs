//! Transforms between the engine and the sink: what they drop, and what waits for a new topic.

use crate::record::Additions;
use crate::record::Record;
use crate::transform::Chain;
use crate::transform::TransformError;
use std::collections::HashSet;
use std::sync::Arc;

/// The chain, and the records that wait for their topic.
pub(super) struct Transforms {
    chain: Chain,
    /// Topics that are there.
    ready: HashSet<Arc<str>>,
    /// In the order in which they have to be sent.
    waiting: Vec<Waiting>,
    dropped: Option<u64>,
}

/// A transformed record that waits.
pub(super) struct Waiting {
    sequence: u64,
    topic: Arc<str>,
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    own_header: Option<(&'static str, Vec<u8>)>,
    headers: Vec<(&'static str, Arc<[u8]>)>,
    additions: Option<Additions>,
}

impl Transforms {
    pub(super) fn new(chain: Chain) -> Self {
        Self { chain, ready: HashSet::new(), waiting: Vec::new(), dropped: None }
    }

    /// The record to send now, if there is one.
    pub(super) fn apply<'a>(
        &'a mut self,
        record: &Record<'a>,
    ) -> Result<Option<Record<'a>>, TransformError> {
        let Self { chain, ready, waiting, dropped } = self;
        let Some(record) = chain.apply(record)? else {
            *dropped = Some(record.sequence);
            return Ok(None);
        };
        if waiting.is_empty() && ready.contains(record.topic) {
            return Ok(Some(record));
        }
        waiting.push(Waiting::new(&record));
        Ok(None)
    }

    /// Sequence of the record that was dropped just now.
    pub(super) fn take_dropped(&mut self) -> Option<u64> {
        self.dropped.take()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Topics that the waiting records need, each once.
    pub(super) fn missing_topics(&self) -> Vec<Arc<str>> {
        let mut topics: Vec<Arc<str>> = Vec::new();
        for Waiting { topic, .. } in &self.waiting {
            if !self.ready.contains(topic) && !topics.contains(topic) {
                topics.push(Arc::clone(topic));
            }
        }
        topics
    }

    /// The records that waited, now that `topics` are there.
    pub(super) fn go_on(&mut self, topics: Vec<Arc<str>>) -> Vec<Waiting> {
        self.ready.extend(topics);
        std::mem::take(&mut self.waiting)
    }

    /// Logs what the transforms have to say.
    pub(super) fn warn(&mut self) {
        for warning in self.chain.take_warnings() {
            tracing::warn!("transform {warning}");
        }
    }
}

impl Waiting {
    fn new(record: &Record<'_>) -> Self {
        Self {
            sequence: record.sequence,
            topic: Arc::clone(record.topic),
            partition: record.partition,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            own_header: record.own_header.map(|(name, value)| (name, value.to_vec())),
            headers: record.headers.to_vec(),
            additions: record.additions.cloned(),
        }
    }

    pub(super) fn as_record(&self) -> Record<'_> {
        Record {
            sequence: self.sequence,
            topic: &self.topic,
            partition: self.partition,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            own_header: self.own_header.as_ref().map(|(name, value)| (*name, value.as_slice())),
            headers: &self.headers,
            additions: self.additions.as_ref(),
        }
    }
}
