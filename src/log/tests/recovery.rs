//! What a crash, a power loss or a faulty disk leaves.

use super::*;
use proptest::prelude::*;
use std::fs;

/// A log of three durable batches and one that nobody was told of: as after a power loss, when the
/// recovery point is old and the end of the file is anything.
struct Crashed {
    dir: tempfile::TempDir,
    segment: PathBuf,
    bytes: Vec<u8>,
    /// Where each batch ends, and the offset there.
    ends: Vec<(usize, i64)>,
    /// Bytes in front of the recovery point.
    durable: usize,
}

impl Crashed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut ends = Vec::new();
        let mut point = None;
        let mut offset = 0;
        for records in [2, 1, 3, 1, 2] {
            write_batches(dir.path(), by_hand(), offset, &[records]);
            offset += records;
            let len = segments(dir.path())[0].metadata().unwrap().len();
            ends.push((usize::try_from(len).unwrap(), offset));
            if ends.len() == 2 {
                point = recovery_point::RecoveryPoint::load(&topic_path(dir.path())).unwrap();
            }
        }
        point.unwrap().store(&topic_path(dir.path())).unwrap();
        let segment = segments(dir.path()).remove(0);
        let bytes = fs::read(&segment).unwrap();
        let durable = ends[1].0;
        Self { dir, segment, bytes, ends, durable }
    }

    /// Offset after the last batch that ends at or before this byte.
    fn whole_at(&self, len: usize) -> i64 {
        self.ends.iter().rev().find(|(end, _)| *end <= len).map_or(0, |(_, offset)| *offset)
    }

    /// Puts the log back as it was, with these bytes in the segment.
    fn restore(&self, bytes: &[u8]) {
        let point = topic_path(self.dir.path()).join("recovery-point");
        let kept = self.dir.path().join("kept");
        if kept.exists() {
            fs::copy(&kept, &point).unwrap();
        } else {
            fs::copy(&point, &kept).unwrap();
        }
        fs::write(&self.segment, bytes).unwrap();
    }

    /// Reopens: exactly `end` records are there, and the next one gets that offset.
    fn expect_end(&self, end: i64, what: &str) {
        write_batches(self.dir.path(), by_hand(), end, &[1]);
        let records = read_from(self.dir.path(), StartAt::Beginning).unwrap();
        assert_eq!(offsets(&records), (0..=end).collect::<Vec<_>>(), "{what}");
        expect_records(&records, 0..end + 1);
    }
}

#[test]
fn tail_cut_at_every_byte_keeps_the_whole_batches_before() {
    let log = Crashed::new();
    for len in log.durable..=log.bytes.len() {
        log.restore(&log.bytes[..len]);
        log.expect_end(log.whole_at(len), &format!("cut at {len}"));
    }
}

#[test]
fn tail_with_any_byte_flipped_keeps_the_whole_batches_before() {
    let log = Crashed::new();
    for at in log.durable..log.bytes.len() {
        let mut bytes = log.bytes.clone();
        bytes[at] ^= 0x10;
        log.restore(&bytes);
        let batch = log.ends.iter().rev().find(|(end, _)| *end <= at).unwrap();
        // Nobody reads the leader epoch, and Kafka's checksum leaves it out.
        let harmless = (12..16).contains(&(at - batch.0));
        let end = if harmless { log.whole_at(log.bytes.len()) } else { batch.1 };
        log.expect_end(end, &format!("byte {at}"));
    }
}

#[test]
fn tail_of_zeros_or_rubbish_is_cut() {
    let log = Crashed::new();
    for rubbish in [vec![0; 5000], vec![0xff; 5000], log.bytes.clone(), vec![2; 1]] {
        let mut bytes = log.bytes.clone();
        bytes.extend(&rubbish);
        log.restore(&bytes);
        log.expect_end(log.whole_at(log.bytes.len()), "rubbish behind");
        let mut bytes = log.bytes.clone();
        bytes.splice(log.durable + 5.., rubbish);
        log.restore(&bytes);
        log.expect_end(log.whole_at(log.durable), "rubbish within");
    }
}

