//! The embedded log as a sink.

use super::{Delivered, Deliveries, Sink, SinkError};
use crate::log::{LogError, LogOptions, LogWriter};
use crate::record::Record;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes records to the embedded log; each is reported once it is on disk.
///
/// Dropping it writes what was sent before and waits for the disk.
#[derive(Debug)]
pub struct LogSink {
    writer: LogWriter,
    deliveries: Arc<Deliveries>,
}

impl LogSink {
    /// Opens the log in `dir`, which is made if it is missing, as its only writer.
    ///
    /// # Errors
    ///
    /// As [`LogWriter::open`].
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, LogError> {
        let deliveries = Arc::new(Deliveries::default());
        let board = Arc::clone(&deliveries);
        let name = name(dir);
        let writer = LogWriter::open(dir, options, move |progress| match progress {
            Ok(sequence) => board.report(Delivered::UpTo(sequence)),
            Err(error) => board.fail(broken(&name, error)),
        })?;
        Ok(Self { writer, deliveries })
    }
}

impl Sink for LogSink {
    async fn ensure_topics(&mut self, topics: &[Arc<str>]) -> Result<(), SinkError> {
        for topic in topics {
            self.writer.ensure_topic(topic).map_err(|error| SinkError::Topic {
                topic: topic.to_string(),
                source: error.into(),
            })?;
        }
        Ok(())
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        self.writer.append(record, now_ms()).map_err(|error| match error {
            LogError::TooLarge { topic, bytes } => SinkError::Refused {
                topic: topic.clone(),
                bytes,
                source: LogError::TooLarge { topic, bytes }.into(),
            },
            error => broken(&name(self.writer.dir()), error),
        })
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.writer.hand_over().map_err(|error| broken(&name(self.writer.dir()), error))
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}

fn name(dir: &Path) -> String {
    format!("embedded log {}", dir.display())
}

fn broken(name: &str, error: LogError) -> SinkError {
    SinkError::Broken { sink: name.to_owned(), source: error.into() }
}

/// Kafka's CreateTime: when the record was sent.
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{LogReader, StartAt};

    fn record<'a>(sequence: u64, topic: &'a Arc<str>, value: &'a [u8]) -> Record<'a> {
        let value = Some(value);
        Record {
            sequence,
            topic,
            partition: Some(7),
            key: None,
            value,
            own_header: None,
            headers: &[],
            additions: None,
        }
    }

    async fn wait_for(sink: &LogSink, last: Delivered) {
        let mut reports = Vec::new();
        while reports.last() != Some(&last) {
            sink.deliveries().wait().await;
            sink.deliveries().take(&mut reports).unwrap();
        }
    }

    #[tokio::test]
    async fn records_are_reported_when_they_can_be_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = LogSink::open(dir.path(), LogOptions::default()).unwrap();
        let topics: [Arc<str>; 2] = ["a".into(), "b".into()];
        sink.ensure_topics(&topics).await.unwrap();
        let before = now_ms();
        for sequence in 0..10 {
            sink.send(&record(sequence, &topics[usize::from(sequence > 6)], b"v")).unwrap();
        }
        sink.flush().unwrap();
        wait_for(&sink, Delivered::UpTo(9)).await;
        let log = LogReader::open(dir.path()).unwrap();
        for (topic, records) in [("a", 7), ("b", 3)] {
            let mut read = Vec::new();
            let mut reader = log.topic(topic, StartAt::Beginning).unwrap();
            assert_eq!(reader.read(&mut read, 100).unwrap(), records);
            assert!(read.iter().all(|record| (before..=now_ms()).contains(&record.timestamp_ms)));
        }
    }

    #[tokio::test]
    async fn failed_write_reaches_the_board_with_path_and_hint_and_ends_the_sink() {
        let dir = tempfile::tempdir().unwrap();
        let options = LogOptions { segment_bytes_max: 1, ..LogOptions::default() };
        let mut sink = LogSink::open(dir.path(), options).unwrap();
        let topic = Arc::from("orders");
        sink.send(&record(0, &topic, b"v")).unwrap();
        sink.flush().unwrap();
        wait_for(&sink, Delivered::UpTo(0)).await;
        // The next segment cannot be made: its name is taken.
        std::fs::create_dir(dir.path().join("orders-0/00000000000000000001.log")).unwrap();
        sink.send(&record(1, &topic, b"v")).unwrap();
        sink.flush().unwrap();
        let error = loop {
            sink.deliveries().wait().await;
            match sink.deliveries().take(&mut Vec::new()) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(
            error.to_string(),
            format!("embedded log {} cannot be written", dir.path().display())
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("orders-0/00000000000000000001.log"), "{cause}");
        let later = (2..).find_map(|sequence| {
            sink.send(&record(sequence, &topic, b"v")).and_then(|()| sink.flush()).err()
        });
        assert!(later.unwrap().hint().unwrap().contains("first error"));
    }

    #[tokio::test]
    async fn topic_that_kafka_refuses_is_an_error_with_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = LogSink::open(dir.path(), LogOptions::default()).unwrap();
        let error = sink.ensure_topics(&["../x".into()]).await.unwrap_err();
        assert!(matches!(&error, SinkError::Topic { topic, .. } if topic == "../x"));
        assert!(error.hint().unwrap().contains("topic.prefix"));
    }
}
