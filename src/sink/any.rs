//! The sink that a run was started with.

use super::Deliveries;
use super::KafkaSink;
use super::LogSink;
use super::NullSink;
use super::Sink;
use super::SinkError;
use super::StdoutSink;
use super::TransactionalSink;
use crate::record::Record;
use std::sync::Arc;

/// One of the sinks, chosen at start; a `match` per record instead of a virtual call.
#[expect(missing_docs, reason = "the names are those of the sinks")]
pub enum AnySink {
    Kafka(KafkaSink),
    Transactional(Box<TransactionalSink>),
    Log(LogSink),
    Stdout(StdoutSink),
    Null(NullSink),
}

impl Sink for AnySink {
    async fn ensure_topics(&mut self, topics: &[Arc<str>]) -> Result<(), SinkError> {
        match self {
            Self::Kafka(sink) => sink.ensure_topics(topics).await,
            Self::Transactional(sink) => sink.ensure_topics(topics).await,
            Self::Log(sink) => sink.ensure_topics(topics).await,
            Self::Stdout(sink) => sink.ensure_topics(topics).await,
            Self::Null(sink) => sink.ensure_topics(topics).await,
        }
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        match self {
            Self::Kafka(sink) => sink.send(record),
            Self::Transactional(sink) => sink.send(record),
            Self::Log(sink) => sink.send(record),
            Self::Stdout(sink) => sink.send(record),
            Self::Null(sink) => sink.send(record),
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        match self {
            Self::Kafka(sink) => sink.flush(),
            Self::Transactional(sink) => sink.flush(),
            Self::Log(sink) => sink.flush(),
            Self::Stdout(sink) => sink.flush(),
            Self::Null(sink) => sink.flush(),
        }
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        match self {
            Self::Kafka(sink) => sink.deliveries(),
            Self::Transactional(sink) => sink.deliveries(),
            Self::Log(sink) => sink.deliveries(),
            Self::Stdout(sink) => sink.deliveries(),
            Self::Null(sink) => sink.deliveries(),
        }
    }
}
