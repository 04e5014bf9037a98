//! Where records are read back from: Kafka or the embedded log, behind one face.

mod log;

use self::log::LogSource;
use crate::config::SinkConfig;
use crate::kafka::{self, KafkaError, KafkaReader};
use crate::log::LogError;
use crate::record::StoredRecord;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where in each partition reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// The first record there is.
    Beginning,
    /// The last so many records of each partition.
    Last(u64),
    /// The record with this offset, in each partition; the end offset is allowed.
    Offset(i64),
    /// The first record with this timestamp or a later one (milliseconds since the Unix epoch).
    TimestampMs(i64),
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Kafka failed.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The embedded log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl SourceError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Kafka(error) => error.hint(),
            Self::Log(error) => error.hint(),
        }
    }

    /// True when the command line or the settings are to blame.
    #[must_use]
    pub fn is_misconfiguration(&self) -> bool {
        match self {
            Self::Kafka(error) => error.is_misconfiguration(),
            Self::Log(_) => false,
        }
    }

    /// True when there is no log yet: a capture that starts will make it.
    #[must_use]
    pub const fn is_not_there_yet(&self) -> bool {
        matches!(self, Self::Log(LogError::NoLog { .. }))
    }
}

/// Reads topics from Kafka when there are brokers, else from the embedded log, also while somebody
/// writes them.
#[derive(Debug)]
pub enum Source {
    /// Kafka.
    Kafka(KafkaReader),
    /// The embedded log.
    Log(LogSource),
}

impl Source {
    /// Connects to Kafka or opens the log directory.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when Kafka cannot be reached or there is no log.
    pub async fn open(config: &SinkConfig) -> Result<Self, SourceError> {
        Ok(match config.brokers {
            Some(_) => Self::Kafka(KafkaReader::connect(config).await?),
            None => Self::Log(LogSource::open(&config.log_dir)?),
        })
    }

    /// Names of all topics, sorted.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when they cannot be listed.
    pub async fn topics(&self) -> Result<Vec<String>, SourceError> {
        Ok(match self {
            Self::Kafka(reader) => {
                reader.topics().await?.iter().map(|topic| topic.name.to_string()).collect()
            }
            Self::Log(source) => source.topics()?,
        })
    }

    /// Reads a topic, beside those that are read already; returns how many records it holds.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when the topic or the place in it does not exist.
    pub async fn add(&mut self, topic: &str, start: StartAt) -> Result<u64, SourceError> {
        match self {
            Self::Kafka(reader) => {
                let known = reader.topics().await?;
                let Some(info) = known.into_iter().find(|info| *info.name == *topic) else {
                    return Err(KafkaError::UnknownTopic { topic: topic.to_owned() }.into());
                };
                Ok(reader.open(&info, start.into()).await?)
            }
            Self::Log(source) => Ok(source.add(topic, start)?),
        }
    }

    /// Reads a topic as [`Source::add`] does, each of these partitions from its offset on and every
    /// other one from its beginning.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when the topic or a place in it does not exist.
    pub async fn add_from(
        &mut self,
        topic: &str,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<u64, SourceError> {
        match self {
            Self::Kafka(reader) => {
                let known = reader.topics().await?;
                let Some(info) = known.into_iter().find(|info| *info.name == *topic) else {
                    return Err(KafkaError::UnknownTopic { topic: topic.to_owned() }.into());
                };
                Ok(reader.open_from(&info, offsets).await?)
            }
            // The log has one partition a topic.
            Self::Log(source) => {
                let offset = offsets.values().next();
                Ok(source.add(topic, offset.map_or(StartAt::Beginning, |o| StartAt::Offset(*o)))?)
            }
        }
    }

    /// Appends up to `records_max` records to `into` and returns how many; 0 when none are at hand.
    /// Records of one partition are in order. Never waits.
    ///
    /// # Errors
    ///
    /// [`SourceError`] for what does not pass by itself.
    pub fn read(
        &mut self,
        into: &mut Vec<StoredRecord>,
        records_max: usize,
    ) -> Result<usize, SourceError> {
        match self {
            Self::Kafka(reader) => Ok(reader.read(into, records_max)?),
            Self::Log(source) => Ok(source.read(into, records_max)?),
        }
    }

    /// Whether every topic has been read up to where it ended when it was added.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        match self {
            Self::Kafka(reader) => reader.is_at_end(),
            Self::Log(source) => source.is_at_end(),
        }
    }

    /// Waits until there may be something to read, or for `timeout`. Dropping the future loses
    /// nothing.
    pub async fn wait(&mut self, timeout: Duration) {
        match self {
            Self::Kafka(reader) => reader.wait(timeout).await,
            Self::Log(source) => source.wait(timeout).await,
        }
    }
}

impl From<StartAt> for kafka::StartAt {
    fn from(start: StartAt) -> Self {
        match start {
            StartAt::Beginning => Self::Beginning,
            StartAt::Last(records) => Self::Last(records),
            StartAt::Offset(offset) => Self::Offset(offset),
            StartAt::TimestampMs(time) => Self::TimestampMs(time),
        }
    }
}
