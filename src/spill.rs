//! Files for the changes of unfinished transactions that memory has no room for.
//!
//! A file loses its name as soon as it is open, so its space is free again when the process ends,
//! whatever ends it, and nothing is left to clean up at the next start.

use crate::engine::Spool;
use crate::engine::SpoolError;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// One file per transaction, in one directory.
#[derive(Debug)]
pub struct SpillFiles {
    directory: PathBuf,
    files: HashMap<u32, SpillFile>,
}

/// Chunks, each behind its length (`u32`, little-endian).
#[derive(Debug)]
struct SpillFile {
    file: File,
    path: PathBuf,
    bytes: u64,
    is_read: bool,
}

impl SpillFiles {
    /// Files in `directory`, which is made when the first one is needed.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, files: HashMap::new() }
    }

    fn create(&self, xid: u32) -> Result<SpillFile, SpoolError> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| SpoolError { doing, path, source }
        };
        fs::create_dir_all(&self.directory)
            .map_err(failed("make the directory", &self.directory))?;
        let name = format!("minicdc-{}-{xid}.spill", std::process::id());
        let path = self.directory.join(name);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(failed("make the file", &path))?;
        fs::remove_file(&path).map_err(failed("unlink", &path))?;
        tracing::info!(xid, directory = %self.directory.display(), "transaction goes to disk");
        Ok(SpillFile { file, path, bytes: 0, is_read: false })
    }
}

impl Spool for SpillFiles {
    fn append(&mut self, xid: u32, chunk: &[u8]) -> Result<(), SpoolError> {
        if !self.files.contains_key(&xid) {
            let made = self.create(xid)?;
            self.files.insert(xid, made);
        }
        let Some(spill) = self.files.get_mut(&xid) else { return Ok(()) };
        spill.append(chunk).map_err(|source| spill.error("write", source))
    }

    fn next(&mut self, xid: u32, chunk: &mut Vec<u8>) -> Result<bool, SpoolError> {
        let Some(spill) = self.files.get_mut(&xid) else { return Ok(false) };
        spill.next(chunk).map_err(|source| spill.error("read", source))
    }

    fn remove(&mut self, xid: u32) {
        if let Some(spill) = self.files.remove(&xid) {
            tracing::info!(xid, bytes = spill.bytes, "transaction's file removed");
        }
    }
}

impl SpillFile {
    fn append(&mut self, chunk: &[u8]) -> io::Result<()> {
        let len = u32::try_from(chunk.len()).map_err(io::Error::other)?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(chunk)?;
        self.bytes += 4 + u64::from(len);
        Ok(())
    }

    fn next(&mut self, chunk: &mut Vec<u8>) -> io::Result<bool> {
        if !self.is_read {
            self.file.rewind()?;
            self.is_read = true;
        }
        if self.file.stream_position()? == self.bytes {
            return Ok(false);
        }
        let mut len = [0; 4];
        self.file.read_exact(&mut len)?;
        let len = usize::try_from(u32::from_le_bytes(len)).map_err(io::Error::other)?;
        chunk.resize(len, 0);
        self.file.read_exact(chunk)?;
        Ok(true)
    }

    fn error(&self, doing: &'static str, source: io::Error) -> SpoolError {
        SpoolError { doing, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_back_in_order_and_the_directory_stays_empty() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("a/b");
        let mut files = SpillFiles::new(directory.clone());
        for n in 0..5u8 {
            files.append(7, &vec![n; 1000 * usize::from(n)]).unwrap();
            files.append(8, &[n]).unwrap();
        }
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
        let mut chunk = Vec::new();
        for n in 0..5u8 {
            assert!(files.next(7, &mut chunk).unwrap());
            assert_eq!(chunk, vec![n; 1000 * usize::from(n)]);
        }
        assert!(!files.next(7, &mut chunk).unwrap());
        files.remove(7);
        assert!(!files.next(7, &mut chunk).unwrap());
        assert!(files.next(8, &mut chunk).unwrap());
        assert_eq!(chunk, [0]);
        files.remove(99);
    }

    #[test]
    fn directory_that_cannot_be_made_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        let error = SpillFiles::new(file.join("below")).append(1, b"x").unwrap_err();
        assert!(error.to_string().contains("file/below"), "{error}");
        assert!(error.hint().contains("spill.dir"), "{}", error.hint());
    }
}
