//! What a capture tells whoever started it.

use crate::lsn::Lsn;
use std::time::Duration;

/// Numbers of a running stream, sent about once a second and at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Tables that have streamed or will.
    pub tables: usize,
    /// Records sent since the start.
    pub records: u64,
    /// Changes read since the start, captured or not.
    pub changes: u64,
    /// Bytes of WAL between what the server has and what is confirmed.
    pub lag_bytes: u64,
    /// Time between the last event's commit and its sending; `None` before the first.
    pub lag: Option<Duration>,
    /// The position that is durable downstream.
    pub confirmed: Lsn,
    /// Bytes sent and not yet durable.
    pub bytes_in_flight: usize,
}

/// Something happened that a person may want to see.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// PostgreSQL was reached.
    Connected {
        /// `server_version` as the server prints it.
        version: &'a str,
    },
    /// A standby waits, because another process has the slot.
    StandingBy {
        /// The slot.
        slot: &'a str,
        /// Who has it, in words.
        holder: String,
    },
    /// That process is gone, and this one goes on in its place.
    TakingOver {
        /// The slot.
        slot: &'a str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The slot that is read.
    Slot {
        /// Its name.
        name: &'a str,
        /// True when it was created just now.
        made: bool,
    },
    /// The publication that is read.
    Publication {
        /// Its name.
        name: &'a str,
        /// `found`, `made: 3 tables`, `altered: …`.
        outcome: String,
    },
    /// Something odd that needs a person, but not at once.
    Warning {
        /// One sentence.
        text: String,
        /// The command or SQL that helps.
        hint: Option<String>,
    },
    /// A snapshot begins.
    SnapshotStarted {
        /// How many tables it reads.
        tables: usize,
    },
    /// A table of the snapshot begins.
    SnapshotTable {
        /// `schema.table`.
        name: &'a str,
        /// PostgreSQL's estimate of its rows.
        rows_estimate: Option<u64>,
        /// Physical pages that are to be read.
        pages: u32,
    },
    /// Rows of a table that have been read.
    SnapshotRows {
        /// `schema.table`.
        name: &'a str,
        /// How many so far.
        rows: u64,
        /// Pages of the chunks that were read completely.
        pages: u32,
    },
    /// A table is read completely.
    SnapshotTableDone {
        /// `schema.table`.
        name: &'a str,
        /// How many rows it had.
        rows: u64,
        /// How long it took.
        elapsed: Duration,
    },
    /// Every row of the snapshot is durable.
    SnapshotDone {
        /// Rows of all tables.
        rows: u64,
        /// How long it took.
        elapsed: Duration,
    },
    /// The stream begins.
    Streaming {
        /// Where.
        from: Lsn,
    },
    /// Numbers of the stream.
    Status(Status),
    /// The connection was lost and is being made anew; said once per loss.
    ConnectionLost {
        /// What happened, as one line.
        error: String,
    },
    /// The connection is back.
    Reconnected {
        /// How long it was gone.
        after: Duration,
    },
    /// The stop position was reached, or a signal came: what is in flight is waited for.
    Draining {
        /// Records that are not durable yet.
        records: usize,
    },
}

/// Takes the events of a capture.
pub trait Observer: Send {
    /// Called in the capture loop: must return at once.
    fn event(&mut self, event: Event<'_>);
}

/// An observer that looks away.
impl Observer for () {
    fn event(&mut self, _event: Event<'_>) {}
}
