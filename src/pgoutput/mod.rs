//! The bytes of logical replication with the `pgoutput` plugin, protocol versions 1 to 4.
//!
//! [`Frame`] is the outer layer (what CopyData carries), [`Message`] the inner one. Both borrow
//! from the buffer they were read from; nothing is copied.
//!
//! Source: PostgreSQL manual, "Streaming Replication Protocol" and "Logical Replication Message
//! Formats".
#![warn(clippy::indexing_slicing, clippy::string_slice, clippy::wildcard_enum_match_arm)]

mod cursor;
mod decode;
mod error;
mod frame;
mod message;
mod protocol;
mod tuple;

pub use decode::decode;
pub use error::DecodeError;
pub use frame::{Frame, STATUS_UPDATE_LEN, status_update};
pub use message::{
    Begin, BeginPrepare, Commit, Delete, Insert, LogicalMessage, Message, OldTuple, Origin,
    PrepareEnd, Relation, RelationColumn, RollbackPrepared, StreamAbort, StreamCommit, StreamStart,
    Tag, Truncate, TypeMessage, Update,
};
pub use protocol::Protocol;
pub use tuple::{Cell, Tuple};
