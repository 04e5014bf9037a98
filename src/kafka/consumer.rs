//! Reads topics back: every partition from a chosen place, committed records only, in no group.
//!
//! Each partition has a queue of its own. librdkafka reports the end of a partition by number
//! only, so with one queue for all the ends of two topics could not be told apart. Invariants:
//! `next_offset` of a partition never goes back; a partition that has been `at_end` stays so, since
//! what it says is "read up to where the partition ended when it was opened".

use super::error::KafkaError;
use super::link::Link;
use super::producer::blocking;
use super::settings;
use super::start::{self, StartAt};
use crate::config::SinkConfig;
use crate::record::StoredRecord;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Events served between two tries to reach Kafka.
const EVENTS_MAX: u8 = 100;

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Topic name.
    pub name: Arc<str>,
    /// Numbers of its partitions.
    pub partitions: Vec<i32>,
}

/// A partition that is being read.
struct Open {
    topic: Arc<str>,
    partition: i32,
    queue: PartitionQueue<Link>,
    next_offset: i64,
    end_offset: i64,
    at_end: bool,
}

impl Open {
    /// One record, if there is one at hand.
    fn next(&mut self) -> Option<Result<StoredRecord, Native>> {
        loop {
            match self.queue.poll(Duration::ZERO)? {
                Ok(message) => {
                    let record = stored(&self.topic, &message);
                    self.next_offset = record.offset + 1;
                    self.at_end |= self.next_offset >= self.end_offset;
                    return Some(Ok(record));
                }
                // Also behind the markers of transactions, which are offsets without a record.
                Err(Native::PartitionEOF(_)) => self.at_end = true,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Whether Kafka can be reached; its loss is said once, with the reason that follows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Contact {
    #[default]
    Held,
    Lost,
    LossSaid,
}

/// Reads topics; see the head of this file.
pub struct KafkaReader {
    /// Before `consumer`, which they refer to.
    open: Vec<Open>,
    consumer: Arc<BaseConsumer<Link>>,
    link: Link,
    arrived: Arc<Notify>,
    /// The partition to look at first, so that a busy one does not starve the others.
    turn: usize,
    contact: Contact,
}

impl std::fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaReader")
            .field("brokers", &self.link.brokers())
            .field("partitions", &self.open.len())
            .finish_non_exhaustive()
    }
}

impl KafkaReader {
    /// Connects to `bootstrap.servers`.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Setting`], [`KafkaError::Login`], and [`KafkaError::Unreachable`] after about
    /// ten seconds.
    pub async fn connect(config: &SinkConfig) -> Result<Self, KafkaError> {
        let link = Link::new(&settings::brokers(config)?);
        let arrived = Arc::new(Notify::new());
        let mut consumer: BaseConsumer<Link> = settings::client_settings(config)?
            // Demanded by librdkafka; the group is never joined and nothing is committed.
            .set("group.id", "minicdc-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            // Only when retention overtakes us; what is asked for is checked on opening.
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "10")
            .create_with_context(link.clone())
            .map_err(|source| KafkaError::request("set up the reader", source))?;
        let waker = Arc::clone(&arrived);
        consumer.set_nonempty_callback(move || waker.notify_one());
        let consumer = Arc::new(consumer);
        let reader =
            Self { open: Vec::new(), consumer, link, arrived, turn: 0, contact: Contact::Held };
        reader.topics().await?;
        Ok(reader)
    }

    /// `bootstrap.servers`.
    #[must_use]
    pub fn brokers(&self) -> &str {
        self.link.brokers()
    }

    /// All topics by name, Kafka's own included.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Unreachable`] after about ten seconds, [`KafkaError::Login`].
    pub async fn topics(&self) -> Result<Vec<TopicInfo>, KafkaError> {
        let (consumer, link) = (Arc::clone(&self.consumer), self.link.clone());
        let events_only = self.open.is_empty();
        let listed = blocking(move || {
            link.list(consumer.client(), || {
                // As long as nothing is open there are only events in the queue; `link` hears them.
                for _ in 0..EVENTS_MAX * u8::from(events_only) {
                    drop(consumer.poll(Duration::ZERO));
                }
            })
        });
        let metadata = listed.await?;
        let mut topics: Vec<TopicInfo> = metadata
            .topics()
            .iter()
            .map(|topic| TopicInfo {
                name: Arc::from(topic.name()),
                partitions: topic.partitions().iter().map(|partition| partition.id()).collect(),
            })
            .collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Opens all partitions of a topic, beside those that are open. Returns how many offsets they
    /// hold; records are fewer when some were compacted away or mark transactions.
    ///
    /// # Errors
    ///
    /// [`KafkaError::OutOfRange`] for an offset that a partition does not hold;
    /// [`KafkaError::Request`] when Kafka does not answer.
    pub async fn open(&mut self, topic: &TopicInfo, start: StartAt) -> Result<u64, KafkaError> {
        let ranges = self.ranges(topic, start).await?;
        self.assign(topic, ranges)
    }

    /// Opens all partitions of a topic, those that `offsets` names at their offset and the others
    /// at their beginning.
    ///
    /// # Errors
    ///
    /// As [`KafkaReader::open`].
    pub async fn open_from(
        &mut self,
        topic: &TopicInfo,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<u64, KafkaError> {
        let mut ranges = self.ranges(topic, StartAt::Beginning).await?;
        for range in &mut ranges {
            let Some(&offset) = offsets.get(&range.partition) else { continue };
            if !(range.first..=range.end).contains(&offset) {
                let (topic, partition) = (topic.name.to_string(), range.partition);
                let (first, end) = (range.first, range.end);
                return Err(KafkaError::OutOfRange { topic, partition, offset, first, end });
            }
            range.start = offset;
        }
        self.assign(topic, ranges)
    }

    async fn ranges(
        &self,
        topic: &TopicInfo,
        start: StartAt,
    ) -> Result<Vec<start::Range>, KafkaError> {
        let (consumer, wanted) = (Arc::clone(&self.consumer), topic.clone());
        let ranges =
            blocking(move || start::ranges(&consumer, &wanted.name, &wanted.partitions, start));
        ranges.await
    }

    fn assign(&mut self, topic: &TopicInfo, ranges: Vec<start::Range>) -> Result<u64, KafkaError> {
        let failed = |source| KafkaError::request("open a topic", source);
        let mut assignment = TopicPartitionList::new();
        for range in &ranges {
            let from = Offset::Offset(range.start);
            assignment.add_partition_offset(&topic.name, range.partition, from).map_err(failed)?;
        }
        self.consumer.incremental_assign(&assignment).map_err(failed)?;
        let mut held = 0;
        for range in ranges {
            held += range.end.saturating_sub(range.first).unsigned_abs();
            let split = self.consumer.split_partition_queue(&topic.name, range.partition);
            let Some(mut queue) = split else {
                return Err(KafkaError::UnknownTopic { topic: topic.name.to_string() });
            };
            let waker = Arc::clone(&self.arrived);
            queue.set_nonempty_callback(move || waker.notify_one());
            self.open.push(Open {
                topic: Arc::clone(&topic.name),
                partition: range.partition,
                queue,
                next_offset: range.start,
                end_offset: range.end,
                at_end: range.start >= range.end,
            });
        }
        Ok(held)
    }

    /// Appends up to `records_max` records to `into` and returns how many; 0 when none are at hand.
    /// Records of one partition are in order. Never waits.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] for what does not pass by itself, once the records before it are out.
    pub fn read(
        &mut self,
        into: &mut Vec<StoredRecord>,
        records_max: usize,
    ) -> Result<usize, KafkaError> {
        let before = into.len();
        self.serve(into)?;
        let mut idle = 0;
        while idle < self.open.len() && into.len() - before < records_max {
            self.turn %= self.open.len();
            match self.open[self.turn].next() {
                Some(Ok(record)) => {
                    into.push(record);
                    idle = 0;
                    continue;
                }
                Some(Err(error)) => self.note(&error)?,
                None => idle += 1,
            }
            self.turn += 1;
        }
        // The next call begins with another partition.
        self.turn += 1;
        let read = into.len() - before;
        if read > 0 && std::mem::take(&mut self.contact) == Contact::LossSaid {
            tracing::info!(brokers = self.link.brokers(), "Kafka answers again");
        }
        Ok(read)
    }

    /// Whether every partition has been read up to where it ended when it was opened.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.open.iter().all(|open| open.at_end)
    }

    /// Waits until there may be something to [`read`](Self::read), or for `timeout`; to be called
    /// when `read` returned 0. Dropping the future loses nothing.
    pub async fn wait(&self, timeout: Duration) {
        // Running out of time is as good as being woken.
        drop(tokio::time::timeout(timeout, self.arrived.notified()).await);
    }

    /// The error of a Kafka that did not answer for so long.
    pub(crate) fn unreachable(&self, waited: Duration) -> KafkaError {
        self.link.unreachable(waited)
    }

    /// Takes what is in the queue that the partitions shared before each had its own: events, and
    /// records that came in between.
    fn serve(&mut self, into: &mut Vec<StoredRecord>) -> Result<(), KafkaError> {
        loop {
            let consumer = Arc::clone(&self.consumer);
            match consumer.poll(Duration::ZERO) {
                None => return Ok(()),
                Some(Ok(message)) => {
                    let found = self.open.iter_mut().find(|open| {
                        open.partition == message.partition() && *open.topic == *message.topic()
                    });
                    if let Some(open) = found {
                        open.next_offset = message.offset() + 1;
                        open.at_end |= open.next_offset >= open.end_offset;
                        into.push(stored(&open.topic, &message));
                    }
                }
                Some(Err(Native::PartitionEOF(partition))) => {
                    let mut same = self.open.iter_mut().filter(|open| open.partition == partition);
                    if let (Some(open), None) = (same.next(), same.next()) {
                        open.at_end = true;
                    }
                }
                Some(Err(error)) => self.note(&error)?,
            }
        }
    }

    /// Sorts out errors: those that pass are waited for, an outage is said once.
    fn note(&mut self, error: &Native) -> Result<(), KafkaError> {
        if let Some(refusal) = self.link.refusal() {
            return Err(refusal);
        }
        match error.rdkafka_error_code() {
            Some(
                Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
                | Code::Fatal,
            ) => Err(KafkaError::request("read a topic", error.clone())),
            Some(Code::AllBrokersDown) => {
                if self.contact == Contact::Held {
                    self.contact = Contact::Lost;
                }
                Ok(())
            }
            _ if self.contact == Contact::Lost => {
                self.contact = Contact::LossSaid;
                let (brokers, reason) = (self.link.brokers(), self.link.reason());
                tracing::warn!(brokers, reason, "Kafka does not answer; trying again");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn stored(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> StoredRecord {
    let headers = message.headers().map(|headers| {
        let owned = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
        };
        headers.iter().map(owned).collect()
    });
    StoredRecord {
        topic: Arc::clone(topic),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}
