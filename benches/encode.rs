//! From frames to Debezium records: decoding, conversion, envelope and bookkeeping together.

mod common;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use minicdc::engine::{Engine, Step};
use minicdc::envelope::EnvelopeOptions;
use minicdc::value::ValueOptions;
use std::hint::black_box;

fn engine(schemas: bool) -> Engine {
    let options = EnvelopeOptions {
        topic_prefix: "bench".to_owned(),
        key_schemas: schemas,
        value_schemas: schemas,
        ..EnvelopeOptions::default()
    };
    Engine::new(options, ValueOptions::default(), "01a2027a-63b5-7dcb-aaca-5577244c043b")
}

/// Feeds all frames; returns records and bytes that came out.
fn run(engine: &mut Engine, frames: &[&[u8]]) -> (u64, u64) {
    let (mut records, mut bytes) = (0, 0);
    for frame in frames {
        let step = engine
            .on_frame(black_box(frame), &mut |record| {
                records += 1;
                bytes += record.weight() as u64;
            })
            .expect("a recorded frame");
        if let Step::NeedsTable(request) = step {
            engine.define(request.oid, Some(&common::table(&request)));
        }
    }
    if records > 0 {
        let last = engine.progress().next_sequence() - 1;
        engine.progress_mut().delivered_up_to(last);
    }
    (records, bytes)
}

fn encode(c: &mut Criterion) {
    for (schemas, label) in [(false, "without_schemas"), (true, "with_schemas")] {
        for by_bytes in [false, true] {
            let unit = if by_bytes { "bytes" } else { "records" };
            let mut group = c.benchmark_group(format!("encode/{label}/{unit}"));
            for (name, frames) in common::cases() {
                let (records, bytes) = run(&mut engine(schemas), &frames);
                group.throughput(if by_bytes {
                    Throughput::Bytes(bytes)
                } else {
                    Throughput::Elements(records)
                });
                group.bench_function(BenchmarkId::from_parameter(name), |b| {
                    b.iter_batched_ref(
                        || engine(schemas),
                        |engine| run(engine, &frames),
                        BatchSize::LargeInput,
                    );
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
