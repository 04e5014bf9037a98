//! The state machine between the replication stream and the sink: frames and deliveries in,
//! records and the safe LSN out. No socket, no clock, no log.
//!
//! States:
//!
//! - *between transactions*: BEGIN opens one; a keepalive marks its position as complete.
//! - *in a transaction*: changes become records as they are read; COMMIT marks its end as complete
//!   once all of them are delivered.
//! - *waiting for the catalogue*: [`Step::NeedsTable`] asks for what a RELATION message does not
//!   say (nullability, defaults, keys); the caller answers with [`Engine::define`] before the next
//!   frame.
//! - *in a block* of a transaction whose end is not known: its messages are kept aside.
//! - *replaying*: the end of such a transaction has come; [`Engine::replay`] is to be called until
//!   [`Engine::is_replaying`] is false, before the next frame.
//!
//! Invariants: a position is confirmed only when every record before it was delivered, and never
//! one behind a PREPARE whose changes only we hold; records of one transaction leave in the order
//! of its changes, and the same whether it was streamed before its end or not; after
//! [`Engine::reconnected`] or [`Engine::resume`] in the middle of a transaction, changes of it that
//! were already sent are not sent again.

use crate::envelope::ConversionWarning;
use crate::envelope::EnvelopeOptions;
use crate::envelope::HeartbeatEncoder;
use crate::envelope::TableEncoder;
use crate::envelope::transaction_topic;
use crate::lsn::Lsn;
use crate::oid::Oid;
use crate::pgoutput;
use crate::pgoutput::Frame;
use crate::pgoutput::Protocol;
use crate::progress::Progress;
use crate::record::Record;
use crate::relation::Table;
use crate::value::ValueOptions;
use std::sync::Arc;

mod blocks;
mod buffers;
mod catalog_request;
mod error;
mod heartbeat;
mod live;
mod logical_message;
mod messages;
mod output;
mod position;
mod relations;
mod replay;
mod snapshot;
mod spool;
mod transaction;
mod xid_set;

pub use catalog_request::{RelationRequest, RequestedColumn};
pub use error::EngineError;
pub use live::SignalRow;
pub use position::{Position, Processed};
pub use snapshot::{RowBatch, RowEncoder, SnapshotRow};
pub use spool::{MemorySpool, Spool, SpoolError};

use blocks::Block;
use buffers::Buffers;
use live::Live;
use logical_message::Messages;
use output::{Emit, Output};
use position::Interrupted;
use relations::Relations;
use replay::Replay;
use transaction::Transaction;

/// What transactions without an end may take in memory when nothing else is said: 64 MiB.
pub const BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What the caller has to do after a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on with the next frame.
    Done,
    /// The server wants a status update now.
    Reply,
    /// Look the table up and call [`Engine::define`].
    NeedsTable(RelationRequest),
    /// Make the topic, call [`Engine::topic_made`], and give the same frame again.
    NeedsTopic(Arc<str>),
    /// A row of the signal table was inserted or deleted; its record was sent like any other.
    Signal(SignalRow),
}

/// How often things happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records sent.
    pub records: u64,
    /// Changes read from the stream, whether captured or not.
    pub changes: u64,
    /// Transactions that ended.
    pub transactions: u64,
}

/// See the module's description.
#[derive(Debug)]
pub struct Engine {
    options: EnvelopeOptions,
    values: ValueOptions,
    protocol: Protocol,
    relations: Relations,
    messages: Messages,
    live: Live,
    transaction: Option<Transaction>,
    /// The transaction that was cut off, by a lost connection or the end of an earlier run, until it
    /// comes again.
    interrupted: Option<Interrupted>,
    /// The last logical message that was sent outside of transactions.
    last_message: Option<Lsn>,
    /// The block of an unfinished transaction that is being read.
    block: Option<Block>,
    buffers: Buffers,
    replay: Option<Box<Replay>>,
    last_commit_lsn: Option<Lsn>,
    last_commit_time_us: Option<i64>,
    last_xid: Option<u32>,
    /// Clock of the source block that was made last, Unix microseconds.
    clock_us: Option<i64>,
    xmin: Option<u64>,
    heartbeat: HeartbeatEncoder,
    /// Keepalives between transactions move the safe position.
    idle_progress: bool,
    server_end: Lsn,
    lag_us: Option<i64>,
    transaction_topic: Arc<str>,
    out: Output,
    counters: Counters,
}

impl Engine {
    /// An engine that has sent nothing and knows no position.
    ///
    /// `run_id` is the value of the header `__debezium.context.runId`.
    #[must_use]
    pub fn new(options: EnvelopeOptions, values: ValueOptions, run_id: &str) -> Self {
        Self {
            transaction_topic: transaction_topic(&options),
            messages: Messages::new(&options, &values),
            out: Output::new(&options, run_id),
            heartbeat: HeartbeatEncoder::new(&options),
            options,
            values,
            live: Live::default(),
            protocol: Protocol::V1,
            relations: Relations::default(),
            transaction: None,
            block: None,
            buffers: Buffers::new(Box::new(MemorySpool::default()), BUFFER_BYTES_MAX),
            replay: None,
            interrupted: None,
            last_message: None,
            last_commit_lsn: None,
            last_commit_time_us: None,
            last_xid: None,
            clock_us: None,
            xmin: None,
            idle_progress: true,
            server_end: Lsn::INVALID,
            lag_us: None,
            counters: Counters::default(),
        }
    }

