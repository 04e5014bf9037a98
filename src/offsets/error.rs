//! What can go wrong with the stored position.

use crate::kafka::KafkaError;
use std::path::PathBuf;

/// A position could not be read or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OffsetError {
    /// The file could not be read or written.
    #[error("offset file {} cannot be {action}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What is stored is no position.
    #[error("the position stored in {place} under {key} is not one of Debezium's")]
    Foreign {
        /// The file or topic.
        place: String,
        /// The key it is stored under.
        key: String,
        /// Where reading it failed.
        #[source]
        source: serde_json::Error,
    },
    /// Kafka did not serve.
    #[error("offset topic \"{topic}\" cannot be {action}")]
    Kafka {
        /// `offset.storage.topic`.
        topic: String,
        /// `created`, `read` or `written`.
        action: &'static str,
        /// What Kafka said.
        #[source]
        source: KafkaError,
    },
}

impl OffsetError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { path, .. } => Some(format!(
                "the position is kept in the log's directory: let this user write {}, or use \
                 another directory with --log-dir",
                path.display()
            )),
            Self::Foreign { key, .. } => Some(format!(
                "give the connector another name (key {key} is taken), or remove what is stored \
                 and start over with a new snapshot"
            )),
            Self::Kafka { source, .. } => source.hint(),
        }
    }

    /// Whether a setting is at fault, so that the exit status says "usage".
    #[must_use]
    pub const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::Kafka { source, .. } if source.is_misconfiguration())
    }
}
