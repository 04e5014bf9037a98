//! Positions in a compacted Kafka topic, as Kafka Connect keeps them.

use super::{OffsetError, OffsetKey, SourceOffset};
use crate::config::SinkConfig;
use crate::kafka::{self, KafkaError, Link, Topics};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as Native;
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long reading the topic to its end may take.
const LOAD_WAIT: Duration = Duration::from_secs(60);
/// How long a position may wait to be acknowledged; the next one follows anyway.
const SAVE_WAIT_MS: &str = "30000";

/// The store behind [`OffsetStore::Kafka`](super::OffsetStore::Kafka).
pub struct KafkaOffsets {
    producer: FutureProducer<Link>,
    reader: ClientConfig,
    brokers: String,
    topic: Arc<str>,
    key: OffsetKey,
}

impl std::fmt::Debug for KafkaOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaOffsets")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl KafkaOffsets {
    pub(super) async fn connect(config: &SinkConfig, key: OffsetKey) -> Result<Self, OffsetError> {
        let topic: Arc<str> = Arc::from(config.offset_topic.as_str());
        let failed = |source| failed(&topic, "read", source);
        let brokers = kafka::brokers(config).map_err(failed)?;
        let link = Link::new(&brokers);
        let mut writer = kafka::producer_settings(config).map_err(failed)?;
        writer.set("message.timeout.ms", SAVE_WAIT_MS).set("linger.ms", "0");
        let producer: FutureProducer<Link> = writer
            .create_with_context(link.clone())
            .map_err(|source| failed(KafkaError::request("set up the producer", source)))?;
        let client = producer.clone();
        let listed = kafka::blocking(move || link.list(client.client(), || ())).await;
        let known: HashSet<Arc<str>> =
            listed.map_err(failed)?.topics().iter().map(|topic| Arc::from(topic.name())).collect();
        let mut topics = Topics::compacted(config, known).map_err(failed)?;
        topics.ensure(&[Arc::clone(&topic)]).await.map_err(failed)?;
        let reader = reader_settings(config).map_err(failed)?;
        Ok(Self { producer, reader, brokers, topic, key })
    }

    pub(super) async fn load(&self) -> Result<Option<SourceOffset>, OffsetError> {
        let (settings, brokers) = (self.reader.clone(), self.brokers.clone());
        let (topic, key) = (Arc::clone(&self.topic), self.key.clone());
        let last = kafka::blocking(move || read_last(&settings, &brokers, &topic, key.as_str()));
        let Some(value) = last.await.map_err(|source| failed(&self.topic, "read", source))? else {
            return Ok(None);
        };
        serde_json::from_slice(&value).map(Some).map_err(|source| self.foreign(source))
    }

    pub(super) async fn save(&self, offset: &SourceOffset) -> Result<(), OffsetError> {
        let value = serde_json::to_vec(offset).map_err(|source| self.foreign(source))?;
        let record = FutureRecord::to(&self.topic).key(self.key.as_str()).payload(&value);
        match self.producer.send(record, Duration::ZERO).await {
            Ok(_) => Ok(()),
            Err((source, _)) => Err(failed(
                &self.topic,
                "written",
                KafkaError::request("store the position", source),
            )),
        }
    }

    fn foreign(&self, source: serde_json::Error) -> OffsetError {
        OffsetError::Foreign {
            place: format!("topic \"{}\"", self.topic),
            key: self.key.as_str().to_owned(),
            source,
        }
    }
}

fn reader_settings(config: &SinkConfig) -> Result<ClientConfig, KafkaError> {
    let mut settings = kafka::client_settings(config)?;
    settings
        // Demanded by librdkafka; no group is joined and nothing is committed.
        .set("group.id", "minicdc-offsets")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "error");
    Ok(settings)
}

/// Reads the whole topic; the last value under `key`, `None` if it is a tombstone or there is none.
fn read_last(
    settings: &ClientConfig,
    brokers: &str,
    topic: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, KafkaError> {
    let link = Link::new(brokers);
    let consumer: BaseConsumer<Link> = settings
        .create_with_context(link.clone())
        .map_err(|source| KafkaError::request("set up the reader", source))?;
    let metadata =
        link.list(consumer.client(), || while consumer.poll(Duration::ZERO).is_some() {})?;
    let partitions = metadata.topics().iter().find(|listed| listed.name() == topic);
    let mut unread: HashSet<i32> = partitions
        .map(|listed| listed.partitions().iter().map(|partition| partition.id()).collect())
        .unwrap_or_default();
    let mut assignment = TopicPartitionList::new();
    for partition in &unread {
        let added = assignment.add_partition_offset(topic, *partition, Offset::Beginning);
        added.map_err(|source| KafkaError::request("read the topic", source))?;
    }
    consumer.assign(&assignment).map_err(|source| KafkaError::request("read the topic", source))?;
    let start = Instant::now();
    let mut last = None;
    while !unread.is_empty() {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) if message.key() == Some(key.as_bytes()) => {
                last = message.payload().map(<[u8]>::to_vec);
            }
            Some(Err(Native::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            // What does not pass shows in the time-out, with the network's last words.
            Some(Err(error)) => tracing::debug!(topic, %error, "offset topic not read yet"),
            Some(Ok(_)) | None => {}
        }
        if start.elapsed() >= LOAD_WAIT {
            return Err(link.unreachable(start.elapsed()));
        }
    }
    Ok(last)
}

fn failed(topic: &str, action: &'static str, source: KafkaError) -> OffsetError {
    OffsetError::Kafka { topic: topic.to_owned(), action, source }
}
