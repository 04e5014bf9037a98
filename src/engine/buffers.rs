//! Changes of transactions whose end is not known yet, by transaction id.
//!
//! They are kept as the server sent them, in chunks; when all of them together exceed what memory
//! may hold, the largest transaction's go into the [`Spool`], and what comes behind them follows
//! chunk by chunk. Invariants: chunks hold whole entries; a transaction's entries are read in the
//! order in which they came; memory holds no more than the limit and the entry that came last.

use super::spool::{Spool, SpoolError};
use super::xid_set::XidSet;
use crate::lsn::Lsn;
use std::collections::{BTreeMap, VecDeque};

/// How much is written to the spool and read from it at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// How the messages of a transaction are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// As between BEGIN and COMMIT.
    Plain,
    /// Changes begin with the id of their (sub-)transaction, as in the blocks of a stream.
    WithXid,
}

/// One transaction.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) layout: Layout,
    /// Position of its first change.
    pub(super) first_lsn: Lsn,
    /// Sub-transactions that were rolled back.
    pub(super) aborted: XidSet,
    /// Numbers of its RELATION messages, see [`super::relations`].
    pub(super) relations: VecDeque<u64>,
    /// Position of its PREPARE, once that has come.
    prepared_at: Option<Lsn>,
    chunks: VecDeque<Vec<u8>>,
    is_spooled: bool,
}

