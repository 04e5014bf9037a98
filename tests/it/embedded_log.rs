//! The embedded log beside the real thing: Kafka's own tool reads our segments.

use crate::support::install::kafka_class_path;
use crate::support::process::TempDir;
use minicdc::log::{LogOptions, LogReader, LogWriter};
use minicdc::record::Record;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const RECORDS: u64 = 2_000;

/// What `kafka-dump-log.sh` prints about these files.
fn dump(files: &[&Path]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let output = Command::new("java")
        .args(["-cp", &kafka_class_path(), "org.apache.kafka.tools.DumpLogSegments"])
        .args(["--deep-iteration", "--print-data-log", "--files", &files.join(",")])
        .output()
        .unwrap();
    // It tells of mismatches on standard error.
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{text:?}");
    text.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
}

fn write(dir: &Path) {
    let topic: Arc<str> = "dbserver1.public.orders".into();
    let mut writer = LogWriter::open(dir, LogOptions::default(), |progress| {
        progress.unwrap();
    })
    .unwrap();
    let headers = [("__debezium.oldkey", Arc::from(*b"{\"id\":0}"))];
    for sequence in 0..RECORDS {
        let (key, value) = (format!("{{\"id\":{sequence}}}"), "v".repeat(200));
        let record = Record {
            sequence,
            topic: &topic,
            partition: None,
            key: Some(key.as_bytes()),
            // Every third record is a tombstone.
            value: (sequence % 3 != 2).then_some(value.as_bytes()),
            own_header: None,
            headers: &headers,
            additions: None,
        };
        writer.append(&record, 1_700_000_000_000).unwrap();
        if sequence % 10 == 9 {
            writer.hand_over().unwrap();
        }
    }
}

#[test]
#[ignore = "needs Kafka: scripts/test.sh"]
fn segments_and_index_of_the_embedded_log_are_sound_to_kafkas_dump_tool() {
    let dir = TempDir::new();
    write(dir.path());
    let segment = dir.path().join("dbserver1.public.orders-0/00000000000000000000.log");
    let index = segment.with_extension("index");

    let lines = dump(&[&segment]);
    let records: Vec<_> = lines.iter().filter(|line| line.starts_with('|')).collect();
    assert_eq!(records.len() as u64, RECORDS);
    for (offset, record) in records.iter().enumerate() {
        for part in [
            &format!("offset: {offset} CreateTime: 1700000000000 "),
            "headerKeys: [__debezium.oldkey]",
            &format!("key: {{\"id\":{offset}}}"),
        ] {
            assert!(record.contains(part), "{part:?} is not in {record:?}");
        }
        assert_eq!(record.contains("payload: v"), offset % 3 != 2, "{record}");
    }
    let batches: Vec<_> = lines.iter().filter(|line| line.starts_with("baseOffset")).collect();
    assert!(batches.len() > 10 && batches.iter().all(|batch| batch.contains("isvalid: true")));

    let entries = dump(&[&index]);
    assert!(entries.iter().filter(|line| line.starts_with("offset: ")).count() > 3, "{entries:?}");
    let faults: Vec<_> =
        entries.iter().filter(|l| l.contains("ismatch") || l.contains("not found")).collect();
    assert!(faults.is_empty(), "{faults:?}");

    let topics = LogReader::open(dir.path()).unwrap().topics().unwrap();
    assert_eq!(topics[0].records(), RECORDS);
}
