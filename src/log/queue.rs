//! What stands between `append` and the writer thread: a queue that is bounded by bytes.

use super::batch::Batch;
use super::topic_log::TopicLog;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Buffers kept for reuse; a few per topic that is written at the same time are enough.
const SPARE_BUFFERS_MAX: usize = 64;
/// Larger buffers are given back to the system.
const SPARE_BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Everything that was appended between two hand-overs.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Topics used for the first time; they get the next numbers.
    pub(super) topics: Vec<TopicLog>,
    /// A batch and the number of its topic, at most one of each topic.
    pub(super) batches: Vec<(usize, Batch)>,
    /// Sequence of the last record.
    pub(super) up_to: u64,
    /// Size of the batches.
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    chunks: Vec<Chunk>,
    /// Size of the chunks here and of those that are being written.
    bytes: usize,
    spare: Vec<Vec<u8>>,
    /// No more chunks will come.
    closed: bool,
    /// Nobody takes chunks any more.
    stopped: bool,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There are chunks, or the queue was closed.
    work: Condvar,
    /// There is room, or the thread stopped.
    room: Condvar,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one step, so a state that somebody panicked over is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a chunk, once what is queued already is less than `bytes_max`; `false` if nobody
    /// takes it any more.
    pub(super) fn put(&self, chunk: Chunk, bytes_max: usize) -> bool {
        let full = |state: &mut State| state.bytes >= bytes_max && !state.stopped;
        let waited = self.room.wait_while(self.state(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return false;
        }
        state.bytes += chunk.bytes;
        state.chunks.push(chunk);
        drop(state);
        self.work.notify_one();
        true
    }

    /// A cleared buffer, used before if there is one.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.state().spare.pop().unwrap_or_default()
    }

    /// Says that no more chunks will come.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// Waits for chunks and moves all of them into `into`; `false` when none will come any more.
    pub(super) fn take(&self, into: &mut Vec<Chunk>) -> bool {
        let idle = |state: &mut State| state.chunks.is_empty() && !state.closed;
        let waited = self.work.wait_while(self.state(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        into.append(&mut state.chunks);
        !into.is_empty()
    }

    /// Says that these chunks are durable, and gives their buffers back.
    pub(super) fn done(&self, chunks: &mut Vec<Chunk>) {
        let mut state = self.state();
        for chunk in chunks.drain(..) {
            state.bytes -= chunk.bytes;
            for (_, batch) in chunk.batches {
                let buffer = batch.into_buffer();
                let keep = buffer.capacity() <= SPARE_BUFFER_BYTES_MAX;
                if keep && state.spare.len() < SPARE_BUFFERS_MAX {
                    state.spare.push(buffer);
                }
            }
        }
        drop(state);
        self.room.notify_one();
    }

    /// Says that nobody takes chunks any more.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.room.notify_one();
    }
}
