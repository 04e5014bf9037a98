//! Records to Kafka.

use super::{Delivered, Deliveries, Sink, SinkError};
use crate::config::SinkConfig;
use crate::kafka::{self, KafkaError, Producer, Receipts, Topics};
use crate::record::Record;
use std::sync::Arc;

/// The sink that [`Producer`] serves.
#[derive(Debug)]
pub struct KafkaSink {
    producer: Producer<Board>,
    topics: Topics,
    deliveries: Arc<Deliveries>,
}

impl KafkaSink {
    /// Connects to `bootstrap.servers`.
    ///
    /// # Errors
    ///
    /// [`SinkError::Broken`] for settings that cannot be used, a refused login, and, after about
    /// ten seconds, brokers that do not answer.
    pub async fn connect(config: &SinkConfig) -> Result<Self, SinkError> {
        let deliveries = Arc::new(Deliveries::default());
        let brokers = kafka::brokers(config).unwrap_or_default();
        let board = Board { deliveries: Arc::clone(&deliveries), brokers: brokers.clone() };
        let broken = |error| sink_error(&brokers, error);
        let (producer, known) = Producer::connect(config, board).await.map_err(broken)?;
        let topics = Topics::new(config, known).map_err(broken)?;
        Ok(Self { producer, topics, deliveries })
    }
}

impl Sink for KafkaSink {
    async fn ensure_topics(&mut self, topics: &[Arc<str>]) -> Result<(), SinkError> {
        let made = self.topics.ensure(topics).await;
        made.map_err(|error| sink_error(self.producer.brokers(), error))
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        self.producer.send(record).map_err(|error| sink_error(self.producer.brokers(), error))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // `linger.ms` sends what is queued.
        Ok(())
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}

/// Puts the producer's reports on the board.
#[derive(Debug)]
struct Board {
    deliveries: Arc<Deliveries>,
    brokers: String,
}

impl Receipts for Board {
    fn delivered(&self, sequence: u64) {
        self.deliveries.report(Delivered::One(sequence));
    }

    fn failed(&self, error: KafkaError) {
        self.deliveries.fail(sink_error(&self.brokers, error));
    }
}

pub(super) fn sink_error(brokers: &str, error: KafkaError) -> SinkError {
    match &error {
        KafkaError::Rejected { topic, bytes, .. } => {
            SinkError::Refused { topic: topic.clone(), bytes: *bytes, source: error.into() }
        }
        KafkaError::NotCreated { topic, .. } => {
            SinkError::Topic { topic: topic.clone(), source: error.into() }
        }
        _ => SinkError::Broken { sink: format!("Kafka {brokers}"), source: error.into() },
    }
}
