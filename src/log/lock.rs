//! One writer per log: a locked file that holds the writer's process id.

use super::error::LogError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

const FILE_NAME: &str = "lock";

/// Held while a writer lives; the system gives it up even when the process is killed.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    /// Gives the lock up at once: closing alone would leave it to a child process that was forked
    /// a moment ago and still has a copy of the descriptor until its `exec`.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "lock is given up by closing its file");
        }
    }
}

impl WriterLock {
    /// Takes the lock of the log in `dir`.
    ///
    /// # Errors
    ///
    /// [`LogError::Locked`] with the process id of whoever has it.
    pub(super) fn take(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(FILE_NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LogError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The writer may be about to write it: then it stays unknown.
                let read = file.read_to_string(&mut pid);
                let pid = read.ok().and_then(|_| pid.trim().parse().ok());
                return Err(LogError::Locked { dir: dir.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(LogError::io("lock", &path)(source)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(LogError::io("write", &path))?;
        Ok(Self { file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_lock_is_refused_with_the_pid_until_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::take(dir.path()).unwrap();
        let error = WriterLock::take(dir.path()).unwrap_err();
        let ours = std::process::id();
        assert!(matches!(&error, LogError::Locked { pid: Some(pid), .. } if *pid == ours));
        assert!(error.to_string().contains(&format!("process {ours}")), "{error}");
        assert!(error.hint().unwrap().contains(&format!("kill {ours}")));
        drop(first);
        WriterLock::take(dir.path()).unwrap();
    }
}
