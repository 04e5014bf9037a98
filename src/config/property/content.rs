//! Content of events.

use super::Kind::{Boolean, Choice, Form, Integer, Patterns, Text};
use super::{Kind, Property};

pub(super) const PROPERTIES: &[Property] = &[
    Property::new("key.converter", JSON_CONVERTER, "How keys are written")
        .default("org.apache.kafka.connect.json.JsonConverter")
        .accepted("JSON is what minicdc writes"),
    Property::new("value.converter", JSON_CONVERTER, "How values are written")
        .default("org.apache.kafka.connect.json.JsonConverter")
        .accepted("JSON is what minicdc writes"),
    Property::new("key.converter.schemas.enable", Boolean, "Whether keys carry their schema")
        .default("true"),
    Property::new("value.converter.schemas.enable", Boolean, "Whether values carry their schema")
        .default("true"),
    Property::new("key.converter.schemas.cache.size", Integer(0, i64::MAX), "Schemas to remember")
        .default("1000")
        .accepted("the schema of a table version is rendered once"),
    Property::new(
        "value.converter.schemas.cache.size",
        Integer(0, i64::MAX),
        "Schemas to remember",
    )
    .default("1000")
    .accepted("the schema of a table version is rendered once"),
    Property::new(
        "key.converter.decimal.format",
        DECIMAL_FORMAT,
        "How Connect's decimals are written in keys",
    )
    .default("base64"),
    Property::new(
        "value.converter.decimal.format",
        DECIMAL_FORMAT,
        "How Connect's decimals are written in values",
    )
    .default("base64"),
    Property::new(
        "key.converter.replace.null.with.default",
        Boolean,
        "Whether a NULL in a key becomes the column's default",
    )
    .default("true"),
    Property::new(
        "value.converter.replace.null.with.default",
        Boolean,
        "Whether a NULL becomes the column's default",
    )
    .default("true"),
    Property::new("key.converter.*", Text, "Other settings of the key converter").not_yet(),
    Property::new("value.converter.*", Text, "Other settings of the value converter").not_yet(),
    Property::new(
        "header.converter",
        Choice {
            allowed: &[
                "org.apache.kafka.connect.storage.SimpleHeaderConverter",
                "org.apache.kafka.connect.json.JsonConverter",
            ],
            not_yet: &[
                "org.apache.kafka.connect.storage.StringConverter",
                "org.apache.kafka.connect.converters.ByteArrayConverter",
                "io.confluent.connect.avro.AvroConverter",
            ],
        },
        "How headers are written",
    )
    .default("org.apache.kafka.connect.storage.SimpleHeaderConverter"),
    Property::new(
        "header.converter.schemas.enable",
        Boolean,
        "Whether JsonConverter writes headers with their schema",
    )
    .default("true"),
    Property::new(
        "header.converter.decimal.format",
        DECIMAL_FORMAT,
        "How JsonConverter writes decimals in headers",
    )
    .default("base64"),
    Property::new(
        "header.converter.replace.null.with.default",
        Boolean,
        "Whether for JsonConverter a NULL in a header becomes the column's default",
    )
    .default("true"),
    Property::new(
        "header.converter.schemas.cache.size",
        Integer(0, i64::MAX),
        "Schemas to remember",
    )
    .default("1000")
    .accepted("the schema of a table version is rendered once"),
    Property::new("header.converter.*", Text, "Other settings of the header converter").not_yet(),
    Property::new(
        "decimal.handling.mode",
        Choice { allowed: &["precise", "double", "string"], not_yet: &[] },
        "How numeric and money are written",
    )
    .default("precise"),
    Property::new(
        "time.precision.mode",
        Choice {
            allowed: &[
                "adaptive",
                "adaptive_time_microseconds",
                "connect",
                "isostring",
                "microseconds",
                "nanoseconds",
                "structured",
            ],
            not_yet: &[],
        },
        "How dates and times are written",
    )
    .default("adaptive"),
    Property::new(
        "interval.handling.mode",
        Choice { allowed: &["numeric", "string"], not_yet: &[] },
        "How intervals are written",
    )
    .default("numeric"),
    Property::new(
        "hstore.handling.mode",
        Choice { allowed: &["json", "map"], not_yet: &[] },
        "How hstore is written",
    )
    .default("json"),
    Property::new(
        "binary.handling.mode",
        Choice { allowed: &["bytes", "base64", "base64-url-safe", "hex"], not_yet: &[] },
        "How bytea is written",
    )
    .default("bytes"),
    Property::new("money.fraction.digits", Integer(0, 32_767), "Digits behind money's point")
        .default("2"),
    Property::new(
        "include.unknown.datatypes",
        Boolean,
        "Write columns of types without a mapping, as bytes",
    )
    .default("false"),
    Property::new(
        "unavailable.value.placeholder",
        Form {
            rule: "text, or hex: with an even number of hex digits",
            holds: |text| super::super::sections::placeholder(text).is_some(),
        },
        "Stands for a TOAST value that did not change",
    )
    .default("__debezium_unavailable_value"),
    Property::new(
        "event.converting.failure.handling.mode",
        Choice { allowed: &["warn", "fail", "skip"], not_yet: &[] },
        "What happens to a value that cannot be written",
    )
    .default("warn"),
    Property::new(
        "event.processing.failure.handling.mode",
        Choice { allowed: &["fail", "warn", "skip"], not_yet: &[] },
        "What happens to an event with such a value when event.converting.failure.handling.mode is \
         fail; warn and skip leave it out",
    )
    .default("fail"),
    Property::new(
        "values.mode",
        Choice { allowed: &["debezium", "exact"], not_yet: &[] },
        "exact gives snapshot, stream and arrays the same values where Debezium's differ or are \
         lost, see DIFFERENCES.md (minicdc's own)",
    )
    .default("debezium"),
    Property::new(
        "debezium.version",
        Choice { allowed: &["3.6", "3.7"], not_yet: &[] },
        "Release whose types and source.version are written: 3.7 has structs for line, lseg, box, \
         path, polygon and circle, and extensions in geometry (minicdc's own)",
    )
    .default("3.6"),
    Property::new("schema.name.adjustment.mode", ADJUSTMENT, "How schema names are made legal")
        .default("none"),
    Property::new("field.name.adjustment.mode", ADJUSTMENT, "How field names are made legal")
        .default("none"),
    Property::new("tombstones.on.delete", Boolean, "A null value behind each delete")
        .default("true"),
    Property::new(
        "skipped.operations",
        Form {
            rule: "none, or a comma-separated choice of c, u, d and t",
            holds: |text| super::super::sections::skipped(text).is_some(),
        },
        "Operations that leave no event",
    )
    .default("t"),
    Property::new(
        "skip.messages.without.change",
        Boolean,
        "No event when no captured column changed; needs REPLICA IDENTITY FULL",
    )
    .default("false"),
    Property::new("extended.headers.enabled", Boolean, "The four __debezium.context headers")
        .default("true"),
    Property::new(
        "provide.transaction.metadata",
        Boolean,
        "Transaction topic, and the transaction block of events",
    )
    .default("false"),
    Property::new(
        "transaction.metadata.factory",
        Choice {
            allowed: &["io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"],
            not_yet: &[],
        },
        "Java class of that metadata",
    )
    .default("io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory")
    .accepted("the default class is built in, others are Java"),
    Property::new(
        "message.key.columns",
        Form {
            rule: "table-pattern:column,column, several of them separated by semicolons",
            holds: crate::relation::ColumnRules::is_key_list,
        },
        "Columns to use as key, table:column,column;…",
    ),
    Property::new("column.include.list", Patterns, "Columns to capture, as schema.table.column"),
    Property::new(
        "column.exclude.list",
        Patterns,
        "Columns not to capture, as schema.table.column; the key keeps its columns",
    ),
    Property::renamed("column.whitelist", "column.include.list"),
    Property::renamed("column.blacklist", "column.exclude.list"),
    Property::new(
        "column.mask.hash.*",
        Patterns,
        "Columns whose texts become a hash: SHA-256.with.salt.SALT hashes Java objects, \
         v2.SHA-256.with.salt.SALT texts",
    ),
    Property::new(
        "column.mask.with.*",
        Patterns,
        "Columns whose texts become asterisks: 12.chars writes twelve",
    ),
    Property::new(
        "column.truncate.to.*",
        Patterns,
        "Columns whose texts and bytes are cut off: 20.chars keeps twenty",
    ),
    Property::new(
        "column.propagate.source.type",
        Patterns,
        "Columns with their type's parameters, as schema.table.column",
    ),
    Property::new(
        "datatype.propagate.source.type",
        Patterns,
        "The same by data type, as schema.table.type",
    ),
    Property::new("include.schema.comments", Boolean, "Comments as doc in schemas")
        .default("false")
        .accepted("Debezium's PostgreSQL connector reads no comments either"),
    Property::new(
        "schema.refresh.mode",
        Choice { allowed: &["columns_diff", "columns_diff_exclude_unchanged_toast"], not_yet: &[] },
        "When a table's structure is read again",
    )
    .default("columns_diff")
    .accepted("the structure is read when the stream announces a table"),
    Property::new("message.prefix.include.list", Patterns, "Logical messages to capture"),
    Property::new("message.prefix.exclude.list", Patterns, "Logical messages not to capture"),
    Property::new("sourceinfo.struct.maker", Text, "Java class of the source block").not_yet(),
    Property::new("converters", Text, "Custom converters by name").not_yet(),
    Property::new("post.processors", Text, "Post-processors by name").not_yet(),
    Property::new("transforms", Text, "Names of single message transforms, in their order"),
    Property::new(
        "transforms.*",
        Text,
        "By name: type (ExtractNewRecordState, EventRouter, ByLogicalTableRouter or RegexRouter, \
         with their packages), predicate, negate, and the transform's own options",
    ),
    Property::new("predicates", Text, "Names of the transforms' predicates"),
    Property::new(
        "predicates.*",
        Text,
        "By name: type (TopicNameMatches, RecordIsTombstone or HasHeaderKey, with their package) \
         and its option",
    ),
];

const JSON_CONVERTER: Kind = Choice {
    allowed: &["org.apache.kafka.connect.json.JsonConverter"],
    not_yet: &[
        "io.confluent.connect.avro.AvroConverter",
        "io.confluent.connect.json.JsonSchemaConverter",
        "io.confluent.connect.protobuf.ProtobufConverter",
        "io.apicurio.registry.utils.converter.AvroConverter",
        "io.apicurio.registry.utils.converter.ExtJsonConverter",
        "org.apache.kafka.connect.storage.StringConverter",
        "org.apache.kafka.connect.converters.ByteArrayConverter",
        "io.debezium.converters.BinaryDataConverter",
        "io.debezium.converters.CloudEventsConverter",
    ],
};
const DECIMAL_FORMAT: Kind = Choice { allowed: &["base64", "numeric"], not_yet: &[] };
const ADJUSTMENT: Kind = Choice { allowed: &["none", "avro", "avro_unicode"], not_yet: &[] };
