//! The embedded log as a source: its topics merged in the order in which they were written.

use super::StartAt;
use crate::log::{self, LogError, LogReader, MergedReader, Pace};
use crate::record::StoredRecord;
use std::path::Path;
use std::time::Duration;

/// Several topics of a log directory, oldest record first.
#[derive(Debug)]
pub struct LogSource {
    reader: LogReader,
    topics: MergedReader,
    pace: Pace,
    at_end: bool,
}

impl LogSource {
    pub(super) fn open(dir: &Path) -> Result<Self, LogError> {
        let topics = MergedReader::new(Vec::new());
        Ok(Self { reader: LogReader::open(dir)?, topics, pace: Pace::default(), at_end: true })
    }

    pub(super) fn topics(&self) -> Result<Vec<String>, LogError> {
        Ok(self.reader.topics()?.iter().map(|topic| topic.name.to_string()).collect())
    }

    pub(super) fn add(&mut self, topic: &str, start: StartAt) -> Result<u64, LogError> {
        let reader = self.reader.topic(topic, start.into())?;
        let records = reader.end_offset().saturating_sub(reader.first_offset()).unsigned_abs();
        self.topics.add(reader);
        self.at_end = false;
        Ok(records)
    }

    pub(super) fn read(
        &mut self,
        into: &mut Vec<StoredRecord>,
        records_max: usize,
    ) -> Result<usize, LogError> {
        let read = self.topics.read(into, records_max)?;
        if read == 0 {
            // Only what is durable is read, so nothing more at hand is the end for the moment.
            self.at_end = true;
        } else {
            self.pace.found();
        }
        Ok(read)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at_end
    }

    pub(super) async fn wait(&mut self, timeout: Duration) {
        tokio::time::sleep(self.pace.idle().min(timeout)).await;
    }
}

impl From<StartAt> for log::StartAt {
    fn from(start: StartAt) -> Self {
        match start {
            StartAt::Beginning => Self::Beginning,
            StartAt::Last(records) => Self::Last(records),
            StartAt::Offset(offset) => Self::Offset(offset),
            StartAt::TimestampMs(time) => Self::TimestampMs(time),
        }
    }
}
