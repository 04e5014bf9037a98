//! Snapshots beside the stream: signals come in, chunks are read, and their rows go out in their
//! place.
//!
//! [`Live`] outlasts connections: what was read stays, and what was being read is read again.
//! `turn` is called by the stream's loop, `execute` carries signals out, `reader` reads in a task
//! of its own, `channels` bring signals from elsewhere than the stream.

mod blocking;
mod channels;
mod execute;
mod ids;
mod notify;
mod reader;
mod resolve;
mod turn;

use super::now_ns;
use super::retry::Backoff;
use crate::config::Config;
use crate::engine::Engine;
use crate::envelope::TableEncoder;
use crate::error::Error;
use crate::incremental::{Coordinator, Queue};
use crate::offsets::SourceOffset;
use crate::oid::Oid;
use crate::postgres::{ChunkTable, CopyRow};
use crate::signal::{Execute, Signal, SignalError};
use notify::Notifier;
use reader::{ChunkRead, Marks, Reader};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Chunks that may wait for the stream; where the signal table marks them there is one at a time,
/// as in Debezium.
const WAITING_MAX: usize = 3;
/// Signals from other channels that may wait for the loop.
const INBOX_MAX: usize = 64;
/// Changed keys that are remembered while a chunk is read, before the stream has to wait for it.
const TOUCHED_MAX: usize = 200_000;

/// A signal that came another way than through the stream.
pub(super) type Sent = Result<Signal, SignalError>;

/// A read under way.
struct Reading {
    reader: u64,
    task: JoinHandle<(Reader, Result<ChunkRead, Error>)>,
}

/// See the module's description.
pub(super) struct Live {
    coordinator: Coordinator<Arc<ChunkTable>, CopyRow>,
    /// Away while it reads.
    reader: Option<Reader>,
    reading: Option<Reading>,
    /// A read failed, and is tried again then.
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// Tables whose changes are noted, with the columns of their keys.
    watched: Vec<(Oid, Vec<String>)>,
    encoder: Option<(Arc<ChunkTable>, TableEncoder)>,
    /// Blocking snapshots that were asked for, with the ids of their signals.
    blocking: VecDeque<(String, Execute)>,
    /// What whoever asks is told.
    status: Arc<Mutex<String>>,
    inbox: mpsc::Receiver<Sent>,
    channels: Vec<JoinHandle<()>>,
    wake: Arc<Notify>,
    notifier: Notifier,
    /// `schema.table` of the signal table.
    signal_table: Option<String>,
    reads_signals: bool,
    /// It was told once that no first snapshot is due.
    told_skipped: bool,
}

impl Live {
    /// Goes on with what an earlier run has left.
    pub(super) fn new(config: &Config, queue: Queue, engine: &mut Engine) -> Self {
        let signals = &config.signals;
        let signal_table =
            signals.table.as_ref().map(|(schema, table)| format!("{schema}.{table}"));
        if let Some(table) = &signal_table {
            engine.set_signal_table(table.clone());
        }
        engine.set_members(queue.to_members());
        let marks = signals
            .table
            .clone()
            .filter(|_| !signals.read_only)
            .map(|(schema, table)| Marks { schema, table, strategy: signals.watermarks });
        let waiting_max = if marks.is_some() { 1 } else { WAITING_MAX };
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let wake = Arc::new(Notify::new());
        let status = Arc::new(Mutex::new(status_text(&queue)));
        Self {
            coordinator: Coordinator::new(queue, waiting_max),
            reader: Some(Reader {
                database: config.database.clone(),
                publication: config.replication.publication_name.clone(),
                columns: config.envelope.columns.clone(),
                marks,
                chunk_rows: signals.chunk_rows,
                retries_max: signals.emit_retries_max,
                retry_delay: Duration::from_millis(signals.emit_backoff_ms),
                rows_max: signals.chunk_rows,
                client: None,
                writer: None,
                open: None,
            }),
            reading: None,
            retry_at: None,
            backoff: Backoff::default(),
            watched: Vec::new(),
            encoder: None,
            blocking: VecDeque::new(),
            inbox,
            channels: channels::start(config, &sender, &wake, &status),
            status,
            wake,
            notifier: Notifier::new(config),
            signal_table,
            reads_signals: signals.source,
            told_skipped: false,
        }
    }

    /// The members that belong to the position at the start.
    pub(super) fn members(&self) -> serde_json::Map<String, serde_json::Value> {
        self.coordinator.queue().to_members()
    }

    /// Is notified when there is something to do.
    pub(super) fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Tells how snapshots go.
    pub(super) fn notifier(&mut self) -> &mut Notifier {
        &mut self.notifier
    }

    /// True the first time.
    pub(super) fn tells_skipped(&mut self) -> bool {
        !std::mem::replace(&mut self.told_skipped, true)
    }

    /// What is being read has changed.
    fn keep_status(&self) {
        let text = status_text(self.coordinator.queue());
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// `schema.table` of the signal table.
    pub(super) fn signal_table(&self) -> Option<&str> {
        self.signal_table.as_deref()
    }
}

/// What is being read, in words.
fn status_text(queue: &Queue) -> String {
    let names = queue.names();
    let Some((first, rest)) = names.split_first() else {
        return "no incremental snapshot is running".to_owned();
    };
    let position = &queue.position;
    let state = if queue.paused { "paused" } else { "running" };
    let place = match (&position.last, &position.maximum) {
        (Some(last), Some(maximum)) => format!(", {} rows, key {last} of {maximum}", position.rows),
        _ => String::new(),
    };
    let waiting =
        if rest.is_empty() { String::new() } else { format!("; then {}", rest.join(", ")) };
    format!("{state}: {first}{place}{waiting}")
}

/// The tables that an earlier run has left, taken out of its position. What cannot be read is told
/// of: a snapshot can be asked for again, while a capture that does not start loses nothing either.
pub(super) fn stored_queue(offset: Option<&mut SourceOffset>) -> Queue {
    let Some(offset) = offset else { return Queue::default() };
    Queue::take_members(&mut offset.other).unwrap_or_else(|error| {
        tracing::warn!(%error, "incremental snapshot of an earlier run is given up");
        Queue::default()
    })
}

impl Drop for Live {
    fn drop(&mut self) {
        self.channels.iter().for_each(JoinHandle::abort);
        if let Some(reading) = &self.reading {
            reading.task.abort();
        }
    }
}
