//! The settings that change how events are written.

use super::TopicNaming;
use crate::relation::ColumnRules;
use crate::value::ConversionFailure;
use crate::value::HeaderFormat;
use crate::value::NameAdjustment;

/// All settings of this layer, with Debezium's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeOptions {
    /// `topic.prefix`; the slot's name when not set.
    pub topic_prefix: String,
    /// `topic.delimiter`.
    pub topic_delimiter: String,
    /// `topic.naming.strategy` and its options.
    pub naming: TopicNaming,
    /// `database.dbname`, for the source block.
    pub database: String,
    /// `key.converter.schemas.enable`.
    pub key_schemas: bool,
    /// `value.converter.schemas.enable`.
    pub value_schemas: bool,
    /// `header.converter` and its options.
    pub headers: HeaderFormat,
    /// `tombstones.on.delete`.
    pub tombstones: bool,
    /// `skipped.operations`.
    pub skipped: SkippedOperations,
    /// `skip.messages.without.change`.
    pub skip_unchanged: bool,
    /// Which columns are captured, which are the key, and which are changed.
    pub columns: ColumnRules,
    /// `extended.headers.enabled`.
    pub extended_headers: bool,
    /// `provide.transaction.metadata`.
    pub transaction_metadata: bool,
    /// `topic.transaction`.
    pub transaction_topic: String,
    /// `topic.heartbeat.prefix`.
    pub heartbeat_prefix: String,
    /// `topic.heartbeat.name`; made of the prefixes when empty.
    pub heartbeat_topic: String,
    /// `event.processing.failure.handling.mode`, with other words than it has for events.
    pub processing_failure: ConversionFailure,
    /// `schema.name.adjustment.mode`.
    pub schema_names: NameAdjustment,
    /// Version that `source.version` reports.
    pub version: String,
}

impl Default for EnvelopeOptions {
    fn default() -> Self {
        Self {
            topic_prefix: "minicdc".to_owned(),
            topic_delimiter: ".".to_owned(),
            naming: TopicNaming::default(),
            database: "postgres".to_owned(),
            key_schemas: true,
            value_schemas: true,
            headers: HeaderFormat::Simple,
            tombstones: true,
            skipped: SkippedOperations { truncate: true, ..SkippedOperations::NONE },
            skip_unchanged: false,
            columns: ColumnRules::default(),
            extended_headers: true,
            transaction_metadata: false,
            transaction_topic: "transaction".to_owned(),
            heartbeat_prefix: "__debezium-heartbeat".to_owned(),
            heartbeat_topic: String::new(),
            processing_failure: ConversionFailure::Fail,
            schema_names: NameAdjustment::None,
            version: "3.6.3.Final".to_owned(),
        }
    }
}

/// `skipped.operations`: which operations leave no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedOperations {
    /// `c`.
    pub create: bool,
    /// `u`.
    pub update: bool,
    /// `d`.
    pub delete: bool,
    /// `t`.
    pub truncate: bool,
}

impl SkippedOperations {
    /// `none`.
    pub const NONE: Self = Self { create: false, update: false, delete: false, truncate: false };
}