impl Buffer {
    /// Bytes of its chunks in memory.
    fn memory(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Buffers {
    spool: Box<dyn Spool>,
    memory_max: usize,
    /// Bytes of all chunks in memory.
    memory: usize,
    by_xid: BTreeMap<u32, Buffer>,
}

impl Buffers {
    pub(super) fn new(spool: Box<dyn Spool>, memory_max: usize) -> Self {
        Self { spool, memory_max, memory: 0, by_xid: BTreeMap::new() }
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn contains(&self, xid: u32) -> bool {
        self.by_xid.contains_key(&xid)
    }

    /// Begins a transaction; what an earlier one of the same id left is forgotten.
    pub(super) fn begin(&mut self, xid: u32, layout: Layout, first_lsn: Lsn) {
        self.remove(xid);
        let buffer = Buffer {
            layout,
            first_lsn,
            aborted: XidSet::default(),
            relations: VecDeque::new(),
            prepared_at: None,
            chunks: VecDeque::new(),
            is_spooled: false,
        };
        self.by_xid.insert(xid, buffer);
    }

    /// Keeps a message of a transaction that has begun.
    pub(super) fn push(&mut self, xid: u32, lsn: Lsn, body: &[u8]) -> Result<(), SpoolError> {
        let Some(buffer) = self.by_xid.get_mut(&xid) else { return Ok(()) };
        let need = Entry::HEADER_BYTES + body.len();
        let full = buffer.chunks.back().is_none_or(|chunk| chunk.len() + need > CHUNK_BYTES);
        if full && buffer.is_spooled {
            write_out(self.spool.as_mut(), xid, buffer, &mut self.memory)?;
        }
        if full {
            // A transaction's first chunk grows with it, as most are small.
            let room = if buffer.chunks.is_empty() { 4096 } else { CHUNK_BYTES };
            buffer.chunks.push_back(Vec::with_capacity(need.max(room)));
            self.memory += buffer.chunks.back().map_or(0, Vec::capacity);
        }
        if let Some(chunk) = buffer.chunks.back_mut() {
            let before = chunk.capacity();
            Entry::write(lsn, body, chunk);
            self.memory += chunk.capacity() - before;
        }
        while self.memory > self.memory_max {
            self.spill_largest()?;
        }
        Ok(())
    }

    fn spill_largest(&mut self) -> Result<(), SpoolError> {
        let in_memory = |(_, buffer): &(&u32, &mut Buffer)| buffer.memory();
        let Some((xid, buffer)) = self.by_xid.iter_mut().max_by_key(in_memory) else {
            self.memory = 0;
            return Ok(());
        };
        write_out(self.spool.as_mut(), *xid, buffer, &mut self.memory)
    }

    /// A sub-transaction was rolled back.
    pub(super) fn abort(&mut self, xid: u32, subxid: u32) {
        if let Some(buffer) = self.by_xid.get_mut(&xid) {
            buffer.aborted.insert(subxid);
        }
    }

    /// The transaction was prepared at `lsn`, and ends by COMMIT PREPARED or ROLLBACK PREPARED.
    pub(super) fn prepare(&mut self, xid: u32, lsn: Lsn) {
        if let Some(buffer) = self.by_xid.get_mut(&xid) {
            buffer.prepared_at = Some(lsn);
        }
    }

    /// Position of the oldest PREPARE whose end has not come. The server does not send what is
    /// before a confirmed position, so nothing behind this one may be confirmed.
    pub(super) fn oldest_prepare(&self) -> Option<Lsn> {
        self.by_xid.values().filter_map(|buffer| buffer.prepared_at).min()
    }

    pub(super) fn get_mut(&mut self, xid: u32) -> Option<&mut Buffer> {
        self.by_xid.get_mut(&xid)
    }

    /// Replaces `chunk` by the next one of a transaction whose end has come; false behind the
    /// last one.
    pub(super) fn next_chunk(&mut self, xid: u32, chunk: &mut Vec<u8>) -> Result<bool, SpoolError> {
        let Some(buffer) = self.by_xid.get_mut(&xid) else { return Ok(false) };
        if buffer.is_spooled && self.spool.next(xid, chunk)? {
            return Ok(true);
        }
        let Some(next) = buffer.chunks.pop_front() else { return Ok(false) };
        self.memory -= next.capacity();
        *chunk = next;
        Ok(true)
    }

    pub(super) fn remove(&mut self, xid: u32) {
        let Some(buffer) = self.by_xid.remove(&xid) else { return };
        self.memory -= buffer.memory();
        if buffer.is_spooled {
            self.spool.remove(xid);
        }
    }

    /// Forgets what the server sends again over a new connection: everything that is not
    /// prepared.
    pub(super) fn keep_prepared(&mut self) {
        let unprepared: Vec<u32> = self
            .by_xid
            .iter()
            .filter_map(|(xid, buffer)| buffer.prepared_at.is_none().then_some(*xid))
            .collect();
        for xid in unprepared {
            self.remove(xid);
        }
    }
}

/// Moves a transaction's chunks into the spool.
fn write_out(
    spool: &mut dyn Spool,
    xid: u32,
    buffer: &mut Buffer,
    memory: &mut usize,
) -> Result<(), SpoolError> {
    while let Some(chunk) = buffer.chunks.front() {
        spool.append(xid, chunk)?;
        buffer.is_spooled = true;
        *memory -= chunk.capacity();
        buffer.chunks.pop_front();
    }
    Ok(())
}

/// A message in a chunk: `u32 length, u64 position`, then the message's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) lsn: Lsn,
    pub(super) body: &'a [u8],
}

impl<'a> Entry<'a> {
    const HEADER_BYTES: usize = 12;

    fn write(lsn: Lsn, body: &[u8], chunk: &mut Vec<u8>) {
        // A message comes in a frame whose length is an i32.
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        chunk.extend_from_slice(&len.to_le_bytes());
        chunk.extend_from_slice(&lsn.as_u64().to_le_bytes());
        chunk.extend_from_slice(body);
    }

    /// Takes the first entry off `rest`; `None` when there is no whole one.
    pub(super) fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        let (lsn, behind) = behind.split_first_chunk::<8>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (body, behind) = behind.split_at_checked(len)?;
        *rest = behind;
        Some(Self { lsn: Lsn::new(u64::from_le_bytes(*lsn)), body })
    }
}

#[cfg(test)]
mod tests;
