//! Blocks of transactions whose end is not known: streamed before their commit, or prepared for
//! it. Their messages are kept until COMMIT makes them a transaction like any other.

use super::Engine;
use super::EngineError;
use super::Step;
use super::buffers::Layout;
use crate::lsn::Lsn;
use crate::pgoutput;
use crate::pgoutput::{
    BeginPrepare, Commit, Message, PrepareEnd, RollbackPrepared, StreamAbort, StreamStart, Tag,
};

/// The block that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    xid: u32,
    layout: Layout,
}

impl Engine {
    pub(super) fn on_stream_start(
        &mut self,
        lsn: Lsn,
        start: StreamStart,
    ) -> Result<(), EngineError> {
        let StreamStart { xid, first } = start;
        if first {
            self.buffers.begin(xid, Layout::WithXid, lsn);
        } else if !self.buffers.contains(xid) {
            let what = "block of a transaction whose beginning was not sent";
            return Err(EngineError::Unexpected { lsn, what });
        }
        self.enter(lsn, Block { xid, layout: Layout::WithXid })
    }

    pub(super) fn on_begin_prepare(
        &mut self,
        lsn: Lsn,
        begin: &BeginPrepare<'_>,
    ) -> Result<(), EngineError> {
        self.buffers.begin(begin.xid, Layout::Plain, lsn);
        self.enter(lsn, Block { xid: begin.xid, layout: Layout::Plain })
    }

    fn enter(&mut self, lsn: Lsn, block: Block) -> Result<(), EngineError> {
        if self.transaction.is_some() {
            return Err(EngineError::Unexpected { lsn, what: "block inside of a transaction" });
        }
        self.block = Some(block);
        Ok(())
    }

    /// Reads a message inside of a block.
    pub(super) fn on_block_message(&mut self, lsn: Lsn, body: &[u8]) -> Result<Step, EngineError> {
        let decode_error = |source| EngineError::Decode { lsn, source };
        let Some(block) = self.block else { return Ok(Step::Done) };
        let tag = match body.first() {
            Some(tag) => Tag::try_from(*tag).map_err(decode_error)?,
            None => return Err(EngineError::Unexpected { lsn, what: "empty message" }),
        };
        match (tag, block.layout) {
            (Tag::StreamStop, Layout::WithXid) => self.block = None,
            (Tag::Prepare, Layout::Plain) => {
                if let Message::Prepare(prepare) =
                    pgoutput::decode(body, false).map_err(decode_error)?
                {
                    self.buffers.prepare(block.xid, prepare.lsn);
                }
                self.block = None;
            }
            (
                Tag::Insert
                | Tag::Update
                | Tag::Delete
                | Tag::Truncate
                | Tag::Message
                | Tag::Origin,
                _,
            ) => self.keep(block.xid, lsn, body)?,
            (Tag::Relation, layout) => {
                let number = self.relations.arrive();
                if let Some(buffer) = self.buffers.get_mut(block.xid) {
                    buffer.relations.push_back(number);
                }
                self.keep(block.xid, lsn, body)?;
                // In front of a PREPARE it is told once for all transactions.
                if layout == Layout::Plain
                    && let Message::Relation(relation) =
                        pgoutput::decode(body, false).map_err(decode_error)?
                {
                    return Ok(self.ask_for_table(&relation, number));
                }
            }
            // Types are looked up in the catalogue, which knows more.
            (Tag::Type, _) => {}
            _ => return Err(EngineError::Unexpected { lsn, what: "message inside of a block" }),
        }
        Ok(Step::Done)
    }

    fn keep(&mut self, xid: u32, lsn: Lsn, body: &[u8]) -> Result<(), EngineError> {
        self.buffers.push(xid, lsn, body).map_err(|source| EngineError::Spool { xid, source })
    }

    /// The server also tells of sub-transactions that had no changes.
    pub(super) fn on_stream_abort(&mut self, abort: StreamAbort) {
        if abort.subxid == abort.xid {
            self.buffers.remove(abort.xid);
        } else {
            self.buffers.abort(abort.xid, abort.subxid);
        }
    }

    pub(super) fn on_stream_prepare(
        &mut self,
        lsn: Lsn,
        prepare: &PrepareEnd<'_>,
    ) -> Result<(), EngineError> {
        if !self.buffers.contains(prepare.xid) {
            let what = "PREPARE of a transaction that was not streamed";
            return Err(EngineError::Unexpected { lsn, what });
        }
        self.buffers.prepare(prepare.xid, prepare.lsn);
        Ok(())
    }

    /// Its changes become a transaction now; over a new connection the server may tell of one
    /// whose changes were sent already.
    pub(super) fn on_commit_prepared(
        &mut self,
        lsn: Lsn,
        end: &PrepareEnd<'_>,
    ) -> Result<(), EngineError> {
        if self.last_commit_lsn.is_some_and(|last| end.end_lsn <= last) {
            return Ok(());
        }
        if !self.buffers.contains(end.xid) {
            return Err(EngineError::LostPrepared { lsn, gid: end.gid.to_owned() });
        }
        let commit = Commit { commit_lsn: end.lsn, end_lsn: end.end_lsn, commit_time: end.time };
        self.begin_replay(lsn, end.xid, commit)
    }

    pub(super) fn on_rollback_prepared(&mut self, end: &RollbackPrepared<'_>) {
        self.buffers.remove(end.xid);
        self.mark(end.rollback_end_lsn);
    }
}
