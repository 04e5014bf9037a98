//! From checked values to the typed sections of [`Config`].

use super::converters;
use super::error::ConfigError;
use super::load::pattern_error;
use super::naming::naming;
use super::origin::Origin;
use super::property;
use super::secret::Secret;
use super::signals;
use super::values::Values;
use super::{
    Config, DatabaseConfig, HeartbeatConfig, LsnFlush, OffsetMismatch, PublicationAutocreate,
    ReplicationConfig, SinkConfig, SinkKind, SnapshotConfig, SnapshotIsolation, SnapshotMode,
    SslMode, StopAt, TableConfig, TableOrder, TransactionConfig,
};
use crate::envelope::{EnvelopeOptions, SkippedOperations};
use crate::relation::{ColumnMapper, ColumnRules, FilterError, split_list};
use crate::transform::{Chain, TransformSettings};
use crate::value::{
    BinaryMode, ConversionFailure, DecimalMode, HstoreMode, IntervalMode, NameAdjustment, Release,
    TimePrecision, ValueOptions,
};
use std::path::PathBuf;

/// Builds every section; the values are complete, derived ones included.
pub(super) fn build(values: &Values) -> Result<Config, ConfigError> {
    Ok(Config {
        database: database(values)?,
        replication: replication(values)?,
        snapshot: snapshot(values)?,
        tables: tables(values),
        signals: signals::signals(values)?,
        notifications: signals::notifications(values)?,
        heartbeat: HeartbeatConfig {
            interval_ms: values.number("heartbeat.interval.ms")?,
            action_query: values.text("heartbeat.action.query").to_owned(),
        },
        envelope: envelope(values)?,
        values: value_options(values)?,
        transforms: transforms(values)?,
        sink: sink(values)?,
    })
}

fn database(values: &Values) -> Result<DatabaseConfig, ConfigError> {
    let file = |key| Some(values.text(key)).filter(|text| !text.is_empty()).map(PathBuf::from);
    Ok(DatabaseConfig {
        hostname: values.text("database.hostname").to_owned(),
        port: values.number("database.port")?,
        user: values.text("database.user").to_owned(),
        password: Some(values.text("database.password"))
            .filter(|text| !text.is_empty())
            .map(Secret::new),
        dbname: values.text("database.dbname").to_owned(),
        sslmode: values.word(
            "database.sslmode",
            &[
                ("disable", SslMode::Disable),
                ("prefer", SslMode::Prefer),
                ("require", SslMode::Require),
                ("verify-ca", SslMode::VerifyCa),
                ("verify-full", SslMode::VerifyFull),
            ],
        )?,
        // libpq's word for the system's own roots.
        sslrootcert: file("database.sslrootcert").filter(|path| path.as_os_str() != "system"),
        sslcert: file("database.sslcert"),
        sslkey: file("database.sslkey"),
        connect_timeout_ms: values.number::<u64>("driver.connectTimeout")? * 1_000,
        initial_statements: statements(values.text("database.initial.statements")),
        query_timeout_ms: values.number("database.query.timeout.ms")?,
    })
}

/// Statements between semicolons; two of them are one inside of a statement.
pub(super) fn statements(text: &str) -> Vec<String> {
    const DOUBLED: &str = "\u{0}";
    text.replace(";;", DOUBLED)
        .split(';')
        .map(|statement| statement.trim().replace(DOUBLED, ";"))
        .filter(|statement| !statement.is_empty())
        .collect()
}

