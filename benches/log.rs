//! The embedded log: records in until they are on disk, and out again.
//!
//! `cargo bench --bench log`; the files go to the system's temporary directory, so `TMPDIR` chooses
//! the disk. `kafka_protocol_encode` is that crate's encoder alone, without any file, to compare.

#![allow(clippy::unwrap_used, reason = "a bench may fail loudly anywhere")]

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kafka_protocol::records::{
    Compression, Record as KafkaRecord, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use minicdc::log::{LogOptions, LogReader, LogWriter, StartAt};
use minicdc::record::Record;
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, mpsc};

const RECORDS: u64 = 200_000;
/// An envelope without schema of eight columns weighs about that.
const VALUE_BYTES: usize = 560;
const KEY: &[u8] = b"{\"id\":123456}";
/// The capture loop flushes when the socket has nothing more: some hundreds of records.
const RECORDS_PER_FLUSH: u64 = 500;
const NOW_MS: i64 = 1_700_000_000_000;

fn throughput() -> Throughput {
    let bytes = RECORDS * (VALUE_BYTES + KEY.len()) as u64;
    Throughput::ElementsAndBytes { elements: RECORDS, bytes }
}

/// Writes all records over three topics and waits until the last one is durable.
fn write(dir: &Path, value: &[u8]) {
    let topics: [Arc<str>; 3] = ["s.public.a".into(), "s.public.b".into(), "s.public.c".into()];
    let (sender, durable) = mpsc::channel();
    let report = move |progress: Result<u64, _>| drop(sender.send(progress));
    let mut writer = LogWriter::open(dir, LogOptions::default(), report).unwrap();
    for (sequence, topic) in (0..RECORDS).zip(topics.iter().cycle()) {
        let (key, value) = (Some(KEY), Some(value));
        let record = Record {
            sequence,
            topic,
            partition: None,
            key,
            value,
            own_header: None,
            headers: &[],
            additions: None,
        };
        writer.append(&record, NOW_MS).unwrap();
        if sequence % RECORDS_PER_FLUSH == 0 {
            writer.hand_over().unwrap();
        }
    }
    writer.hand_over().unwrap();
    while durable.recv().unwrap().unwrap() < RECORDS - 1 {}
}

fn read(dir: &Path) -> usize {
    let log = LogReader::open(dir).unwrap();
    let mut count = 0;
    let mut records = Vec::new();
    for topic in log.topics().unwrap() {
        let mut reader = log.topic(&topic.name, StartAt::Beginning).unwrap();
        while reader.read(&mut records, 1000).unwrap() > 0 {
            count += records.len();
            records.clear();
        }
    }
    count
}

fn kafka_records(value: &Bytes) -> Vec<KafkaRecord> {
    let record = |offset| KafkaRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap() - 1,
        timestamp: NOW_MS,
        key: Some(Bytes::from_static(KEY)),
        value: Some(value.clone()),
        headers: std::iter::empty().collect(),
    };
    (0..i64::try_from(RECORDS_PER_FLUSH).unwrap()).map(record).collect()
}

fn log(c: &mut Criterion) {
    let value = vec![b'v'; VALUE_BYTES];
    let mut group = c.benchmark_group("log");
    group.sample_size(10);

    group.throughput(throughput());
    let dir = || tempfile::tempdir().unwrap();
    group.bench_function("append_until_durable", |b| {
        b.iter_batched_ref(dir, |dir| write(dir.path(), &value), BatchSize::PerIteration);
    });
    let written = dir();
    write(written.path(), &value);
    group.bench_function("read", |b| b.iter(|| assert_eq!(read(written.path()) as u64, RECORDS)));

    let value = Bytes::from(value);
    group.throughput(Throughput::Elements(RECORDS_PER_FLUSH));
    group.bench_function("kafka_protocol_encode", |b| {
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        b.iter(|| {
            let mut bytes = BytesMut::new();
            RecordBatchEncoder::encode(&mut bytes, &kafka_records(&value), &options).unwrap();
            black_box(bytes)
        });
    });
    group.finish();
}

criterion_group!(benches, log);
criterion_main!(benches);
