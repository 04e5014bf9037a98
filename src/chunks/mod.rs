//! Snapshots in chunks: which parts of a table have been read, which are missing, and how the rows
//! are marked when several readers work at the same time. No socket, no clock.
//!
//! A chunk is a range of a table's physical pages. A row that nobody changes stays where it is, so
//! the chunks of one physical file ([`PageSet`] says which) can be read at different times: what
//! moved meanwhile was changed, and comes by the stream.

#![warn(clippy::indexing_slicing, clippy::string_slice, clippy::wildcard_enum_match_arm)]

mod markers;
mod pages;
mod progress;
mod tracker;

pub use markers::{Marked, Markers};
pub use pages::{PageRange, PageSet};
pub use progress::{FileProgress, SnapshotProgress};
pub use tracker::{Read, Tracker};
