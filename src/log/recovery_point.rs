//! How far a topic is durable: one line of text in a file of its own.
//!
//! The writer overwrites the line in place after each `fdatasync` of the segment. It is itself not
//! synced each time: after a power loss it may be old, which is safe, but it is never ahead of the
//! data. One line fits a disk sector, so it is not torn either; a reader that meets it half
//! written sees the checksum fail and looks again.

use super::error::LogError;
use super::segment::OFFSET_MAX;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

pub(super) const FILE_NAME: &str = "recovery-point";

const VERSION: &str = "1";
/// Reads of a line that is being written; one is enough in practice.
const LOAD_ATTEMPTS: usize = 5;

/// Everything before this is durable and does not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecoveryPoint {
    /// Base offset of the last segment.
    pub(super) segment: i64,
    /// Durable bytes of that segment.
    pub(super) position: u64,
    /// Offset after the last durable record.
    pub(super) end_offset: i64,
    /// Latest timestamp of the last batch; -1 in an empty topic.
    pub(super) last_timestamp_ms: i64,
}

impl RecoveryPoint {
    /// At the start of the segment that begins with `offset`.
    pub(super) const fn at_segment(offset: i64) -> Self {
        Self { segment: offset, position: 0, end_offset: offset, last_timestamp_ms: -1 }
    }

    /// Reads the point of a topic; `None` if there is none, or none that makes sense.
    pub(super) fn load(topic_dir: &Path) -> Result<Option<Self>, LogError> {
        let path = topic_dir.join(FILE_NAME);
        for _ in 0..LOAD_ATTEMPTS {
            match std::fs::read(&path) {
                Ok(line) => {
                    if let Some(point) = Self::parse(&line) {
                        return Ok(Some(point));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(LogError::io("read", &path)(error)),
            }
        }
        Ok(None)
    }

    /// Writes the point of a topic.
    pub(super) fn store(&self, topic_dir: &Path) -> Result<(), LogError> {
        self.write(topic_dir).map(drop)
    }

    /// Writes the point of a topic and waits until it is durable itself.
    pub(super) fn store_durably(&self, topic_dir: &Path) -> Result<(), LogError> {
        let path = topic_dir.join(FILE_NAME);
        self.write(topic_dir)?.sync_all().map_err(LogError::io("sync", &path))
    }

    fn write(&self, topic_dir: &Path) -> Result<File, LogError> {
        let path = topic_dir.join(FILE_NAME);
        let open = || {
            // Not truncated: the line always has the same length, and readers look at any time.
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            file.write_all(self.line().as_bytes())?;
            Ok(file)
        };
        open().map_err(LogError::io("write", &path))
    }

    fn line(&self) -> String {
        let Self { segment, position, end_offset, last_timestamp_ms } = self;
        let facts = format!(
            "{VERSION} {segment:020} {position:020} {end_offset:020} {last_timestamp_ms:020}"
        );
        let checksum = crc32c::crc32c(facts.as_bytes());
        format!("{facts} {checksum:08x}\n")
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let (facts, checksum) = line.rsplit_once(' ')?;
        if u32::from_str_radix(checksum, 16).ok()? != crc32c::crc32c(facts.as_bytes()) {
            return None;
        }
        let mut facts = facts.split(' ');
        facts.next().filter(|version| *version == VERSION)?;
        let point = Self {
            segment: facts.next()?.parse().ok()?,
            position: facts.next()?.parse().ok()?,
            end_offset: facts.next()?.parse().ok()?,
            last_timestamp_ms: facts.next()?.parse().ok()?,
        };
        Some(point)
            .filter(|point| (0..=point.end_offset).contains(&point.segment))
            .filter(|point| point.end_offset <= OFFSET_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: RecoveryPoint = RecoveryPoint {
        segment: 17,
        position: u64::MAX,
        end_offset: OFFSET_MAX,
        last_timestamp_ms: i64::MIN,
    };

    #[test]
    fn recovery_point_of_any_size_takes_one_line_of_fixed_length() {
        let dir = tempfile::tempdir().unwrap();
        let small = RecoveryPoint::at_segment(0);
        assert_eq!(POINT.line().len(), small.line().len());
        POINT.store(dir.path()).unwrap();
        assert_eq!(RecoveryPoint::load(dir.path()).unwrap(), Some(POINT));
        small.store_durably(dir.path()).unwrap();
        assert_eq!(RecoveryPoint::load(dir.path()).unwrap(), Some(small));
    }

    #[test]
    fn recovery_point_with_any_byte_changed_or_missing_is_none() {
        let line = POINT.line().into_bytes();
        assert_eq!(RecoveryPoint::parse(&line), Some(POINT));
        for at in 0..line.len() {
            assert_eq!(RecoveryPoint::parse(&line[..at]), None, "cut at {at}");
            let mut changed = line.clone();
            changed[at] ^= 1;
            assert_eq!(RecoveryPoint::parse(&changed), None, "changed at {at}");
        }
    }

    #[test]
    fn recovery_point_that_is_absent_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RecoveryPoint::load(dir.path()).unwrap(), None);
    }
}
