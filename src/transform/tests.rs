//! Each transform against what the real one made of the same records, byte by byte: the files of
//! `tests/golden/transforms` come from Debezium 3.6.3 and Kafka Connect 4.3.

use super::{Chain, SettingError, TransformSettings};
use crate::record::Record;
use crate::value::write_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transforms").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A record as the engine makes it.
#[derive(Deserialize)]
struct Input<'a> {
    topic: String,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write_str(text, &mut out);
    String::from_utf8(out).unwrap()
}

/// The record that came out, in the form of the files.
fn line(record: &Record<'_>) -> String {
    let json = |bytes: Option<&[u8]>| {
        bytes.map_or("null".to_owned(), |bytes| String::from_utf8(bytes.to_vec()).unwrap())
    };
    let number = |number: Option<i64>| number.map_or("null".to_owned(), |n| n.to_string());
    let headers: Vec<String> = record
        .all_headers()
        .map(|(name, value)| {
            let value = value
                .map_or("null".to_owned(), |value| quoted(std::str::from_utf8(value).unwrap()));
            format!("{}:{value}", quoted(name))
        })
        .collect();
    format!(
        "{{\"topic\":{},\"partition\":{},\"timestamp\":{},\"key\":{},\"value\":{},\"headers\":{{{}}}}}",
        quoted(record.topic),
        number(record.partition.map(i64::from)),
        number(record.timestamp_ms()),
        json(record.key),
        json(record.value),
        headers.join(",")
    )
}

/// One transform with these options, called `t`.
fn settings(options: &[(&str, &str)]) -> TransformSettings {
    let mut settings = TransformSettings::from([("transforms".to_owned(), "t".to_owned())]);
    for (name, value) in options {
        settings.insert(format!("transforms.t.{name}"), (*value).to_owned());
    }
    settings
}

fn apply(chain: &mut Chain, input: &str) -> String {
    let Input { topic, key, value } = serde_json::from_str(input).unwrap();
    let topic = Arc::from(topic);
    let record = Record {
        sequence: 7,
        topic: &topic,
        partition: None,
        key: key.map(|key| key.get().as_bytes()),
        value: value.map(|value| value.get().as_bytes()),
        own_header: None,
        headers: &[],
        additions: None,
    };
    match chain.apply(&record) {
        Ok(Some(record)) => line(&record),
        Ok(None) => "null".to_owned(),
        Err(_) => "error".to_owned(),
    }
}

#[track_caller]
fn matches_the_real_one(case: &str) {
    let properties = file(&format!("{case}.props"));
    let mut options: Vec<(&str, &str)> =
        properties.lines().map(|line| line.split_once('=').unwrap()).collect();
    let (_, input) = options.remove(0);
    let mut chain = Chain::new(&settings(&options), true, true).unwrap();
    let (inputs, expected) =
        (file(&format!("{input}.in.jsonl")), file(&format!("{case}.out.jsonl")));
    assert_eq!(inputs.lines().count(), expected.lines().count());
    for (number, (input, expected)) in inputs.lines().zip(expected.lines()).enumerate() {
        let expected = if expected.starts_with("{\"error\"") { "error" } else { expected };
        assert_eq!(apply(&mut chain, input), expected, "{case}, record {}", number + 1);
    }
}

macro_rules! match_the_real_ones {
    ($($case:ident)*) => {
        $(#[test]
        fn $case() {
            matches_the_real_one(stringify!($case));
        })*
    };
}

match_the_real_ones! {
    unwrap_plain
    unwrap_drop
    unwrap_delete_to_tombstone
    unwrap_rewrite
    unwrap_rewrite_with_tombstone
    unwrap_references
    unwrap_duplicate
    unwrap_route
    unwrap_drop_fields
    regex
    logical
    logical_key
    logical_plain_key
    logical_empty
    outbox_plain
    outbox_headers
    outbox_envelope
    outbox_envelope_unversioned
    outbox_names
    outbox_expand
    outbox_expand_nulls
    outbox_fatal
    outbox_no_key
}

const ROUTER: &str = "org.apache.kafka.connect.transforms.RegexRouter";
const RECORD: &str = r#"{"topic":"a","key":null,"value":{"schema":{"type":"string","optional":false},"payload":"x"}}"#;
const TOMBSTONE: &str = r#"{"topic":"a","key":null,"value":null}"#;