#[test]
fn log_without_recovery_point_is_recovered_from_the_last_segment() {
    let log = Crashed::new();
    for len in 0..=log.bytes.len() {
        log.restore(&log.bytes[..len]);
        fs::remove_file(topic_path(log.dir.path()).join("recovery-point")).unwrap();
        let readable = read_from(log.dir.path(), StartAt::Beginning).unwrap();
        expect_records(&readable, 0..log.whole_at(len));
        log.expect_end(log.whole_at(len), &format!("cut at {len}"));
    }
}

#[test]
fn durable_bytes_that_are_missing_are_an_error_and_not_cut() {
    let log = Crashed::new();
    for len in 0..log.durable {
        log.restore(&log.bytes[..len]);
        let error = TestWriter::open(log.dir.path(), by_hand()).err().unwrap();
        assert!(
            matches!(&error, LogError::Lost { have, need, end_offset: 3, .. }
                if (*have, *need) == (len as u64, log.durable as u64)),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("recovery-point"));
        assert_eq!(log.segment.metadata().unwrap().len(), len as u64);
    }
    fs::remove_file(&log.segment).unwrap();
    let error = TestWriter::open(log.dir.path(), by_hand()).err().unwrap();
    assert!(matches!(error, LogError::Lost { have: 0, .. }), "{error}");
}

#[test]
fn durable_bytes_that_changed_are_an_error_that_names_the_place_and_the_way_on() {
    let log = Crashed::new();
    for at in 0..log.durable {
        if (12..16).contains(&(at % log.ends[0].0)) {
            continue; // the leader epochs
        }
        let mut bytes = log.bytes.clone();
        bytes[at] ^= 1;
        log.restore(&bytes);
        // A writer opens: what it appends is sound, and reading on must stay possible.
        drop(TestWriter::open(log.dir.path(), by_hand()).unwrap());
        let (start, first) = if at < log.ends[0].0 { (0, 0) } else { log.ends[0] };
        let error = read_from(log.dir.path(), StartAt::Beginning).unwrap_err();
        let LogError::Corrupt { path, position, offset, resume, .. } = &error else {
            panic!("byte {at}: {error}")
        };
        assert_eq!((path, *position, *offset), (&log.segment, start as u64, first), "byte {at}");
        let in_records = at - start >= batch::HEADER_LEN;
        if in_records {
            let resume = resume.expect("the header leads on");
            let hint = error.hint().unwrap();
            assert!(hint.contains(&format!("--from {resume}")), "{hint}");
            let behind = read_from(log.dir.path(), StartAt::Offset(resume)).unwrap();
            expect_records(&behind, resume..9);
        }
        let before = read_before_damage(log.dir.path());
        expect_records(&before, 0..first);
    }
}

fn read_before_damage(dir: &Path) -> Vec<StoredRecord> {
    let mut reader = LogReader::open(dir).unwrap().topic(TOPIC, StartAt::Beginning).unwrap();
    let mut records = Vec::new();
    while reader.read(&mut records, 100).is_ok_and(|records| records > 0) {}
    assert!(reader.read(&mut records, 100).is_err());
    records
}

#[test]
fn damage_in_an_older_segment_is_an_error_and_leaves_the_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), small_segments(), 0, &[5, 5, 5, 5, 5, 5, 5, 5]);
    let damaged = segments(dir.path()).remove(1);
    let mut bytes = fs::read(&damaged).unwrap();
    let len = bytes.len();
    bytes[len - 1] ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    write_batches(dir.path(), small_segments(), 40, &[1]);
    assert_eq!(fs::read(&damaged).unwrap(), bytes);
    let error = read_from(dir.path(), StartAt::Beginning).unwrap_err();
    assert!(
        matches!(&error, LogError::Corrupt { path, resume: Some(_), .. } if path == &damaged),
        "{error}"
    );
    expect_records(&read_from(dir.path(), StartAt::Last(3)).unwrap(), 38..41);
}