fn replication(values: &Values) -> Result<ReplicationConfig, ConfigError> {
    Ok(ReplicationConfig {
        slot_name: values.text("slot.name").to_owned(),
        publication_name: values.text("publication.name").to_owned(),
        publication_autocreate: values.word(
            "publication.autocreate.mode",
            &[
                ("all_tables", PublicationAutocreate::AllTables),
                ("filtered", PublicationAutocreate::Filtered),
                ("no_tables", PublicationAutocreate::NoTables),
                ("disabled", PublicationAutocreate::Disabled),
            ],
        )?,
        publish_via_partition_root: values.is_true("publish.via.partition.root"),
        replica_identity_autoset: values.text("replica.identity.autoset.values").to_owned(),
        status_update_interval_ms: values.number("status.update.interval.ms")?,
        slot_max_retries: values.number("slot.max.retries")?,
        slot_retry_delay_ms: values.number("slot.retry.delay.ms")?,
        slot_drop_on_stop: values.is_true("slot.drop.on.stop"),
        slot_failover: values.is_true("slot.failover"),
        slot_stream_params: values.parsed("slot.stream.params", stream_params)?,
        slot_create_timeout_s: values
            .is_set("internal.create.slot.command.timeout")
            .then(|| values.number("internal.create.slot.command.timeout"))
            .transpose()?,
        standby: values.is_true("standby"),
        offset_mismatch: values.word(
            "offset.mismatch.strategy",
            &[
                ("stop", OffsetMismatch::Stop),
                ("no_validation", OffsetMismatch::NoValidation),
                ("trust_offset", OffsetMismatch::TrustOffset),
                ("trust_slot", OffsetMismatch::TrustSlot),
                ("trust_greater_lsn", OffsetMismatch::TrustGreaterLsn),
            ],
        )?,
        lsn_flush: lsn_flush(values)?,
        errors_max_retries: u32::try_from(values.number::<i64>("errors.max.retries")?).ok(),
        restart_wait_ms: values
            .is_set("retriable.restart.connector.wait.ms")
            .then(|| values.number("retriable.restart.connector.wait.ms"))
            .transpose()?,
        xmin_fetch_interval_ms: values.number("xmin.fetch.interval.ms")?,
        stop_at: values.parsed("stop.at", stop_at)?,
        connector_name: values.text("name").to_owned(),
        offset_flush_interval_ms: values.number("offset.flush.interval.ms")?,
        streams_in_progress: values.is_true("streaming.in.progress"),
        streaming_memory_bytes: values.parsed("streaming.memory.bytes", byte_size)?,
        spill_dir: PathBuf::from(values.text("spill.dir")),
    })
}

/// `lsn.flush.mode`, and the property that it replaces.
fn lsn_flush(values: &Values) -> Result<LsnFlush, ConfigError> {
    let (mode, old) = ("lsn.flush.mode", "flush.lsn.source");
    if values.is_set(mode) && values.is_set(old) {
        return Err(ConfigError::Conflict {
            first: mode,
            first_origin: Box::new(values.origin(mode)),
            second: old,
            second_origin: Box::new(values.origin(old)),
        });
    }
    if !values.is_true(old) {
        return Ok(LsnFlush::Manual);
    }
    values.word(
        mode,
        &[
            ("connector", LsnFlush::Connector),
            ("manual", LsnFlush::Manual),
            ("connector_and_driver", LsnFlush::ConnectorAndDriver),
        ],
    )
}

/// `k=v;k=v`; `None` when that is not what it is, or when an option is ours to set.
pub(super) fn stream_params(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |item: &str| {
        let (name, value) = item.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let is_ours = OWN_STREAM_PARAMS.contains(&name.to_ascii_lowercase().as_str());
        (is_name && !is_ours).then(|| (name.to_owned(), value.to_owned()))
    };
    text.split(';').map(str::trim).filter(|item| !item.is_empty()).map(pair).collect()
}

/// What the stream is read by, so that another value would make it unreadable.
const OWN_STREAM_PARAMS: [&str; 6] =
    ["proto_version", "publication_names", "messages", "binary", "streaming", "two_phase"];

const CONFIGURED: &str = "snapshot.mode.configuration.based.";

/// The flags of `snapshot.mode=configuration_based`; without any of them there is nothing to do.
fn configured(values: &Values) -> Result<SnapshotMode, ConfigError> {
    let is_true = |flag: &str| values.is_true(&format!("{CONFIGURED}{flag}"));
    let (data, stream) = (is_true("snapshot.data"), is_true("start.stream"));
    if !data && !stream {
        return Err(ConfigError::Needs {
            key: "snapshot.mode",
            value: "configuration_based".to_owned(),
            origin: values.origin("snapshot.mode"),
            needs: "snapshot.mode.configuration.based.start.stream=true, or …snapshot.data=true",
        });
    }
    Ok(SnapshotMode::Configured { data, stream, on_error: is_true("snapshot.on.data.error") })
}

