//! A transaction that was kept until its end, message by message, as if it came only now.

use super::Engine;
use super::EngineError;
use super::Step;
use super::buffers::{Entry, Layout};
use super::output::Emit;
use super::xid_set::XidSet;
use crate::lsn::Lsn;
use crate::pgoutput;
use crate::pgoutput::{Begin, Commit, Message};
use std::collections::VecDeque;

/// How far a replay is.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) xid: u32,
    commit: Commit,
    /// Position of the frame that told the commit.
    commit_frame: Lsn,
    layout: Layout,
    first_lsn: Lsn,
    aborted: XidSet,
    relations: VecDeque<u64>,
    chunk: Vec<u8>,
    /// Where the entry at hand begins in `chunk`.
    at: usize,
    /// Where the next one begins, once the table that this one asks for is defined. A lost
    /// connection can come between; then it is asked again.
    asked: Option<usize>,
    /// Name and position of the origin, until the transaction has begun.
    origin: Option<(String, Lsn)>,
}

impl Replay {
    fn begin(&self) -> Begin {
        let Commit { commit_lsn, commit_time, .. } = self.commit;
        Begin { commit_lsn, commit_time, xid: self.xid }
    }

    /// The entry at hand and where the next one begins.
    fn entry(&self) -> Option<(Entry<'_>, usize)> {
        let mut rest = self.chunk.get(self.at..)?;
        let entry = Entry::take(&mut rest)?;
        Some((entry, self.chunk.len() - rest.len()))
    }

    /// Whether a message belongs to a sub-transaction that was rolled back.
    fn is_aborted(&self, tag: u8, body: &[u8]) -> bool {
        if self.aborted.is_empty() || self.layout == Layout::Plain || tag == b'O' {
            return false;
        }
        let xid = body.get(1..5).and_then(|bytes| bytes.try_into().ok());
        xid.is_some_and(|xid| self.aborted.contains(u32::from_be_bytes(xid)))
    }
}

impl Engine {
    /// True when [`replay`](Self::replay) is to be called, before any other frame.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    pub(super) fn begin_replay(
        &mut self,
        lsn: Lsn,
        xid: u32,
        commit: Commit,
    ) -> Result<(), EngineError> {
        let Some(buffer) = self.buffers.get_mut(xid) else {
            let what = "commit of a transaction that was not streamed";
            return Err(EngineError::Unexpected { lsn, what });
        };
        self.replay = Some(Box::new(Replay {
            xid,
            commit,
            commit_frame: lsn,
            layout: buffer.layout,
            first_lsn: buffer.first_lsn,
            aborted: std::mem::take(&mut buffer.aborted),
            relations: std::mem::take(&mut buffer.relations),
            chunk: Vec::new(),
            at: 0,
            asked: None,
            origin: None,
        }));
        Ok(())
    }

    /// Goes on with a transaction that was kept until its end, by one message; `emit` gets the
    /// records it makes.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when a message cannot be understood or read back.
    pub fn replay(&mut self, emit: &mut Emit<'_>) -> Result<Step, EngineError> {
        let Some(mut replay) = self.replay.take() else { return Ok(Step::Done) };
        match self.replay_next(&mut replay, emit)? {
            Some(step) => {
                self.replay = Some(replay);
                Ok(step)
            }
            None => self.end_replay(&replay, emit).map(|()| Step::Done),
        }
    }

    /// `None` when there are no more messages.
    fn replay_next(
        &mut self,
        replay: &mut Replay,
        emit: &mut Emit<'_>,
    ) -> Result<Option<Step>, EngineError> {
        if let Some(next) = replay.asked.take()
            && self.relations.are_defined()
        {
            replay.relations.pop_front();
            replay.at = next;
        }
        let xid = replay.xid;
        if replay.at == replay.chunk.len() {
            let read = self.buffers.next_chunk(xid, &mut replay.chunk);
            if !read.map_err(|source| EngineError::Spool { xid, source })? {
                return Ok(None);
            }
            replay.at = 0;
        }
        let Some((Entry { lsn, body }, next)) = replay.entry() else {
            return Err(EngineError::TornBuffer { xid });
        };
        let tag = body.first().copied().unwrap_or_default();
        if replay.is_aborted(tag, body) {
            if tag == b'R' {
                replay.relations.pop_front();
            }
            replay.at = next;
            return Ok(Some(Step::Done));
        }
        let decoded = pgoutput::decode(body, replay.layout == Layout::WithXid)
            .map_err(|source| EngineError::Decode { lsn, source })?;
        match decoded {
            Message::Relation(relation) => {
                let number = replay.relations.front().copied().unwrap_or_default();
                let step = self.ask_for_table(&relation, number);
                replay.asked = Some(next);
                Ok(Some(step))
            }
            Message::Origin(origin) => {
                replay.origin = Some((origin.name.to_owned(), origin.lsn));
                replay.at = next;
                Ok(Some(Step::Done))
            }
            message => {
                if self.transaction.is_none() {
                    self.begin_replayed(replay, emit)?;
                }
                let step = self.on_message(lsn, message, emit)?;
                if !matches!(step, Step::NeedsTopic(_)) {
                    replay.at = next;
                }
                Ok(Some(step))
            }
        }
    }

    fn begin_replayed(&mut self, replay: &Replay, emit: &mut Emit<'_>) -> Result<(), EngineError> {
        self.on_begin(replay.first_lsn, replay.begin(), emit)?;
        if let Some(open) = &mut self.transaction {
            open.source.origin.clone_from(&replay.origin);
        }
        Ok(())
    }

    /// A transaction that has nothing to tell is no transaction, if the server holds it so with
    /// those that it sends whole.
    fn end_replay(&mut self, replay: &Replay, emit: &mut Emit<'_>) -> Result<(), EngineError> {
        self.buffers.remove(replay.xid);
        self.relations.restore_newer();
        if self.transaction.is_none() {
            if self.protocol.skips_empty_transactions() {
                self.mark(replay.commit.end_lsn);
                return Ok(());
            }
            self.begin_replayed(replay, emit)?;
        }
        self.on_commit(replay.commit_frame, replay.commit, emit)
    }
}
