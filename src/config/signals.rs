//! Signals, incremental snapshots and notifications.

use super::error::ConfigError;
use super::values::Values;
use crate::relation::split_list;
use std::fmt;
use std::path::PathBuf;

/// `signal.*`, `incremental.snapshot.*` and `read.only`.
#[derive(Debug, Clone)]
pub struct SignalConfig {
    /// `signal.data.collection` as schema and table.
    pub table: Option<(String, String)>,
    /// Whether signals are read from that table.
    pub source: bool,
    /// `signal.file`, when that channel is enabled.
    pub file: Option<PathBuf>,
    /// The topic, when that channel is enabled.
    pub kafka: Option<KafkaSignals>,
    /// `signal.poll.interval.ms`.
    pub poll_interval_ms: u64,
    /// `signal.emit.failure.max.retries`: how often a table's chunk is tried again.
    pub emit_retries_max: u32,
    /// `signal.emit.failure.backoff.ms`.
    pub emit_backoff_ms: u64,
    /// `incremental.snapshot.chunk.size`, rows.
    pub chunk_rows: u32,
    /// `incremental.snapshot.watermarking.strategy`.
    pub watermarks: Watermarks,
    /// `read.only`.
    pub read_only: bool,
}

impl Default for SignalConfig {
    fn default() -> Self {
        Self {
            table: None,
            source: true,
            file: None,
            kafka: None,
            poll_interval_ms: 5_000,
            emit_retries_max: 0,
            emit_backoff_ms: 10_000,
            chunk_rows: 1024,
            watermarks: Watermarks::InsertInsert,
            read_only: false,
        }
    }
}

/// What marks the end of a chunk in the signal table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watermarks {
    /// A row opens the window, another one closes it.
    InsertInsert,
    /// A row opens the window; it is deleted to close it.
    InsertDelete,
}

/// `signal.kafka.*` and `signal.consumer.*`.
#[derive(Clone)]
pub struct KafkaSignals {
    /// `signal.kafka.topic`.
    pub topic: String,
    /// `signal.kafka.bootstrap.servers`.
    pub brokers: Option<String>,
    /// `signal.kafka.groupId`.
    pub group_id: String,
    /// `signal.kafka.poll.timeout.ms`.
    pub poll_timeout_ms: u64,
    /// `signal.consumer.*` without the prefix.
    pub consumer_overrides: Vec<(String, String)>,
}

// By hand, as the overrides hold passwords.
impl fmt::Debug for KafkaSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overrides: Vec<&String> =
            self.consumer_overrides.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaSignals")
            .field("topic", &self.topic)
            .field("brokers", &self.brokers)
            .field("group_id", &self.group_id)
            .field("poll_timeout_ms", &self.poll_timeout_ms)
            .field("consumer_overrides", &overrides)
            .finish()
    }
}

/// `notification.*`.
#[derive(Debug, Clone, Default)]
pub struct NotificationConfig {
    /// Whether they are logged.
    pub log: bool,
    /// `notification.sink.topic.name`, when they are sent.
    pub sink_topic: Option<String>,
}

pub(super) fn signals(values: &Values) -> Result<SignalConfig, ConfigError> {
    let channels = split_list(values.text("signal.enabled.channels"));
    let has = |channel: &str| channels.iter().any(|name| name == channel);
    Ok(SignalConfig {
        table: table(values.text("signal.data.collection")),
        source: has("source"),
        file: has("file").then(|| PathBuf::from(values.text("signal.file"))),
        kafka: if has("kafka") { Some(kafka(values)?) } else { None },
        poll_interval_ms: values.number("signal.poll.interval.ms")?,
        emit_retries_max: values.number("signal.emit.failure.max.retries")?,
        emit_backoff_ms: values.number("signal.emit.failure.backoff.ms")?,
        chunk_rows: values.number("incremental.snapshot.chunk.size")?,
        watermarks: values.word(
            "incremental.snapshot.watermarking.strategy",
            &[
                ("insert_insert", Watermarks::InsertInsert),
                ("insert_delete", Watermarks::InsertDelete),
            ],
        )?,
        read_only: values.is_true("read.only"),
    })
}

fn kafka(values: &Values) -> Result<KafkaSignals, ConfigError> {
    let text = |key| Some(values.text(key)).filter(|text| !text.is_empty()).map(str::to_owned);
    let brokers = text("signal.kafka.bootstrap.servers").or_else(|| text("bootstrap.servers"));
    if brokers.is_none() {
        return Err(ConfigError::Needs {
            key: "signal.enabled.channels",
            value: "kafka".to_owned(),
            origin: values.origin("signal.enabled.channels"),
            needs: "signal.kafka.bootstrap.servers",
        });
    }
    Ok(KafkaSignals {
        topic: text("signal.kafka.topic")
            .unwrap_or_else(|| format!("{}-signal", values.text("topic.prefix"))),
        brokers,
        group_id: values.text("signal.kafka.groupId").to_owned(),
        poll_timeout_ms: values.number("signal.kafka.poll.timeout.ms")?,
        consumer_overrides: values.family("signal.consumer."),
    })
}

pub(super) fn notifications(values: &Values) -> Result<NotificationConfig, ConfigError> {
    let channels = split_list(values.text("notification.enabled.channels"));
    let has = |channel: &str| channels.iter().any(|name| name == channel);
    let topic = values.text("notification.sink.topic.name");
    if has("sink") && topic.is_empty() {
        return Err(ConfigError::Needs {
            key: "notification.enabled.channels",
            value: "sink".to_owned(),
            origin: values.origin("notification.enabled.channels"),
            needs: "notification.sink.topic.name",
        });
    }
    Ok(NotificationConfig { log: has("log"), sink_topic: has("sink").then(|| topic.to_owned()) })
}

/// `schema.table`; Debezium's `database.schema.table` of other connectors is none.
pub(super) fn table(text: &str) -> Option<(String, String)> {
    let (schema, table) = text.trim().split_once('.')?;
    let unquoted = |name: &str| name.trim_matches('"').to_owned();
    let is_name = |name: &str| !name.is_empty();
    (is_name(schema) && is_name(table)).then(|| (unquoted(schema), unquoted(table)))
}
