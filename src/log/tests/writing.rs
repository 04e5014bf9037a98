//! What is written comes back; segments roll; one writer at a time.

use super::*;
use proptest::prelude::*;

#[test]
fn records_come_back_over_restarts_and_segments() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), small_segments(), 0, &[1, 5, 30, 1]);
    write_batches(dir.path(), small_segments(), 37, &[2, 2]);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..41);
    assert_eq!(segments(dir.path()).len(), 3);
}

#[test]
fn topics_are_listed_with_their_extent() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), small_segments(), 0, &[5, 30]);
    let mut writer = TestWriter::open(dir.path(), by_hand()).unwrap();
    writer.writer.ensure_topic(&"empty".into()).unwrap();
    std::fs::create_dir(dir.path().join("offsets")).unwrap();
    std::fs::write(dir.path().join("not-a-directory-0"), "").unwrap();
    std::fs::write(topic_path(dir.path()).join("leader-epoch-checkpoint"), "").unwrap();
    let bytes = segments(dir.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    let topics = LogReader::open(dir.path()).unwrap().topics().unwrap();
    assert_eq!(
        topics,
        [
            TopicInfo {
                name: TOPIC.into(),
                first_offset: 0,
                end_offset: 35,
                first_timestamp_ms: Some(START_MS),
                last_timestamp_ms: Some(START_MS + 340),
                bytes,
            },
            TopicInfo {
                name: "empty".into(),
                first_offset: 0,
                end_offset: 0,
                first_timestamp_ms: None,
                last_timestamp_ms: None,
                bytes: 0,
            },
        ]
    );
    assert_eq!(topics[0].records(), 35);
}

#[test]
fn batch_larger_than_a_segment_gets_one_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), small_segments(), 0, &[1, 60, 1]);
    let names: Vec<_> =
        segments(dir.path()).iter().map(|path| path.file_stem().unwrap().to_owned()).collect();
    assert_eq!(names, ["00000000000000000000", "00000000000000000001", "00000000000000000061"]);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..62);
}

#[test]
fn second_writer_is_refused_and_the_first_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = TestWriter::open(dir.path(), by_hand()).unwrap();
    let error = TestWriter::open(dir.path(), by_hand()).err().unwrap();
    assert!(matches!(error, LogError::Locked { pid: Some(pid), .. } if pid == std::process::id()));
    first.append(TOPIC, 0);
    first.commit().unwrap();
    drop(first);
    write_batches(dir.path(), by_hand(), 1, &[1]);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..2);
}

#[test]
fn writer_that_is_dropped_has_written_everything() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TestWriter::open(dir.path(), by_hand()).unwrap();
    (0..100).for_each(|number| writer.append(TOPIC, number));
    drop(writer.writer);
    assert_eq!(writer.reports.iter().last().unwrap().unwrap(), 99);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..100);
}

#[test]
fn records_are_handed_over_by_size_and_by_age_without_a_flush() {
    let by_size = LogOptions { batch_bytes_max: 1, ..by_hand() };
    let by_age = LogOptions { linger_ms: 10, ..LogOptions::default() };
    for (options, last_durable) in [(by_size, 1), (by_age, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = TestWriter::open(dir.path(), options).unwrap();
        writer.append(TOPIC, 0);
        writer.append(TOPIC, 1); // 10 ms later
        while writer.reports.recv().unwrap().unwrap() != last_durable {}
    }
}

#[test]
fn writer_waits_for_room_in_a_queue_that_is_too_small() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions { queue_bytes_max: 1, batch_bytes_max: 1, ..by_hand() };
    let mut writer = TestWriter::open(dir.path(), options).unwrap();
    (0..50).for_each(|number| writer.append(TOPIC, number));
    drop(writer);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..50);
}

#[test]
fn failed_group_is_taken_back_from_every_topic() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TestWriter::open(dir.path(), small_segments()).unwrap();
    writer.append("a", 0);
    writer.append(TOPIC, 0);
    writer.commit().unwrap();
    let len_before = dir.path().join("a-0/00000000000000000000.log").metadata().unwrap().len();
    // `a` gets a record more, then the topic cannot begin its next segment.
    std::fs::create_dir(topic_path(dir.path()).join("00000000000000000001.log")).unwrap();
    writer.append("a", 1);
    (1..60).for_each(|number| writer.append(TOPIC, number));
    let error = writer.commit().unwrap_err();
    assert!(matches!(&error, LogError::Io { doing: "create", .. }), "{error}");
    drop(writer);
    let len_after = dir.path().join("a-0/00000000000000000000.log").metadata().unwrap().len();
    assert_eq!(len_after, len_before);
    std::fs::remove_dir(topic_path(dir.path()).join("00000000000000000001.log")).unwrap();
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..1);
    write_batches(dir.path(), small_segments(), 1, &[2]);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_batches_restarts_and_sizes_come_back_from_any_offset(
        runs in prop::collection::vec(prop::collection::vec(1_i64..12, 1..6), 1..4),
        segment_bytes_max in 1_u64..3000,
        index_interval_bytes in 1_u64..500,
        from in 0.0..1.0_f64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut end = 0;
        for batches in &runs {
            let options = LogOptions { segment_bytes_max, index_interval_bytes, ..by_hand() };
            write_batches(dir.path(), options, end, batches);
            end += batches.iter().sum::<i64>();
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small")]
        let from = (from * end as f64) as i64;
        expect_records(&read_from(dir.path(), StartAt::Offset(from)).unwrap(), from..end);
    }
}
