//! From records to changes of rows: Debezium's envelopes with and without schemas, unwrapped rows,
//! tombstones.
//!
//! ```text
//! record ─► Reader (schema split off, wanted columns decoded) ─► Event ─► TableState ─► deltas
//! ```

mod encoding;
mod json;
mod reader;
mod schema;
mod state;

pub use reader::{Event, InputError, PartialRow, Reader};
pub use schema::{Column, Columns, Discovery};
pub use state::TableState;

/// The parts of a record that count here.
#[derive(Debug, Clone, Copy)]
pub struct InputRecord<'a> {
    /// Key bytes, or Kafka's null.
    pub key: Option<&'a [u8]>,
    /// Value bytes; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}
