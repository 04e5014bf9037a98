//! The recorded columns: `tests/fixtures/values.jsonl`.
//!
//! One line is one column under one set of properties, as Debezium 3.6.3 wrote it. `values` holds
//! PostgreSQL's text behind `=`, or `null`, `absent` (a delete under the default replica identity)
//! or `unavailable` (unchanged TOAST), each with its JSON. Cases that begin with `own.` are not
//! among the recordings of `tests/golden`; they answer what those leave open.

use minicdc::oid::Oid;
use minicdc::relation::{Column, PgType, TypeKind};
use minicdc::value::{
    BinaryMode, DecimalMode, Field, HstoreMode, IntervalMode, Phase, TimePrecision, ValueOptions,
};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

/// All recorded columns.
pub(super) static COLUMNS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let recorded = include_str!("../../fixtures/values.jsonl");
    recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
});

/// Recorded values that we write in another way on purpose (`DIFFERENCES.md`).
fn differs_on_purpose(json: &str) -> bool {
    // Java 17 made the recordings and prints some floats with a digit too many.
    const OLD_FLOATS: [&str; 5] = [
        "1.17549435E-38",
        "9.999999999999999E22",
        "1.9999999999999998E23",
        "8.409999999999999E21",
        "9.4E-323",
    ];
    // Java's names for inner arrays say nothing; their text stands there instead.
    OLD_FLOATS.contains(&json) || json.contains("[Ljava.")
}

fn pg_type(json: &Value) -> PgType {
    let inner = |key: &str| Arc::new(pg_type(&json[key]));
    let kind = if let Some(labels) = json["labels"].as_array() {
        let labels = labels.iter().map(|label| label.as_str().unwrap().to_owned()).collect();
        TypeKind::Enum { labels }
    } else if json["base"].is_object() {
        let typmod = i32::try_from(json["base_typmod"].as_i64().unwrap()).unwrap();
        TypeKind::Domain { base: inner("base"), typmod }
    } else if json["element"].is_object() {
        TypeKind::Array { element: inner("element") }
    } else {
        match json["kind"].as_str() {
            None => TypeKind::Base,
            Some("range") => TypeKind::Range,
            Some("multirange") => TypeKind::Multirange,
            Some("composite") => TypeKind::Composite,
            Some(other) => panic!("{other}"),
        }
    };
    PgType {
        oid: Oid(u32::try_from(json["oid"].as_u64().unwrap()).unwrap()),
        schema: "public".to_owned(),
        name: json["name"].as_str().unwrap().to_owned(),
        kind,
    }
}

fn column(json: &Value) -> Column {
    Column {
        name: "c".to_owned(),
        pg_type: Arc::new(pg_type(&json["type"])),
        typmod: i32::try_from(json["typmod"].as_i64().unwrap()).unwrap(),
        nullable: json["not_null"] == false,
        default: json["default"].as_str().map(str::to_owned),
        generated: false,
    }
}

fn options(json: &Value) -> ValueOptions {
    let mut options = ValueOptions::default();
    for (key, value) in json.as_object().unwrap() {
        let value = value.as_str().unwrap();
        match (key.as_str(), value) {
            ("decimal.handling.mode", "string") => options.decimal = DecimalMode::String,
            ("decimal.handling.mode", "double") => options.decimal = DecimalMode::Double,
            ("interval.handling.mode", "string") => options.interval = IntervalMode::String,
            ("hstore.handling.mode", "map") => options.hstore = HstoreMode::Map,
            ("binary.handling.mode", "hex") => options.binary = BinaryMode::Hex,
            ("binary.handling.mode", "base64") => options.binary = BinaryMode::Base64,
            ("binary.handling.mode", "base64-url-safe") => {
                options.binary = BinaryMode::Base64UrlSafe;
            }
            ("include.unknown.datatypes", _) => options.include_unknown = value == "true",
            ("time.precision.mode", mode) => options.time = time_precision(mode),
            other => panic!("{other:?}"),
        }
    }
    options
}

fn time_precision(mode: &str) -> TimePrecision {
    match mode {
        "adaptive_time_microseconds" => TimePrecision::AdaptiveTimeMicroseconds,
        "connect" => TimePrecision::Connect,
        "microseconds" => TimePrecision::Microseconds,
        "nanoseconds" => TimePrecision::Nanoseconds,
        "isostring" => TimePrecision::IsoString,
        other => panic!("{other}"),
    }
}

/// The field of a recorded column.
pub(super) fn field(json: &Value) -> Option<Field> {
    let phase = if json["phase"] == "snapshot" { Phase::Snapshot } else { Phase::Stream };
    Field::new(&column(json), phase, &options(&json["options"]))
}

/// What the field writes for one recorded input.
pub(super) fn write(field: &Field, input: &str) -> String {
    let mut out = Vec::new();
    match input {
        "null" => field.write_null(&mut out),
        "absent" => field.write_absent(&mut out),
        "unavailable" => field.write_unavailable(&mut out),
        text => {
            let text = text.strip_prefix('=').unwrap().as_bytes();
            if field.write(text, &mut out).is_err() {
                assert!(out.is_empty(), "an error leaves the output as it was");
                field.write_failed(&mut out);
            }
        }
    }
    String::from_utf8(out).unwrap()
}

/// Every way in which a recorded column is not what we make of it.
fn deviations(json: &Value) -> Vec<String> {
    let place = format!("{} {} {}", json["case"], json["column"], json["phase"]);
    let field = field(json);
    let schema = field.as_ref().map(|field| {
        let mut out = Vec::new();
        field.schema.write_json(None, &mut out);
        String::from_utf8(out).unwrap()
    });
    let mut deviations = Vec::new();
    if schema.as_deref() != json["schema"].as_str() {
        deviations.push(format!("{place} schema\n   {schema:?}\n   {}", json["schema"]));
    }
    let Some(field) = field else { return deviations };
    for (input, expected) in json["values"].as_object().unwrap() {
        let (written, expected) = (write(&field, input), expected.as_str().unwrap());
        if written != expected && !differs_on_purpose(expected) {
            deviations.push(format!("{place} {input:.80}\n   {written:.300}\n   {expected:.300}"));
        }
    }
    deviations
}

#[test]
fn every_recorded_column_is_written_as_debezium_wrote_it() {
    let mut types = HashSet::new();
    let mut all = Vec::new();
    for json in COLUMNS.iter() {
        types.insert(json["type"].to_string());
        all.extend(deviations(json));
    }
    assert!(types.len() > 100, "the recording covers {} types", types.len());
    assert!(all.is_empty(), "{} deviations:\n{}", all.len(), all.join("\n"));
}
