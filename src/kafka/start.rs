//! Where in a partition reading begins, and where the partition ends at that moment.

use super::error::KafkaError;
use super::link::{CONNECT_WAIT, Link};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// The first record there is.
    Beginning,
    /// Behind the last record: only what comes from now on.
    End,
    /// The last so many offsets of each partition; fewer records where some are compacted away.
    Last(u64),
    /// The record with this offset, in each partition; the end offset is allowed.
    Offset(i64),
    /// The first record with this timestamp or a later one (milliseconds since the Unix epoch).
    TimestampMs(i64),
}

/// What is to be read of a partition; it goes on behind `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) partition: i32,
    pub(super) first: i64,
    pub(super) start: i64,
    pub(super) end: i64,
}

/// Asks Kafka for the ends of the partitions; blocks.
pub(super) fn ranges(
    consumer: &BaseConsumer<Link>,
    topic: &str,
    partitions: &[i32],
    start: StartAt,
) -> Result<Vec<Range>, KafkaError> {
    partitions
        .iter()
        .map(|&partition| {
            let (first, end) = consumer
                .fetch_watermarks(topic, partition, CONNECT_WAIT)
                .map_err(|source| KafkaError::request("ask for the ends of a topic", source))?;
            let start = match start {
                StartAt::TimestampMs(time) => at_time(consumer, topic, partition, time)?,
                StartAt::Beginning | StartAt::End | StartAt::Last(_) | StartAt::Offset(_) => {
                    place(start, first, end)
                }
            };
            match start {
                None => Ok(Range { partition, first, start: end, end }),
                Some(start) if (first..=end).contains(&start) => {
                    Ok(Range { partition, first, start, end })
                }
                Some(offset) => {
                    let topic = topic.to_owned();
                    Err(KafkaError::OutOfRange { topic, partition, offset, first, end })
                }
            }
        })
        .collect()
}

/// The offset to begin with; `None` for the end, and for a time, which only Kafka knows.
fn place(start: StartAt, first: i64, end: i64) -> Option<i64> {
    match start {
        StartAt::Beginning => Some(first),
        StartAt::Last(records) => {
            let records = i64::try_from(records).unwrap_or(i64::MAX);
            Some(end.saturating_sub(records).max(first))
        }
        StartAt::Offset(offset) => Some(offset),
        StartAt::End | StartAt::TimestampMs(_) => None,
    }
}

/// The first offset at or after a time; `None` when there is none yet.
fn at_time(
    consumer: &BaseConsumer<Link>,
    topic: &str,
    partition: i32,
    time_ms: i64,
) -> Result<Option<i64>, KafkaError> {
    let failed = |source| KafkaError::request("look up a time", source);
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(topic, partition, Offset::Offset(time_ms)).map_err(failed)?;
    let found = consumer.offsets_for_times(wanted, CONNECT_WAIT).map_err(failed)?;
    match found.find_partition(topic, partition).map(|element| element.offset()) {
        Some(Offset::Offset(offset)) => Ok(Some(offset)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_records_stay_within_the_partition() {
        assert_eq!(place(StartAt::Last(10), 5, 100), Some(90));
        assert_eq!(place(StartAt::Last(10), 95, 100), Some(95));
        assert_eq!(place(StartAt::Last(u64::MAX), 5, 100), Some(5));
        assert_eq!(place(StartAt::Last(0), 5, 100), Some(100));
        assert_eq!(place(StartAt::Last(3), 0, 0), Some(0));
    }
}
