//! Reads a topic of signals, from where its consumer group stands.

use super::error::KafkaError;
use super::link::Link;
use super::producer::blocking;
use super::settings;
use crate::config::{KafkaSignals, SinkConfig};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::Duration;

/// Records of one read.
const RECORDS_MAX: usize = 256;

/// One record of the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRecord {
    /// Offset in partition 0, the only one that is read.
    pub offset: i64,
    /// The key, which names whom the signal is for.
    pub key: Option<Vec<u8>>,
    /// The signal.
    pub value: Option<Vec<u8>>,
}

/// Partition 0 of a topic of signals.
pub struct SignalTopic {
    consumer: Arc<BaseConsumer<Link>>,
}

impl std::fmt::Debug for SignalTopic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalTopic").finish_non_exhaustive()
    }
}

impl SignalTopic {
    /// Goes on where the group stands, or at the topic's beginning.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Setting`] for a setting of `signal.consumer.*` that cannot be used, or
    /// [`KafkaError::Request`].
    pub async fn open(signals: &KafkaSignals) -> Result<Self, KafkaError> {
        let config = SinkConfig {
            brokers: signals.brokers.clone(),
            producer_overrides: signals.consumer_overrides.clone(),
            ..SinkConfig::default()
        };
        let defaults = [
            ("group.id", signals.group_id.as_str()),
            ("enable.auto.commit", "true"),
            ("auto.offset.reset", "earliest"),
        ];
        let client = settings::consumer_settings(&config, &defaults)?;
        let link = Link::new(&settings::brokers(&config)?);
        let failed = |source| KafkaError::request("open the topic of signals", source);
        let consumer: BaseConsumer<Link> = client.create_with_context(link).map_err(failed)?;
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&signals.topic, 0, Offset::Stored).map_err(failed)?;
        let consumer = Arc::new(consumer);
        let assigned = consumer.clone();
        blocking(move || assigned.assign(&assignment).map_err(failed)).await?;
        Ok(Self { consumer })
    }

    /// What has come; waits for the first record as long as `wait`.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Request`] for what does not pass by itself.
    pub async fn read(&mut self, wait: Duration) -> Result<Vec<SignalRecord>, KafkaError> {
        let consumer = self.consumer.clone();
        blocking(move || poll(&consumer, wait)).await
    }
}

fn poll(consumer: &BaseConsumer<Link>, wait: Duration) -> Result<Vec<SignalRecord>, KafkaError> {
    let mut records = Vec::new();
    let mut wait = wait;
    while records.len() < RECORDS_MAX {
        match consumer.poll(wait) {
            None => break,
            Some(Ok(message)) => records.push(SignalRecord {
                offset: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
            }),
            // A topic that nobody has made yet has no signals.
            Some(Err(error)) if is_passing(&error) => break,
            Some(Err(error)) => {
                return Err(KafkaError::request("read the topic of signals", error));
            }
        }
        wait = Duration::ZERO;
    }
    Ok(records)
}

fn is_passing(error: &Native) -> bool {
    !matches!(
        error.rdkafka_error_code(),
        Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::Fatal)
    )
}
