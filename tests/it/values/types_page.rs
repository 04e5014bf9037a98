//! `TYPES.md` is printed from the table below, and each of its rows is a test.
//!
//! After a change: `MINICDC_BLESS=1 cargo test --test it values::types_page`.

use super::recorded;
use minicdc::oid::Oid;
use minicdc::relation::{Column, PgType, TypeKind};
use minicdc::value::{Field, Phase, Schema, SchemaKind, TimePrecision, ValueOptions};
use std::fmt::Write;
use std::sync::Arc;

/// What shows that a row is right.
#[derive(Clone, Copy)]
enum Proof {
    /// A recorded case and its column.
    Recorded(&'static str, &'static str),
    /// Nothing recorded: Debezium 3.6.3 has no such mode, or the extension was not at hand.
    Described(Oid, &'static str, TimePrecision),
}
use Proof::{Described, Recorded};

/// Declared type, PostgreSQL's text, the JSON for it, and the proof.
type Row = (&'static str, &'static str, &'static str, Proof);

const ADAPTIVE: TimePrecision = TimePrecision::Adaptive;
const STRUCTURED: TimePrecision = TimePrecision::Structured;
const NO_OID: Oid = Oid(0);

#[rustfmt::skip] // one row a line
const SECTIONS: &[(&str, &[Row])] = &[
    ("Booleans, integers, floats", &[
        ("boolean", "t", "true", Recorded("types_numeric.default", "nums.b")),
        ("smallint, smallserial", "-32768", "-32768", Recorded("types_numeric.default", "nums.si")),
        ("integer, serial", "2147483647", "2147483647", Recorded("types_numeric.default", "nums.i")),
        ("bigint, bigserial", "9223372036854775807", "9223372036854775807", Recorded("types_numeric.default", "nums.bi")),
        ("oid", "4294967295", "4294967295", Recorded("types_numeric.default", "nums.o")),
        ("real", "123456.79", "123456.79", Recorded("types_numeric.default", "nums.r")),
        ("double precision", "1e+21", "1.0E21", Recorded("types_numeric.default", "nums.d")),
        ("double precision", "NaN", "\"NaN\"", Recorded("types_numeric.default", "nums.d")),
    ]),
    ("Decimals", &[
        ("numeric(10,2)", "1.25", "\"fQ==\"", Recorded("types_numeric.default", "nums.n102")),
        ("numeric(10,2)", "1.25", "1.25", Recorded("types_numeric.double", "nums.n102")),
        ("numeric(10,2)", "1.25", "\"1.25\"", Recorded("types_numeric.string", "nums.n102")),
        ("numeric", "1.10", "{\"scale\":1,\"value\":\"Cw==\"}", Recorded("types_numeric.default", "nums.nfree")),
        ("numeric", "1.10", "1.1", Recorded("types_numeric.double", "nums.nfree")),
        ("numeric", "1.10", "\"1.10\"", Recorded("types_numeric.string", "nums.nfree")),
        ("numeric", "NaN", "null", Recorded("numeric_special.default", "ns_free.n")),
        ("numeric", "NaN", "\"NaN\"", Recorded("numeric_special.double", "ns_free.n")),
        ("numeric", "Infinity", "\"POSITIVE_INFINITY\"", Recorded("numeric_special.string", "ns_free.n")),
        ("money", "$1.23", "\"ew==\"", Recorded("types_numeric.default", "nums.mon")),
        ("money", "$1.23", "1.23", Recorded("types_numeric.double", "nums.mon")),
        ("money", "$1.23", "\"1.23\"", Recorded("types_numeric.string", "nums.mon")),
    ]),
    ("Text and what is delivered as text", &[
        ("char(5)", "ab   ", "\"ab   \"", Recorded("types_text.default", "txt.c")),
        ("varchar(10)", "vc", "\"vc\"", Recorded("types_text.default", "txt.v")),
        ("text", "tt", "\"tt\"", Recorded("types_text.default", "txt.t")),
        ("\"char\"", "c", "\"c\"", Recorded("types_text.default", "txt.ch")),
        ("name (streamed)", "nm", "null", Recorded("types_text.default", "txt.nm")),
        ("name (streamed)", "nm", "\"nm\"", Recorded("types_text.unknown", "txt.nm")),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "\"123e4567-e89b-12d3-a456-426614174000\"", Recorded("types_text.default", "txt.u")),
        ("json", "{\"a\": 1,  \"b\":[1, 2]}", r#""{\"a\": 1,  \"b\":[1, 2]}""#, Recorded("types_text.default", "txt.js")),
        ("jsonb", "{\"a\": 1, \"b\": [1, 2]}", r#""{\"a\": 1, \"b\": [1, 2]}""#, Recorded("types_text.default", "txt.jb")),
        ("xml", "<a>1</a>", "\"<a>1</a>\"", Recorded("types_text.default", "txt.x")),
        ("tsvector", "'a' 'cat' 'fat'", "\"'a' 'cat' 'fat'\"", Recorded("types_text.default", "txt.tv")),
        ("enum", "ok", "\"ok\"", Recorded("types_text.default", "txt.e")),
        ("citext", "CaSe", "\"CaSe\"", Recorded("types_ext.default", "ext.ci")),
        ("ltree", "Top.Science", "\"Top.Science\"", Recorded("types_ext.default", "ext.lt")),
        ("isbn", "0-393-04002-X", "\"0-393-04002-X\"", Recorded("types_ext.default", "ext.isb")),
        ("inet", "192.168.1.1/24", "\"192.168.1.1/24\"", Recorded("types_net.default", "net.i")),
        ("cidr", "192.168.1.0/24", "\"192.168.1.0/24\"", Recorded("types_net.default", "net.c")),
        ("macaddr", "08:00:2b:01:02:03", "\"08:00:2b:01:02:03\"", Recorded("types_net.default", "net.m")),
        ("macaddr8", "08:00:2b:01:02:03:04:05", "\"08:00:2b:01:02:03:04:05\"", Recorded("types_net.default", "net.m8")),
        ("int4range", "[1,6)", "\"[1,6)\"", Recorded("types_range.default", "rng.i4")),
        ("int8range", "[2,10)", "\"[2,10)\"", Recorded("types_range.default", "rng.i8")),
        ("numrange", "[1.5,2.5)", "\"[1.5,2.5)\"", Recorded("types_range.default", "rng.n")),
        ("daterange", "[2024-01-01,2024-02-02)", "\"[2024-01-01,2024-02-02)\"", Recorded("types_range.default", "rng.d")),
        ("tsrange", "[-infinity,infinity]", "\"[-infinity,infinity]\"", Recorded("types_range.default", "rng.ts")),
        ("tstzrange", "(,)", "\"(,)\"", Recorded("types_range.default", "rng.tz")),
    ]),
    ("Binary data and bits", &[
        ("bytea", "\\x0001feff", "\"AAH+/w==\"", Recorded("types_binary.default", "bin.ba")),
        ("bytea", "\\x0001feff", "\"AAH+/w==\"", Recorded("types_binary.base64", "bin.ba")),
        ("bytea", "\\x0001feff", "\"AAH-_w==\"", Recorded("types_binary.base64_url_safe", "bin.ba")),
        ("bytea", "\\x0001feff", "\"0001feff\"", Recorded("types_binary.hex", "bin.ba")),
        ("bit, bit(1), varbit(1)", "1", "true", Recorded("types_binary.default", "bin.b1")),
        ("bit(5)", "10101", "\"FQ==\"", Recorded("types_binary.default", "bin.b5")),
        ("varbit", "101", "\"BQ==\"", Recorded("types_binary.default", "bin.vb")),
        ("varbit(70)", "1", "\"AQ==\"", Recorded("types_binary.default", "bin.vb70")),
    ]),
    ("Dates and times without a zone", &[
        ("date", "2024-02-29", "19782", Recorded("types_time.default", "tm.d")),
        ("date", "2024-02-29", "19782", Recorded("types_time.connect", "tm.d")),
        ("date", "2024-02-29", "\"2024-02-29Z\"", Recorded("types_time.isostring", "tm.d")),
        ("date", "2024-02-29", r#"{"year":2024,"month":2,"day":29,"specialValue":null}"#, Described(Oid::DATE, "date", STRUCTURED)),
        ("time(3)", "12:34:56.789", "45296789", Recorded("types_time.default", "tm.t3")),
        ("time", "12:34:56.789012", "45296789012", Recorded("types_time.default", "tm.t")),
        ("time(3)", "12:34:56.789", "45296789000", Recorded("types_time.adaptive_time_microseconds", "tm.t3")),
        ("time", "12:34:56.789012", "45296789", Recorded("types_time.connect", "tm.t")),
        ("time(3)", "12:34:56.789", "45296789000", Recorded("types_time.microseconds", "tm.t3")),
        ("time", "12:34:56.789012", "45296789012000", Recorded("types_time.nanoseconds", "tm.t")),
        ("time", "12:34:56.789012", "\"12:34:56.789012Z\"", Recorded("types_time.isostring", "tm.t")),
        ("time", "12:34:56.789012", r#"{"hour":12,"minute":34,"second":56,"nanos":789012000,"precision":6}"#, Described(Oid::TIME, "time", STRUCTURED)),
        ("timestamp(3)", "2024-02-29 12:34:56.789", "1709210096789", Recorded("types_time.default", "tm.ts3")),
        ("timestamp", "2024-02-29 12:34:56.789012", "1709210096789012", Recorded("types_time.default", "tm.ts")),
        ("timestamp", "2024-02-29 12:34:56.789012", "1709210096789", Recorded("types_time.connect", "tm.ts")),
        ("timestamp(3)", "2024-02-29 12:34:56.789", "1709210096789000", Recorded("types_time.microseconds", "tm.ts3")),
        ("timestamp", "2024-02-29 12:34:56.789012", "1709210096789012000", Recorded("types_time.nanoseconds", "tm.ts")),
        ("timestamp", "2024-02-29 12:34:56.789012", "\"2024-02-29T12:34:56.789012Z\"", Recorded("types_time.isostring", "tm.ts")),
        ("timestamp", "infinity", "9223372036825200000", Recorded("time_special.default", "inf_ts.ts")),
        ("timestamp", "2024-02-29 12:34:56.5", r#"{"year":2024,"month":2,"day":29,"hour":12,"minute":34,"second":56,"nanos":500000000,"specialValue":null,"precision":6}"#, Described(Oid::TIMESTAMP, "timestamp", STRUCTURED)),
    ]),
    ("Times with a zone, intervals", &[
        ("timetz", "12:34:56.789012+05:30", "\"07:04:56.789012Z\"", Recorded("types_time.default", "tm.tz")),
        ("timetz", "12:34:56+02", r#"{"hour":12,"minute":34,"second":56,"nanos":0,"offsetSeconds":7200,"precision":6}"#, Described(Oid::TIMETZ, "timetz", STRUCTURED)),
        ("timestamptz", "2024-02-29 10:34:56.789012+00", "\"2024-02-29T10:34:56.789012Z\"", Recorded("types_time.default", "tm.tstz")),
        ("timestamptz(0)", "2024-02-29 12:34:56+00", "\"2024-02-29T12:34:56Z\"", Recorded("types_time.default", "tm.tstz0")),
        ("timestamptz(3)", "1970-01-01 00:00:00+00", "\"1970-01-01T00:00:00.000Z\"", Recorded("types_time.default", "tm.tstz3")),
        ("timestamptz", "infinity", "\"infinity\"", Recorded("time_special.default", "inf_tstz.ts")),
        ("timestamptz", "2024-02-29 12:34:56+02", r#"{"year":2024,"month":2,"day":29,"hour":10,"minute":34,"second":56,"nanos":0,"offsetSeconds":0,"zoneId":null,"specialValue":null,"precision":6}"#, Described(Oid::TIMESTAMPTZ, "timestamptz", STRUCTURED)),
        ("interval", "1 mon", "2629800000000", Recorded("types_time.default", "tm.iv")),
        ("interval", "1 year 2 mons 3 days 04:05:06.789", "\"P1Y2M3DT4H5M6.789S\"", Recorded("types_time.intervalstring", "tm.iv")),
        ("interval", "1 mon", r#"{"years":0,"months":1,"days":0,"hours":0,"minutes":0,"seconds":0,"nanos":0,"precision":6}"#, Described(Oid::INTERVAL, "interval", STRUCTURED)),
    ]),
    ("Structs and maps", &[
        ("point", "(1.5,-2.25)", r#"{"x":1.5,"y":-2.25,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAALA","srid":null}"#, Recorded("types_geo.default", "geo.p")),
        ("geometry (PostGIS)", "0101000020730C00001C7C613255DE6540787AA52C435C42C0", r#"{"wkb":"AQEAACBzDAAAHHxhMlXeZUB4eqUsQ1xCwA==","srid":3187}"#, Described(NO_OID, "geometry", ADAPTIVE)),
        ("geography (PostGIS)", "0101000020E6100000000000000000F03F000000000000F03F", r#"{"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAADwPw==","srid":4326}"#, Described(NO_OID, "geography", ADAPTIVE)),
        ("hstore", "\"a\"=>\"1\", \"b\"=>NULL", r#""{\"a\":\"1\",\"b\":null}""#, Recorded("types_ext.default", "ext.h")),
        ("hstore", "\"a\"=>\"1\"", r#"{"a":"1"}"#, Recorded("own.nn2", "nn.hs")),
        ("vector (pgvector)", "[1,2.5]", "[1.0,2.5]", Described(NO_OID, "vector", ADAPTIVE)),
        ("halfvec (pgvector)", "[101,102]", "[101.0,102.0]", Described(NO_OID, "halfvec", ADAPTIVE)),
        ("sparsevec (pgvector)", "{1:3,5:4}/25", r#"{"dimensions":25,"vector":[[1,3.0],[5,4.0]]}"#, Described(NO_OID, "sparsevec", ADAPTIVE)),
    ]),
    ("Arrays", &[
        ("integer[]", "{1,2,NULL}", "[1,2,null]", Recorded("types_array.default", "arr.ai")),
        ("integer[][]", "{{1,2},{3,4}}", "[null,null]", Recorded("types_array.default", "arr.a2")),
        ("oid[]", "{5}", "[5]", Recorded("types_array.default", "arr.ao")),
        ("double precision[]", "{2.5}", "[2.5]", Recorded("types_array.default", "arr.ad")),
        ("boolean[]", "{t,f,NULL}", "[true,false,null]", Recorded("types_array.default", "arr.ab")),
        ("numeric(10,2)[]", "{1.25}", "[\"fQ==\"]", Recorded("types_array.default", "arr.an2")),
        ("numeric(10,2)[]", "{1.25}", "[1.25]", Recorded("types_array.connect", "arr.an2")),
        ("text[]", "{a,\"b,c\",NULL,\"NULL\",\"\"}", "[\"a\",\"b,c\",null,\"NULL\",\"\"]", Recorded("types_array.default", "arr.at")),
        ("uuid[]", "{123e4567-e89b-12d3-a456-426614174000}", "[\"123e4567-e89b-12d3-a456-426614174000\"]", Recorded("types_array.default", "arr.au")),
        ("jsonb[]", "{\"{\\\"a\\\": 1}\"}", r#"["{\"a\": 1}"]"#, Recorded("types_array.default", "arr.ajb")),
        ("bytea[]", "{\"\\\\x01ff\"}", "[\"Af8=\"]", Recorded("types_array.default", "arr.aba")),
        ("date[]", "{2024-01-01}", "[19723]", Recorded("types_array.default", "arr.ad_")),
        ("time[]", "{12:00:00.123456}", "[43200123000]", Recorded("types_array.default", "arr.ati")),
        ("timestamp[]", "{\"2024-01-01 00:00:00.123456\"}", "[1704067200123456]", Recorded("types_array.default", "arr.ats")),
        ("timestamptz[]", "{\"2023-12-31 22:00:00+00\"}", "[\"2023-12-31T22:00:00.000000Z\"]", Recorded("types_array.default", "arr.atstz")),
        ("enum[]", "{sad,ok}", "[\"sad\",\"ok\"]", Recorded("own.arr", "a_en.v")),
        ("enum[] with NULL", "{sad,NULL}", "null", Recorded("types_array.default", "arr.ae")),
        ("inet[]", "{10.0.0.1,::1}", "[\"10.0.0.1\",\"::1\"]", Recorded("types_net.default", "net.ai")),
        ("int4range[]", "{\"[1,2)\",\"[3,4)\"}", "[\"[1,2)\",\"[3,4)\"]", Recorded("types_range.default", "rng.ai4")),
        ("hstore[]", "{\"\\\"a\\\"=>\\\"1\\\"\",\"\\\"b\\\"=>NULL\"}", r#"["{\"a\":\"1\"}","{\"b\":null}"]"#, Recorded("types_ext.default", "ext.ah")),
        ("bit(3)[]", "{101}", "null", Recorded("types_array.default", "arr.abit")),
        ("oidvector", "1 2", "[]", Recorded("types_misc.default", "misc.ov")),
    ]),
    ("Domains and types that Debezium does not know", &[
        ("domain over integer", "5", "5", Recorded("types_text.default", "txt.dp")),
        ("domain over numeric(8,3)", "1.500", "\"Bdw=\"", Recorded("types_text.default", "txt.dm")),
        ("tsquery", "'fat' & 'cat'", "\"J2ZhdCcgJiAnY2F0Jw==\"", Recorded("types_text.unknown", "txt.tq")),
        ("composite", "(1,x)", "\"KDEseCk=\"", Recorded("types_text.unknown", "txt.cp")),
        ("circle", "<(1,2),3>", "\"PCgxLjAsMi4wKSwzLjA+\"", Recorded("types_geo.unknown", "geo.c")),
        ("box", "(1,1),(0,0)", "\"28312e302c312e30292c28302e302c302e3029\"", Recorded("own.nn2", "nn.bx")),
        ("int4multirange[]", "{\"{[1,2)}\"}", "[\"e1sxLDIpfQ==\"]", Recorded("own.arr_unknown", "a_mr.v")),
    ]),
];

const HEADER: &str = "\
# Types

What a column's value becomes in key, `before` and `after`. Printed from the table in
`tests/it/values/types_page.rs`, whose test holds every row against what Debezium 3.6.3 wrote
(`tests/golden` and `tests/fixtures/values.jsonl`; recordings `own.*` are in the latter only).

A column without NOT NULL has an `optional` schema. A type that is not listed (row types,
multiranges, `tsquery`, `pg_lsn`, `jsonpath`, `cube`, `reg*`, ranges of your own, `line`, `lseg`,
`box`, `path`, `polygon`, `circle`, arrays of domains and row types) is left out of schema and rows, unless
`include.unknown.datatypes=true` delivers its text as bytes; arrays of `money`, `name`, `interval`,
`varbit`, `xml` and `point` are always left out. Settings that are not named have their defaults.
";

/// A field of a type that nothing was recorded for.
fn described(oid: Oid, name: &str, time: TimePrecision) -> Field {
    let pg_type =
        PgType { oid, schema: String::new(), name: name.to_owned(), kind: TypeKind::Base };
    let column = Column {
        name: "c".to_owned(),
        pg_type: Arc::new(pg_type),
        typmod: -1,
        nullable: true,
        default: None,
        generated: false,
    };
    let options = ValueOptions { time, ..ValueOptions::default() };
    Field::new(&column, Phase::Stream, &options).unwrap()
}

/// Field, settings and source of a row; checks that the recording says what the row says.
fn prove(wire: &str, json: &str, proof: Proof) -> (Field, String, String) {
    match proof {
        Described(oid, name, time) => {
            let settings = match time {
                STRUCTURED => "`time.precision.mode=structured`",
                _ => "",
            };
            let source = "Debezium's documentation".to_owned();
            (described(oid, name, time), settings.to_owned(), source)
        }
        Recorded(case, column) => {
            let recorded = recorded::COLUMNS.iter().find(|line| {
                (&line["case"], &line["column"]) == (&case.into(), &column.into())
                    && line["values"][format!("={wire}")] == json
            });
            let line = recorded.unwrap_or_else(|| panic!("{case} {column} has no {wire} = {json}"));
            let settings: Vec<String> = line["options"]
                .as_object()
                .unwrap()
                .iter()
                .filter(|(key, _)| concerns(key, &line["type"]))
                .map(|(key, value)| format!("`{key}={}`", value.as_str().unwrap()))
                .collect();
            let field = recorded::field(line).unwrap();
            (field, settings.join(" "), format!("`{case}` `{column}`"))
        }
    }
}

/// True when a setting bears on a type at all, for the recordings set several at once.
fn concerns(setting: &str, pg_type: &serde_json::Value) -> bool {
    let name = pg_type["name"].as_str().unwrap().trim_start_matches('_');
    match setting {
        "decimal.handling.mode" => matches!(name, "numeric" | "money"),
        "hstore.handling.mode" => name == "hstore",
        "interval.handling.mode" => name == "interval",
        "time.precision.mode" => matches!(name, "date" | "time" | "timestamp"),
        "binary.handling.mode" => matches!(name, "bytea" | "box"),
        _ => true,
    }
}

/// Type word, semantic name and parameters of a schema.
fn brief(schema: &Schema) -> String {
    let mut text = match &schema.kind {
        SchemaKind::Array(items) => format!("array of {}", brief(items)),
        SchemaKind::Map(keys, values) => format!("map of {} to {}", brief(keys), brief(values)),
        SchemaKind::Struct(_) => "struct".to_owned(),
        kind => {
            let mut json = Vec::new();
            Schema::new(kind.clone()).write_json(None, &mut json);
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            json["type"].as_str().unwrap().to_owned()
        }
    };
    if let Some(name) = &schema.name {
        write!(text, " `{name}`").unwrap();
    }
    for (name, value) in &schema.parameters {
        write!(text, " {name}={value}").unwrap();
    }
    text
}

/// Text as code in a table's cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn page() -> String {
    let mut page = HEADER.to_owned();
    for (title, rows) in SECTIONS {
        write!(page, "\n## {title}\n\n| type | setting | text | schema | JSON | recording |\n")
            .unwrap();
        page.push_str("|---|---|---|---|---|---|\n");
        for &(declared, wire, json, proof) in *rows {
            let (field, settings, source) = prove(wire, json, proof);
            assert_eq!(recorded::write(&field, &format!("={wire}")), json, "{declared} {wire}");
            let cells =
                [declared, &settings, &code(wire), &brief(&field.schema), &code(json), &source];
            writeln!(page, "| {} |", cells.join(" | ")).unwrap();
        }
    }
    page
}

#[test]
fn types_page_is_what_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/TYPES.md");
    let page = page();
    if std::env::var_os("MINICDC_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "TYPES.md is out of date; run with MINICDC_BLESS=1");
}
