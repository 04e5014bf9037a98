//! Bytes to a stream that may block, from a thread of its own: whoever pauses in reading our
//! output stops neither the capture loop nor the replies to the server.

use super::SinkError;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};

struct Chunk {
    bytes: Vec<u8>,
    tag: u64,
}

/// Writes chunks in their order. The queue is as long as its user lets it become: see
/// [`bytes_waiting`](Self::bytes_waiting).
///
/// Dropping it does not wait for what is queued, since that could take forever.
#[derive(Debug)]
pub struct BackgroundWriter {
    chunks: Sender<Chunk>,
    waiting: Arc<AtomicUsize>,
}

impl BackgroundWriter {
    /// Starts the thread. `report` is called on it: with the tag of each chunk that was taken by
    /// whoever reads `out`, or with the failure that ends the writing.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start(
        name: &'static str,
        mut out: impl Write + Send + 'static,
        report: impl Fn(Result<u64, SinkError>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (chunks, inbox) = mpsc::channel::<Chunk>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let waiting_there = Arc::clone(&waiting);
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            for Chunk { bytes, tag } in inbox {
                if let Err(error) = out.write_all(&bytes).and_then(|()| out.flush()) {
                    report(Err(failure(name, error)));
                    return;
                }
                waiting_there.fetch_sub(bytes.len(), Ordering::Release);
                report(Ok(tag));
            }
        })?;
        Ok(Self { chunks, waiting })
    }

    /// Queues bytes. After a failure, which was reported, they go nowhere.
    pub fn write(&self, bytes: Vec<u8>, tag: u64) {
        self.waiting.fetch_add(bytes.len(), Ordering::Release);
        // A thread that ended has said why.
        drop(self.chunks.send(Chunk { bytes, tag }));
    }

    /// Size of what is queued or being written.
    #[must_use]
    pub fn bytes_waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

fn failure(name: &str, error: std::io::Error) -> SinkError {
    match error.kind() {
        ErrorKind::BrokenPipe => SinkError::Closed,
        _ => SinkError::Broken { sink: name.to_owned(), source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn reader_who_pauses_stops_only_the_thread() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let (reports, inbox) = mpsc::channel();
        let report = move |outcome: Result<u64, SinkError>| reports.send(outcome).unwrap();
        let background = BackgroundWriter::start("test", writer, report).unwrap();
        background.write(vec![b'x'; 1 << 20], 1);
        background.write(b"end".to_vec(), 2);
        assert_eq!(background.bytes_waiting(), (1 << 20) + 3, "no pipe is as large as that");
        assert!(inbox.try_recv().is_err());
        let mut read = vec![0; (1 << 20) + 3];
        reader.read_exact(&mut read).unwrap();
        assert!(read.ends_with(b"xend"));
        assert_eq!(inbox.recv().unwrap().unwrap(), 1);
        assert_eq!(inbox.recv().unwrap().unwrap(), 2);
        assert_eq!(background.bytes_waiting(), 0);
    }

    #[test]
    fn reader_who_went_away_is_reported_once_as_closed() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (reports, inbox) = mpsc::channel();
        let report = move |outcome| reports.send(outcome).unwrap();
        let background = BackgroundWriter::start("test", writer, report).unwrap();
        background.write(b"a".to_vec(), 1);
        assert!(matches!(inbox.recv().unwrap(), Err(SinkError::Closed)));
        background.write(b"b".to_vec(), 2);
        assert!(inbox.recv().is_err(), "the thread has ended");
    }
}