#[test]
fn old_recovery_point_with_records_in_later_segments_is_never_a_silent_cut() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), small_segments(), 0, &[5]);
    let point = recovery_point::RecoveryPoint::load(&topic_path(dir.path())).unwrap().unwrap();
    write_batches(dir.path(), small_segments(), 5, &[5, 5, 5, 5, 5, 5, 5]);
    let files = segments(dir.path());
    assert!(files.len() > 2);
    // Undamaged, all of it is taken over …
    point.store(&topic_path(dir.path())).unwrap();
    write_batches(dir.path(), small_segments(), 40, &[1]);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..41);
    // … and with damage before sound segments nothing is.
    point.store(&topic_path(dir.path())).unwrap();
    let mut bytes = fs::read(&files[0]).unwrap();
    let len = bytes.len();
    bytes[len - 1] ^= 1;
    fs::write(&files[0], bytes).unwrap();
    let error = TestWriter::open(dir.path(), small_segments()).err().unwrap();
    assert!(matches!(&error, LogError::Corrupt { path, .. } if path == &files[0]), "{error}");
    assert_eq!(fs::metadata(&files[0]).unwrap().len(), len as u64);
}

#[test]
fn empty_segment_behind_a_torn_one_is_removed() {
    let log = Crashed::new();
    log.restore(&log.bytes[..log.bytes.len() - 1]);
    let next = topic_path(log.dir.path()).join("00000000000000000009.log");
    fs::write(&next, "").unwrap();
    log.expect_end(7, "torn, then an empty segment");
    assert!(!next.exists());
}

#[test]
fn segment_begun_before_the_crash_is_written_on() {
    let log = Crashed::new();
    log.restore(&log.bytes);
    fs::write(topic_path(log.dir.path()).join("00000000000000000009.log"), "").unwrap();
    log.expect_end(9, "whole, then an empty segment");
    assert_eq!(log.segment.metadata().unwrap().len(), log.bytes.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn files_with_anything_in_them_never_make_reader_or_writer_panic(
        segment: Vec<u8>,
        index: Vec<u8>,
        at in 0..600_usize,
        position: u64,
        end_offset in 0..50_i64,
        base in prop_oneof![Just(0), 0..=segment::OFFSET_MAX],
        start in prop_oneof![
            Just(StartAt::Beginning),
            (0..20_u64).prop_map(StartAt::Last),
            (0..20_i64).prop_map(StartAt::Offset),
            any::<i64>().prop_map(StartAt::TimestampMs),
        ],
    ) {
        let dir = tempfile::tempdir().unwrap();
        write_batches(dir.path(), small_segments(), 0, &[3, 3, 3, 3]);
        let topic = topic_path(dir.path());
        let path = segment::segment_path(&topic, base);
        let mut bytes = fs::read(&path).unwrap_or_default();
        bytes.splice(at.min(bytes.len())..(at + segment.len()).min(bytes.len()), segment);
        fs::write(&path, bytes).unwrap();
        fs::write(path.with_extension("index"), index).unwrap();
        for position in [position, position % 700] {
            let end_offset = base.saturating_add(end_offset).min(segment::OFFSET_MAX);
            let last_timestamp_ms = START_MS;
            recovery_point::RecoveryPoint { segment: base, position, end_offset, last_timestamp_ms }
                .store(&topic)
                .unwrap();
            let log = LogReader::open(dir.path()).unwrap();
            drop(log.topics());
            drop(read_from(dir.path(), start));
            if let Ok(mut writer) = TestWriter::open(dir.path(), small_segments()) {
                writer.append(TOPIC, 0);
                drop(writer.commit());
            }
        }
    }
}
