//! Where records go: Kafka, the embedded log, standard output, or nowhere.
//!
//! A sink takes records without blocking and reports what has become durable on a [`Deliveries`]
//! board, from whatever thread it likes. The capture loop reads that board and confirms LSNs.

mod any;
mod background;
mod batch;
mod deliveries;
mod kafka;
mod log;
mod null;
mod stdout;
mod transactions;

pub use any::AnySink;
pub use background::BackgroundWriter;
pub use deliveries::{Delivered, Deliveries};
pub use kafka::KafkaSink;
pub use log::LogSink;
pub use null::NullSink;
pub use stdout::StdoutSink;
pub use transactions::TransactionalSink;

use crate::kafka::KafkaError;
use crate::log::LogError;
use crate::record::Record;
use std::sync::Arc;

/// Why a sink cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A record was refused for good.
    #[error("{topic}: record of {bytes} bytes refused")]
    Refused {
        /// Topic of the record.
        topic: String,
        /// Size of key and value.
        bytes: usize,
        /// What the sink said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A topic could not be made.
    #[error("topic \"{topic}\" could not be created")]
    Topic {
        /// Topic name.
        topic: String,
        /// What the sink said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing can be written any more.
    #[error("{sink} cannot be written")]
    Broken {
        /// Which sink: `Kafka localhost:9092`, `embedded log .minicdc/log`, `standard output`.
        sink: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Whoever read standard output has closed it.
    #[error("standard output was closed")]
    Closed,
}

impl SinkError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { source, .. }
            | Self::Topic { source, .. }
            | Self::Broken { source, .. } => {
                let kafka = source.downcast_ref().and_then(KafkaError::hint);
                kafka.or_else(|| source.downcast_ref().and_then(LogError::hint))
            }
            Self::Closed => None,
        }
    }

    /// Whether a setting is at fault, so that the exit status says "usage".
    #[must_use]
    pub fn is_misconfiguration(&self) -> bool {
        match self {
            Self::Broken { source, .. } => {
                source.downcast_ref().is_some_and(KafkaError::is_misconfiguration)
            }
            Self::Refused { .. } | Self::Topic { .. } | Self::Closed => false,
        }
    }
}

/// A place that takes records in order and reports when they are durable.
pub trait Sink: Send {
    /// Makes sure that the topics exist, before the first record for them is sent.
    ///
    /// # Errors
    ///
    /// [`SinkError::Topic`] when a topic is missing and cannot be made.
    fn ensure_topics(
        &mut self,
        topics: &[Arc<str>],
    ) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Takes one record; copies what it needs and returns at once.
    ///
    /// The caller bounds what is in flight, so a sink may count on a bounded queue.
    ///
    /// # Errors
    ///
    /// [`SinkError`] when the sink cannot take records any more.
    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError>;

    /// Says that nothing more is at hand for the moment: start writing what is queued.
    ///
    /// # Errors
    ///
    /// As [`Sink::send`].
    fn flush(&mut self) -> Result<(), SinkError>;

    /// The board on which deliveries and failures are reported.
    fn deliveries(&self) -> &Arc<Deliveries>;
}
