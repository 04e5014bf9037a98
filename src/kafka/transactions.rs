//! Kafka transactions of a producer that has a `transactional.id`. Every call blocks: they belong on a
//! thread of their own.
//!
//! States: `start` first, then `begin` → records → `commit`, or `abort` when that cannot be. What
//! passes by itself is waited for here, so the caller sees three outcomes only: done, to be aborted
//! and repeated, over.

use super::error::KafkaError;
use super::producer::{Producer, Receipts};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the first transaction of a run may wait for the coordinator, which may be busy with the
/// end of what a predecessor left open.
const START_WAIT: Duration = Duration::from_secs(60);
/// How long a call waits before it is made again; librdkafka goes on where it was.
const SLICE: Duration = Duration::from_secs(2);
/// How often it is looked whether all records of a transaction are acknowledged.
const REPORT_STEP: Duration = Duration::from_micros(250);
/// How long an orderly end waits for the coordinator.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// Why a transaction did not end as it should.
#[derive(Debug)]
pub enum NotDone {
    /// It has to be aborted; then it can be repeated.
    Abort(Native),
    /// Nothing can be produced any more.
    Over(KafkaError),
}

impl<R: Receipts> Producer<R> {
    /// Ends what a predecessor with the same `transactional.id` left open, and locks it out.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Request`] when the coordinator refuses, or does not answer within a minute.
    pub fn start_transactions(&self) -> Result<(), KafkaError> {
        let begun = Instant::now();
        loop {
            match self.inner.init_transactions(SLICE) {
                Ok(()) => return Ok(()),
                Err(error) if is_retriable(&error) && begun.elapsed() < START_WAIT => {}
                Err(error) => return Err(KafkaError::request("begin with transactions", error)),
            }
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// [`NotDone::Over`].
    pub fn begin(&self) -> Result<(), NotDone> {
        self.inner.begin_transaction().map_err(|error| self.not_done(error))
    }

    /// Commits the transaction, however long the broker is away: until it times out, or nobody is
    /// interested any more.
    ///
    /// # Errors
    ///
    /// [`NotDone`].
    pub fn commit(&self, leaving: &AtomicBool) -> Result<(), NotDone> {
        // The binding's own wait looks every 100 ms only.
        while self.inner.in_flight_count() > 0 && !leaving.load(Ordering::Relaxed) {
            std::thread::sleep(REPORT_STEP);
        }
        self.patiently(leaving, || self.inner.commit_transaction(SLICE))
    }

    /// Throws the transaction away.
    ///
    /// # Errors
    ///
    /// [`NotDone::Over`].
    pub fn abort(&self, leaving: &AtomicBool) -> Result<(), NotDone> {
        self.patiently(leaving, || self.inner.abort_transaction(SLICE))
    }

    /// Throws the transaction away at the end of a run, so that nobody has to wait until it times
    /// out. If that fails, the next start does it.
    pub fn leave(&self) {
        if let Err(error) = self.inner.abort_transaction(LEAVE_WAIT) {
            tracing::debug!(%error, "open transaction is left to the next start");
        }
    }

    fn patiently(
        &self,
        leaving: &AtomicBool,
        call: impl Fn() -> Result<(), Native>,
    ) -> Result<(), NotDone> {
        loop {
            match call() {
                Ok(()) => return Ok(()),
                Err(error) if is_retriable(&error) && !leaving.load(Ordering::Relaxed) => {}
                Err(error) => return Err(self.not_done(error)),
            }
        }
    }

    fn not_done(&self, error: Native) -> NotDone {
        match &error {
            Native::Transaction(inner) if inner.txn_requires_abort() => NotDone::Abort(error),
            _ if self.inner.client().fatal_error().is_some() => NotDone::Over(self.fatal()),
            _ => NotDone::Over(KafkaError::request("end a transaction", error)),
        }
    }
}

fn is_retriable(error: &Native) -> bool {
    match error {
        Native::Transaction(inner) => inner.is_retriable(),
        // The first half of a commit, waiting for records, ran out of its slice of time.
        Native::Flush(code) => *code == Code::OperationTimedOut,
        _ => false,
    }
}
