//! The one writer of a log: records in, group commits out.
//!
//! ```text
//! append ─► open batches ──hand over──► queue ──► thread: write all, fdatasync each file, report
//! ```
//!
//! A hand-over takes the open batches of every topic, so a chunk holds all records up to its last
//! one, and one sequence number says what is durable. The thread takes whatever has queued up while
//! it was syncing: the slower the disk, the larger the group.

use super::LogOptions;
use super::batch::Batch;
use super::error::LogError;
use super::lock::WriterLock;
use super::queue::{Chunk, Queue};
use super::recovery::recover;
use super::topic_log::{TopicLog, sync_dir};
use super::topic_name::{topic_dir, topic_of};
use crate::record::Record;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Writes records to a log directory; there is at most one per directory, in all processes.
///
/// Dropping it writes what is queued and waits until that is durable.
#[derive(Debug)]
pub struct LogWriter {
    dir: PathBuf,
    options: LogOptions,
    numbers: HashMap<Arc<str>, usize>,
    /// Topic of the last record; most records have the topic of the one before.
    last: Option<(Arc<str>, usize)>,
    /// The open batch of each topic, by number.
    open: Vec<Batch>,
    /// Numbers of the open batches that have records.
    filled: Vec<usize>,
    chunk: Chunk,
    /// Timestamp of the oldest open record.
    opened_ms: i64,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    _lock: WriterLock,
}

impl LogWriter {
    /// Opens the log in `dir`, which is made if it is missing, and repairs what a crash left.
    ///
    /// `report` is called on the writer's thread: with the sequence up to which everything is
    /// durable, or with the error that ends the writing.
    ///
    /// # Errors
    ///
    /// [`LogError::Locked`] when another writer is alive, [`LogError::Lost`] or
    /// [`LogError::Corrupt`] when durable records are damaged, [`LogError::Io`].
    pub fn open(
        dir: &Path,
        options: LogOptions,
        report: impl FnMut(Result<u64, LogError>) + Send + 'static,
    ) -> Result<Self, LogError> {
        std::fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
        let lock = WriterLock::take(dir)?;
        recover_topics(dir)?;
        let queue = Arc::new(Queue::default());
        let queue_there = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || run(&queue_there, report))
            .map_err(LogError::io("start a thread for", dir))?;
        Ok(Self {
            dir: dir.to_owned(),
            options,
            numbers: HashMap::new(),
            last: None,
            open: Vec::new(),
            filled: Vec::new(),
            chunk: Chunk::default(),
            opened_ms: 0,
            queue,
            thread: Some(thread),
            _lock: lock,
        })
    }

    /// Directory of the log.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes sure that a topic is there.
    ///
    /// # Errors
    ///
    /// [`LogError::TopicName`], [`LogError::Io`].
    pub fn ensure_topic(&mut self, topic: &Arc<str>) -> Result<(), LogError> {
        self.number_of(topic).map(drop)
    }

    /// Takes a record. Its partition is 0, whatever it asks for.
    ///
    /// # Errors
    ///
    /// [`LogError::TooLarge`] for this record alone; [`LogError::Stopped`] after a failure that was
    /// reported; as [`ensure_topic`](Self::ensure_topic).
    pub fn append(&mut self, record: &Record<'_>, timestamp_ms: i64) -> Result<(), LogError> {
        let number = self.number_of(record.topic)?;
        if !self.open[number].has_room_for(record) {
            self.hand_over()?;
            if !self.open[number].has_room_for(record) {
                let topic = record.topic.to_string();
                return Err(LogError::TooLarge { topic, bytes: record.weight() });
            }
        }
        if self.filled.is_empty() {
            self.opened_ms = timestamp_ms;
        }
        let batch = &mut self.open[number];
        if batch.records() == 0 {
            self.filled.push(number);
            *batch = Batch::reusing(self.queue.buffer());
        }
        let before = batch.len();
        batch.push(record, timestamp_ms);
        self.chunk.bytes += batch.len() - before;
        self.chunk.up_to = record.sequence;

        // A clock that was set back must not keep records waiting.
        let waited_ms = timestamp_ms.wrapping_sub(self.opened_ms).unsigned_abs();
        if self.chunk.bytes >= self.options.batch_bytes_max
            || waited_ms >= self.options.linger_ms.unsigned_abs()
        {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Gives all records taken so far to the writer thread.
    ///
    /// # Errors
    ///
    /// [`LogError::Stopped`].
    pub fn hand_over(&mut self) -> Result<(), LogError> {
        if self.filled.is_empty() {
            return Ok(());
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        for number in self.filled.drain(..) {
            chunk.batches.push((number, std::mem::take(&mut self.open[number])));
        }
        if self.queue.put(chunk, self.options.queue_bytes_max) {
            Ok(())
        } else {
            Err(LogError::Stopped { dir: self.dir.clone() })
        }
    }

    fn number_of(&mut self, topic: &Arc<str>) -> Result<usize, LogError> {
        if let Some((last, number)) = &self.last
            && Arc::ptr_eq(last, topic)
        {
            return Ok(*number);
        }
        let number = match self.numbers.get(topic) {
            Some(&number) => number,
            None => {
                let log = TopicLog::open(&topic_dir(&self.dir, topic)?, &self.options)?;
                let number = self.open.len();
                self.chunk.topics.push(log);
                self.open.push(Batch::default());
                self.numbers.insert(Arc::clone(topic), number);
                number
            }
        };
        self.last = Some((Arc::clone(topic), number));
        Ok(number)
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        // A failure was reported by the thread; there is nobody else to tell here.
        drop(self.hand_over());
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Repairs every topic, so that damage is told at the start and not with the first record.
fn recover_topics(dir: &Path) -> Result<(), LogError> {
    for entry in std::fs::read_dir(dir).map_err(LogError::io("list", dir))? {
        let entry = entry.map_err(LogError::io("list", dir))?;
        let name = entry.file_name();
        let is_topic = name.to_str().is_some_and(|name| topic_of(name).is_some());
        if is_topic && entry.path().is_dir() {
            recover(&entry.path())?;
        }
    }
    sync_dir(dir)
}

/// The writer thread: ends when the queue is closed, or with the first error.
fn run(queue: &Queue, mut report: impl FnMut(Result<u64, LogError>)) {
    /// Lets `append` fail rather than wait for ever, even if this thread panics.
    struct StopOnDrop<'a>(&'a Queue);
    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let _stop = StopOnDrop(queue);
    let mut topics: Vec<TopicLog> = Vec::new();
    let mut chunks = Vec::new();
    while queue.take(&mut chunks) {
        let up_to = chunks.last().map_or(0, |chunk| chunk.up_to);
        match write_group(&mut topics, &mut chunks) {
            Ok(()) => {
                queue.done(&mut chunks);
                report(Ok(up_to));
            }
            Err(error) => {
                for topic in &mut topics {
                    if let Err(error) = topic.rollback() {
                        // The next writer cuts it: it is behind the recovery point.
                        tracing::warn!(%error, "could not take back an unfinished write");
                    }
                }
                report(Err(error));
                return;
            }
        }
    }
}

fn write_group(topics: &mut Vec<TopicLog>, chunks: &mut [Chunk]) -> Result<(), LogError> {
    for chunk in chunks.iter_mut() {
        topics.append(&mut chunk.topics);
        for (number, batch) in &mut chunk.batches {
            topics[*number].append(batch)?;
        }
    }
    topics.iter_mut().try_for_each(TopicLog::commit)
}
