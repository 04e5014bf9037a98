//! Topics, sinks and operation.

use super::Kind::{Boolean, Choice, Form, Integer, Text};
use super::{Kind, Property};

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "sink.type",
        Choice { allowed: &["kafka", "log", "stdout", "null"], not_yet: &[] },
        "Where records go (minicdc's own)",
    )
    .derived("kafka with bootstrap.servers, else log")
    .flag("--sink"),
    Property::new(
        "bootstrap.servers",
        Form { rule: "comma-separated host:port, such as localhost:9092", holds: is_broker_list },
        "Kafka brokers to begin with",
    )
    .flag("--brokers"),
    Property::new("log.dir", Text, "Directory of the embedded log (minicdc's own)")
        .default(".minicdc/log")
        .flag("--log-dir"),
    Property::new(
        "producer.override.*",
        Text,
        "Settings of the Kafka client, passed to librdkafka by the rest of the name",
    ),
    Property::new(
        "topic.creation.default.partitions",
        COUNT,
        "Partitions of topics that are made; -1 leaves it to the broker",
    )
    .default("1"),
    Property::new(
        "topic.creation.default.replication.factor",
        COUNT,
        "Copies of topics that are made; -1 leaves it to the broker",
    )
    .default("1"),
    Property::new("topic.creation.*", Text, "Other settings of topics that are made").not_yet(),
    Property::new("topic.delimiter", Text, "Stands between the parts of a topic name").default("."),
    Property::new("topic.transaction", Text, "Last part of the transaction topic's name")
        .default("transaction"),
    Property::new("topic.naming.strategy", NAMING, "How topics are named, by Debezium's classes")
        .default("io.debezium.schema.SchemaTopicNamingStrategy"),
    Property::new(
        "topic.regex",
        Text,
        "Regular expression of the strategies with Regex: whole topic names that go elsewhere",
    ),
    Property::new("topic.replacement", Text, "Where they go, with $1 for groups"),
    Property::new(
        "topic.key.enforce.uniqueness",
        Boolean,
        "Whether these strategies add a field to keys that tells the table",
    )
    .default("true"),
    Property::new("topic.key.field.name", Text, "Name of that field")
        .default("__dbz__physicalTableIdentifier"),
    Property::new(
        "topic.key.field.regex",
        Text,
        "Regular expression that makes its value of the topic's name",
    ),
    Property::new("topic.key.field.replacement", Text, "The value, with $1 for groups"),
    Property::new("multi.partition.mode", Boolean, "Whether topic names hold the database's name")
        .default("false")
        .accepted(
            "Debezium's PostgreSQL connector has one database and leaves its name out either way",
        ),
    Property::new("topic.cache.size", Integer(0, i64::MAX), "Topic names to remember")
        .default("10000")
        .accepted("a topic name is made once per table version"),
    Property::new("offset.storage.topic", Text, "Kafka topic that holds the positions")
        .default("minicdc-offsets"),
    Property::renamed("offsets.storage.topic", "offset.storage.topic"),
    Property::new(
        "offset.flush.interval.ms",
        Integer(1, i64::MAX),
        "How often they are stored, and then confirmed to the server (Kafka Connect: 60000)",
    )
    .default("1000"),
    Property::new(
        "max.queue.size",
        Integer(1, i64::MAX),
        "Records that may be under way to the sink (Debezium: 8192)",
    )
    .default("50000"),
    Property::new(
        "max.queue.size.in.bytes",
        Integer(0, i64::MAX),
        "Bytes that may be under way to the sink; 0 means the default",
    )
    .default("25165824"),
    Property::new("max.batch.size", Integer(1, i64::MAX), "Records per poll of Kafka Connect")
        .default("2048")
        .accepted("records are sent one by one as they are read, there are no polls"),
    Property::new("poll.interval.ms", Integer(1, i64::MAX), "Wait between polls")
        .default("500")
        .accepted("records are sent one by one as they are read, there are no polls"),
    Property::new("poll.dispatch.interval.ms", Integer(0, i64::MAX), "Wait before a poll")
        .default("0")
        .accepted("records are sent one by one as they are read, there are no polls"),
    Property::new("query.fetch.size", Integer(0, i64::MAX), "Rows per fetch of queries")
        .default("0")
        .accepted("catalogue queries are small"),
    Property::new("queue.provider.type", MEMORY, "Where the queue lives")
        .default("memory")
        .not_yet(),
    Property::new(
        "errors.max.retries",
        Integer(-1, i32::MAX as i64),
        "How often a lost connection is tried again; -1 without end",
    )
    .default("-1"),
    Property::new(
        "retriable.restart.connector.wait.ms",
        Integer(0, i64::MAX),
        "Wait before each of these tries (Debezium: 10000)",
    )
    .derived("200, doubled with each failed try up to 10000"),
    Property::new(
        "errors.tolerance",
        Choice { allowed: &["none"], not_yet: &["all"] },
        "What Kafka Connect does with records that fail",
    )
    .default("none")
    .not_yet(),
    Property::new("errors.log.enable", Boolean, "Whether it logs them").default("false").not_yet(),
    Property::new("errors.log.include.messages", Boolean, "Whether with their content")
        .default("false")
        .not_yet(),
    Property::new("errors.retry.timeout", Integer(-1, i64::MAX), "How long it repeats them")
        .default("0")
        .not_yet(),
    Property::new("errors.retry.delay.max.ms", Integer(0, i64::MAX), "Longest wait between")
        .default("60000")
        .accepted("errors.retry.timeout is not supported yet, so nothing waits"),
    Property::new("executor.shutdown.timeout.ms", Integer(0, i64::MAX), "Wait for threads to end")
        .default("4000")
        .accepted("a stop waits until everything sent is durable"),
    Property::new(
        "exactly.once.support",
        Choice { allowed: &["requested", "required"], not_yet: &[] },
        "Whether each change is written exactly once, in Kafka transactions: required does",
    )
    .default("requested")
    .flag("--exactly-once"),
    Property::new(
        "transaction.boundary",
        Choice { allowed: &["poll", "interval"], not_yet: &[] },
        "Where Kafka transactions end: as soon as the load allows, or by time",
    )
    .default("poll"),
    Property::new(
        "transaction.boundary.interval.ms",
        Integer(1, i64::MAX),
        "How long a Kafka transaction lasts with transaction.boundary=interval",
    )
    .derived("offset.flush.interval.ms"),
    Property::new("heartbeat.interval.ms", Integer(0, i64::MAX), "Heartbeat records; 0 for none")
        .default("0"),
    Property::new("heartbeat.action.query", Text, "SQL to run at each heartbeat"),
    Property::new("topic.heartbeat.prefix", Text, "First part of the heartbeat topic's name")
        .default("__debezium-heartbeat"),
    Property::new("topic.heartbeat.name", Text, "Name of the heartbeat topic"),
    Property::renamed("heartbeat.topics.prefix", "topic.heartbeat.prefix"),
    Property::new(
        "notification.enabled.channels",
        NOTIFICATION_CHANNELS,
        "Where is told how snapshots go",
    ),
    Property::new("notification.sink.topic.name", Text, "Topic of notifications; channel sink"),
    Property::new("custom.metric.tags", Text, "Tags on metrics, k=v,k=v").not_yet(),
    Property::new("statistics.metrics.enabled", Boolean, "Quantiles of the lag")
        .default("true")
        .accepted("minicdc has no JMX metrics"),
    Property::new("custom.sanitize.pattern", Text, "Settings whose values Debezium's log masks")
        .accepted("values of passwords, secrets and tokens are never printed"),
    Property::new("guardrail.collections.max", Integer(0, i64::MAX), "Most tables; 0 sets none")
        .default("0")
        .not_yet(),
    Property::new(
        "guardrail.collections.limit.action",
        Choice { allowed: &["warn", "fail"], not_yet: &[] },
        "What to do beyond it",
    )
    .default("warn")
    .accepted("guardrail.collections.max is not supported yet, so there is no limit"),
    Property::new("openlineage.integration.enabled", Boolean, "OpenLineage events")
        .default("false")
        .not_yet(),
    Property::new("openlineage.integration.*", Text, "Settings of OpenLineage").not_yet(),
];

