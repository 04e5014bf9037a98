//! Which tables wait for their snapshot, and how far the first one is.

use super::key::Key;
use std::collections::VecDeque;

/// A table to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// `schema.table`.
    pub table: String,
    /// A condition on the rows that are read.
    pub condition: Option<String>,
    /// A column to go by instead of the key.
    pub surrogate: Option<String>,
    /// Id of the signal that asked for it.
    pub correlation: String,
}

/// How far a table was read, or sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// Key of the last row; none before the first chunk.
    pub last: Option<Key>,
    /// The table's greatest key when its snapshot began; later rows come through the stream.
    pub maximum: Option<Key>,
    /// Rows so far.
    pub rows: u64,
}

/// How a table's snapshot ended, in Debezium's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Debezium's")]
pub enum TableEnd {
    Succeeded,
    Empty,
    NoPrimaryKey,
    Skipped,
    SqlException,
    UnknownSchema,
}

impl TableEnd {
    /// As notifications write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Empty => "EMPTY",
            Self::NoPrimaryKey => "NO_PRIMARY_KEY",
            Self::Skipped => "SKIPPED",
            Self::SqlException => "SQL_EXCEPTION",
            Self::UnknownSchema => "UNKNOWN_SCHEMA",
        }
    }
}

/// The tables that are not sent completely, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// The first one is being read.
    pub collections: VecDeque<Collection>,
    /// How far the first one was sent.
    pub position: Position,
    /// True while nothing more is to be read.
    pub paused: bool,
}

impl Queue {
    /// Adds tables at the end. One that the same signal has added before stays where it is: a
    /// signal comes again when the stream begins anew before it.
    pub(super) fn add(&mut self, collections: Vec<Collection>) {
        for collection in collections {
            if !self.collections.contains(&collection) {
                self.collections.push_back(collection);
            }
        }
    }

    /// The first table is done.
    pub(super) fn shift(&mut self) -> Option<Collection> {
        self.position = Position::default();
        let first = self.collections.pop_front();
        if self.collections.is_empty() {
            self.paused = false;
        }
        first
    }

    /// Names of all tables, as notifications list them.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.collections.iter().map(|collection| collection.table.as_str()).collect()
    }
}
