//! Where reading begins.

use super::*;

/// Records 0 to 39 in small segments.
fn forty() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), small_segments(), 0, &[1, 2, 3, 4, 5, 5, 5, 5, 5, 1, 1, 1, 1, 1]);
    dir
}

#[test]
fn start_in_words_gives_the_right_first_record() {
    let dir = forty();
    let cases = [
        (StartAt::Beginning, 0),
        (StartAt::End, 40),
        (StartAt::Last(0), 40),
        (StartAt::Last(1), 39),
        (StartAt::Last(40), 0),
        (StartAt::Last(u64::MAX), 0),
        (StartAt::TimestampMs(i64::MIN), 0),
        (StartAt::TimestampMs(i64::MAX), 40),
    ];
    for (start, first) in cases {
        expect_records(&read_from(dir.path(), start).unwrap(), first..40);
    }
}

#[test]
fn every_offset_and_every_timestamp_is_found_with_and_without_index() {
    let dir = forty();
    for pass in ["with index", "with a wrong index", "without index"] {
        for first in 0..=40 {
            let by_offset = read_from(dir.path(), StartAt::Offset(first)).unwrap();
            expect_records(&by_offset, first..40);
            let time = START_MS + 10 * first - 5;
            let by_time = read_from(dir.path(), StartAt::TimestampMs(time)).unwrap();
            assert_eq!(offsets(&by_time), (first..40).collect::<Vec<_>>(), "{pass}");
        }
        for segment in segments(dir.path()) {
            let index = segment.with_extension("index");
            if pass == "with index" {
                assert!(index.metadata().unwrap().len() >= 8, "{}", index.display());
                std::fs::write(&index, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 99]).unwrap();
            } else {
                // The second pass leaves one of them already gone.
                drop(std::fs::remove_file(&index));
            }
        }
    }
}

#[test]
fn offset_outside_the_topic_is_an_error_that_names_the_range() {
    let dir = forty();
    std::fs::remove_file(&segments(dir.path())[0]).unwrap();
    let first = segment::base_offsets(&topic_path(dir.path())).unwrap()[0];
    assert!(first > 0);
    for offset in [-1, first - 1, 41] {
        let error = read_from(dir.path(), StartAt::Offset(offset)).unwrap_err();
        assert!(error.to_string().contains(&format!("holds {first} up to 40")), "{error}");
    }
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), first..40);
}

#[test]
fn unknown_topic_or_log_is_an_error_that_says_what_there_is() {
    let dir = forty();
    let log = LogReader::open(dir.path()).unwrap();
    for name in ["orders", "../x", ""] {
        let error = log.topic(name, StartAt::End).unwrap_err();
        assert!(matches!(&error, LogError::NoTopic { known, .. } if known == &[TOPIC]), "{error}");
        assert!(error.hint().unwrap().contains(TOPIC));
    }
    let error = LogReader::open(&dir.path().join("elsewhere")).unwrap_err();
    assert!(error.hint().unwrap().contains("minicdc capture"));
}

#[test]
fn topics_merge_by_timestamp() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TestWriter::open(dir.path(), by_hand()).unwrap();
    for number in 0..300 {
        writer.append(
            ["a", "b", "c"][usize::from(number % 5 > 1) + usize::from(number % 7 > 4)],
            number,
        );
    }
    writer.commit().unwrap();
    let log = LogReader::open(dir.path()).unwrap();
    let open = |topic| log.topic(topic, StartAt::Beginning).unwrap();
    let mut merged = MergedReader::new(vec![open("c"), open("a")]);
    merged.add(open("b"));
    let mut records = Vec::new();
    while merged.read(&mut records, 7).unwrap() > 0 {}
    let times: Vec<_> = records.iter().map(|record| record.timestamp_ms).collect();
    assert_eq!(times, (0..300).map(|number| START_MS + 10 * number).collect::<Vec<_>>());
    writer.append("b", 300);
    writer.commit().unwrap();
    assert_eq!(merged.read(&mut records, 7).unwrap(), 1);
}