#[test]
fn schemas_are_left_out_for_converters_that_write_none() {
    let router = settings(&[("type", "RegexRouter"), ("regex", "a"), ("replacement", "b")]);
    let mut chain = Chain::new(&router, false, false).unwrap();
    assert!(apply(&mut chain, RECORD).contains(r#""topic":"b","#));
    assert!(apply(&mut chain, RECORD).contains(r#""value":"x","#));
    assert!(apply(&mut chain, TOMBSTONE).contains(r#""value":null,"#));
}

#[test]
fn transforms_apply_in_the_order_of_the_list() {
    let mut both = settings(&[("type", ROUTER), ("regex", "a"), ("replacement", "b")]);
    for (name, value) in [("type", ROUTER), ("regex", "b"), ("replacement", "c")] {
        both.insert(format!("transforms.u.{name}"), value.to_owned());
    }
    for (list, topic) in [("t, u", "c"), ("u,t", "b")] {
        both.insert("transforms".to_owned(), list.to_owned());
        let mut chain = Chain::new(&both, true, true).unwrap();
        assert!(apply(&mut chain, RECORD).contains(&format!(r#""topic":"{topic}""#)), "{list}");
    }
}

/// The router, for the records of one predicate.
fn guarded(class: &str, option: Option<(&str, &str)>, negate: &str) -> TransformSettings {
    let mut settings = settings(&[
        ("type", ROUTER),
        ("regex", "a"),
        ("replacement", "b"),
        ("predicate", "p"),
        ("negate", negate),
    ]);
    settings.insert("predicates".to_owned(), "p".to_owned());
    let class = format!("org.apache.kafka.connect.transforms.predicates.{class}");
    settings.insert("predicates.p.type".to_owned(), class);
    if let Some((name, value)) = option {
        settings.insert(format!("predicates.p.{name}"), value.to_owned());
    }
    settings
}

#[test]
fn predicate_says_which_records_a_transform_is_for() {
    let cases = [
        ("RecordIsTombstone", None, RECORD, false),
        ("RecordIsTombstone", None, TOMBSTONE, true),
        ("TopicNameMatches", Some(("pattern", "a|b")), RECORD, true),
        ("TopicNameMatches", Some(("pattern", "")), RECORD, true),
        ("HasHeaderKey", Some(("name", "h")), RECORD, false),
    ];
    for (class, option, record, holds) in cases {
        for (negate, applies) in [("false", holds), ("TRUE", !holds)] {
            let option =
                option.map(|(name, value)| (name, if value.is_empty() { ".*" } else { value }));
            let mut chain = Chain::new(&guarded(class, option, negate), true, true).unwrap();
            let topic = if applies { r#""topic":"b""# } else { r#""topic":"a""# };
            assert!(apply(&mut chain, record).contains(topic), "{class} {negate}");
        }
    }
}

fn problem(settings: &TransformSettings) -> String {
    Chain::new(settings, true, true).unwrap_err().to_string()
}

#[test]
fn wrong_settings_name_the_key_and_what_is_known() {
    let class = problem(&settings(&[("type", "org.acme.Mine")]));
    assert!(class.starts_with("transforms.t.type: unknown class \"org.acme.Mine\", expected io.debezium.transforms.ExtractNewRecordState, "), "{class}");
    let router =
        |option| settings(&[("type", ROUTER), ("regex", "a"), ("replacement", "b"), option]);
    let unwrap = |option| settings(&[("type", "ExtractNewRecordState"), option]);
    let mut unnamed = router(("type", ROUTER));
    unnamed.insert("transforms.v.type".to_owned(), ROUTER.to_owned());
    let mut twice = router(("type", ROUTER));
    twice.insert("transforms".to_owned(), "t,t".to_owned());
    let cases = [
        (settings(&[]), "transforms.t.type is missing"),
        (settings(&[("type", ROUTER), ("regex", "a")]), "transforms.t.replacement is missing"),
        (
            router(("x", "y")),
            "transforms.t.x is no option of org.apache.kafka.connect.transforms.RegexRouter, which has regex, replacement",
        ),
        (router(("negate", "true")), "transforms.t.negate needs a predicate"),
        (
            router(("predicate", "q")),
            "transforms.t.predicate: invalid value \"q\": expected a name of the list predicates",
        ),
        (
            unwrap(("delete.tombstone.handling.mode", "none")),
            "transforms.t.delete.tombstone.handling.mode: invalid value \"none\": expected drop, tombstone, rewrite, rewrite-with-tombstone, delete-to-tombstone",
        ),
        (
            unwrap(("drop.tombstones", "false")),
            "transforms.t.drop.tombstones is no option of io.debezium.transforms.ExtractNewRecordState, which has add.fields, add.fields.prefix, add.headers, add.headers.prefix, delete.tombstone.handling.mode, drop.fields.from.key, drop.fields.header.name, drop.fields.keep.schema.compatible, replace.null.with.default, route.by.field",
        ),
        (unnamed, "transforms.v.type is set, but transforms does not name \"v\""),
        (twice, "transforms names \"t\" twice"),
        (
            guarded("Mine", None, "false"),
            "predicates.p.type: unknown class \"org.apache.kafka.connect.transforms.predicates.Mine\", expected org.apache.kafka.connect.transforms.predicates.TopicNameMatches, org.apache.kafka.connect.transforms.predicates.RecordIsTombstone, org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
        ),
        (guarded("HasHeaderKey", None, "false"), "predicates.p.name is missing"),
        (
            guarded("RecordIsTombstone", Some(("name", "h")), "false"),
            "predicates.p.name is no option of RecordIsTombstone, which has none",
        ),
    ];
    for (settings, expected) in cases {
        assert_eq!(problem(&settings), expected);
    }
}

#[test]
fn each_problem_knows_its_key_and_a_next_step() {
    let error = Chain::new(&settings(&[("type", "x")]), true, true).unwrap_err();
    assert_eq!((error.key(), error.list()), ("transforms.t.type", "transforms"));
    let negate = SettingError::Negate { key: "transforms.t.negate".to_owned() };
    assert_eq!(negate.hint(), "set transforms.t.predicate too");
}
