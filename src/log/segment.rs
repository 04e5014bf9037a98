//! Segment files: their names, and batches at a position.

use super::batch::{Defect, HEADER_LEN, Header};
use super::error::LogError;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const EXTENSION: &str = ".log";
const DIGITS: usize = 20;

/// Offsets beyond this are none of ours; so sums with them cannot overflow.
pub(super) const OFFSET_MAX: i64 = i64::MAX / 2;

/// Path of the segment that starts with this offset.
pub(super) fn segment_path(topic_dir: &Path, base_offset: i64) -> PathBuf {
    topic_dir.join(format!("{base_offset:0DIGITS$}{EXTENSION}"))
}

/// Base offsets of a topic's segments, in order; other files are passed over.
pub(super) fn base_offsets(topic_dir: &Path) -> Result<Vec<i64>, LogError> {
    let mut offsets = Vec::new();
    let entries = std::fs::read_dir(topic_dir).map_err(LogError::io("list", topic_dir))?;
    for entry in entries {
        let entry = entry.map_err(LogError::io("list", topic_dir))?;
        offsets.extend(entry.file_name().to_str().and_then(base_offset_of));
    }
    offsets.sort_unstable();
    Ok(offsets)
}

fn base_offset_of(file_name: &str) -> Option<i64> {
    let digits = file_name.strip_suffix(EXTENSION)?;
    let all_digits = digits.len() == DIGITS && digits.bytes().all(|c| c.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten().filter(|offset| *offset <= OFFSET_MAX)
}

/// What stands at a position.
#[derive(Debug)]
pub(super) enum Found {
    /// A batch, as far as its header tells; all its bytes are in front of the limit.
    Batch(Header),
    /// The limit.
    End,
    /// Bytes that are no batch.
    Damaged(Defect),
}

/// A segment file, open for reading.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    pub(super) path: PathBuf,
    pub(super) base_offset: i64,
}

impl Segment {
    /// Opens the segment that starts with this offset; `None` if there is none.
    pub(super) fn open(topic_dir: &Path, base_offset: i64) -> Result<Option<Self>, LogError> {
        let path = segment_path(topic_dir, base_offset);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io("open", &path)(error)),
        };
        Ok(Some(Self { file, path, base_offset }))
    }

    /// Length of the file.
    pub(super) fn len(&self) -> Result<u64, LogError> {
        Ok(self.file.metadata().map_err(LogError::io("read", &self.path))?.len())
    }

    /// Reads the header at `position`; bytes from `limit` on do not count.
    pub(super) fn header_at(&self, position: u64, limit: u64) -> Result<Found, LogError> {
        let have = limit.saturating_sub(position);
        if have == 0 {
            return Ok(Found::End);
        }
        if have < HEADER_LEN as u64 {
            return Ok(Found::Damaged(Defect::Short { need: HEADER_LEN as u64, have }));
        }
        let mut head = [0; HEADER_LEN];
        if let Some(defect) = self.read_at(&mut head, position)? {
            return Ok(Found::Damaged(defect));
        }
        Ok(match Header::parse(&head) {
            Ok(header) if header.len > have => {
                Found::Damaged(Defect::Short { need: header.len, have })
            }
            Ok(header) => Found::Batch(header),
            Err(defect) => Found::Damaged(defect),
        })
    }

    /// Reads the batch of `header` at `position` into `batch` and checks it; `Some` names a defect.
    pub(super) fn read_batch(
        &self,
        position: u64,
        header: &Header,
        batch: &mut Vec<u8>,
    ) -> Result<Option<Defect>, LogError> {
        // The file bounds what is reserved, whatever the header says.
        let have = self.len()?.saturating_sub(position);
        match usize::try_from(header.len) {
            Ok(len) if header.len <= have => batch.resize(len, 0),
            _ => return Ok(Some(Defect::Short { need: header.len, have })),
        }
        match self.read_at(batch, position)? {
            None => Ok(header.verify(batch).err()),
            short => Ok(short),
        }
    }

    /// Fills `bytes`; a file that ends before is a defect, not an error.
    fn read_at(&self, bytes: &mut [u8], position: u64) -> Result<Option<Defect>, LogError> {
        let need = bytes.len() as u64;
        match self.file.read_exact_at(bytes, position) {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Some(Defect::Short { need, have: self.len()?.saturating_sub(position) }))
            }
            Err(error) => Err(LogError::io("read", &self.path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_names_are_those_of_kafka_and_others_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = segment_path(dir.path(), 104_711);
        assert_eq!(path.file_name().unwrap(), "00000000000000104711.log");
        for name in [
            "00000000000000104711.log",
            "00000000000000000000.log",
            "00000000000000000000.index",
            "0.log",
            "+0000000000000000001.log",
            "09223372036854775807.log",
            "99999999999999999999.log",
            "recovery-point",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(base_offsets(dir.path()).unwrap(), [0, 104_711]);
    }
}
