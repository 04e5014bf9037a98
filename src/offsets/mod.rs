//! Where the position in the source is kept between runs, in Kafka Connect's format.
//!
//! Debezium under Kafka Connect and minicdc read each other's positions: same key, same members.
//! With Kafka the store is a compacted topic, with the embedded log a file beside it.

mod error;
mod file;
mod kafka;
mod position;

pub use error::OffsetError;
pub use position::SourceOffset;

use crate::config::SinkConfig;
use std::path::Path;

/// Under which key a position is kept: `["<connector name>",{"server":"<topic.prefix>"}]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetKey(String);

impl OffsetKey {
    /// The key as Kafka Connect writes it for a Debezium connector.
    #[must_use]
    pub fn new(connector: &str, topic_prefix: &str) -> Self {
        let partition = serde_json::json!({ "server": topic_prefix });
        Self(serde_json::json!([connector, partition]).to_string())
    }

    /// The key's text, byte by byte as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Keeps the position of one source.
#[derive(Debug)]
pub enum OffsetStore {
    /// In a compacted Kafka topic.
    Kafka(kafka::KafkaOffsets),
    /// In `offsets.json`.
    File(file::FileOffsets),
}

impl OffsetStore {
    /// A store in `offset.storage.topic`, which is made when it is missing.
    ///
    /// # Errors
    ///
    /// [`OffsetError::Kafka`] when Kafka cannot be reached or the topic cannot be made.
    pub async fn kafka(config: &SinkConfig, key: OffsetKey) -> Result<Self, OffsetError> {
        kafka::KafkaOffsets::connect(config, key).await.map(Self::Kafka)
    }

    /// A store in `<dir>/offsets.json`; the directory must exist by the time of a save.
    #[must_use]
    pub fn file(dir: &Path, key: OffsetKey) -> Self {
        Self::File(file::FileOffsets::new(dir, key))
    }

    /// The position stored last, if there is one.
    ///
    /// # Errors
    ///
    /// [`OffsetError`] when the store cannot be read or holds something else.
    pub async fn load(&self) -> Result<Option<SourceOffset>, OffsetError> {
        match self {
            Self::Kafka(store) => store.load().await,
            Self::File(store) => store.load().await,
        }
    }

    /// Stores the position; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`OffsetError`] when it is not; the one stored before still holds, and saving again is safe.
    pub async fn save(&self, offset: &SourceOffset) -> Result<(), OffsetError> {
        match self {
            Self::Kafka(store) => store.save(offset).await,
            Self::File(store) => store.save(offset).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_what_kafka_connect_writes() {
        let key = OffsetKey::new("inventory-connector", "dbserver1");
        assert_eq!(key.as_str(), r#"["inventory-connector",{"server":"dbserver1"}]"#);
    }
}
