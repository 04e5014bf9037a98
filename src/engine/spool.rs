//! The seam to where changes of unfinished transactions wait when memory has no room for them.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

/// Keeps chunks of bytes by transaction id. They need not outlive the process: the server sends
/// an unfinished transaction again.
pub trait Spool: fmt::Debug + Send {
    /// Puts a chunk behind those that the transaction has.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] when it cannot be kept; the transaction is then incomplete.
    fn append(&mut self, xid: u32, chunk: &[u8]) -> Result<(), SpoolError>;

    /// Replaces `chunk` by the transaction's next one, in the order of [`append`](Self::append);
    /// false when there is none. Nothing is appended once reading has begun.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] when it cannot be read back.
    fn next(&mut self, xid: u32, chunk: &mut Vec<u8>) -> Result<bool, SpoolError>;

    /// Forgets the transaction; one that is unknown is no error.
    fn remove(&mut self, xid: u32);
}

/// Changes of an unfinished transaction could not be kept aside.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}")]
pub struct SpoolError {
    /// What was tried, such as "write".
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub source: std::io::Error,
}

impl SpoolError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        let remedy = match self.source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                "make room there, let spill.dir name a directory with more of it"
            }
            _ => "let spill.dir name a directory that can be written",
        };
        format!(
            "{remedy}, or raise --memory; the transaction was not confirmed, so the next start \
             reads it again"
        )
    }
}

/// Keeps everything in memory, for tests and for captures without a directory.
#[derive(Debug, Default)]
pub struct MemorySpool {
    transactions: HashMap<u32, (usize, Vec<Vec<u8>>)>,
}

impl MemorySpool {
    /// Transactions that have chunks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }
}

impl Spool for MemorySpool {
    fn append(&mut self, xid: u32, chunk: &[u8]) -> Result<(), SpoolError> {
        self.transactions.entry(xid).or_default().1.push(chunk.to_vec());
        Ok(())
    }

    fn next(&mut self, xid: u32, chunk: &mut Vec<u8>) -> Result<bool, SpoolError> {
        let Some((read, chunks)) = self.transactions.get_mut(&xid) else { return Ok(false) };
        let Some(next) = chunks.get_mut(*read) else { return Ok(false) };
        *chunk = std::mem::take(next);
        *read += 1;
        Ok(true)
    }

    fn remove(&mut self, xid: u32) {
        self.transactions.remove(&xid);
    }
}