fn snapshot(values: &Values) -> Result<SnapshotConfig, ConfigError> {
    Ok(SnapshotConfig {
        mode: match values.text("snapshot.mode") {
            "configuration_based" => configured(values)?,
            _ => values.word(
                "snapshot.mode",
                &[
                    ("initial", SnapshotMode::Initial),
                    ("always", SnapshotMode::Always),
                    ("initial_only", SnapshotMode::InitialOnly),
                    ("no_data", SnapshotMode::NoData),
                    ("never", SnapshotMode::NoData),
                    ("when_needed", SnapshotMode::WhenNeeded),
                ],
            )?,
        },
        include_collection_list: values.text("snapshot.include.collection.list").to_owned(),
        select_overrides: select_overrides(values)?,
        isolation: values.word(
            "snapshot.isolation.mode",
            &[
                ("serializable", SnapshotIsolation::Serializable),
                ("repeatable_read", SnapshotIsolation::RepeatableRead),
                ("read_committed", SnapshotIsolation::ReadCommitted),
                ("read_uncommitted", SnapshotIsolation::ReadUncommitted),
            ],
        )?,
        lock_timeout_ms: match values.text("snapshot.locking.mode") {
            "shared" => Some(values.number("snapshot.lock.timeout.ms")?),
            _ => None,
        },
        fetch_size: values.number("snapshot.fetch.size")?,
        delay_ms: values.number("snapshot.delay.ms")?,
        streaming_delay_ms: values.number("streaming.delay.ms")?,
        threads: values.number("snapshot.max.threads")?,
        multiplier: values.number(MULTIPLIER)?,
        multipliers: values
            .family(&format!("{MULTIPLIER}."))
            .into_iter()
            .map(|(table, _)| {
                let chunks = values.number(&format!("{MULTIPLIER}.{table}"))?;
                Ok((table, chunks))
            })
            .collect::<Result<_, ConfigError>>()?,
        thread_per_table: values.is_true("legacy.snapshot.max.threads"),
        order: values.word(
            "snapshot.tables.order.by.row.count",
            &[
                ("disabled", TableOrder::Disabled),
                ("ascending", TableOrder::Ascending),
                ("descending", TableOrder::Descending),
            ],
        )?,
    })
}

const MULTIPLIER: &str = "snapshot.max.threads.multiplier";

/// The SELECTs of the listed tables; one of another table would have no effect.
fn select_overrides(values: &Values) -> Result<Vec<(String, String)>, ConfigError> {
    let listed = split_list(values.text(SELECT_OVERRIDES));
    let overrides = values.family(&format!("{SELECT_OVERRIDES}."));
    if let Some((table, _)) = overrides.iter().find(|(table, _)| !listed.contains(table)) {
        let key = format!("{SELECT_OVERRIDES}.{table}");
        let (origin, item) = (values.origin(&key), table.clone());
        return Err(ConfigError::NotListed { key, origin, item, list: SELECT_OVERRIDES });
    }
    Ok(overrides.into_iter().filter(|(_, select)| !select.is_empty()).collect())
}

pub(super) const SELECT_OVERRIDES: &str = "snapshot.select.statement.overrides";

fn tables(values: &Values) -> TableConfig {
    TableConfig {
        schema_include: values.text("schema.include.list").to_owned(),
        schema_exclude: values.text("schema.exclude.list").to_owned(),
        table_include: values.text("table.include.list").to_owned(),
        table_exclude: values.text("table.exclude.list").to_owned(),
        message_prefix_include: values.text("message.prefix.include.list").to_owned(),
        message_prefix_exclude: values.text("message.prefix.exclude.list").to_owned(),
    }
}

fn envelope(values: &Values) -> Result<EnvelopeOptions, ConfigError> {
    Ok(EnvelopeOptions {
        topic_prefix: values.text("topic.prefix").to_owned(),
        topic_delimiter: values.text("topic.delimiter").to_owned(),
        naming: naming(values)?,
        headers: converters::headers(values)?,
        database: values.text("database.dbname").to_owned(),
        key_schemas: values.is_true("key.converter.schemas.enable"),
        value_schemas: values.is_true("value.converter.schemas.enable"),
        tombstones: values.is_true("tombstones.on.delete"),
        skipped: values.parsed("skipped.operations", skipped)?,
        skip_unchanged: values.is_true("skip.messages.without.change"),
        columns: column_rules(values)?,
        extended_headers: values.is_true("extended.headers.enabled"),
        transaction_metadata: values.is_true("provide.transaction.metadata"),
        transaction_topic: values.text("topic.transaction").to_owned(),
        heartbeat_prefix: values.text("topic.heartbeat.prefix").to_owned(),
        heartbeat_topic: values.text("topic.heartbeat.name").to_owned(),
        schema_names: values.word("schema.name.adjustment.mode", ADJUSTMENTS)?,
        processing_failure: values.word("event.processing.failure.handling.mode", FAILURES)?,
        version: release(values)?.version().to_owned(),
    })
}