const COUNT: Kind = Form {
    rule: "-1 or a whole number from 1",
    holds: |text| text.parse::<i32>().is_ok_and(|count| count == -1 || count >= 1),
};
const NOTIFICATION_CHANNELS: Kind = Form {
    rule: "a comma-separated list of sink and log",
    holds: |text| text.split(',').all(|name| ["sink", "log"].contains(&name.trim())),
};
const MEMORY: Kind = Choice { allowed: &["memory"], not_yet: &[] };
const NAMING: Kind = Choice {
    allowed: &[
        "io.debezium.schema.SchemaTopicNamingStrategy",
        "io.debezium.schema.SchemaUnicodeTopicNamingStrategy",
        "io.debezium.schema.SchemaRegexTopicNamingStrategy",
        "io.debezium.schema.DefaultTopicNamingStrategy",
        "io.debezium.schema.DefaultUnicodeTopicNamingStrategy",
        "io.debezium.schema.DefaultRegexTopicNamingStrategy",
    ],
    not_yet: &[],
};

/// `host:9092,[::1]:9092`.
fn is_broker_list(text: &str) -> bool {
    let is_broker = |broker: &str| {
        broker.trim().rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains('/')
                && !host.contains(char::is_whitespace)
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    text.split(',').all(is_broker)
}
