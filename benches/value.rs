//! What one value costs: from PostgreSQL's text to Connect's JSON.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minicdc::oid::Oid;
use minicdc::relation::{Column, PgType, TypeKind};
use minicdc::value::{Field, Phase, ValueOptions};
use std::hint::black_box;
use std::sync::Arc;

fn field(oid: Oid, name: &str, typmod: i32) -> Field {
    let pg_type = PgType {
        oid,
        schema: "pg_catalog".to_owned(),
        name: name.to_owned(),
        kind: TypeKind::Base,
    };
    let column = Column {
        name: "c".to_owned(),
        pg_type: Arc::new(pg_type),
        typmod,
        nullable: true,
        default: None,
        generated: false,
    };
    Field::new(&column, Phase::Stream, &ValueOptions::default()).expect("a known type")
}

fn values(criterion: &mut Criterion) {
    let numeric = (12 << 16) + 2 + 4;
    let cases = [
        ("int4", field(Oid::INT4, "int4", -1), "1234567"),
        ("float8", field(Oid::FLOAT8, "float8", -1), "1234.5678"),
        ("numeric_12_2", field(Oid::NUMERIC, "numeric", numeric), "12345678.90"),
        ("numeric_free", field(Oid::NUMERIC, "numeric", -1), "12345678.90"),
        (
            "numeric_60_digits",
            field(Oid::NUMERIC, "numeric", -1),
            "123456789012345678901234567890.123456789012345678901234567891",
        ),
        ("text_40", field(Oid::TEXT, "text", -1), "The quick brown fox jumps over the lazy\n"),
        ("uuid", field(Oid::UUID, "uuid", -1), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("date", field(Oid::DATE, "date", -1), "2024-02-29"),
        ("timestamp", field(Oid::TIMESTAMP, "timestamp", -1), "2024-02-29 12:34:56.789012"),
        (
            "timestamptz",
            field(Oid::TIMESTAMPTZ, "timestamptz", -1),
            "2024-02-29 12:34:56.789012+02",
        ),
        ("interval", field(Oid::INTERVAL, "interval", -1), "1 year 2 mons 3 days 04:05:06.789"),
        ("bytea_16", field(Oid::BYTEA, "bytea", -1), "\\x000102030405060708090a0b0c0d0e0f"),
    ];
    let mut group = criterion.benchmark_group("value");
    let mut out = Vec::with_capacity(4096);
    for (name, field, text) in cases {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                field.write(black_box(text.as_bytes()), &mut out)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, values);
criterion_main!(benches);
