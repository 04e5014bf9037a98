//! Slot, publication and stream.

use super::Kind::{Boolean, Choice, Form, Integer, Patterns, Text};
use super::Property;

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "plugin.name",
        Choice { allowed: &["pgoutput"], not_yet: &["decoderbufs"] },
        "Logical decoding plug-in (Debezium's default is decoderbufs)",
    )
    .default("pgoutput")
    .accepted("pgoutput is what every PostgreSQL has"),
    Property::new(
        "slot.name",
        Form {
            rule: "1 to 63 of the characters a-z, 0-9 and _",
            holds: |text| {
                (1..=63).contains(&text.len())
                    && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            },
        },
        "Logical replication slot to read; made when missing",
    )
    .derived("minicdc; debezium when connector.class is set")
    .flag("--slot"),
    Property::new(
        "standby",
        Boolean,
        "Wait while another process reads the slot, and take over when it is gone (minicdc's own)",
    )
    .default("false")
    .flag("--standby"),
    Property::new("slot.drop.on.stop", Boolean, "Drop the slot at an orderly stop")
        .default("false"),
    Property::new(
        "slot.max.retries",
        Integer(0, u32::MAX as i64),
        "How often a slot in use is tried again",
    )
    .default("6"),
    Property::new("slot.retry.delay.ms", Integer(0, i64::MAX), "Wait between these tries")
        .default("10000"),
    Property::new(
        "slot.failover",
        Boolean,
        "Make the slot one that standbys synchronize (from PostgreSQL 17)",
    )
    .default("false"),
    Property::new(
        "slot.stream.params",
        Form {
            rule: "k=v;k=v, and none of proto_version, publication_names, messages, binary, streaming and two_phase, which minicdc sets itself",
            holds: |text| crate::config::sections::stream_params(text).is_some(),
        },
        "More options for the plug-in, such as origin=none",
    ),
    Property::new(
        "publication.name",
        Form { rule: "1 to 63 bytes", holds: |text| (1..=63).contains(&text.len()) },
        "Publication that selects the changes; made when missing",
    )
    .derived("slot.name; dbz_publication when connector.class is set")
    .flag("--publication"),
    Property::new(
        "publication.autocreate.mode",
        Choice { allowed: &["all_tables", "filtered", "no_tables", "disabled"], not_yet: &[] },
        "What to publish when the publication is missing",
    )
    .default("all_tables"),
    Property::new(
        "publish.via.partition.root",
        Boolean,
        "Publish partitions under the name of their root, when the publication is made",
    )
    .default("false"),
    Property::new(
        "replica.identity.autoset.values",
        Form {
            rule: "comma-separated table-pattern:IDENTITY, IDENTITY being DEFAULT, FULL, NOTHING or INDEX name",
            holds: is_identity_list,
        },
        "Replica identity to set on captured tables at the start",
    ),
    Property::new("schema.include.list", Patterns, "Schemas to capture"),
    Property::new("schema.exclude.list", Patterns, "Schemas not to capture"),
    Property::new("table.include.list", Patterns, "Tables to capture, as schema.table")
        .flag("--tables"),
    Property::new("table.exclude.list", Patterns, "Tables not to capture, as schema.table"),
    Property::new("table.ignore.builtin", Boolean, "Leave system tables out")
        .default("true")
        .not_yet(),
    Property::renamed("schema.whitelist", "schema.include.list"),
    Property::renamed("schema.blacklist", "schema.exclude.list"),
    Property::renamed("table.whitelist", "table.include.list"),
    Property::renamed("table.blacklist", "table.exclude.list"),
    Property::new(
        "status.update.interval.ms",
        Integer(1, i64::MAX),
        "How often the server hears from us when nothing happens",
    )
    .default("10000"),
    Property::new(
        "stop.at",
        Form {
            rule: "current or an LSN such as 16/B374D848",
            holds: |text| {
                text.eq_ignore_ascii_case("current") || text.parse::<crate::lsn::Lsn>().is_ok()
            },
        },
        "Stop when this position is delivered (minicdc's own)",
    )
    .flag("--stop-at"),
    Property::new(
        "streaming.in.progress",
        Boolean,
        "Receive large transactions before they end, from PostgreSQL 14 (minicdc's own)",
    )
    .default("true"),
    Property::new(
        "streaming.memory.bytes",
        Form {
            rule: "at least 1MB: a number of bytes, or with kB, MB or GB",
            holds: |text| {
                crate::config::sections::byte_size(text).is_some_and(|bytes| bytes >= 1 << 20)
            },
        },
        "How much of transactions without an end stays in memory (minicdc's own)",
    )
    .default("64MB")
    .flag("--memory"),
    Property::new("spill.dir", Text, "Directory for the rest of them (minicdc's own)")
        .derived("TMPDIR, else /var/tmp"),
    Property::new(
        "offset.mismatch.strategy",
        Choice {
            allowed: &["stop", "no_validation", "trust_offset", "trust_slot", "trust_greater_lsn"],
            not_yet: &[],
        },
        "What to do when stored position and slot disagree (Debezium: no_validation)",
    )
    .default("stop"),
    Property::new(
        "lsn.flush.mode",
        Choice { allowed: &["connector", "manual", "connector_and_driver"], not_yet: &[] },
        "What is confirmed to the server: ends of transactions, nothing, or keepalives too",
    )
    .default("connector_and_driver"),
    Property::new("flush.lsn.source", Boolean, "Old form of lsn.flush.mode; false is manual")
        .default("true"),
    Property::new("lsn.flush.timeout.ms", Integer(0, i64::MAX), "Time limit of a confirmation")
        .default("30000")
        .accepted("a confirmation is one message without an answer, nothing can time out"),
    Property::new(
        "lsn.flush.timeout.action",
        Choice { allowed: &["fail", "warn", "ignore"], not_yet: &[] },
        "What to do after that time",
    )
    .default("fail")
    .accepted("a confirmation is one message without an answer, nothing can time out"),
    Property::new(
        "xmin.fetch.interval.ms",
        Integer(0, i64::MAX),
        "How often the slot's xmin is read for the source block; 0 never",
    )
    .default("0"),
    Property::new(
        "internal.create.slot.command.timeout",
        Integer(1, u32::MAX as i64),
        "Seconds that the making of the slot may take, before slot.max.retries (Debezium: 90)",
    )
    .derived("as long as it takes"),
    Property::renamed("internal.slot.seek.to.known.offset.on.start", "offset.mismatch.strategy"),
    Property::renamed("slot.seek.to.known.offset.on.start", "offset.mismatch.strategy"),
    Property::new("internal.*", Text, "Debezium's other internal settings").not_yet(),
];

/// `public\.orders:FULL,public\.c.*:INDEX c_key`.
fn is_identity_list(text: &str) -> bool {
    crate::relation::split_list(text).iter().all(|item| {
        item.rsplit_once(':').is_some_and(|(tables, identity)| {
            let identity = identity.trim().to_ascii_uppercase();
            !tables.trim().is_empty()
                && (matches!(identity.as_str(), "DEFAULT" | "FULL" | "NOTHING")
                    || identity.strip_prefix("INDEX ").is_some_and(|name| !name.trim().is_empty()))
        })
    })
}
