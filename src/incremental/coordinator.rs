//! What is read next, and when what was read is sent.
//!
//! States of one read: *asked for* ([`Coordinator::next_read`]), *arrived* and waiting for its
//! watermark ([`Coordinator::arrived`]), *sent* ([`Coordinator::next`]). Reads arrive in the order
//! in which they were asked for, one at a time; several may wait. A stop throws away what is not
//! sent, and reading goes on from what is.

use super::key::Key;
use super::queue::{Collection, Position, Queue, TableEnd};
use super::touched::Touched;
use super::visibility::Visibility;
use crate::lsn::Lsn;
use crate::oid::Oid;
use std::collections::VecDeque;

/// Where in the stream a chunk may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watermark {
    /// Behind everything that was committed before this position.
    Lsn(Lsn),
    /// At the row of the signal table that closes the window of this id.
    Row(String),
}

/// What to read: the first table that has rows behind the position, of those that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// Names the read.
    pub reader: u64,
    /// Tables in their order.
    pub collections: Vec<Collection>,
    /// How far the first one was read.
    pub position: Position,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<T, R> {
    /// What the sender has to know of the table.
    pub table: T,
    /// Its `pg_class.oid`.
    pub oid: Oid,
    /// Key (as [`row_key`](super::row_key) makes it) and row, in key order. Rows without a key
    /// are always sent.
    pub rows: Vec<(Option<Box<[u8]>>, R)>,
    /// Key of the last row.
    pub last: Key,
    /// The table's greatest key.
    pub maximum: Key,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read<T, R> {
    /// How the tables before the chunk ended.
    pub ended: Vec<TableEnd>,
    /// The chunk; without one, all tables have ended.
    pub chunk: Option<Chunk<T, R>>,
    /// What it saw of the database; nothing for a table whose rows have no key.
    pub seen: Option<Visibility>,
    /// Where it may be sent.
    pub watermark: Watermark,
}

/// What became of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// It waits for its watermark.
    Waits,
    /// It does not see a transaction that was sent already, and has to be done again.
    Again,
    /// Nobody waits for it any more.
    Stale,
}

/// What happens next, in the order of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emission<T, R> {
    /// The first table has ended.
    TableEnded {
        /// The table.
        collection: Collection,
        /// Rows that were read.
        rows: u64,
        /// How it ended.
        end: TableEnd,
        /// Names of the tables that waited, this one first.
        names: Vec<String>,
    },
    /// All tables have ended.
    Completed {
        /// Id of the last signal.
        correlation: String,
    },
    /// A chunk was read and waits for its watermark.
    ChunkRead {
        /// Key of its last row.
        last: Key,
        /// The table's greatest key.
        maximum: Key,
    },
    /// Rows to send now.
    Rows {
        /// What the sender has to know of the table.
        table: T,
        /// The rows that the stream has not touched.
        rows: Vec<R>,
    },
}

#[derive(Debug)]
struct Waiting<T, R> {
    reader: u64,
    ended: VecDeque<TableEnd>,
    /// False once it was told that the chunk is there.
    is_new: bool,
    chunk: Option<Chunk<T, R>>,
    watermark: Watermark,
}

/// See the module's description.
#[derive(Debug)]
pub struct Coordinator<T, R> {
    queue: Queue,
    /// Tables of the queue that are read completely, though not sent.
    read_tables: usize,
    /// How far the table behind those was read.
    read: Position,
    reading: Option<u64>,
    waiting: VecDeque<Waiting<T, R>>,
    /// How many reads may wait.
    waiting_max: usize,
    /// Id of the signal whose table ended last.
    correlation: String,
}

impl<T, R> Coordinator<T, R> {
    /// Goes on with what an earlier run has left; `waiting_max` chunks at most are kept.
    #[must_use]
    pub fn new(queue: Queue, waiting_max: usize) -> Self {
        let read = queue.position.clone();
        Self {
            queue,
            read_tables: 0,
            read,
            reading: None,
            waiting: VecDeque::new(),
            waiting_max,
            correlation: String::new(),
        }
    }

