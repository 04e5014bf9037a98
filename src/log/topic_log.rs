//! The writing end of one topic.
//!
//! States: clean (everything written is durable) and dirty (written since the last commit). Only
//! [`commit`](TopicLog::commit) and [`rollback`](TopicLog::rollback) lead from dirty to clean.
//! A segment is rolled in the clean state, so dirty bytes are always in the open segment, behind
//! the recovery point.

use super::LogOptions;
use super::batch::Batch;
use super::error::LogError;
use super::index::IndexWriter;
use super::recovery::recover;
use super::recovery_point::RecoveryPoint;
use super::segment::segment_path;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Positions and relative offsets of the index are 32 bits wide, as in Kafka.
const SEGMENT_MAX: i64 = i32::MAX as i64;

/// One topic, open for appending.
#[derive(Debug)]
pub(super) struct TopicLog {
    dir: PathBuf,
    path: PathBuf,
    /// Stands at the end of what was written.
    file: File,
    /// Where the next batch goes.
    end: RecoveryPoint,
    /// What is durable.
    durable: RecoveryPoint,
    index: IndexWriter,
    segment_bytes_max: u64,
    index_interval_bytes: u64,
}

impl TopicLog {
    /// Opens the topic in `dir`, which is made if it is missing.
    pub(super) fn open(dir: &Path, options: &LogOptions) -> Result<Self, LogError> {
        let made = match std::fs::create_dir(dir) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(LogError::io("create", dir)(error)),
        };
        let point = recover(dir)?;
        let path = segment_path(dir, point.segment);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .and_then(|mut file| file.seek(SeekFrom::Start(point.position)).map(|_| file))
            .map_err(LogError::io("open", &path))?;
        if point.position == 0 {
            point.store_durably(dir)?;
            sync_dir(dir)?;
        }
        if made && let Some(parent) = dir.parent() {
            sync_dir(parent)?;
        }
        let index =
            IndexWriter::open(&path, point.segment, point.position, options.index_interval_bytes)?;
        Ok(Self {
            dir: dir.to_owned(),
            path,
            file,
            end: point,
            durable: point,
            index,
            segment_bytes_max: options.segment_bytes_max.min(SEGMENT_MAX.unsigned_abs()),
            index_interval_bytes: options.index_interval_bytes,
        })
    }

    /// Writes a batch behind the last one; it is durable after the next [`commit`](Self::commit).
    pub(super) fn append(&mut self, batch: &mut Batch) -> Result<(), LogError> {
        if self.is_full_for(batch) {
            self.roll()?;
        }
        let bytes = batch.seal(self.end.end_offset);
        self.file.write_all(bytes).map_err(LogError::io("write", &self.path))?;
        let len = bytes.len() as u64;
        let next_offset = self.end.end_offset + i64::from(batch.records());
        self.index.note(self.end.position, len, next_offset);
        self.end.position += len;
        self.end.end_offset = next_offset;
        self.end.last_timestamp_ms = batch.max_timestamp();
        Ok(())
    }

    /// Makes everything written durable, and tells the readers.
    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        if self.end == self.durable {
            return Ok(());
        }
        self.file.sync_data().map_err(LogError::io("sync", &self.path))?;
        self.end.store(&self.dir)?;
        self.durable = self.end;
        self.index.flush()
    }

    /// Takes back what is not durable, after a failure; the topic can then be written again.
    pub(super) fn rollback(&mut self) -> Result<(), LogError> {
        self.index.discard();
        self.end = self.durable;
        self.file
            .set_len(self.durable.position)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.durable.position)))
            .and_then(|_| self.file.sync_data())
            .map_err(LogError::io("truncate", &self.path))
    }

    fn is_full_for(&self, batch: &Batch) -> bool {
        let records_after = self.end.end_offset - self.end.segment + i64::from(batch.records());
        let bytes_after = self.end.position + batch.len() as u64;
        // A batch that is larger than a segment gets one to itself.
        self.end.position > 0
            && (bytes_after > self.segment_bytes_max || records_after > SEGMENT_MAX)
    }

    /// Begins the next segment. The recovery point moves there durably before any record does:
    /// recovery counts on it that only empty segments can follow a torn one.
    fn roll(&mut self) -> Result<(), LogError> {
        self.commit()?;
        let base = self.end.end_offset;
        let path = segment_path(&self.dir, base);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(LogError::io("create", &path))?;
        sync_dir(&self.dir)?;
        let point = RecoveryPoint { segment: base, position: 0, ..self.end };
        point.store_durably(&self.dir)?;
        self.index = IndexWriter::open(&path, base, 0, self.index_interval_bytes)?;
        (self.path, self.file, self.end, self.durable) = (path, file, point, point);
        Ok(())
    }
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(LogError::io("sync", dir))
}