    /// Whether keepalives move the safe position when nothing is captured; otherwise only the ends
    /// of transactions do.
    pub fn set_idle_progress(&mut self, moves: bool) {
        self.idle_progress = moves;
    }

    /// True when everything before `lsn` was read and is durable, though no transaction ended there.
    #[must_use]
    pub fn has_passed(&self, lsn: Lsn) -> bool {
        self.out.progress.safe_lsn() >= lsn
            || self.server_end >= lsn
                && self.transaction.is_none()
                && self.interrupted.is_none()
                && self.out.progress.is_idle()
    }

    /// Keeps up to `memory_max` bytes of unfinished transactions in memory, and the rest in
    /// `spool`.
    pub fn buffer_in(&mut self, spool: Box<dyn Spool>, memory_max: usize) {
        self.buffers = Buffers::new(spool, memory_max);
    }

    /// Sets which version of the protocol the frames from now on have.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Bytes in memory of transactions that have no end yet.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.buffers.memory()
    }

    /// Tables of the stream that are captured.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.relations.captured()
    }

    /// End of the server's WAL, as far as the stream has told.
    #[must_use]
    pub fn server_end(&self) -> Lsn {
        self.server_end
    }

    /// Time in microseconds between the last transaction's commit and our reading of its end.
    #[must_use]
    pub fn lag_us(&self) -> Option<i64> {
        self.lag_us
    }

    /// The topic of BEGIN and END records, when they are wanted.
    #[must_use]
    pub fn transaction_topic(&self) -> Option<&Arc<str>> {
        self.options.transaction_metadata.then_some(&self.transaction_topic)
    }

    /// Sets the clock (Unix nanoseconds) that events from now on carry as `ts_ms`.
    pub fn set_now(&mut self, now_ns: i64) {
        self.out.now_ns = now_ns;
    }

    /// Progress of what was sent.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.out.progress
    }

    /// Takes note of deliveries.
    pub fn progress_mut(&mut self) -> &mut Progress {
        &mut self.out.progress
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { records: self.out.records, ..self.counters }
    }

    /// End of the last transaction that was read completely, and its commit time in Unix
    /// microseconds.
    #[must_use]
    pub fn last_commit(&self) -> (Option<Lsn>, Option<i64>, Option<u32>) {
        (self.last_commit_lsn, self.last_commit_time_us, self.last_xid)
    }

    /// True while a transaction's end has not been read.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Values that were replaced by null since the last call.
    pub fn take_warnings(&mut self) -> Vec<ConversionWarning> {
        std::mem::take(&mut self.out.warnings)
    }

    /// The stream begins anew, at or before the end of the last complete transaction: forgets
    /// unfinished transactions, and remembers how far an interrupted one came.
    ///
    /// Prepared transactions stay, since the server does not send their changes again, and so do
    /// the relations that they need; others are told again before they are used.
    pub fn reconnected(&mut self) {
        self.block = None;
        self.buffers.keep_prepared();
        if self.replay.as_ref().is_some_and(|replay| self.buffers.contains(replay.xid)) {
            return;
        }
        self.replay = None;
        if let Some(transaction) = self.transaction.take() {
            self.interrupted = Some(transaction.interrupted());
        }
    }

    /// Where a new connection has to begin so that nothing is left out.
    #[must_use]
    pub fn resume_lsn(&self) -> Lsn {
        self.last_commit_lsn.unwrap_or_default().max(self.out.progress.safe_lsn())
    }

    /// Answers [`Step::NeedsTable`]; `None` when the table is not captured.
    /// Returns the topic that must exist before the next frame.
    pub fn define(&mut self, oid: Oid, table: Option<&Table>) -> Option<&TableEncoder> {
        let encoder = table.map(|table| {
            let phase = crate::value::Phase::Stream;
            Box::new(TableEncoder::new(table, phase, &self.options, &self.values))
        });
        self.relations.define(oid, encoder);
        self.live.define(oid, table);
        self.relations.get_mut(oid)?.map(|encoder| &*encoder)
    }

    /// Reads one frame; `emit` gets the records it makes, in order.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the stream cannot be understood; nothing after it can be trusted.
    pub fn on_frame(
        &mut self,
        frame: &[u8],
        emit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<Step, EngineError> {
        let decoded = Frame::decode(frame)
            .map_err(|source| EngineError::Decode { lsn: Lsn::INVALID, source })?;
        match decoded {
            Frame::Wal { start, end, body, .. } => {
                self.server_end = self.server_end.max(end);
                if self.replay.is_some() {
                    return Err(EngineError::Unexpected { lsn: start, what: "frame in a replay" });
                }
                if self.block.is_some() {
                    return self.on_block_message(start, body);
                }
                let message = pgoutput::decode(body, false)
                    .map_err(|source| EngineError::Decode { lsn: start, source })?;
                self.on_message(start, message, emit)
            }
            Frame::Keepalive { end, reply_requested, .. } => {
                self.server_end = self.server_end.max(end);
                // Every transaction that ended before `end` has been sent to us. Those that are
                // streamed end later, and the server sends them again from their beginning.
                if self.idle_progress && self.transaction.is_none() && self.interrupted.is_none() {
                    self.mark(end);
                }
                Ok(if reply_requested { Step::Reply } else { Step::Done })
            }
        }
    }

    /// `lsn` is complete once everything sent so far is delivered.
    fn mark(&mut self, lsn: Lsn) {
        let held_back = self.buffers.oldest_prepare();
        self.out.progress.mark(held_back.map_or(lsn, |prepare| lsn.min(prepare)));
    }
}

#[cfg(test)]
mod tests;
