//! Several topics as one feed, oldest record first.

use super::error::LogError;
use super::topic_reader::TopicReader;
use crate::record::StoredRecord;
use std::collections::VecDeque;

/// Records of one topic that are read ahead, so that topics can be compared.
const READ_AHEAD: usize = 64;

/// Reads several topics in the order of their timestamps.
///
/// The order is exact for what is in the log. While following, a record that becomes durable late
/// comes late: nothing waits for it.
#[derive(Debug)]
pub struct MergedReader {
    topics: Vec<Ahead>,
}

#[derive(Debug)]
struct Ahead {
    reader: TopicReader,
    records: VecDeque<StoredRecord>,
}

impl Ahead {
    const fn new(reader: TopicReader) -> Self {
        Self { reader, records: VecDeque::new() }
    }

    /// Reads ahead, if there is nothing left.
    fn fill(&mut self) -> Result<(), LogError> {
        if self.records.is_empty() {
            let mut records = Vec::from(std::mem::take(&mut self.records));
            self.reader.read(&mut records, READ_AHEAD)?;
            self.records = records.into();
        }
        Ok(())
    }
}

impl MergedReader {
    /// Merges these topics; at equal timestamps the earlier in this list comes first.
    #[must_use]
    pub fn new(readers: Vec<TopicReader>) -> Self {
        Self { topics: readers.into_iter().map(Ahead::new).collect() }
    }

    /// Adds a topic, such as one that was made meanwhile.
    pub fn add(&mut self, reader: TopicReader) {
        self.topics.push(Ahead::new(reader));
    }

    /// Appends up to `records_max` records to `into`, and returns how many; 0 when there is nothing
    /// new at the moment.
    ///
    /// # Errors
    ///
    /// As [`TopicReader::read`], once the records in front of the damage are out.
    pub fn read(
        &mut self,
        into: &mut Vec<StoredRecord>,
        records_max: usize,
    ) -> Result<usize, LogError> {
        let before = into.len();
        for topic in &mut self.topics {
            topic.fill()?;
        }
        while into.len() - before < records_max {
            let oldest = self
                .topics
                .iter_mut()
                .filter(|topic| !topic.records.is_empty())
                .min_by_key(|topic| topic.records.front().map(|record| record.timestamp_ms));
            let Some(topic) = oldest else { break };
            into.extend(topic.records.pop_front());
            // An error comes again when `read` is called for the next records.
            if topic.fill().is_err() {
                break;
            }
        }
        Ok(into.len() - before)
    }
}
