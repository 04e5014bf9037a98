//! Positions in a file: one JSON object, a member for each key.
//!
//! The file is replaced as a whole (temporary file, fsync, rename, fsync of the directory), so that
//! a reader and a crash see the old or the new one. Its only writer is the holder of the embedded
//! log's lock.

use super::{OffsetError, OffsetKey, SourceOffset};
use serde_json::{Map, Value};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

/// The store behind [`OffsetStore::File`](super::OffsetStore::File).
#[derive(Debug, Clone)]
pub struct FileOffsets {
    path: PathBuf,
    key: OffsetKey,
}

impl FileOffsets {
    pub(super) fn new(dir: &Path, key: OffsetKey) -> Self {
        Self { path: dir.join("offsets.json"), key }
    }

    pub(super) async fn load(&self) -> Result<Option<SourceOffset>, OffsetError> {
        let stored = self.read().await?.remove(self.key.as_str());
        stored.map(|value| self.parsed(serde_json::from_value(value))).transpose()
    }

    pub(super) async fn save(&self, offset: &SourceOffset) -> Result<(), OffsetError> {
        let mut all = self.read().await?;
        let value = self.parsed(serde_json::to_value(offset))?;
        all.insert(self.key.as_str().to_owned(), value);
        let text = self.parsed(serde_json::to_vec_pretty(&all))?;
        replace(&self.path, &text).await.map_err(|source| self.failed("written", source))
    }

    async fn read(&self) -> Result<Map<String, Value>, OffsetError> {
        match fs::read(&self.path).await {
            Ok(bytes) => self.parsed(serde_json::from_slice(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
            Err(source) => Err(self.failed("read", source)),
        }
    }

    fn parsed<T>(&self, parsed: Result<T, serde_json::Error>) -> Result<T, OffsetError> {
        parsed.map_err(|source| OffsetError::Foreign {
            place: self.path.display().to_string(),
            key: self.key.as_str().to_owned(),
            source,
        })
    }

    fn failed(&self, action: &'static str, source: io::Error) -> OffsetError {
        OffsetError::File { path: self.path.clone(), action, source }
    }
}

async fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = File::create(&new).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    fs::rename(&new, path).await?;
    // The rename itself is durable only with the directory.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new("."))).await?.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::super::OffsetStore;
    use super::*;
    use crate::lsn::Lsn;
    use std::fs;

    fn at(lsn: u64) -> SourceOffset {
        SourceOffset { lsn: Some(Lsn::new(lsn)), ..SourceOffset::default() }
    }

    #[tokio::test]
    async fn position_survives_and_keys_do_not_disturb_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let shop = OffsetStore::file(dir.path(), OffsetKey::new("a", "shop"));
        let bank = OffsetStore::file(dir.path(), OffsetKey::new("a", "bank"));
        assert_eq!(shop.load().await.unwrap(), None);
        shop.save(&at(1)).await.unwrap();
        bank.save(&at(7)).await.unwrap();
        shop.save(&at(2)).await.unwrap();
        let again = OffsetStore::file(dir.path(), OffsetKey::new("a", "shop"));
        assert_eq!(again.load().await.unwrap(), Some(at(2)));
        assert_eq!(bank.load().await.unwrap(), Some(at(7)));
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["offsets.json"]);
    }

    #[tokio::test]
    async fn foreign_file_is_an_error_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offsets.json");
        fs::write(&path, "not json").unwrap();
        let store = OffsetStore::file(dir.path(), OffsetKey::new("a", "shop"));
        assert!(matches!(store.load().await, Err(OffsetError::Foreign { .. })));
        assert!(matches!(store.save(&at(1)).await, Err(OffsetError::Foreign { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not json");
    }

    #[tokio::test]
    async fn missing_directory_is_said_on_save() {
        let dir = tempfile::tempdir().unwrap();
        let store = OffsetStore::file(&dir.path().join("none"), OffsetKey::new("a", "shop"));
        assert_eq!(store.load().await.unwrap(), None);
        let error = store.save(&at(1)).await.unwrap_err();
        assert!(matches!(error, OffsetError::File { action: "written", .. }), "{error}");
    }
}
