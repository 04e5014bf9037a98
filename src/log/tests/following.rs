//! Readers beside a writer.

use super::*;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Reads until `end` records are there, waiting as a follower does.
fn follow(reader: &mut TopicReader, end: usize) -> Vec<StoredRecord> {
    let (mut records, mut pace) = (Vec::new(), Pace::default());
    let deadline = Instant::now() + Duration::from_secs(60);
    while records.len() < end {
        assert!(Instant::now() < deadline, "only {} of {end} records came", records.len());
        match reader.read(&mut records, 1000).unwrap() {
            0 => std::thread::sleep(pace.idle()),
            _ => pace.found(),
        }
    }
    records
}

#[test]
fn reader_goes_on_over_segments_that_are_made_while_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TestWriter::open(dir.path(), small_segments()).unwrap();
    writer.writer.ensure_topic(&TOPIC.into()).unwrap();
    let mut reader = LogReader::open(dir.path()).unwrap().topic(TOPIC, StartAt::Beginning).unwrap();
    let mut records = Vec::new();
    for number in 0..60 {
        assert_eq!(reader.read(&mut records, 10).unwrap(), 0);
        writer.append(TOPIC, number);
        writer.commit().unwrap();
        assert_eq!(reader.read(&mut records, 10).unwrap(), 1);
        assert_eq!(reader.end_offset(), number + 1);
    }
    expect_records(&records, 0..60);
    assert!(segments(dir.path()).len() > 2);
}

#[test]
fn reader_never_sees_what_is_written_but_not_durable() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), by_hand(), 0, &[3, 3]);
    let point = recovery_point::RecoveryPoint::load(&topic_path(dir.path())).unwrap().unwrap();
    write_batches(dir.path(), by_hand(), 6, &[3]);
    point.store(&topic_path(dir.path())).unwrap();
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..6);
    expect_records(&read_from(dir.path(), StartAt::Last(1)).unwrap(), 5..6);
    assert_eq!(LogReader::open(dir.path()).unwrap().topics().unwrap()[0].end_offset, 6);
}

#[test]
fn reader_of_a_topic_that_was_made_anew_is_told() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), by_hand(), 0, &[5]);
    let mut reader = LogReader::open(dir.path()).unwrap().topic(TOPIC, StartAt::End).unwrap();
    std::fs::remove_dir_all(topic_path(dir.path())).unwrap();
    write_batches(dir.path(), by_hand(), 0, &[2]);
    let error = reader.read(&mut Vec::new(), 1).unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { offset: 5, end: 2, .. }), "{error}");
}

#[test]
fn readers_in_this_process_follow_a_writer_in_another() {
    const RECORDS: usize = 3000;
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), by_hand(), 0, &[1]);
    let mut child = writer_process(dir.path()).spawn().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let log = LogReader::open(dir.path()).unwrap();
                let mut reader = log.topic(TOPIC, StartAt::Beginning).unwrap();
                let records = follow(&mut reader, RECORDS);
                expect_records(&records, 0..3000);
            });
        }
    });
    assert!(child.wait().unwrap().success());
}

#[test]
fn writer_that_is_killed_leaves_every_record_it_reported() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), by_hand(), 0, &[1]);
    for _ in 0..3 {
        let mut child = writer_process(dir.path()).spawn().unwrap();
        let log = LogReader::open(dir.path()).unwrap();
        let mut reader = log.topic(TOPIC, StartAt::End).unwrap();
        let from = reader.end_offset();
        follow(&mut reader, 100);
        let error = TestWriter::open(dir.path(), by_hand()).err();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(error, Some(LogError::Locked { pid, .. }) if pid == Some(child.id())));
        reader.read(&mut Vec::new(), usize::MAX).unwrap();
        let seen = reader.end_offset();
        assert!(seen > from);
        // Opening keeps what was seen, perhaps more, and goes on behind it without a gap.
        let mut writer = TestWriter::open(dir.path(), small_segments()).unwrap();
        let records = read_from(dir.path(), StartAt::Beginning).unwrap();
        assert!(i64::try_from(records.len()).unwrap() >= seen);
        expect_records(&records, 0..i64::try_from(records.len()).unwrap());
        writer.append(TOPIC, i64::try_from(records.len()).unwrap());
        writer.commit().unwrap();
    }
}

#[test]
fn write_that_hits_a_full_disk_is_cut_off_again_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write_batches(dir.path(), by_hand(), 0, &[1]);
    // A limit of file sizes stands in for the full disk: it too cuts a write short.
    let binary = std::env::current_exe().unwrap();
    let limited = format!("trap '' XFSZ; ulimit -f 16; exec {} \"$@\"", binary.display());
    let mut command = Command::new("sh");
    command.args(["-c", &limited, "sh"]);
    assert!(
        child(&mut command, dir.path(), "write_until_the_disk_is_full").status().unwrap().success()
    );
    // The child has checked that it failed; whatever it reported is there, and no torn byte.
    let len = segments(dir.path())[0].metadata().unwrap().len();
    let point = recovery_point::RecoveryPoint::load(&topic_path(dir.path())).unwrap().unwrap();
    assert_eq!(point.position, len);
    assert!(len > 2000, "{len}");
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..point.end_offset);
    write_batches(dir.path(), by_hand(), point.end_offset, &[100]);
    expect_records(&read_from(dir.path(), StartAt::Beginning).unwrap(), 0..point.end_offset + 100);
}

/// This test binary again, with one of the tests below in the log's directory.
fn writer_process(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    child(&mut command, dir, "write_until_3000");
    command
}

fn child<'a>(command: &'a mut Command, dir: &Path, test: &str) -> &'a mut Command {
    command
        .args(["--exact", &format!("log::tests::following::{test}"), "--ignored"])
        .current_dir(dir)
        .stdout(Stdio::null())
}

/// The log in the current directory and its end; `None` when no test here started us.
fn as_child(options: LogOptions) -> Option<(TestWriter, i64)> {
    let dir = Path::new(".");
    dir.join("lock").exists().then(|| {
        let writer = TestWriter::open(dir, options).unwrap();
        (writer, LogReader::open(dir).unwrap().topics().unwrap()[0].end_offset)
    })
}

#[test]
#[ignore = "the other process of the tests here"]
fn write_until_3000() {
    let Some((mut writer, from)) = as_child(small_segments()) else { return };
    for number in from..3000 {
        writer.append(TOPIC, number);
        if number % 7 == 0 {
            writer.writer.hand_over().unwrap();
        }
    }
}

#[test]
#[ignore = "the other process of the tests here"]
fn write_until_the_disk_is_full() {
    let Some((mut writer, from)) = as_child(by_hand()) else { return };
    for number in from..3000 {
        writer.append(TOPIC, number);
        if number % 10 == 0
            && let Err(error) = writer.commit()
        {
            assert!(matches!(error, LogError::Io { doing: "write", .. }), "{error}");
            return;
        }
    }
    panic!("no write failed");
}
