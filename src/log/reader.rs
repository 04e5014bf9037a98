//! What is in a log, for any number of readers beside the writer, in this process or others.

use super::error::LogError;
use super::recovery_point::RecoveryPoint;
use super::seek::limit;
use super::segment::{Found, Segment, base_offsets};
use super::topic_name::{topic_dir, topic_of};
use super::topic_reader::{StartAt, TopicReader, durable};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A log directory, open for reading. Takes no lock and holds no file open.
#[derive(Debug, Clone)]
pub struct LogReader {
    dir: PathBuf,
}

/// What a topic holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Name.
    pub name: Arc<str>,
    /// Offset of the first record.
    pub first_offset: i64,
    /// Offset the next record will get.
    pub end_offset: i64,
    /// Timestamp of the first record; `None` in an empty topic.
    pub first_timestamp_ms: Option<i64>,
    /// Latest timestamp of the last batch; `None` in an empty topic.
    pub last_timestamp_ms: Option<i64>,
    /// Size of the segment files.
    pub bytes: u64,
}

impl TopicInfo {
    /// Number of records.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.end_offset.saturating_sub(self.first_offset).unsigned_abs()
    }
}

impl LogReader {
    /// Opens the log in `dir`.
    ///
    /// # Errors
    ///
    /// [`LogError::NoLog`] if there is no such directory.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        match std::fs::metadata(dir) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { dir: dir.to_owned() }),
            Ok(_) => Err(LogError::NoLog { dir: dir.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LogError::NoLog { dir: dir.to_owned() })
            }
            Err(error) => Err(LogError::io("open", dir)(error)),
        }
    }

    /// All topics, by name. Cheap: it reads a few hundred bytes of each.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`]; a damaged topic is listed as far as it can be.
    pub fn topics(&self) -> Result<Vec<TopicInfo>, LogError> {
        let names = self.names()?;
        names.into_iter().map(|name| self.info(name)).collect()
    }

    /// Opens a topic.
    ///
    /// # Errors
    ///
    /// [`LogError::NoTopic`] with the names there are, [`LogError::OutOfRange`] for an offset that
    /// is not there, [`LogError::Io`]. Damage is told when it is read.
    pub fn topic(&self, name: &str, from: StartAt) -> Result<TopicReader, LogError> {
        let no_topic = |known| {
            let (dir, topic) = (self.dir.clone(), name.to_owned());
            Err(LogError::NoTopic { dir, topic, known })
        };
        match topic_dir(&self.dir, name) {
            Ok(dir) if dir.is_dir() => TopicReader::open(name.into(), dir, from),
            _ => no_topic(self.names()?.iter().map(ToString::to_string).collect()),
        }
    }

    fn names(&self) -> Result<Vec<Arc<str>>, LogError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(LogError::io("list", &self.dir))? {
            let entry = entry.map_err(LogError::io("list", &self.dir))?;
            if entry.path().is_dir() {
                names.extend(entry.file_name().to_str().and_then(topic_of).map(Arc::from));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn info(&self, name: Arc<str>) -> Result<TopicInfo, LogError> {
        let dir = topic_dir(&self.dir, &name)?;
        let durable = durable(&dir)?;
        let segments = base_offsets(&dir)?;
        let first_offset = segments.first().copied().unwrap_or(durable.end_offset);
        let mut bytes = 0;
        for &base in segments.iter().filter(|base| **base <= durable.segment) {
            if let Some(segment) = Segment::open(&dir, base)? {
                bytes += limit(&segment, &durable)?;
            }
        }
        Ok(TopicInfo {
            name,
            first_offset,
            end_offset: durable.end_offset,
            first_timestamp_ms: first_timestamp(&dir, first_offset, &durable)?,
            last_timestamp_ms: (durable.end_offset > first_offset)
                .then_some(durable.last_timestamp_ms),
            bytes,
        })
    }
}

fn first_timestamp(
    topic_dir: &Path,
    first_offset: i64,
    durable: &RecoveryPoint,
) -> Result<Option<i64>, LogError> {
    let Some(segment) = Segment::open(topic_dir, first_offset)? else { return Ok(None) };
    Ok(match segment.header_at(0, limit(&segment, durable)?)? {
        Found::Batch(header) => Some(header.base_timestamp),
        Found::End | Found::Damaged(_) => None,
    })
}
