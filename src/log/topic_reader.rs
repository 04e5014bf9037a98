//! Reads one topic, up to its recovery point and no further.
//!
//! States: between batches (`records` is `None`) or within one. Between batches, `position` and
//! `next_offset` name the next batch; a segment is left when it is read to its end and the recovery
//! point is in a later one. A topic that is just being made may have no segment yet.

use super::batch::{Defect, Records};
use super::error::LogError;
use super::recovery::find_end;
use super::recovery_point::RecoveryPoint;
use super::seek::{Place, Target, corrupt, find, limit};
use super::segment::{Found, Segment, base_offsets, segment_path};
use crate::record::StoredRecord;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// The first record there is.
    Beginning,
    /// Behind the last record: only what comes from now on.
    End,
    /// The last so many records.
    Last(u64),
    /// The record with this offset; the end offset is allowed.
    Offset(i64),
    /// The first record with this timestamp or a later one (milliseconds since the Unix epoch);
    /// exact as long as the clock of the writer did not go back.
    TimestampMs(i64),
}

/// Reads the records of one topic in order, and goes on when there are new ones.
#[derive(Debug)]
pub struct TopicReader {
    topic: Arc<str>,
    dir: PathBuf,
    durable: RecoveryPoint,
    first_offset: i64,
    segment: Option<Segment>,
    position: u64,
    next_offset: i64,
    /// Records before this are not wanted.
    from: Target,
    batch: Vec<u8>,
    records: Option<Records>,
}

impl TopicReader {
    pub(super) fn open(topic: Arc<str>, dir: PathBuf, start: StartAt) -> Result<Self, LogError> {
        let durable = durable(&dir)?;
        let segments = base_offsets(&dir)?;
        let first = segments.first().copied().unwrap_or(durable.end_offset);
        let end = durable.end_offset;
        let from = match start {
            StartAt::Beginning => Target::Offset(first),
            StartAt::End => Target::Offset(end),
            StartAt::Last(records) => {
                let records = i64::try_from(records).unwrap_or(i64::MAX);
                Target::Offset(end.saturating_sub(records).max(first))
            }
            StartAt::Offset(offset) if (first..=end).contains(&offset) => Target::Offset(offset),
            StartAt::Offset(offset) => {
                let topic = topic.to_string();
                return Err(LogError::OutOfRange { topic, offset, first, end });
            }
            StartAt::TimestampMs(timestamp) => Target::TimestampMs(timestamp),
        };
        let (segment, position, next_offset) = match find(&dir, &segments, &durable, from)? {
            Some(Place { segment, position, offset }) => (Some(segment), position, offset),
            None => (None, 0, first),
        };
        Ok(Self {
            topic,
            dir,
            durable,
            first_offset: first,
            segment,
            position,
            next_offset,
            from,
            batch: Vec::new(),
            records: None,
        })
    }

    /// Name of the topic.
    #[must_use]
    pub const fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Offset of the first record there was when the topic was opened.
    #[must_use]
    pub const fn first_offset(&self) -> i64 {
        self.first_offset
    }

    /// Offset after the last durable record, as far as [`read`](Self::read) has looked.
    #[must_use]
    pub const fn end_offset(&self) -> i64 {
        self.durable.end_offset
    }

    /// Appends up to `records_max` records to `into`, and returns how many; 0 when there is nothing
    /// new at the moment. Never waits: [`Pace`](super::Pace) says for how long to.
    ///
    /// # Errors
    ///
    /// [`LogError::Corrupt`] when a durable batch is damaged, each time it is asked; records in
    /// front of it were returned before. [`LogError::Io`].
    pub fn read(
        &mut self,
        into: &mut Vec<StoredRecord>,
        records_max: usize,
    ) -> Result<usize, LogError> {
        let before = into.len();
        while into.len() - before < records_max {
            let Some(records) = &mut self.records else {
                match self.next_batch() {
                    Ok(true) => continue,
                    Ok(false) => break,
                    // What came before the damage is delivered first.
                    Err(_) if into.len() > before => break,
                    Err(error) => return Err(error),
                }
            };
            match records.next(&self.topic, &self.batch) {
                Ok(Some(record)) if self.from.wants(&record) => into.push(record),
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.position += records.header().len;
                    self.next_offset = records.header().next_offset;
                    self.records = None;
                }
                Err(_) if into.len() > before => break,
                Err(defect) => return Err(self.corrupt(defect)),
            }
        }
        Ok(into.len() - before)
    }

    /// Moves to the next batch; `false` when there is none yet.
    fn next_batch(&mut self) -> Result<bool, LogError> {
        loop {
            let Some(segment) = &self.segment else {
                self.segment = Segment::open(&self.dir, self.next_offset)?;
                if self.segment.is_none() && !self.refresh()? {
                    return Ok(false);
                }
                continue;
            };
            let limit = limit(segment, &self.durable)?;
            if self.position < limit {
                self.load_batch(limit)?;
                return Ok(true);
            }
            if segment.base_offset < self.durable.segment {
                self.next_segment()?;
            } else if !self.refresh()? {
                return Ok(false);
            }
        }
    }

    fn load_batch(&mut self, limit: u64) -> Result<(), LogError> {
        let Some(segment) = &self.segment else { return Ok(()) };
        let header = match segment.header_at(self.position, limit)? {
            Found::Batch(header) => header,
            Found::End => return Ok(()),
            Found::Damaged(defect) => return Err(self.corrupt(defect)),
        };
        if let Err(defect) = header.follows(self.next_offset) {
            return Err(self.corrupt(defect));
        }
        if let Some(defect) = segment.read_batch(self.position, &header, &mut self.batch)? {
            return Err(self.corrupt(defect));
        }
        match Records::new(&header, &self.batch) {
            Ok(records) => self.records = Some(records),
            Err(defect) => return Err(self.corrupt(defect)),
        }
        Ok(())
    }

    /// Goes on to the segment behind one that was read to its end.
    fn next_segment(&mut self) -> Result<(), LogError> {
        let Some(next) = Segment::open(&self.dir, self.next_offset)? else {
            let path = segment_path(&self.dir, self.next_offset);
            return Err(LogError::io("open", &path)(io::ErrorKind::NotFound.into()));
        };
        self.segment = Some(next);
        self.position = 0;
        Ok(())
    }

    /// Looks how far the topic is durable now; `false` when that has not changed.
    fn refresh(&mut self) -> Result<bool, LogError> {
        let Some(durable) = RecoveryPoint::load(&self.dir)? else { return Ok(false) };
        if durable.end_offset < self.next_offset {
            return Err(LogError::OutOfRange {
                topic: self.topic.to_string(),
                offset: self.next_offset,
                first: base_offsets(&self.dir)?.first().copied().unwrap_or(0),
                end: durable.end_offset,
            });
        }
        let moved = durable != self.durable;
        self.durable = durable;
        Ok(moved)
    }

    fn corrupt(&self, defect: Defect) -> LogError {
        match &self.segment {
            Some(segment) => {
                corrupt(segment, &self.durable, self.position, self.next_offset, defect)
            }
            None => LogError::Corrupt {
                path: self.dir.clone(),
                position: self.position,
                offset: self.next_offset,
                resume: None,
                defect,
            },
        }
    }
}

/// How far a topic is durable. Only without a recovery point the batches themselves must tell.
pub(super) fn durable(topic_dir: &Path) -> Result<RecoveryPoint, LogError> {
    match RecoveryPoint::load(topic_dir)? {
        Some(point) => Ok(point),
        None => find_end(topic_dir).map(|end| end.point),
    }
}
