//! Finds where a topic ends, and brings it into order before it is written again.

use super::batch::Defect;
use super::error::LogError;
use super::recovery_point::RecoveryPoint;
use super::segment::{Found, Segment, base_offsets, segment_path};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// Where the whole batches of a topic end.
#[derive(Debug)]
pub(super) struct End {
    /// The point behind the last whole batch.
    pub(super) point: RecoveryPoint,
    /// Whether that is further than the stored recovery point.
    ahead: bool,
    /// Bytes behind that are no batch.
    torn: Option<Torn>,
}

#[derive(Debug)]
struct Torn {
    path: PathBuf,
    bytes: u64,
    defect: Defect,
    /// Empty segments behind, begun when the power went.
    empty_segments: Vec<i64>,
}

/// Looks for the end, from the recovery point on; without one, from the start of the last segment.
/// Changes nothing.
///
/// # Errors
///
/// [`LogError::Lost`] when durable bytes are missing; [`LogError::Corrupt`] when there are records
/// behind the damage in another segment, so that it is no torn tail.
pub(super) fn find_end(topic_dir: &Path) -> Result<End, LogError> {
    let stored = RecoveryPoint::load(topic_dir)?;
    let segments = base_offsets(topic_dir)?;
    let last = segments.last().copied().unwrap_or(0);
    let from = stored.unwrap_or(RecoveryPoint::at_segment(last));
    check_nothing_lost(topic_dir, &from)?;

    let mut end = End { point: from, ahead: stored.is_none(), torn: None };
    for (number, &base) in segments.iter().enumerate() {
        if base < from.segment {
            continue;
        }
        let Some(segment) = Segment::open(topic_dir, base)? else { break };
        if base > from.segment {
            if base != end.point.end_offset {
                let defect = Defect::Offset { expected: end.point.end_offset, found: base };
                return Err(corrupt(&segment, 0, end.point.end_offset, defect));
            }
            end.point = RecoveryPoint { segment: base, position: 0, ..end.point };
            end.ahead = true;
        }
        if let Some(defect) = walk(&segment, &mut end)? {
            let empty_segments = segments[number + 1..].to_vec();
            for &later in &empty_segments {
                if len_of(topic_dir, later)? > 0 {
                    let RecoveryPoint { position, end_offset, .. } = end.point;
                    return Err(corrupt(&segment, position, end_offset, defect));
                }
            }
            let bytes = segment.len()? - end.point.position;
            end.torn = Some(Torn { path: segment.path, bytes, defect, empty_segments });
            break;
        }
    }
    Ok(end)
}

fn check_nothing_lost(topic_dir: &Path, durable: &RecoveryPoint) -> Result<(), LogError> {
    let need = durable.position;
    let have = len_of(topic_dir, durable.segment)?;
    if have >= need {
        return Ok(());
    }
    let path = segment_path(topic_dir, durable.segment);
    Err(LogError::Lost { path, have, need, end_offset: durable.end_offset })
}

fn len_of(topic_dir: &Path, base_offset: i64) -> Result<u64, LogError> {
    Segment::open(topic_dir, base_offset)?.map_or(Ok(0), |segment| segment.len())
}

/// Moves `end` over the whole batches of `segment`; returns what stopped it before its end.
fn walk(segment: &Segment, end: &mut End) -> Result<Option<Defect>, LogError> {
    let len = segment.len()?;
    let mut batch = Vec::new();
    loop {
        let position = end.point.position;
        let header = match segment.header_at(position, len)? {
            Found::End => return Ok(None),
            Found::Damaged(defect) => return Ok(Some(defect)),
            Found::Batch(header) => header,
        };
        if let Err(defect) = header.follows(end.point.end_offset) {
            return Ok(Some(defect));
        }
        if let Some(defect) = segment.read_batch(position, &header, &mut batch)? {
            return Ok(Some(defect));
        }
        end.point = RecoveryPoint {
            segment: segment.base_offset,
            position: position + header.len,
            end_offset: header.next_offset,
            last_timestamp_ms: header.max_timestamp,
        };
        end.ahead = true;
    }
}

fn corrupt(segment: &Segment, position: u64, offset: i64, defect: Defect) -> LogError {
    LogError::Corrupt { path: segment.path.clone(), position, offset, resume: None, defect }
}

/// Cuts off a torn tail, makes what is left durable, and returns where to go on.
///
/// # Errors
///
/// As [`find_end`], and [`LogError::Io`].
pub(super) fn recover(topic_dir: &Path) -> Result<RecoveryPoint, LogError> {
    let End { point, ahead, torn } = find_end(topic_dir)?;
    if let Some(torn) = &torn {
        for &base in &torn.empty_segments {
            let path = segment_path(topic_dir, base);
            std::fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
        }
        tracing::warn!(
            file = %torn.path.display(),
            position = point.position,
            offset = point.end_offset,
            bytes = torn.bytes,
            defect = %torn.defect,
            "cut off the torn end of the embedded log; it was confirmed to nobody"
        );
    }
    if torn.is_some() || (ahead && point.position > 0) {
        let path = segment_path(topic_dir, point.segment);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| {
                if torn.is_some() {
                    file.set_len(point.position)?;
                }
                file.sync_all()
            })
            .map_err(LogError::io("repair", &path))?;
    }
    if ahead {
        point.store_durably(topic_dir)?;
    }
    Ok(point)
}
