//! When a Kafka transaction ends: no clock, no Kafka.
//!
//! A transaction costs a few milliseconds and some requests, so many source transactions share one
//! while there is much to do, and few when there is little. It ends between two source transactions,
//! unless one is larger than may be in flight: then inside of it, and the stored position says where.

use crate::config::SinkConfig;
use std::time::Duration;

/// How long a transaction of few records lasts.
const LINGER: Duration = Duration::from_millis(5);
/// How long one of many records lasts, so that their number decides.
const BUSY_LINGER: Duration = Duration::from_millis(50);
/// From how many records on a transaction has many.
const BUSY_RECORDS: usize = 500;

/// What a Kafka transaction holds so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) records: usize,
    pub(super) bytes: usize,
    /// The last record ends a source transaction, or stands between two.
    pub(super) is_at_boundary: bool,
}

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grouping {
    records_max: usize,
    bytes_max: usize,
    interval: Option<Duration>,
    /// How long a transaction may last in any case.
    age_max: Duration,
}

impl Grouping {
    /// Half of what may be in flight for one transaction, so that the next one is gathered while
    /// it is committed; at most half of `timeout`, after which Kafka would end it.
    pub(super) fn new(config: &SinkConfig, timeout: Duration) -> Self {
        let interval = config.transactions.as_ref().and_then(|settings| settings.interval_ms);
        Self {
            records_max: (config.in_flight_records_max / 2).max(1),
            bytes_max: (config.in_flight_bytes_max / 2).max(1),
            interval: interval.map(Duration::from_millis),
            age_max: timeout / 2,
        }
    }

    /// Whether the transaction ends now, with more records at hand or not.
    pub(super) fn ends(&self, content: Content, age: Duration, starving: bool) -> bool {
        let Content { records, bytes, is_at_boundary } = content;
        if records >= self.records_max || bytes >= self.bytes_max || age >= self.age_max {
            return true;
        }
        if !is_at_boundary {
            return false;
        }
        let is_large = records >= self.records_max / 2 || bytes >= self.bytes_max / 2;
        is_large || (age >= self.linger(records) && (starving || self.interval.is_some()))
    }

    /// How long a transaction may last in any case.
    pub(super) fn age_max(&self) -> Duration {
        self.age_max
    }

    /// At which age to look again when nothing comes.
    pub(super) fn looks_again_at(&self, content: Content) -> Duration {
        let age = if content.is_at_boundary { self.linger(content.records) } else { self.age_max };
        age.min(self.age_max)
    }

    fn linger(&self, records: usize) -> Duration {
        let by_load = if records < BUSY_RECORDS { LINGER } else { BUSY_LINGER };
        self.interval.unwrap_or(by_load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TransactionConfig;

    fn grouping(interval_ms: Option<u64>) -> Grouping {
        let transactions = Some(TransactionConfig { id: "t".to_owned(), interval_ms });
        let config = SinkConfig {
            in_flight_records_max: 4_000,
            in_flight_bytes_max: 4_000_000,
            transactions,
            ..SinkConfig::default()
        };
        Grouping::new(&config, Duration::from_secs(60))
    }

    fn content(records: usize, is_at_boundary: bool) -> Content {
        Content { records, bytes: records * 10, is_at_boundary }
    }

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn few_records_wait_a_moment_and_only_for_the_end_of_their_source_transaction() {
        let grouping = grouping(None);
        assert!(!grouping.ends(content(1, true), AT_ONCE, true));
        assert!(grouping.ends(content(1, true), LINGER, true));
        assert!(!grouping.ends(content(1, true), LINGER, false), "more is at hand");
        assert!(!grouping.ends(content(1, false), BUSY_LINGER, true));
        assert_eq!(grouping.looks_again_at(content(1, true)), LINGER);
        assert_eq!(grouping.looks_again_at(content(700, true)), BUSY_LINGER);
        assert_eq!(grouping.looks_again_at(content(1, false)), Duration::from_secs(30));
    }

    #[test]
    fn many_records_end_at_the_next_boundary_and_too_many_anywhere() {
        let grouping = grouping(None);
        assert!(!grouping.ends(content(999, true), AT_ONCE, false));
        assert!(grouping.ends(content(1_000, true), AT_ONCE, false));
        assert!(!grouping.ends(content(1_999, false), AT_ONCE, false));
        assert!(grouping.ends(content(2_000, false), AT_ONCE, false));
        let heavy = Content { records: 1, bytes: 2_000_000, is_at_boundary: false };
        assert!(grouping.ends(heavy, AT_ONCE, false));
    }

    #[test]
    fn age_ends_it_before_kafka_does() {
        let (grouping, half) = (grouping(None), Duration::from_secs(30));
        assert!(grouping.ends(content(1, false), half, false));
        assert_eq!(grouping.age_max(), half);
    }

    #[test]
    fn interval_takes_the_place_of_the_load() {
        let grouping = grouping(Some(1_000));
        assert!(!grouping.ends(content(600, true), Duration::from_millis(999), true));
        assert!(grouping.ends(content(600, true), Duration::from_secs(1), false));
        assert!(grouping.ends(content(1_000, true), AT_ONCE, false), "but memory is bounded");
        assert_eq!(grouping.looks_again_at(content(1, true)), Duration::from_secs(1));
    }
}
