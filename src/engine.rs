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
//!
//! Invariants: a position is confirmed only when every record before it was delivered; records of
//! one transaction leave in the order of its changes; after [`Engine::reconnected`] or
//! [`Engine::resume`] in the middle of a transaction, changes of it that were already sent are not
//! sent again.

use crate::envelope::ConversionWarning;
use crate::envelope::EnvelopeOptions;
use crate::envelope::HeartbeatEncoder;
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TableEncoder;
use crate::envelope::TransactionMark;
use crate::envelope::transaction_topic;
use crate::lsn::Lsn;
use crate::oid::Oid;
use crate::pgoutput;
use crate::pgoutput::Frame;
use crate::pgoutput::Message;
use crate::progress::Progress;
use crate::record::Record;
use crate::relation::Table;
use crate::value::ValueOptions;
use std::collections::HashMap;
use std::sync::Arc;

mod catalog_request;
mod error;
mod heartbeat;
mod live;
mod logical_message;
mod output;
mod position;
mod snapshot;
mod transaction;

pub use catalog_request::{RelationRequest, RequestedColumn};
pub use error::EngineError;
pub use live::SignalRow;
pub use position::{Position, Processed};
pub use snapshot::SnapshotRow;

use live::Live;
use logical_message::Messages;
use output::{Emit, Output};
use position::{Interrupted, Place};
use transaction::{Change, EventNumbers, Transaction};

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
    /// Tables of the stream by their OID; `None` for tables that are not captured.
    relations: HashMap<Oid, Option<Box<TableEncoder>>>,
    messages: Messages,
    live: Live,
    transaction: Option<Transaction>,
    /// The transaction that was cut off, by a lost connection or the end of an earlier run, until it
    /// comes again.
    interrupted: Option<Interrupted>,
    /// The last logical message that was sent outside of transactions.
    last_message: Option<Lsn>,
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
            relations: HashMap::new(),
            live: Live::default(),
            transaction: None,
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

    /// Tables of the stream that are captured.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.relations.values().flatten().count()
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
    /// relations and remembers how far an interrupted transaction came.
    pub fn reconnected(&mut self) {
        self.relations.clear();
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
        self.relations.insert(oid, encoder);
        self.live.define(oid, table);
        self.relations.get(&oid)?.as_deref()
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
                let message = pgoutput::decode(body, false)
                    .map_err(|source| EngineError::Decode { lsn: start, source })?;
                self.on_message(start, message, emit)
            }
            Frame::Keepalive { end, reply_requested, .. } => {
                self.server_end = self.server_end.max(end);
                // Between transactions everything before `end` has been sent to us.
                if self.idle_progress && self.transaction.is_none() && self.interrupted.is_none() {
                    self.out.progress.mark(end);
                }
                Ok(if reply_requested { Step::Reply } else { Step::Done })
            }
        }
    }

    fn on_message(
        &mut self,
        lsn: Lsn,
        message: Message<'_>,
        emit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<Step, EngineError> {
        let unexpected = |what| Err(EngineError::Unexpected { lsn, what });
        match message {
            Message::Begin(begin) => self.on_begin(lsn, begin, emit)?,
            Message::Commit(commit) => self.on_commit(lsn, commit, emit)?,
            Message::Origin(origin) => match &mut self.transaction {
                Some(open) => open.source.origin = Some((origin.name.to_owned(), origin.lsn)),
                None => return unexpected("ORIGIN outside of a transaction"),
            },
            Message::Relation(relation) => {
                return Ok(Step::NeedsTable(RelationRequest::new(&relation)));
            }
            // Types are looked up in the catalogue, which knows more.
            Message::Type(_) => {}
            Message::Insert(insert) => {
                return self.on_change(lsn, insert.relation, &Change::Insert(&insert.new), emit);
            }
            Message::Update(update) => {
                let change = Change::Update(update.old.as_ref(), &update.new);
                return self.on_change(lsn, update.relation, &change, emit);
            }
            Message::Delete(delete) => {
                return self.on_change(lsn, delete.relation, &Change::Delete(&delete.old), emit);
            }
            Message::Truncate(truncate) => {
                for relation in &truncate.relations {
                    self.on_change(lsn, *relation, &Change::Truncate, emit)?;
                }
            }
            Message::Message(message) => return self.on_logical_message(lsn, &message, emit),
            Message::StreamStart(_)
            | Message::StreamStop
            | Message::StreamCommit(_)
            | Message::StreamAbort(_)
            | Message::StreamPrepare(_) => return unexpected("streamed transaction"),
            Message::BeginPrepare(_)
            | Message::Prepare(_)
            | Message::CommitPrepared(_)
            | Message::RollbackPrepared(_) => return unexpected("prepared transaction"),
        }
        Ok(Step::Done)
    }

    fn on_begin(
        &mut self,
        lsn: Lsn,
        begin: pgoutput::Begin,
        emit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), EngineError> {
        if self.transaction.is_some() {
            return Err(EngineError::Unexpected { lsn, what: "BEGIN inside of a transaction" });
        }
        self.clock_us = Some(begin.commit_time.unix_micros());
        let resumed = self.interrupted.take().filter(|cut_off| cut_off.xid == begin.xid);
        self.transaction = Some(Transaction {
            xid: begin.xid,
            reached: Place::default(),
            processed: Processed::Begin,
            skip: resumed,
            events: 0,
            counts: Vec::new(),
            source: SourceContext {
                ts_us: begin.commit_time.unix_micros(),
                snapshot: SnapshotMarker::False,
                last_commit_lsn: self.last_commit_lsn,
                lsn,
                tx_id: Some(u64::from(begin.xid)),
                xmin: self.xmin,
                origin: None,
            },
        });
        if self.options.transaction_metadata && resumed.is_none() {
            let mark = TransactionMark {
                xid: begin.xid,
                lsn: lsn.as_u64(),
                ts_ms: begin.commit_time.unix_micros().div_euclid(1000),
                counts: None,
            };
            self.out.send_transaction_mark(&self.transaction_topic, &mark, &self.options, emit);
        }
        Ok(())
    }

    fn on_commit(
        &mut self,
        lsn: Lsn,
        commit: pgoutput::Commit,
        emit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), EngineError> {
        let Some(open) = self.transaction.take() else {
            return Err(EngineError::Unexpected { lsn, what: "COMMIT outside of a transaction" });
        };
        let ts_us = commit.commit_time.unix_micros();
        if self.options.transaction_metadata {
            let mark = TransactionMark {
                xid: open.xid,
                lsn: lsn.as_u64(),
                ts_ms: ts_us.div_euclid(1000),
                counts: Some(&open.counts),
            };
            self.out.send_transaction_mark(&self.transaction_topic, &mark, &self.options, emit);
        }
        self.out.progress.mark(commit.end_lsn);
        self.last_commit_lsn = Some(commit.end_lsn);
        self.last_commit_time_us = Some(ts_us);
        self.last_xid = Some(open.xid);
        self.live.committed(open.xid);
        self.lag_us = Some(self.out.now_ns.div_euclid(1000).saturating_sub(ts_us).max(0));
        self.counters.transactions += 1;
        Ok(())
    }

    fn on_change(
        &mut self,
        lsn: Lsn,
        relation: Oid,
        change: &Change<'_>,
        emit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<Step, EngineError> {
        self.counters.changes += 1;
        let Some(open) = &mut self.transaction else {
            return Err(EngineError::Unexpected { lsn, what: "change outside of a transaction" });
        };
        let sent_before = open.advance(lsn, change.processed());
        let Some(encoder) = self.relations.get_mut(&relation) else {
            return Err(EngineError::Unexpected { lsn, what: "change of an unknown relation" });
        };
        let Some(encoder) = encoder else { return Ok(Step::Done) };
        if change.is_skipped(&self.options) {
            return Ok(Step::Done);
        }
        open.source.lsn = lsn;
        let table = self.options.transaction_metadata.then(|| encoder.qualified_name().clone());
        let mut events = EventNumbers { open, lsn, table };
        let records = self.out.records;
        let counted = events.open.events;
        let sent =
            self.out.send_change(encoder, change, &mut events, sent_before, &self.options, emit);
        if let Err(error) = sent {
            self.out
                .leave_out(error, self.options.processing_failure)
                .map_err(|source| EngineError::Encode { lsn, source })?;
            if events.open.events > counted {
                events.take_back();
            }
            return Ok(Step::Done);
        }
        if self.out.records == records {
            return Ok(Step::Done);
        }
        Ok(self.live.changed(lsn, relation, change).map_or(Step::Done, Step::Signal))
    }
}

#[cfg(test)]
mod tests;
