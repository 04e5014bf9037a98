//! The log as a whole, on real files.

mod following;
mod recovery;
mod seeking;
mod writing;

use super::*;
use crate::record::{Record, StoredRecord};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

const TOPIC: &str = "dbserver1.public.orders";
/// Timestamp of the record with offset 0; each following one is 10 ms later.
const START_MS: i64 = 1_700_000_000_000;

/// A writer that tells what it reports.
struct TestWriter {
    writer: LogWriter,
    reports: mpsc::Receiver<Result<u64, LogError>>,
    sequence: u64,
}

impl TestWriter {
    fn open(dir: &Path, options: LogOptions) -> Result<Self, LogError> {
        let (sender, reports) = mpsc::channel();
        // The receiver is gone when a test ends early.
        let report = move |progress| drop(sender.send(progress));
        let writer = LogWriter::open(dir, options, report)?;
        Ok(Self { writer, reports, sequence: 0 })
    }

    fn append(&mut self, topic: &str, number: i64) {
        let (topic, key, value) = (Arc::from(topic), key(number), value(number));
        let record = Record {
            sequence: self.sequence,
            topic: &topic,
            partition: None,
            key: Some(&key),
            value: value.as_deref(),
            own_header: None,
            headers: &[("h", Arc::from(*b"v"))],
            additions: None,
        };
        self.writer.append(&record, START_MS + 10 * number).unwrap();
        self.sequence += 1;
    }

    /// Hands over and waits until all is durable.
    fn commit(&mut self) -> Result<(), LogError> {
        self.writer.hand_over()?;
        while self.reports.recv().expect("the writer lives")? + 1 < self.sequence {}
        Ok(())
    }
}

fn key(number: i64) -> Vec<u8> {
    format!("{{\"id\":{number}}}").into_bytes()
}

/// Every seventh record is a tombstone; the others grow.
fn value(number: i64) -> Option<Vec<u8>> {
    (number % 7 != 6).then(|| vec![b'v'; usize::try_from(number).unwrap() % 100])
}

fn stored(topic: &str, number: i64, offset: i64) -> StoredRecord {
    StoredRecord {
        topic: topic.into(),
        partition: 0,
        offset,
        timestamp_ms: START_MS + 10 * number,
        key: Some(key(number)),
        value: value(number),
        headers: vec![("h".to_owned(), Some(b"v".to_vec()))],
    }
}

/// Options under which one hand-over is one batch, whatever the timestamps.
fn by_hand() -> LogOptions {
    LogOptions { linger_ms: i64::MAX, ..LogOptions::default() }
}

/// Many small segments with many index entries.
fn small_segments() -> LogOptions {
    LogOptions { segment_bytes_max: 1000, index_interval_bytes: 100, ..by_hand() }
}

/// Writes batches of these numbers of records; the numbers are the offsets.
fn write_batches(dir: &Path, options: LogOptions, from: i64, batches: &[i64]) {
    let mut writer = TestWriter::open(dir, options).unwrap();
    let mut number = from;
    for records in batches {
        for _ in 0..*records {
            writer.append(TOPIC, number);
            number += 1;
        }
        writer.commit().unwrap();
    }
}

fn read_from(dir: &Path, start: StartAt) -> Result<Vec<StoredRecord>, LogError> {
    let mut reader = LogReader::open(dir)?.topic(TOPIC, start)?;
    let mut records = Vec::new();
    while reader.read(&mut records, 3)? > 0 {}
    Ok(records)
}

fn offsets(records: &[StoredRecord]) -> Vec<i64> {
    records.iter().map(|record| record.offset).collect()
}

fn expect_records(records: &[StoredRecord], offsets: std::ops::Range<i64>) {
    let expected: Vec<_> = offsets.map(|offset| stored(TOPIC, offset, offset)).collect();
    assert_eq!(records, expected);
}

fn topic_path(dir: &Path) -> PathBuf {
    dir.join(format!("{TOPIC}-0"))
}

/// The segment files of the topic, in order.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let topic = topic_path(dir);
    let bases = segment::base_offsets(&topic).unwrap();
    bases.into_iter().map(|base| segment::segment_path(&topic, base)).collect()
}
