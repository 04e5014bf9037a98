//! The socket over which a running capture is spoken to: one line of JSON in, one line of text out.
//!
//! It is named by the slot and only open to the user who runs the capture.

use crate::config::{Config, SinkKind, process_variable};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest line.
const LINE_MAX: u64 = 64 * 1024;

/// Where the capture of these settings listens: in the embedded log's directory, or in the
/// directory for sockets of this user.
#[must_use]
pub fn socket_path(config: &Config) -> PathBuf {
    let name = format!("minicdc-{}.sock", config.replication.slot_name);
    if config.sink.kind == SinkKind::Log {
        return config.sink.log_dir.join(name);
    }
    let dir = process_variable("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    dir.map_or_else(std::env::temp_dir, PathBuf::from).join(name)
}

/// A socket that is listened on; taken away when dropped.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens, in the place of a predecessor that left its socket behind.
    ///
    /// # Errors
    ///
    /// When someone listens there already, or the directory cannot be written.
    pub fn bind(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another capture listens there"));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// The next question, and where its answer goes.
    ///
    /// # Errors
    ///
    /// When the socket fails, or whoever asks says nothing in time.
    pub async fn next(&self) -> io::Result<(String, Asker)> {
        let (stream, _) = self.listener.accept().await?;
        let mut reader = BufReader::new(stream.take(LINE_MAX));
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await??;
        Ok((line, Asker { stream: reader.into_inner().into_inner() }))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // One that stays behind is replaced by the next capture.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Whoever has asked.
#[derive(Debug)]
pub struct Asker {
    stream: UnixStream,
}

impl Asker {
    /// Answers; one who has gone misses it.
    pub async fn answer(mut self, text: &str) {
        let line = format!("{text}\n");
        drop(tokio::time::timeout(PATIENCE, self.stream.write_all(line.as_bytes())).await);
    }
}

/// Asks the capture that listens at `path`.
///
/// # Errors
///
/// When nobody listens or answers.
pub async fn ask(path: &Path, line: &str) -> io::Result<String> {
    let asking = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.take(LINE_MAX).read_to_string(&mut answer).await?;
        Ok(answer.trim_end().to_owned())
    };
    tokio::time::timeout(PATIENCE, asking).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn question_gets_its_answer_and_the_socket_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let listener = Listener::bind(&path).unwrap();
        assert_eq!(Listener::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let answering = tokio::spawn(async move {
            drop(listener.next().await); // the second bind has looked in
            let (line, asker) = listener.next().await.unwrap();
            asker.answer(&format!("heard {}", line.trim())).await;
        });
        assert_eq!(ask(&path, "{}").await.unwrap(), "heard {}");
        answering.await.unwrap();
        assert!(!path.exists());
        assert!(ask(&path, "{}").await.is_err());
    }
}
