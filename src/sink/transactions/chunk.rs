//! What the capture loop hands to the transactor: records, and the positions between them.

use super::super::batch::RecordBatch;
use crate::lsn::Lsn;

/// A place between records, and what is stored when everything before it is visible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// How many records of the chunk stand before it.
    pub(super) records: usize,
    /// The position as it is stored; `None` when none is known yet.
    pub(super) offset: Option<Vec<u8>>,
    /// How far `offset` says that the source was delivered; 0 is nowhere.
    pub(super) reached: Lsn,
    /// No source transaction is open here.
    pub(super) is_boundary: bool,
    /// The number under which its storing is reported, when somebody waits for that.
    pub(super) sequence: Option<u64>,
}

/// Records in a row.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) batch: RecordBatch,
    /// The last end of a source transaction within, and the end.
    pub(super) marks: Vec<Mark>,
    /// They belong to a snapshot, which becomes visible as a whole.
    pub(super) is_held: bool,
}

/// What the transactor is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Send these.
    Send(Chunk),
    /// Commit what is there, and do not wait for more.
    Commit,
    /// Throw away what was sent of a snapshot, and report `last`.
    Abandon {
        /// The last record of it, if there was any.
        last: Option<u64>,
    },
}
