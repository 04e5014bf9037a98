//! Finds the batch to start with: segment by name, index by halving, batches by stepping.

use super::batch::{Defect, Header};
use super::error::LogError;
use super::index;
use super::recovery_point::RecoveryPoint;
use super::segment::{Found, Segment, base_offsets};
use crate::record::StoredRecord;
use std::path::Path;

/// What is looked for; both grow along a topic (timestamps as far as the clock did).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The record with this offset.
    Offset(i64),
    /// The first record that is not older.
    TimestampMs(i64),
}

impl Target {
    /// Whether this record is the target or behind it.
    pub(super) const fn wants(self, record: &StoredRecord) -> bool {
        match self {
            Self::Offset(offset) => record.offset >= offset,
            Self::TimestampMs(timestamp) => record.timestamp_ms >= timestamp,
        }
    }

    /// Whether the batch ends before the target.
    const fn is_behind(self, header: &Header) -> bool {
        match self {
            Self::Offset(offset) => header.next_offset <= offset,
            Self::TimestampMs(timestamp) => header.max_timestamp < timestamp,
        }
    }
}

/// A batch's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) segment: Segment,
    pub(super) position: u64,
    /// First offset at this place.
    pub(super) offset: i64,
}

/// Finds the batch that holds `target`, or the end; `None` in a topic without segments.
pub(super) fn find(
    topic_dir: &Path,
    segments: &[i64],
    durable: &RecoveryPoint,
    target: Target,
) -> Result<Option<Place>, LogError> {
    let Some(segment) = choose_segment(topic_dir, segments, durable, target)? else {
        return Ok(None);
    };
    let limit = limit(&segment, durable)?;
    let (mut position, mut offset) = nearest_entry(&segment, limit, target)?;
    loop {
        match segment.header_at(position, limit)? {
            Found::Batch(header) if target.is_behind(&header) && header.base_offset == offset => {
                position += header.len;
                offset = header.next_offset;
            }
            // Damage on the way is for the reader to see and to tell, like that in the target.
            Found::Batch(_) | Found::End | Found::Damaged(_) => {
                return Ok(Some(Place { segment, position, offset }));
            }
        }
    }
}

/// Durable bytes of a segment.
pub(super) fn limit(segment: &Segment, durable: &RecoveryPoint) -> Result<u64, LogError> {
    if segment.base_offset == durable.segment { Ok(durable.position) } else { segment.len() }
}

/// The last segment that starts before the target.
fn choose_segment(
    topic_dir: &Path,
    segments: &[i64],
    durable: &RecoveryPoint,
    target: Target,
) -> Result<Option<Segment>, LogError> {
    let segments = &segments[..segments.partition_point(|base| *base <= durable.segment)];
    let (mut low, mut high) = (0, segments.len());
    // The invariant of a binary search: all before `low` start before the target, none from `high`.
    while low < high {
        let middle = low.midpoint(high);
        let before = match target {
            Target::Offset(offset) => segments[middle] <= offset,
            Target::TimestampMs(timestamp) => {
                starts_before(topic_dir, segments[middle], durable, timestamp)?
            }
        };
        if before { low = middle + 1 } else { high = middle }
    }
    match segments.get(low.saturating_sub(1)) {
        Some(&base) => Segment::open(topic_dir, base),
        None => Ok(None),
    }
}

fn starts_before(
    topic_dir: &Path,
    base: i64,
    durable: &RecoveryPoint,
    timestamp: i64,
) -> Result<bool, LogError> {
    let Some(segment) = Segment::open(topic_dir, base)? else { return Ok(true) };
    Ok(match segment.header_at(0, limit(&segment, durable)?)? {
        Found::Batch(header) => header.base_timestamp < timestamp,
        Found::End => false,
        Found::Damaged(_) => true,
    })
}

/// Position and offset of the last indexed batch that ends before the target, or of the first.
fn nearest_entry(segment: &Segment, limit: u64, target: Target) -> Result<(u64, i64), LogError> {
    let entries = index::entries(&segment.path)?;
    let mut nearest = (0, segment.base_offset);
    let (mut low, mut high) = (0, entries.len());
    while low < high {
        let middle = low.midpoint(high);
        let header = indexed_batch(segment, limit, entries[middle])?;
        match header.filter(|(_, header)| target.is_behind(header)) {
            Some((position, header)) => {
                nearest = (position, header.base_offset);
                low = middle + 1;
            }
            None => high = middle,
        }
    }
    Ok(nearest)
}

/// The batch an entry speaks of, if it is there.
fn indexed_batch(
    segment: &Segment,
    limit: u64,
    entry: index::Entry,
) -> Result<Option<(u64, Header)>, LogError> {
    let Ok(position) = u64::try_from(entry.position) else { return Ok(None) };
    let last_offset = segment.base_offset + i64::from(entry.relative_offset);
    Ok(match segment.header_at(position, limit)? {
        Found::Batch(header) if header.next_offset - 1 == last_offset => Some((position, header)),
        Found::Batch(_) | Found::End | Found::Damaged(_) => None,
    })
}

/// The error for damage in front of the recovery point; looks for where one can read on.
pub(super) fn corrupt(
    segment: &Segment,
    durable: &RecoveryPoint,
    position: u64,
    offset: i64,
    defect: Defect,
) -> LogError {
    let resume = limit(segment, durable)
        .ok()
        .and_then(|limit| resume(segment, limit, position, offset))
        .filter(|resume| *resume > offset);
    LogError::Corrupt { path: segment.path.clone(), position, offset, resume, defect }
}

/// The next offset whose batch can be found without the damaged one.
fn resume(segment: &Segment, limit: u64, position: u64, offset: i64) -> Option<i64> {
    let batch_at = |position| match segment.header_at(position, limit) {
        Ok(Found::Batch(header)) => Some(header),
        _ => None,
    };
    // The damage may be in the records only: then the header leads to the next batch.
    if let Some(header) = batch_at(position)
        && header.base_offset == offset
    {
        let behind = position + header.len;
        let next = batch_at(behind).map(|next| next.base_offset);
        if behind == limit || next == Some(header.next_offset) {
            return Some(header.next_offset);
        }
    }
    let entries = index::entries(&segment.path).ok()?;
    let indexed = entries
        .into_iter()
        .filter(|entry| u64::try_from(entry.position).is_ok_and(|at| at > position))
        .find_map(|entry| indexed_batch(segment, limit, entry).ok().flatten())
        .map(|(_, header)| header.base_offset);
    let next_segment = || {
        let segments = base_offsets(segment.path.parent()?).ok()?;
        segments.into_iter().find(|base| *base > segment.base_offset)
    };
    indexed.or_else(next_segment)
}
