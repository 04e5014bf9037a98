//! Snapshot and signals.

use super::Kind::{Boolean, Choice, Integer, Patterns, Text};
use super::Property;

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "snapshot.mode",
        Choice {
            allowed: &["initial", "no_data", "always", "initial_only"],
            not_yet: &["when_needed", "configuration_based", "custom", "never"],
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
        "snapshot.mode.configuration.based.*",
        Boolean,
        "Parts of snapshot.mode=configuration_based",
    )
    .default("false")
    .not_yet(),
    Property::new(
        "snapshot.isolation.mode",
        Choice {
            allowed: &["serializable"],
            not_yet: &["repeatable_read", "read_committed", "read_uncommitted"],
        },
        "Isolation of the reading transaction; without effect when the slot is new",
    )
    .default("serializable")
    .not_yet(),
    Property::new(
        "snapshot.locking.mode",
        Choice { allowed: &["none"], not_yet: &["shared", "custom"] },
        "Locks on the tables while they are read",
    )
    .default("none")
    .not_yet(),
    Property::new("snapshot.locking.mode.custom.name", Text, "Java class of custom locking")
        .not_yet(),
    Property::new("snapshot.lock.timeout.ms", Integer(0, i64::MAX), "Time limit for locks")
        .default("10000")
        .accepted("no locks are taken"),
    Property::new(
        "snapshot.query.mode",
        Choice { allowed: &["select_all"], not_yet: &["custom"] },
        "How rows are selected",
    )
    .default("select_all")
    .not_yet(),
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
    Property::new("snapshot.fetch.size", Integer(0, i64::MAX), "Rows per fetch of the cursor")
        .default("10240")
        .accepted("rows are streamed by COPY, without a cursor"),
    Property::new("snapshot.delay.ms", Integer(0, i64::MAX), "Wait before the snapshot")
        .default("0")
        .not_yet(),
    Property::new("streaming.delay.ms", Integer(0, i64::MAX), "Wait between snapshot and stream")
        .default("0")
        .not_yet(),
    Property::new("snapshot.max.threads", Integer(1, i64::MAX), "Tables read at the same time")
        .default("1")
        .not_yet(),
    Property::new(
        "snapshot.max.threads.multiplier",
        Integer(1, i64::MAX),
        "Chunks per thread of a parallel snapshot",
    )
    .default("1")
    .not_yet(),
    Property::new("legacy.snapshot.max.threads", Boolean, "One thread per table")
        .default("false")
        .not_yet(),
    Property::new(
        "snapshot.tables.order.by.row.count",
        Choice { allowed: &["disabled"], not_yet: &["ascending", "descending"] },
        "Order of the tables by size",
    )
    .default("disabled")
    .not_yet(),
    Property::new("signal.data.collection", Text, "Table that takes signals").not_yet(),
    Property::new("signal.enabled.channels", Text, "Where signals are read from")
        .default("source")
        .not_yet(),
    Property::new("signal.poll.interval.ms", Integer(0, i64::MAX), "How often channels are read")
        .default("5000")
        .accepted("there are no signals to poll for while signal.data.collection is not supported"),
    Property::new("signal.emit.failure.max.retries", Integer(0, i64::MAX), "Tries of a signal")
        .default("0")
        .not_yet(),
    Property::new("signal.emit.failure.backoff.ms", Integer(0, i64::MAX), "Wait between them")
        .default("10000")
        .not_yet(),
    Property::new("signal.kafka.*", Text, "Signals from a Kafka topic").not_yet(),
    Property::new("signal.consumer.*", Text, "Kafka consumer of that topic").not_yet(),
    Property::new("signal.file", Text, "Signals from a file").not_yet(),
    Property::new(
        "incremental.snapshot.chunk.size",
        Integer(1, i64::MAX),
        "Rows per chunk of an incremental snapshot",
    )
    .default("1024")
    .not_yet(),
    Property::new(
        "incremental.snapshot.watermarking.strategy",
        Choice { allowed: &["insert_insert"], not_yet: &["insert_delete"] },
        "How chunks are marked in the stream",
    )
    .default("insert_insert")
    .not_yet(),
    Property::new(
        "incremental.snapshot.allow.schema.changes",
        Boolean,
        "DDL during incremental snapshots; Debezium's PostgreSQL connector has no use for it",
    )
    .default("false")
    .not_yet(),
    Property::new("read.only", Boolean, "Incremental snapshots without writing to the database")
        .default("false")
        .not_yet(),
];
