//! Connector and connection.

use super::Kind::{Boolean, Choice, Form, Integer, Secret, Text};
use super::Property;

pub(super) const PROPERTIES: &[Property] = &[
    Property::new("name", Text, "Name of the connector; part of the key of stored positions")
        .derived("topic.prefix"),
    Property::new(
        "connector.class",
        Choice { allowed: &["io.debezium.connector.postgresql.PostgresConnector"], not_yet: &[] },
        "Class of the connector",
    )
    .accepted("minicdc is this connector; slot.name and publication.name then default as in it"),
    Property::new("tasks.max", Integer(1, i32::MAX as i64), "Number of tasks")
        .default("1")
        .accepted("a slot is read by one task, in Debezium too"),
    Property::new(
        "database.hostname",
        Text,
        "Host name or address of PostgreSQL, or the directory of its unix socket",
    )
    .derived("a local unix socket, else localhost"),
    Property::new("database.port", Integer(1, 65_535), "TCP port, or number of the unix socket")
        .default("5432"),
    Property::new("database.user", Text, "Role to log in as")
        .derived("the operating system's user"),
    Property::new("database.password", Secret, "Password of the role")
        .derived("PGPASSFILE or ~/.pgpass"),
    Property::new("database.dbname", Text, "Database to capture").derived("database.user"),
    Property::new(
        "database.sslmode",
        Choice {
            allowed: &["disable", "prefer", "require", "verify-ca", "verify-full"],
            not_yet: &["allow"],
        },
        "Whether TLS is used and what is verified; never used on unix sockets",
    )
    .default("prefer"),
    Property::new("database.sslrootcert", Text, "PEM file of trusted root certificates")
        .derived("the system's roots"),
    Property::new("database.sslcert", Text, "PEM file of the client certificate"),
    Property::new("database.sslkey", Text, "PEM file of the client's private key"),
    Property::new("database.sslpassword", Secret, "Password of the private key").not_yet(),
    Property::new("database.sslfactory", Text, "Java class that makes TLS sockets").not_yet(),
    Property::new(
        "driver.connectTimeout",
        Integer(0, 86_400),
        "Seconds to wait for a connection; 0 waits without end",
    )
    .default("10"),
    Property::new("driver.*", Text, "Other settings of the JDBC driver").not_yet(),
    Property::new("database.tcpKeepAlive", Boolean, "TCP keepalive probes")
        .default("true")
        .not_yet(),
    Property::new(
        "database.initial.statements",
        Text,
        "SQL statements to run on each new connection, separated by semicolons; ;; is one semicolon",
    ),
    Property::new(
        "database.query.timeout.ms",
        Integer(0, i64::MAX),
        "Time limit of statements other than those of a snapshot; 0 sets none",
    )
    .default("600000"),
    Property::new(
        "database.connection.factory.class",
        Text,
        "Java class that opens connections, e.g. for IAM authentication",
    )
    .not_yet(),
    Property::new(
        "connection.validation.timeout.ms",
        Integer(0, i64::MAX),
        "Time limit of Kafka Connect's validation of a configuration",
    )
    .default("60000")
    .accepted("there is no separate validation: a start connects at once"),
    Property::new("config.action.reload", CONFIG_ACTION, "What to do when a secret changes")
        .default("restart")
        .accepted("secrets are read at the start"),
    Property::renamed("database.server.name", "topic.prefix"),
    Property::new(
        "topic.prefix",
        Form {
            rule: "letters, digits, '.', '_' and '-'",
            holds: |text| {
                text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            },
        },
        "First part of every topic name and the name in the source block; never change it later",
    )
    .derived("slot.name")
    .flag("--topic-prefix"),
];

const CONFIG_ACTION: super::Kind = Choice { allowed: &["restart", "none"], not_yet: &[] };
