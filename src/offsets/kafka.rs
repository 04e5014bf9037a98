//! Positions in a compacted Kafka topic, as Kafka Connect keeps them.

use super::{OffsetError, OffsetKey, SourceOffset};
use crate::config::SinkConfig;
use crate::kafka::{self, KafkaError, KafkaReader, Link, StartAt, TopicInfo, Topics};
use crate::record::StoredRecord;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
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
    config: SinkConfig,
    topic: Arc<str>,
    key: OffsetKey,
}

impl std::fmt::Debug for KafkaOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaOffsets")
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
        let made = topics.ensure(&[Arc::clone(&topic)]).await;
        made.map_err(|source| self::failed(&topic, "created", source))?;
        match topics.cleanup_policy(&topic).await {
            Some(policy) if !policy.contains("compact") => tracing::warn!(
                topic = &*topic,
                policy,
                "offset topic is not compacted: retention can take the position away"
            ),
            _ => {}
        }
        Ok(Self { producer, config: config.clone(), topic, key })
    }

    pub(super) async fn load(&self) -> Result<Option<SourceOffset>, OffsetError> {
        let last = self.read_last().await;
        match last.map_err(|source| failed(&self.topic, "read", source))? {
            Some(value) => {
                serde_json::from_slice(&value).map(Some).map_err(|source| self.foreign(source))
            }
            None => Ok(None),
        }
    }

    /// Reads the whole topic; the last value under our key, `None` if that is a tombstone.
    async fn read_last(&self) -> Result<Option<Vec<u8>>, KafkaError> {
        let mut reader = KafkaReader::connect(&self.config).await?;
        let start = Instant::now();
        reader.open(&self.listed(&reader, start).await?, StartAt::Beginning).await?;
        let (mut records, mut last) = (Vec::new(), None);
        loop {
            let read = reader.read(&mut records, 1_000)?;
            let ours = |record: &StoredRecord| record.key.as_deref() == Some(self.key.as_bytes());
            if let Some(record) = records.drain(..).rfind(ours) {
                last = record.value;
            }
            if read == 0 {
                if reader.is_at_end() {
                    return Ok(last);
                }
                if start.elapsed() >= LOAD_WAIT {
                    return Err(reader.unreachable(start.elapsed()));
                }
                reader.wait(Duration::from_millis(200)).await;
            }
        }
    }

    /// Our topic; one that has just been made is not known to every broker at once.
    async fn listed(&self, reader: &KafkaReader, start: Instant) -> Result<TopicInfo, KafkaError> {
        loop {
            let topics = reader.topics().await?;
            match topics.into_iter().find(|listed| listed.name == self.topic) {
                Some(topic) => return Ok(topic),
                None if start.elapsed() < LOAD_WAIT => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                None => return Err(KafkaError::UnknownTopic { topic: self.topic.to_string() }),
            }
        }
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

fn failed(topic: &str, action: &'static str, source: KafkaError) -> OffsetError {
    OffsetError::Kafka { topic: topic.to_owned(), action, source }
}
