//! Snapshot and signals.

use super::Kind::{Boolean, Choice, Form, Integer, Patterns, Text};
use super::Property;

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "snapshot.mode",
        Choice {
            allowed: &[
                "initial",
                "no_data",
                "never",
                "always",
                "initial_only",
                "when_needed",
                "configuration_based",
            ],
            not_yet: &["custom"],
        },
        "When the tables' rows are read",
    )
    .default("initial")
    .flag("--snapshot"),
    Property::new(
        "snapshot.include.collection.list",
        Patterns,
        "Captured tables whose rows the snapshot reads; all of them when empty",
    ),
    Property::new("snapshot.mode.custom.name", Text, "Java class of snapshot.mode=custom")
        .not_yet(),
    Property::new(
        "snapshot.mode.configuration.based.snapshot.data",
        Boolean,
        "snapshot.mode=configuration_based: a snapshot at every start",
    )
    .default("false"),
    Property::new(
        "snapshot.mode.configuration.based.start.stream",
        Boolean,
        "snapshot.mode=configuration_based: stream afterwards",
    )
    .default("false"),
    Property::new(
        "snapshot.mode.configuration.based.snapshot.on.data.error",
        Boolean,
        "snapshot.mode=configuration_based: a snapshot when the stored position is of no use",
    )
    .default("false"),
    Property::new(
        "snapshot.mode.configuration.based.snapshot.schema",
        Boolean,
        "snapshot.mode=configuration_based: read the tables' structure",
    )
    .default("false")
    .accepted("the structure is read from the catalogue at every start"),
    Property::new(
        "snapshot.mode.configuration.based.snapshot.on.schema.error",
        Boolean,
        "snapshot.mode=configuration_based: a snapshot when the schema history is of no use",
    )
    .default("false")
    .accepted("there is no schema history, for this connector of Debezium neither"),
    Property::new(
        "snapshot.isolation.mode",
        Choice {
            allowed: &["serializable", "repeatable_read", "read_committed", "read_uncommitted"],
            not_yet: &[],
        },
        "Isolation of the reading transaction; without effect when the slot is new",
    )
    .default("serializable"),
    Property::new(
        "snapshot.locking.mode",
        Choice { allowed: &["none", "shared"], not_yet: &["custom"] },
        "Locks on the tables while they are read: shared keeps DDL out",
    )
    .default("none"),
    Property::new("snapshot.locking.mode.custom.name", Text, "Java class of custom locking")
        .not_yet(),
    Property::new("snapshot.lock.timeout.ms", Integer(0, i64::MAX), "Time limit for locks")
        .default("10000"),
    Property::new(
        "snapshot.query.mode",
        Choice { allowed: &["select_all"], not_yet: &["custom"] },
        "How rows are selected",
    )
    .default("select_all"),
    Property::new("snapshot.query.mode.custom.name", Text, "Java class of custom queries")
        .not_yet(),
    Property::new(
        "snapshot.select.statement.overrides",
        Text,
        "Tables with a SELECT of their own, as schema.table, separated by commas",
    ),
    Property::new(
        "snapshot.select.statement.overrides.*",
        Text,
        "The SELECT of one table; columns it leaves out are NULL",
    ),
    Property::new(
        "snapshot.fetch.size",
        Integer(0, i64::MAX),
        "Rows that a reader has at hand at most; 0 leaves it to their size",
    )
    .default("10240"),
    Property::new("snapshot.delay.ms", Integer(0, i64::MAX), "Wait before the snapshot")
        .default("0"),
    Property::new("streaming.delay.ms", Integer(0, i64::MAX), "Wait between snapshot and stream")
        .default("0"),
    Property::new(
        "snapshot.max.threads",
        Integer(1, 1000),
        "Connections that read at the same time, within a table and across tables",
    )
    .default("1"),
    Property::new(
        "snapshot.max.threads.multiplier",
        Integer(1, 1_000_000),
        "Chunks per thread that a table is cut into, at least; large tables are cut in any case",
    )
    .default("1"),
    Property::new(
        "snapshot.max.threads.multiplier.*",
        Integer(1, 1_000_000),
        "The same for one table, as schema.table",
    ),
    Property::new(
        "legacy.snapshot.max.threads",
        Boolean,
        "One thread per table, without chunks; with several threads no row is marked as the first",
    )
    .default("false"),
    Property::new(
        "snapshot.tables.order.by.row.count",
        Choice { allowed: &["disabled", "ascending", "descending"], not_yet: &[] },
        "Order of the tables by PostgreSQL's estimate of their rows",
    )
    .default("disabled"),
    Property::new(
        "signal.data.collection",
        SIGNAL_TABLE,
        "Table of three columns (id, type, data) that takes signals and marks chunks",
    ),
    Property::new("signal.enabled.channels", CHANNELS, "Where signals are read from")
        .default("source"),
    Property::new(
        "signal.poll.interval.ms",
        Integer(1, i64::MAX),
        "How often the file and the topic of signals are read",
    )
    .default("5000"),
    Property::new(
        "signal.emit.failure.max.retries",
        Integer(0, i32::MAX as i64),
        "How often a chunk that PostgreSQL refuses is tried again before its table is given up",
    )
    .default("0"),
    Property::new("signal.emit.failure.backoff.ms", Integer(0, i64::MAX), "Wait between the tries")
        .default("10000"),
    Property::new("signal.kafka.topic", Text, "Topic of signals; their key is topic.prefix")
        .derived("<topic.prefix>-signal"),
    Property::new("signal.kafka.bootstrap.servers", Text, "Kafka brokers that have it")
        .derived("bootstrap.servers"),
    Property::new("signal.kafka.groupId", Text, "Consumer group that remembers what was read")
        .default("kafka-signal"),
    Property::new("signal.kafka.poll.timeout.ms", Integer(0, i64::MAX), "Longest wait for signals")
        .default("100"),
    Property::new("signal.kafka.*", Text, "Other settings of that channel").not_yet(),
    Property::new(
        "signal.consumer.*",
        Text,
        "Settings of its Kafka consumer, passed to librdkafka by the rest of the name",
    ),
    Property::new(
        "signal.file",
        Text,
        "File of signals, one JSON object a line, emptied when read",
    )
    .default("file-signals.txt"),
    Property::new(
        "incremental.snapshot.chunk.size",
        Integer(1, u32::MAX as i64),
        "Rows per chunk of an incremental snapshot",
    )
    .default("1024"),
    Property::new(
        "incremental.snapshot.watermarking.strategy",
        Choice { allowed: &["insert_insert", "insert_delete"], not_yet: &[] },
        "How the end of a chunk is marked in the signal table",
    )
    .default("insert_insert"),
    Property::new(
        "incremental.snapshot.allow.schema.changes",
        Boolean,
        "DDL during incremental snapshots",
    )
    .default("false")
    .accepted("each chunk is read with the columns that its table has by then"),
    Property::new(
        "read.only",
        Boolean,
        "Incremental snapshots without writing to the database, also without a signal table",
    )
    .default("false"),
];

const SIGNAL_TABLE: super::Kind =
    Form { rule: "schema.table", holds: |text| crate::config::signals::table(text).is_some() };
const CHANNELS: super::Kind = Form {
    rule: "a comma-separated list of source, kafka and file",
    holds: |text| text.split(',').all(|name| ["source", "kafka", "file"].contains(&name.trim())),
};
