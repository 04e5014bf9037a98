//! What a load did, and how it says so while it runs.

use std::time::Duration;

/// What a whole load did; everything in it is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// One entry per file, in the order they were loaded.
    pub tables: Vec<TableReport>,
    /// What was made on the way, in order.
    pub made: Vec<Made>,
    /// What the user should know although nothing failed.
    pub notes: Vec<Note>,
}

/// One file that is now in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Table name, without schema.
    pub table: String,
    /// Rows in the file.
    pub rows: u64,
    /// Under `upsert` into a table with rows: how many were new or changed the row that was there.
    pub changed: Option<u64>,
    /// Under `replace`: rows that were deleted first.
    pub deleted: Option<u64>,
    /// Columns loaded.
    pub columns: usize,
    /// Time it took, checks of types included.
    pub elapsed: Duration,
}

/// Something that was not there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// A schema.
    Schema(String),
    /// A migration was run.
    Migration(String),
    /// A table, from a file's header and cells.
    Table {
        /// `schema.table`.
        table: String,
        /// Name and type of each column.
        columns: Vec<(String, String)>,
        /// The primary key's column.
        key: Option<String>,
    },
}

/// Something worth a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A directory entry that is no `*.csv` file.
    Ignored {
        /// Its name.
        name: String,
    },
    /// A loaded table has no key, and no other identity for UPDATE and DELETE.
    NoIdentity {
        /// `schema.table`.
        table: String,
        /// Why it got no primary key, when it was made by this load.
        reason: Option<String>,
    },
    /// A column of the file that PostgreSQL computes itself.
    Generated {
        /// `schema.table`.
        table: String,
        /// The column.
        column: String,
    },
    /// A sequence stays behind the ids that were loaded.
    SequenceBehind {
        /// `schema.sequence`.
        sequence: String,
        /// `schema.table`.
        table: String,
    },
    /// `--text` met a table that is there already.
    TypesStay {
        /// `schema.table`.
        table: String,
    },
}

/// What happens to a file, for progress bars. Sizes are bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadEvent<'a> {
    /// The file will be loaded; said for every file before the first one begins.
    Planned {
        /// Table it becomes.
        table: &'a str,
        /// Its size.
        bytes: u64,
    },
    /// A pass over the file has come this far: first perhaps one that finds types, then the copy.
    Progress {
        /// Table it becomes.
        table: &'a str,
        /// Bytes read so far.
        bytes: u64,
        /// Rows read so far.
        rows: u64,
        /// What the pass does.
        pass: Pass,
    },
    /// The file is in its table (and will be visible when all are).
    Loaded {
        /// Table it became.
        table: &'a str,
        /// Its rows.
        rows: u64,
    },
}

/// What a pass over a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Finding column types.
    Types,
    /// Sending rows.
    Copy,
}

/// Is told what a load does.
pub trait LoadObserver: Send {
    /// Something happened; must return soon.
    fn on(&mut self, event: LoadEvent<'_>);
}

/// Watches nothing.
impl LoadObserver for () {
    fn on(&mut self, _event: LoadEvent<'_>) {}
}