/// Rules for columns. Debezium applies the first one that chooses a column, in this order.
fn column_rules(values: &Values) -> Result<ColumnRules, ConfigError> {
    let broken = |error: FilterError| pattern_error(values, &error.property, &error);
    let mut rules =
        ColumnRules::new(values.text("column.include.list"), values.text("column.exclude.list"))
            .and_then(|rules| rules.with_keys(values.text("message.key.columns")))
            .map_err(broken)?;
    for family in ["column.truncate.to.", "column.mask.with."] {
        rules = with_family(rules, values, family, |_| true)?;
    }
    let source_type = || ColumnMapper::SourceType;
    let (columns, types) = ("column.propagate.source.type", "datatype.propagate.source.type");
    rules = rules
        .with_mapper(columns, values.text(columns), source_type())
        .and_then(|rules| rules.with_type_mapper(types, values.text(types), source_type()))
        .map_err(broken)?;
    let hash = "column.mask.hash.";
    rules = with_family(rules, values, hash, |rest| !rest.starts_with("v2."))?;
    with_family(rules, values, hash, |rest| rest.starts_with("v2."))
}

/// Adds a rule for each property of a family, whose names say what it does.
fn with_family(
    mut rules: ColumnRules,
    values: &Values,
    family: &str,
    is_wanted: fn(&str) -> bool,
) -> Result<ColumnRules, ConfigError> {
    for (rest, columns) in values.family(family) {
        if !is_wanted(&rest) {
            continue;
        }
        let key = format!("{family}{rest}");
        let Some(mapper) = ColumnMapper::from_property(&key) else {
            return Err(ConfigError::ColumnRule {
                origin: values.origin(&key),
                key: property::without_salt(&key),
            });
        };
        rules = rules
            .with_mapper(&key, &columns, mapper)
            .map_err(|error| pattern_error(values, &key, &error))?;
    }
    Ok(rules)
}

/// All keys of transforms and predicates, once a chain could be made of them.
fn transforms(values: &Values) -> Result<TransformSettings, ConfigError> {
    let mut settings = TransformSettings::new();
    for list in ["transforms", "predicates"] {
        if values.is_set(list) {
            settings.insert(list.to_owned(), values.text(list).to_owned());
        }
        let family = values.family(&format!("{list}."));
        settings.extend(family.into_iter().map(|(rest, text)| (format!("{list}.{rest}"), text)));
    }
    match Chain::new(&settings, true, true) {
        Ok(_) => Ok(settings),
        Err(problem) => {
            let origin = match values.origin(problem.key()) {
                // What is missing was left out where the list is.
                Origin::Default => values.origin(problem.list()),
                origin => origin,
            };
            Err(ConfigError::Transform { problem, origin })
        }
    }
}

fn value_options(values: &Values) -> Result<ValueOptions, ConfigError> {
    Ok(ValueOptions {
        decimal: values.word(
            "decimal.handling.mode",
            &[
                ("precise", DecimalMode::Precise),
                ("double", DecimalMode::Double),
                ("string", DecimalMode::String),
            ],
        )?,
        time: values.word(
            "time.precision.mode",
            &[
                ("adaptive", TimePrecision::Adaptive),
                ("adaptive_time_microseconds", TimePrecision::AdaptiveTimeMicroseconds),
                ("connect", TimePrecision::Connect),
                ("isostring", TimePrecision::IsoString),
                ("microseconds", TimePrecision::Microseconds),
                ("nanoseconds", TimePrecision::Nanoseconds),
                ("structured", TimePrecision::Structured),
            ],
        )?,
        interval: values.word(
            "interval.handling.mode",
            &[("numeric", IntervalMode::Numeric), ("string", IntervalMode::String)],
        )?,
        hstore: values.word(
            "hstore.handling.mode",
            &[("json", HstoreMode::Json), ("map", HstoreMode::Map)],
        )?,
        binary: values.word(
            "binary.handling.mode",
            &[
                ("bytes", BinaryMode::Bytes),
                ("base64", BinaryMode::Base64),
                ("base64-url-safe", BinaryMode::Base64UrlSafe),
                ("hex", BinaryMode::Hex),
            ],
        )?,
        money_fraction_digits: values.number("money.fraction.digits")?,
        include_unknown: values.is_true("include.unknown.datatypes"),
        unavailable_placeholder: values.parsed("unavailable.value.placeholder", placeholder)?,
        conversion_failure: values.word("event.converting.failure.handling.mode", FAILURES)?,
        field_names: values.word("field.name.adjustment.mode", ADJUSTMENTS)?,
        exact: values.text("values.mode") == "exact",
        release: release(values)?,
        json: converters::json(values, "value.converter")?,
        key_json: converters::json(values, "key.converter")?,
    })
}

fn release(values: &Values) -> Result<Release, ConfigError> {
    values.word("debezium.version", &[("3.6", Release::V3_6), ("3.7", Release::V3_7)])
}