    /// What is not sent yet.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// True while there is something to read or to send.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.queue.collections.is_empty()
    }

    /// Adds tables.
    pub fn execute(&mut self, collections: Vec<Collection>) {
        self.queue.add(collections);
    }

    /// Takes tables out; their names.
    pub fn stop(&mut self, touched: &mut Touched, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let first = self.queue.collections.front().cloned();
        let mut removed = Vec::new();
        self.queue.collections.retain(|collection| {
            let stays = !is_meant(&collection.table);
            if !stays {
                removed.push(collection.table.clone());
            }
            stays
        });
        if removed.is_empty() {
            return removed;
        }
        if self.queue.collections.front() != first.as_ref() {
            self.queue.position = Position::default();
        }
        if self.queue.collections.is_empty() {
            self.queue.paused = false;
        }
        self.start_over(touched);
        removed
    }

    /// Throws away what was read and not sent.
    pub fn start_over(&mut self, touched: &mut Touched) {
        let readers = self.waiting.drain(..).map(|waiting| waiting.reader);
        readers.chain(self.reading.take()).for_each(|reader| touched.end(reader));
        self.read_tables = 0;
        self.read = self.queue.position.clone();
    }

    /// Reads nothing more for now; false when that is so already, or nothing is running.
    pub fn pause(&mut self) -> bool {
        self.is_running() && !std::mem::replace(&mut self.queue.paused, true)
    }

    /// Goes on; false when nothing was paused.
    pub fn resume(&mut self) -> bool {
        std::mem::take(&mut self.queue.paused)
    }

    /// The next read, when there is something to read, nothing is being read and not too much
    /// waits. Changes are noted from here on.
    pub fn next_read(&mut self, touched: &mut Touched) -> Option<ReadRequest> {
        let is_free = self.reading.is_none() && self.waiting.len() < self.waiting_max;
        if !is_free || self.queue.paused {
            return None;
        }
        let collections: Vec<Collection> =
            self.queue.collections.iter().skip(self.read_tables).cloned().collect();
        if collections.is_empty() {
            return None;
        }
        let reader = touched.begin();
        self.reading = Some(reader);
        Some(ReadRequest { reader, collections, position: self.read.clone() })
    }

    /// A read failed; the next one begins at the same place.
    pub fn failed(&mut self, reader: u64, touched: &mut Touched) {
        self.reading.take_if(|reading| *reading == reader);
        touched.end(reader);
    }

    /// A read came to its end.
    pub fn arrived(&mut self, reader: u64, read: Read<T, R>, touched: &mut Touched) -> Arrived {
        if self.reading != Some(reader) {
            touched.end(reader);
            return Arrived::Stale;
        }
        self.reading = None;
        if read.seen.as_ref().is_some_and(|seen| touched.hides_from(seen, reader)) {
            touched.end(reader);
            return Arrived::Again;
        }
        let Read { ended, chunk, watermark, .. } = read;
        if !ended.is_empty() {
            self.read_tables += ended.len();
            self.read = Position::default();
        }
        match &chunk {
            Some(chunk) => {
                self.read.last = Some(chunk.last.clone());
                self.read.maximum = Some(chunk.maximum.clone());
            }
            None => touched.end(reader),
        }
        let ended = ended.into();
        self.waiting.push_back(Waiting { reader, ended, is_new: true, chunk, watermark });
        Arrived::Waits
    }

    /// What happens next; `None` until something more arrives or the stream has passed the next
    /// watermark.
    pub fn next(
        &mut self,
        touched: &mut Touched,
        has_passed: impl Fn(&Watermark) -> bool,
    ) -> Option<Emission<T, R>> {
        let waiting = self.waiting.front_mut()?;
        if let Some(end) = waiting.ended.pop_front() {
            let names = self.queue.names().into_iter().map(str::to_owned).collect();
            let rows = self.queue.position.rows;
            let collection = self.queue.shift()?;
            self.correlation.clone_from(&collection.correlation);
            self.read_tables = self.read_tables.saturating_sub(1);
            return Some(Emission::TableEnded { collection, rows, end, names });
        }
        let is_new = std::mem::take(&mut waiting.is_new);
        let Some(chunk) = &waiting.chunk else {
            self.waiting.pop_front();
            if self.is_running() {
                // More tables have come meanwhile.
                return self.next(touched, has_passed);
            }
            return Some(Emission::Completed { correlation: self.correlation.clone() });
        };
        if is_new {
            let (last, maximum) = (chunk.last.clone(), chunk.maximum.clone());
            return Some(Emission::ChunkRead { last, maximum });
        }
        if !has_passed(&waiting.watermark) {
            return None;
        }
        let Waiting { reader, chunk, .. } = self.waiting.pop_front()?;
        let Chunk { table, oid, rows, last, maximum } = chunk?;
        let position = &mut self.queue.position;
        position.rows += rows.len() as u64;
        (position.last, position.maximum) = (Some(last), Some(maximum));
        let is_untouched = |key: &Option<Box<[u8]>>| {
            !key.as_ref().is_some_and(|key| touched.has(oid, key, reader))
        };
        let rows =
            rows.into_iter().filter(|(key, _)| is_untouched(key)).map(|(_, row)| row).collect();
        touched.end(reader);
        Some(Emission::Rows { table, rows })
    }

    /// True when the next chunk waits for the row that closes the window of this id.
    #[must_use]
    pub fn awaits_row(&self, id: &str) -> bool {
        let is_row = |mark: &Watermark| matches!(mark, Watermark::Row(row) if row == id);
        self.waiting.iter().any(|waiting| is_row(&waiting.watermark))
    }

    /// True when chunks wait for the stream to come to their watermark.
    #[must_use]
    pub fn awaits_stream(&self) -> bool {
        self.waiting.front().is_some_and(|waiting| waiting.chunk.is_some())
    }
}
