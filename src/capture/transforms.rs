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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::TransformSettings;

    fn transforms(options: &[(&str, &str)]) -> Transforms {
        let options = options.iter().map(|(name, value)| (format!("transforms.t.{name}"), *value));
        let list = std::iter::once(("transforms".to_owned(), "t"));
        let settings: TransformSettings =
            list.chain(options).map(|(name, value)| (name, value.to_owned())).collect();
        Transforms::new(Chain::new(&settings, true, true).unwrap())
    }

    fn record(sequence: u64, topic: &Arc<str>) -> Record<'_> {
        let (partition, key, value) = (None, None, None);
        let (own_header, headers, additions) = (None, &[], None);
        Record { sequence, topic, partition, key, value, own_header, headers, additions }
    }

    #[test]
    fn record_of_a_new_topic_waits_and_keeps_its_place() {
        let router = [("type", "RegexRouter"), ("regex", "(.).*"), ("replacement", "to-$1")];
        let mut transforms = transforms(&router);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b1".into());
        assert!(transforms.apply(&record(0, &a)).unwrap().is_none());
        assert!(transforms.is_waiting());
        transforms.apply(&record(1, &b)).unwrap();
        transforms.apply(&record(2, &a)).unwrap();
        let topics = transforms.missing_topics();
        assert_eq!(topics, ["to-a".into(), "to-b".into()] as [Arc<str>; 2]);
        let sent: Vec<(u64, Arc<str>)> =
            transforms.go_on(topics).iter().map(|r| (r.sequence, Arc::clone(&r.topic))).collect();
        assert_eq!(sent, [(0, "to-a".into()), (1, "to-b".into()), (2, "to-a".into())]);
        let ready = transforms.apply(&record(3, &b)).unwrap().unwrap();
        assert_eq!((ready.sequence, &**ready.topic), (3, "to-b"));
        assert!(!transforms.is_waiting());
    }

    #[test]
    fn dropped_record_is_told_once_and_waits_for_nothing() {
        let mut transforms = transforms(&[("type", "ExtractNewRecordState")]);
        let topic: Arc<str> = "t".into();
        assert!(transforms.apply(&record(7, &topic)).unwrap().is_none());
        assert_eq!((transforms.take_dropped(), transforms.take_dropped()), (Some(7), None));
        assert!(!transforms.is_waiting());
    }
}