const FAILURES: &[(&str, ConversionFailure)] = &[
    ("warn", ConversionFailure::Warn),
    ("fail", ConversionFailure::Fail),
    ("skip", ConversionFailure::Skip),
];

const ADJUSTMENTS: &[(&str, NameAdjustment)] = &[
    ("none", NameAdjustment::None),
    ("avro", NameAdjustment::Avro),
    ("avro_unicode", NameAdjustment::AvroUnicode),
];

fn sink(values: &Values) -> Result<SinkConfig, ConfigError> {
    let brokers = Some(values.text("bootstrap.servers")).filter(|text| !text.is_empty());
    let kind = values.word(
        "sink.type",
        &[
            ("kafka", SinkKind::Kafka),
            ("log", SinkKind::Log),
            ("stdout", SinkKind::Stdout),
            ("null", SinkKind::Null),
        ],
    )?;
    if kind == SinkKind::Kafka && brokers.is_none() {
        return Err(ConfigError::Needs {
            key: "sink.type",
            value: "kafka".to_owned(),
            origin: values.origin("sink.type"),
            needs: "bootstrap.servers",
        });
    }
    let bytes_max: usize = values.number("max.queue.size.in.bytes")?;
    let default = SinkConfig::default();
    Ok(SinkConfig {
        kind,
        brokers: brokers.map(str::to_owned),
        log_dir: PathBuf::from(values.text("log.dir")),
        producer_overrides: values.family("producer.override."),
        topic_partitions: values.number("topic.creation.default.partitions")?,
        topic_replication_factor: values.number("topic.creation.default.replication.factor")?,
        offset_topic: values.text("offset.storage.topic").to_owned(),
        transactions: transactions(values, kind)?,
        in_flight_bytes_max: if bytes_max == 0 { default.in_flight_bytes_max } else { bytes_max },
        in_flight_records_max: values.number("max.queue.size")?,
    })
}

/// What exactly-once delivery needs.
fn transactions(values: &Values, kind: SinkKind) -> Result<Option<TransactionConfig>, ConfigError> {
    let needs = |key: &'static str, needs| {
        Err(ConfigError::Needs {
            key,
            value: values.text(key).to_owned(),
            origin: values.origin(key),
            needs,
        })
    };
    let (support, boundary) = ("exactly.once.support", "transaction.boundary");
    let interval = "transaction.boundary.interval.ms";
    let by_interval = values.text(boundary) == "interval";
    if values.is_set(interval) && !by_interval {
        return needs(interval, "transaction.boundary=interval");
    }
    if values.text(support) != "required" {
        let one_without_effect = by_interval.then_some(boundary);
        return one_without_effect
            .map_or(Ok(None), |key| needs(key, "exactly.once.support=required"));
    }
    if kind != SinkKind::Kafka {
        let has_brokers = values.is_set("bootstrap.servers");
        return needs(support, if has_brokers { "sink.type=kafka" } else { "bootstrap.servers" });
    }
    let interval = if values.is_set(interval) { interval } else { "offset.flush.interval.ms" };
    let (prefix, slot) = (values.text("topic.prefix"), values.text("slot.name"));
    Ok(Some(TransactionConfig {
        id: format!("minicdc-{prefix}-{slot}"),
        interval_ms: by_interval.then(|| values.number(interval)).transpose()?,
    }))
}

/// A number of bytes, or of kB, MB or GB, which are powers of 1024 as in PostgreSQL's settings.
pub(super) fn byte_size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match text[digits.len()..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

/// `current` or an LSN; empty is no position at all.
fn stop_at(text: &str) -> Option<Option<StopAt>> {
    match text {
        "" => Some(None),
        text if text.eq_ignore_ascii_case("current") => Some(Some(StopAt::Current)),
        text => text.parse().ok().map(|lsn| Some(StopAt::Lsn(lsn))),
    }
}

/// The bytes of `unavailable.value.placeholder`, which may be written as `hex:…`.
pub(super) fn placeholder(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("hex:") else {
        return Some(text.as_bytes().to_vec());
    };
    let digits: Vec<u32> = digits.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}

/// The operations of `skipped.operations`.
pub(super) fn skipped(text: &str) -> Option<SkippedOperations> {
    let mut skipped = SkippedOperations::NONE;
    if text.eq_ignore_ascii_case("none") {
        return Some(skipped);
    }
    for operation in text.split(',') {
        match operation.trim().to_ascii_lowercase().as_str() {
            "c" => skipped.create = true,
            "u" => skipped.update = true,
            "d" => skipped.delete = true,
            "t" => skipped.truncate = true,
            _ => return None,
        }
    }
    Some(skipped)
}
