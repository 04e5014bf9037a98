//! Everything that talks to Kafka, on librdkafka: settings, producer, topics, reader.
//!
//! `settings` turns Kafka Connect's names into librdkafka's, `outage` decides what is said about a
//! broker that is away, `link` joins both to a client; the other files each do one job with them.

mod consumer;
mod error;
mod link;
mod outage;
mod producer;
mod settings;
mod signals;
mod start;
mod topics;
mod transactions;

pub use consumer::{KafkaReader, TopicInfo};
pub use error::{KafkaError, SettingProblem};
pub use link::Link;
pub(crate) use producer::blocking;
pub use producer::{Producer, Receipts};
pub use settings::{brokers, client_settings, producer_settings, transaction_timeout};
pub use signals::{SignalRecord, SignalTopic};
pub use start::StartAt;
pub use topics::Topics;
pub use transactions::NotDone;
