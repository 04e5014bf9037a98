//! The messages of the output plugin, one by one: live, or out of the buffer of a transaction
//! that was kept until its end.

use super::Engine;
use super::EngineError;
use super::RelationRequest;
use super::Step;
use super::position::{Place, Processed};
use super::transaction::{Change, EventNumbers, Transaction};
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TransactionMark;
use crate::lsn::Lsn;
use crate::oid::Oid;
use crate::pgoutput;
use crate::pgoutput::Message;
use crate::record::Record;

impl Engine {
    pub(super) fn on_message(
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
                let number = self.relations.arrive();
                return Ok(self.ask_for_table(&relation, number));
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
            Message::StreamStart(start) => self.on_stream_start(lsn, start)?,
            Message::StreamAbort(abort) => self.on_stream_abort(abort),
            Message::StreamCommit(end) => self.begin_replay(lsn, end.xid, end.commit)?,
            Message::StreamPrepare(prepare) => self.on_stream_prepare(lsn, &prepare)?,
            Message::BeginPrepare(begin) => self.on_begin_prepare(lsn, &begin)?,
            Message::CommitPrepared(end) => self.on_commit_prepared(lsn, &end)?,
            Message::RollbackPrepared(end) => self.on_rollback_prepared(&end),
            Message::StreamStop => return unexpected("end of a block"),
            Message::Prepare(_) => return unexpected("PREPARE without its beginning"),
        }
        Ok(Step::Done)
    }

    pub(super) fn on_begin(
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

    pub(super) fn on_commit(
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
        self.mark(commit.end_lsn);
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
        let Some(encoder) = self.relations.get_mut(relation) else {
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

    /// The catalogue has to be asked for the rest of a RELATION message.
    pub(super) fn ask_for_table(&mut self, relation: &pgoutput::Relation<'_>, number: u64) -> Step {
        self.relations.ask(number);
        Step::NeedsTable(RelationRequest::new(relation))
    }
}
