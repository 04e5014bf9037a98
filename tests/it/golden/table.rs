//! Which recordings minicdc has to match, and which are for later.

super::must_match! {
    converters: nodefault, numeric;
    ddl: default, refresh;
    defaults: default, connect;
    filters: default, exclude, include, propagate, skipnochange;
    headers: default, connect, json;
    heartbeat: default, action, on, xmin;
    identifiers: default;
    identifiers_avro: default, avro_unicode;
    inventory: default, notombstone, txmeta;
    keys: default;
    logical_message: default, base64, include;
    numeric_special: default, double, string;
    origin: default, txmeta;
    outbox: default, router;
    partition: default, none;
    replica_identity: default, autoset;
    signals: default, on;
    snapshot: default, always, filtered, initial_only, no_data, when_needed;
    time_special: default, adaptive_time_microseconds, isostring, microseconds;
    topics: default, delimiter, regex, regexkey, regexnokey, table, unicode;
    toast: default, refresh, strings;
    truncate: default, none, none_txmeta;
    twophase: default;
    txmeta: default, on, on_notomb;
    types_array: default, connect;
    types_binary: default, base64, base64_url_safe, hex;
    types_ext: default, unknown;
    types_geo: default, unknown;
    types_misc: default;
    types_named: default;
    types_net: default, unknown;
    types_numeric: default, double, string;
    types_range: default;
    types_text: default, unknown;
    types_time:
        default, adaptive_time_microseconds, connect, intervalstring, isostring, microseconds,
        nanoseconds;
    unwrap: default, drop, plain, rewrite, tombstone;
}

/// Name, variant, and what is missing. One that matches has to move up: a test says so.
pub(super) const LATER: &[(&str, &str, &str)] = &[];

/// Debezium itself stops with an error there; what minicdc does is tested where it is decided.
pub(super) const DEBEZIUM_FAILS: &[(&str, &str)] = &[
    ("enum_domain", "default"),
    ("identifiers", "avro"),
    ("types_binary", "escape"),
    ("unwrap", "none"),
];
