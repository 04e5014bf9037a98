//! The last changes before the feed begins to follow.
//!
//! Records come in the order of their partition, but partitions come as they like. Each partition
//! keeps its last `shown_max` records that will be shown, together with those between them that
//! will not; when all is read, the partitions are merged by time and the last `shown_max` of all
//! are shown. What falls out at the front is only noted.

use crate::record::StoredRecord;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A record, and whether it makes something to look at.
#[derive(Debug)]
struct Kept {
    record: StoredRecord,
    shown: bool,
}

#[derive(Debug, Default)]
struct Partition {
    kept: VecDeque<Kept>,
    shown: usize,
}

impl Partition {
    /// Takes the oldest record out.
    fn pop(&mut self) -> Option<Kept> {
        let first = self.kept.pop_front()?;
        self.shown -= usize::from(first.shown);
        Some(first)
    }
}

/// Collects records and gives the last of them back.
#[derive(Debug)]
pub(super) struct Backlog {
    shown_max: usize,
    partitions: BTreeMap<(Arc<str>, i32), Partition>,
}

impl Backlog {
    pub(super) const fn new(shown_max: usize) -> Self {
        Self { shown_max, partitions: BTreeMap::new() }
    }

    /// Adds a record; what falls out in front of the last `shown_max` is handed to `note`.
    pub(super) fn push(
        &mut self,
        record: StoredRecord,
        shown: bool,
        mut note: impl FnMut(&StoredRecord),
    ) {
        let id = (Arc::clone(&record.topic), record.partition);
        let partition = self.partitions.entry(id).or_default();
        partition.kept.push_back(Kept { record, shown });
        partition.shown += usize::from(shown);
        while partition.shown > self.shown_max {
            if let Some(oldest) = partition.pop() {
                note(&oldest.record);
            }
        }
        // Nothing in front of the first record that is shown needs to wait.
        while self.shown_max == 0 || partition.kept.front().is_some_and(|kept| !kept.shown) {
            let Some(oldest) = partition.pop() else { break };
            note(&oldest.record);
        }
    }

    /// Gives back the last `shown_max` that are shown, oldest first, with what lies between them;
    /// what comes before them is handed to `note`.
    pub(super) fn finish(mut self, mut note: impl FnMut(&StoredRecord)) -> Vec<StoredRecord> {
        let shown: usize = self.partitions.values().map(|partition| partition.shown).sum();
        let mut to_skip = shown.saturating_sub(self.shown_max);
        let mut last = Vec::new();
        while let Some(kept) = self.pop_oldest() {
            if to_skip > 0 {
                to_skip -= usize::from(kept.shown);
                note(&kept.record);
            } else {
                last.push(kept.record);
            }
        }
        last
    }

    fn pop_oldest(&mut self) -> Option<Kept> {
        let time = |partition: &Partition| partition.kept.front().map(|k| k.record.timestamp_ms);
        let with_records = self.partitions.values_mut().filter(|p| !p.kept.is_empty());
        with_records.min_by_key(|partition| time(partition))?.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, timestamp_ms: i64) -> StoredRecord {
        StoredRecord {
            topic: topic.into(),
            partition: 0,
            offset: 0,
            timestamp_ms,
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    /// Topics and times of what is noted and what is shown.
    fn run(max: usize, records: &[(&str, i64, bool)]) -> (Vec<i64>, Vec<i64>) {
        let mut noted = Vec::new();
        let mut backlog = Backlog::new(max);
        for (topic, time, is_shown) in records {
            backlog.push(record(topic, *time), *is_shown, |r| noted.push(r.timestamp_ms));
        }
        let shown = backlog.finish(|r| noted.push(r.timestamp_ms));
        (noted, shown.iter().map(|r| r.timestamp_ms).collect())
    }

    #[test]
    fn last_records_of_all_partitions_come_in_the_order_of_time() {
        let records =
            [("a", 1, true), ("a", 4, true), ("a", 6, true), ("b", 2, true), ("b", 5, true)];
        assert_eq!(run(3, &records), (vec![1, 2], vec![4, 5, 6]));
        assert_eq!(run(9, &records), (vec![], vec![1, 2, 4, 5, 6]));
        assert_eq!(run(0, &records), (vec![1, 4, 6, 2, 5], vec![]));
    }

    #[test]
    fn records_that_are_not_shown_do_not_count_but_stay_in_their_place() {
        let records = [("a", 1, true), ("a", 2, false), ("a", 3, true), ("a", 4, false)];
        assert_eq!(run(1, &records), (vec![1, 2], vec![3, 4]));
    }

    #[test]
    fn a_partition_stays_in_its_order_when_its_times_do_not() {
        let records = [("a", 9, true), ("a", 1, true), ("b", 5, true)];
        assert_eq!(run(9, &records).1, [5, 9, 1]);
    }
}
