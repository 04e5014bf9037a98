//! The embedded log: Kafka's record batches in plain files, durable before anybody is told.
//!
//! ```text
//! .minicdc/log/
//!   lock                                    pid of the one writer; locked while it lives
//!   dbserver1.public.orders-0/              topic and partition, as Kafka names them
//!     00000000000000000000.log              record batches (v2) from this offset on
//!     00000000000000000000.index            offset -> position, sparse; hints, never trusted
//!     00000000000000104711.log              rolled at `segment_bytes_max`
//!     recovery-point                        how far the topic is durable
//! ```
//!
//! Two invariants carry everything else:
//!
//! 1. The recovery point is written after the `fdatasync` of what it covers. So bytes in front of
//!    it never change, and readers, who stop there, never see a torn or a revocable record.
//! 2. What stands behind the recovery point when a writer opens the log was confirmed to nobody:
//!    its whole batches are kept, the rest is cut off. Damage in front of it was confirmed: it is
//!    never cut, it is an error that names the place.
//!
//! One process writes ([`LogWriter`]), any number read beside it ([`LogReader`]). Anything else in
//! the directory is left alone.

mod batch;
mod error;
mod index;
mod lock;
mod merge;
mod pace;
mod queue;
mod reader;
mod recovery;
mod recovery_point;
mod seek;
mod segment;
mod topic_log;
mod topic_name;
mod topic_reader;
mod writer;

pub use batch::{Defect, decode_batches};
pub use error::LogError;
pub use merge::MergedReader;
pub use pace::Pace;
pub use reader::{LogReader, TopicInfo};
pub use topic_reader::{StartAt, TopicReader};
pub use writer::LogWriter;

/// Sizes and times of a [`LogWriter`]; the defaults suit a laptop and a server alike.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// A segment file is closed, and the next one begun, before it grows beyond this.
    pub segment_bytes_max: u64,
    /// Bytes between two entries of the offset index.
    pub index_interval_bytes: u64,
    /// Queued records are handed to the writer thread when they weigh this much.
    pub batch_bytes_max: usize,
    /// … or when the oldest of them has waited this long and another one comes.
    pub linger_ms: i64,
    /// Bytes between `append` and the disk; `append` waits when there are more.
    pub queue_bytes_max: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 * 1024 * 1024,
            index_interval_bytes: 64 * 1024,
            batch_bytes_max: 512 * 1024,
            linger_ms: 5,
            queue_bytes_max: 32 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests;
