//! The sparse index beside a segment: which batch stands where.
//!
//! Kafka's format: pairs of big-endian `i32`, the last offset of a batch less the segment's base
//! offset, and the position of that batch. Entries are written after their batch is durable, are
//! not synced, and are hints: whoever uses one looks whether that batch really stands there. A
//! missing or damaged index costs time, nothing else.

use super::error::LogError;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const EXTENSION: &str = "index";
const ENTRY_LEN: usize = 8;

/// One line of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Last offset of the batch, counted from the segment's base offset.
    pub(super) relative_offset: i32,
    /// Where the batch starts.
    pub(super) position: i32,
}

/// Reads the entries that are in order; what follows the first that is not is passed over.
pub(super) fn entries(segment: &Path) -> Result<Vec<Entry>, LogError> {
    let path = segment.with_extension(EXTENSION);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::io("read", &path)(error)),
    };
    let (pairs, _torn) = bytes.as_chunks::<ENTRY_LEN>();
    let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
    for &[a, b, c, d, e, f, g, h] in pairs {
        let entry = Entry {
            relative_offset: i32::from_be_bytes([a, b, c, d]),
            position: i32::from_be_bytes([e, f, g, h]),
        };
        let (offset_before, position_before) =
            entries.last().map_or((-1, 0), |last| (last.relative_offset, last.position));
        if entry.relative_offset <= offset_before || entry.position <= position_before {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The writing side: collects entries until their batches are durable.
#[derive(Debug)]
pub(super) struct IndexWriter {
    path: PathBuf,
    base_offset: i64,
    interval_bytes: u64,
    bytes_since_entry: u64,
    pending: Vec<u8>,
}

impl IndexWriter {
    /// For a segment that goes on at `end`; entries that point behind it are cut off.
    pub(super) fn open(
        segment: &Path,
        base_offset: i64,
        end: u64,
        interval_bytes: u64,
    ) -> Result<Self, LogError> {
        let path = segment.with_extension(EXTENSION);
        let entries = entries(segment)?;
        let within = |entry: &Entry| u64::try_from(entry.position).is_ok_and(|at| at < end);
        let good = entries.partition_point(within);
        match OpenOptions::new().write(true).open(&path) {
            Ok(file) => {
                file.set_len((good * ENTRY_LEN) as u64).map_err(LogError::io("truncate", &path))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(LogError::io("open", &path)(error)),
        }
        let last = entries[..good].last().and_then(|entry| u64::try_from(entry.position).ok());
        let bytes_since_entry = end - last.unwrap_or(0);
        Ok(Self { path, base_offset, interval_bytes, bytes_since_entry, pending: Vec::new() })
    }

    /// Notes a batch of `len` bytes that was written at `position`.
    pub(super) fn note(&mut self, position: u64, len: u64, next_offset: i64) {
        if position > 0 && self.bytes_since_entry >= self.interval_bytes {
            let relative = i32::try_from(next_offset - 1 - self.base_offset);
            // Both fit: a segment is rolled before either outgrows an i32.
            if let (Ok(relative), Ok(position)) = (relative, i32::try_from(position)) {
                self.pending.extend_from_slice(&relative.to_be_bytes());
                self.pending.extend_from_slice(&position.to_be_bytes());
                self.bytes_since_entry = 0;
            }
        }
        self.bytes_since_entry += len;
    }

    /// Writes the entries whose batches have become durable.
    pub(super) fn flush(&mut self) -> Result<(), LogError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(&self.pending))
            .map_err(LogError::io("write", &self.path))?;
        self.pending.clear();
        Ok(())
    }

    /// Forgets the entries whose batches were taken back.
    pub(super) fn discard(&mut self) {
        self.pending.clear();
    }
}
