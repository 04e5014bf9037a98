//! Incremental snapshots: tables are read in chunks by key while the stream goes on, and what the
//! stream changes meanwhile is left out of the chunk. No socket, no clock, no log.
//!
//! A chunk is right at its place in the stream, for this reason. Before it is read, the engine
//! begins to note the keys of every change that it sends ([`Touched`]). The chunk is read under one
//! snapshot of the database, and sent once the stream has come to a *watermark* behind it: so every
//! transaction that the chunk has seen has been sent, and a row whose key was not touched has not
//! changed since the stream was where the note-taking began. A row that was touched is dropped: the
//! stream has sent what is at least as new. What remains is the transaction that was sent before
//! the note-taking began and that the snapshot does not see, since a commit is in the WAL before
//! others see it: [`Touched::hides_from`] finds it, and the chunk is read again.
//!
//! The watermark is a row in the signal table, as Debezium does it, or without write access an LSN.
//!
//! [`Coordinator`] decides what is read next, what is sent when, and how far the whole came.

mod coordinator;
mod java;
mod key;
mod members;
mod queue;
mod touched;
mod visibility;

pub use coordinator::{Arrived, Chunk, Coordinator, Emission, Read, ReadRequest, Watermark};
pub use key::{Key, KeyValue};
pub use members::MembersError;
pub use queue::{Collection, Position, Queue, TableEnd};
pub use touched::{Touched, row_key};
pub use visibility::{Visibility, VisibilityError};

#[cfg(test)]
mod tests;
