//! From chunks that were sent to chunks that are durable.

use super::PageRange;
use super::PageSet;
use super::SnapshotProgress;
use crate::oid::Oid;
use std::collections::VecDeque;

/// Something that has been read to its end, and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// A chunk.
    Chunk {
        /// The captured table.
        table: Oid,
        /// Whose file it was: the table's, or a partition's.
        owner: Oid,
        /// `pg_relation_filenode`.
        file: u32,
        /// Which pages.
        range: PageRange,
    },
    /// All of a table.
    Table(Oid),
}

/// How far a snapshot has come: what was sent, and what of it is durable.
///
/// What was sent and is not durable yet still is on its way when the connection to PostgreSQL is
/// lost, so only a new process reads it again.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    durable: SnapshotProgress,
    /// What was sent, with the number of records that must be delivered first.
    sent: VecDeque<(u64, Read)>,
    /// Changes of `durable`.
    changes: u64,
}

impl Tracker {
    /// Goes on from what an earlier run has stored.
    #[must_use]
    pub fn new(durable: SnapshotProgress) -> Self {
        Self { durable, ..Self::default() }
    }

    /// A transaction begins that may not see the changes of `xmin` and later ones; only the first
    /// one counts.
    pub fn begins_at(&mut self, xmin: u64) {
        if self.durable.xmin == 0 {
            self.durable.xmin = xmin;
        }
    }

    /// Something was sent, once `records` of the run's records are delivered.
    pub fn sent(&mut self, read: Read, records: u64) {
        self.sent.push_back((records, read));
    }

    /// The first `records` records of the run are durable.
    pub fn delivered(&mut self, records: u64) {
        while let Some((needed, read)) = self.sent.front().copied()
            && needed <= records
        {
            self.sent.pop_front();
            self.changes += 1;
            match read {
                Read::Chunk { table, owner, file, range } => {
                    self.durable.chunk_done(table, owner, file, range);
                }
                Read::Table(table) => self.durable.table_done(table),
            }
        }
    }

    /// How often what is durable has changed.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// What is durable.
    #[must_use]
    pub fn durable(&self) -> &SnapshotProgress {
        &self.durable
    }

    /// True when the table was sent completely.
    #[must_use]
    pub fn is_complete(&self, table: Oid) -> bool {
        self.durable.is_complete(table)
            || self.sent.iter().any(|(_, read)| *read == Read::Table(table))
    }

    /// What was sent of a table's file; nothing when the file is another one by now.
    #[must_use]
    pub fn read_of(&self, table: Oid, owner: Oid, file: u32) -> PageSet {
        let mut pages = self.durable.read_of(table, owner, file);
        for (_, read) in &self.sent {
            if let Read::Chunk { table: t, owner: o, file: f, range } = *read
                && (t, o, f) == (table, owner, file)
            {
                pages.insert(range);
            }
        }
        pages
    }

    /// What was read of a table is worth nothing any more.
    pub fn forget(&mut self, table: Oid) {
        self.durable.forget(table);
        self.sent.retain(|(_, read)| match read {
            Read::Chunk { table: of, .. } | Read::Table(of) => *of != table,
        });
        self.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsn::Lsn;

    fn chunk(from: u32, to: u32) -> Read {
        Read::Chunk { table: Oid(1), owner: Oid(1), file: 7, range: PageRange::from((from, to)) }
    }

    #[test]
    fn chunk_counts_when_its_records_are_delivered() {
        let mut tracker = Tracker::new(SnapshotProgress::new(Lsn::new(5), 0));
        tracker.sent(chunk(0, 10), 100);
        tracker.sent(chunk(20, 30), 150);
        tracker.sent(Read::Table(Oid(2)), 150);
        tracker.delivered(99);
        assert_eq!(tracker.changes(), 0);
        assert!(tracker.durable().is_empty());
        let sent = tracker.read_of(Oid(1), Oid(1), 7);
        assert_eq!(sent.ranges(), [PageRange::from((0, 10)), PageRange::from((20, 30))]);
        assert!(tracker.is_complete(Oid(2)) && !tracker.durable().is_complete(Oid(2)));
        tracker.delivered(100);
        assert_eq!(tracker.changes(), 1);
        let durable = tracker.durable().read_of(Oid(1), Oid(1), 7);
        assert_eq!(durable.ranges(), [PageRange::from((0, 10))]);
        tracker.delivered(1000);
        assert!(tracker.durable().is_complete(Oid(2)));
    }

    #[test]
    fn forgotten_table_is_read_from_its_beginning() {
        let mut tracker = Tracker::default();
        tracker.sent(chunk(0, 10), 1);
        tracker.delivered(1);
        tracker.sent(chunk(10, 20), 2);
        tracker.sent(Read::Table(Oid(2)), 2);
        tracker.forget(Oid(1));
        tracker.delivered(2);
        assert!(tracker.read_of(Oid(1), Oid(1), 7).is_empty());
        assert!(tracker.is_complete(Oid(2)));
    }
}
