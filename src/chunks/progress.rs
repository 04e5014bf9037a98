//! How far a snapshot has come, in a form that can be stored.

use super::PageRange;
use super::PageSet;
use crate::lsn::Lsn;
use crate::oid::Oid;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What of one physical file has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProgress {
    /// `pg_relation_filenode`: a rewrite of the table makes another one, in which every row stands
    /// somewhere else.
    pub file: u32,
    /// Pages whose rows are durable downstream.
    pub pages: PageSet,
}

/// The parts of a snapshot that are durable downstream.
///
/// Invariant: a table is in `complete` or in `open`, never in both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotProgress {
    /// Where the stream begins that brings everything that has changed since; what was read is
    /// worth nothing without it.
    pub stream_from: u64,
    /// The oldest transaction whose changes the first snapshot of this run could miss.
    pub xmin: u64,
    /// Tables of which every row is durable.
    pub complete: BTreeSet<u32>,
    /// Tables that have been begun: what has been read of them, by the OID of the file's owner (a
    /// partition, or the table itself).
    pub open: BTreeMap<u32, BTreeMap<u32, FileProgress>>,
}

impl SnapshotProgress {
    /// Nothing has been read; the stream will begin at `stream_from`.
    #[must_use]
    pub fn new(stream_from: Lsn, xmin: u64) -> Self {
        Self { stream_from: stream_from.as_u64(), xmin, ..Self::default() }
    }

    /// True when the slot still has every change since this progress was made.
    #[must_use]
    pub fn holds_for(&self, confirmed: Lsn) -> bool {
        confirmed.as_u64() <= self.stream_from
    }

    /// True when every row of the table is durable.
    #[must_use]
    pub fn is_complete(&self, table: Oid) -> bool {
        self.complete.contains(&table.0)
    }

    /// True when no chunk is durable yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.complete.is_empty() && self.open.is_empty()
    }

    /// What is durable of a table's file; nothing when the file is another one by now.
    #[must_use]
    pub fn read_of(&self, table: Oid, owner: Oid, file: u32) -> PageSet {
        let known = self.open.get(&table.0).and_then(|files| files.get(&owner.0));
        known
            .filter(|known| known.file == file)
            .map(|known| known.pages.clone())
            .unwrap_or_default()
    }

    /// A chunk is durable.
    pub fn chunk_done(&mut self, table: Oid, owner: Oid, file: u32, range: PageRange) {
        let files = self.open.entry(table.0).or_default();
        let known = files.entry(owner.0).or_default();
        if known.file != file {
            *known = FileProgress { file, pages: PageSet::default() };
        }
        known.pages.insert(range);
    }

    /// Every row of a table is durable.
    pub fn table_done(&mut self, table: Oid) {
        self.open.remove(&table.0);
        self.complete.insert(table.0);
    }

    /// What was read of a table is worth nothing any more.
    pub fn forget(&mut self, table: Oid) {
        self.open.remove(&table.0);
        self.complete.remove(&table.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_survives_its_text() {
        let mut progress = SnapshotProgress::new(Lsn::new(77), 740);
        progress.chunk_done(Oid(9), Oid(9), 9, PageRange::from((0, 10)));
        progress.chunk_done(Oid(9), Oid(9), 9, PageRange::from((20, 30)));
        progress.chunk_done(Oid(5), Oid(6), 8, PageRange::ALL);
        progress.table_done(Oid(5));
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"stream_from":77,"xmin":740,"complete":[5],"#,
                r#""open":{"9":{"9":{"file":9,"pages":[[0,10],[20,30]]}}}}"#
            )
        );
        assert_eq!(serde_json::from_str::<SnapshotProgress>(&text).unwrap(), progress);
    }

    #[test]
    fn rewritten_file_is_read_again() {
        let mut progress = SnapshotProgress::new(Lsn::new(1), 0);
        progress.chunk_done(Oid(9), Oid(9), 9, PageRange::from((0, 10)));
        assert!(progress.read_of(Oid(9), Oid(9), 10).is_empty());
        progress.chunk_done(Oid(9), Oid(9), 10, PageRange::from((5, 6)));
        assert_eq!(progress.read_of(Oid(9), Oid(9), 10).ranges(), [PageRange::from((5, 6))]);
    }

    #[test]
    fn slot_that_was_moved_on_makes_progress_worthless() {
        let progress = SnapshotProgress::new(Lsn::new(50), 0);
        assert!(progress.holds_for(Lsn::new(50)));
        assert!(!progress.holds_for(Lsn::new(51)));
    }
}
