//! WAL decoding: frames and pgoutput messages, from recorded streams.

mod common;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use minicdc::pgoutput::{self, Frame};
use std::hint::black_box;

fn decode(c: &mut Criterion) {
    let mut by_bytes = c.benchmark_group("decode/bytes");
    for (name, frames) in common::cases() {
        let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
        by_bytes.throughput(Throughput::Bytes(bytes as u64));
        by_bytes.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| frames.iter().for_each(|frame| decode_one(frame)));
        });
    }
    by_bytes.finish();
    let mut by_messages = c.benchmark_group("decode/messages");
    for (name, frames) in common::cases() {
        by_messages.throughput(Throughput::Elements(frames.len() as u64));
        by_messages.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| frames.iter().for_each(|frame| decode_one(frame)));
        });
    }
    by_messages.finish();
}

fn decode_one(frame: &[u8]) {
    if let Ok(Frame::Wal { body, .. }) = Frame::decode(black_box(frame)) {
        black_box(pgoutput::decode(body, false).expect("a recorded message"));
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
