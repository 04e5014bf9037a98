//! The thread that makes Kafka transactions out of chunks.
//!
//! States: *closed*; *open*, with everything that was sent in it kept until it is committed, so
//! that an abort can repeat it; *held*, for a snapshot, of which nothing is kept: an abort ends the
//! run, and the next one takes the snapshot again. Invariants: a delivery is reported only when the
//! transaction that holds the record is committed (in a held one, when Kafka has the record: nothing
//! is confirmed by it); a transaction with records ends with the position behind them.

use super::super::batch::RecordBatch;
use super::super::kafka::sink_error;
use super::super::{Delivered, Deliveries, SinkError};
use super::chunk::{Chunk, Mark, Order};
use super::grouping::{Content, Grouping};
use crate::kafka::{KafkaError, NotDone, Producer, Receipts};
use crate::lsn::Lsn;
use crate::record::Record;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a transaction is repeated, and how long is waited before the first repetition.
const ATTEMPTS_MAX: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Numbers records that no delivery is reported for: positions.
const UNCOUNTED: u64 = u64::MAX;

/// Takes the producer's reports.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    deliveries: Arc<Deliveries>,
    brokers: Arc<str>,
    /// A held transaction is open: what Kafka has counts as delivered.
    is_holding: Arc<AtomicBool>,
    /// The record that made a transaction fail.
    refused: Arc<Mutex<Option<KafkaError>>>,
}

impl Ledger {
    pub(super) fn new(deliveries: &Arc<Deliveries>, brokers: &str) -> Self {
        Self {
            deliveries: Arc::clone(deliveries),
            brokers: Arc::from(brokers),
            is_holding: Arc::default(),
            refused: Arc::default(),
        }
    }

    fn hold(&self, holding: bool) {
        self.is_holding.store(holding, Ordering::Relaxed);
    }

    fn take_refused(&self) -> Option<KafkaError> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn error(&self, error: KafkaError) -> SinkError {
        sink_error(&self.brokers, error)
    }
}

impl Receipts for Ledger {
    fn delivered(&self, sequence: u64) {
        if sequence != UNCOUNTED && self.is_holding.load(Ordering::Relaxed) {
            self.deliveries.report(Delivered::One(sequence));
        }
    }

    fn failed(&self, error: KafkaError) {
        match error {
            KafkaError::Rejected { .. } => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.get_or_insert(error);
            }
            // Said by the call that meets it, which knows more.
            KafkaError::Fatal { .. } => {}
            error => self.deliveries.fail(self.error(error)),
        }
    }
}

/// An open transaction.
pub(super) struct Open {
    since: Instant,
    content: Content,
    /// What was sent in it; empty when it is held.
    kept: Vec<(Arc<RecordBatch>, Range<usize>)>,
    offset: Option<Vec<u8>>,
    reached: Lsn,
    /// The last record, or the number under which the position is waited for.
    last: Option<u64>,
    is_held: bool,
    attempts: u32,
}

/// See the head of this file.
pub(super) struct Transactor {
    pub(super) producer: Producer<Ledger>,
    pub(super) ledger: Ledger,
    pub(super) inbox: Receiver<Order>,
    /// The sink is being dropped: nothing is waited for any more.
    pub(super) leaving: Arc<AtomicBool>,
    pub(super) grouping: Grouping,
    pub(super) offset_topic: Arc<str>,
    pub(super) offset_key: Vec<u8>,
    /// The furthest position that is committed.
    pub(super) committed: Arc<AtomicU64>,
    pub(super) open: Option<Open>,
}

impl Transactor {
    /// Works until the sink is dropped, or until nothing can be produced any more.
    pub(super) fn run(mut self) {
        loop {
            let outcome = match self.next() {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => self.end_if_due(true),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = outcome {
                self.ledger.deliveries.fail(self.ledger.error(error));
                return;
            }
        }
        if self.open.is_some() {
            self.producer.leave();
        }
    }

    /// The next order; [`RecvTimeoutError::Timeout`] when the open transaction is due before one
    /// comes.
    fn next(&self) -> Result<Order, RecvTimeoutError> {
        match self.inbox.try_recv() {
            Ok(order) => return Ok(order),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        match &self.open {
            Some(open) if open.is_held => self
                .inbox
                .recv_timeout(self.grouping.age_max().saturating_sub(open.since.elapsed())),
            Some(open) => {
                let age = self.grouping.looks_again_at(open.content);
                self.inbox.recv_timeout(age.saturating_sub(open.since.elapsed()))
            }
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), KafkaError> {
        match order {
            Order::Send(chunk) => self.send(chunk),
            Order::Commit => self.end(),
            Order::Abandon { last } => self.abandon(last),
        }
    }

    fn send(&mut self, chunk: Chunk) -> Result<(), KafkaError> {
        if self.open.as_ref().is_some_and(|open| open.is_held != chunk.is_held) {
            self.end()?;
        }
        let batch = Arc::new(chunk.batch);
        let mut from = 0;
        for mark in chunk.marks {
            if self.open.is_none() {
                self.begin(chunk.is_held)?;
            }
            let records = from..mark.records;
            from = mark.records;
            let is_last = mark.sequence.is_some();
            self.send_up_to(mark, &batch, records)?;
            if is_last {
                self.end()?;
            } else {
                self.end_if_due(false)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, is_held: bool) -> Result<(), KafkaError> {
        self.ledger.hold(is_held);
        self.producer.begin().map_err(over)?;
        self.open = Some(Open {
            since: Instant::now(),
            content: Content::default(),
            kept: Vec::new(),
            offset: None,
            reached: Lsn::INVALID,
            last: None,
            is_held,
            attempts: 0,
        });
        Ok(())
    }

    /// Sends the records before a mark. A failure shows at the end of the transaction.
    fn send_up_to(
        &mut self,
        mark: Mark,
        batch: &Arc<RecordBatch>,
        records: Range<usize>,
    ) -> Result<(), KafkaError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let share = batch.bytes() * records.len() / batch.len().max(1);
        open.content = Content {
            records: open.content.records + records.len(),
            bytes: open.content.bytes + share,
            is_at_boundary: mark.is_boundary,
        };
        if !records.is_empty() {
            open.last = batch.get(records.end - 1).map(|record| record.sequence).or(open.last);
        }
        open.last = mark.sequence.or(open.last);
        open.offset = mark.offset.or(open.offset.take());
        open.reached = open.reached.max(mark.reached);
        if !open.is_held && !records.is_empty() {
            open.kept.push((Arc::clone(batch), records.clone()));
        }
        self.produce(batch, records)
    }

    fn produce(&self, batch: &RecordBatch, records: Range<usize>) -> Result<(), KafkaError> {
        for record in records.filter_map(|index| batch.get(index)) {
            match self.producer.send(&record) {
                // The transaction has failed already; its end says so.
                Err(KafkaError::Rejected { code, .. }) if KafkaError::is_wrong_state(code) => {
                    return Ok(());
                }
                sent => sent?,
            }
        }
        Ok(())
    }

    fn end_if_due(&mut self, starving: bool) -> Result<(), KafkaError> {
        let Some(open) = &self.open else { return Ok(()) };
        let age = open.since.elapsed();
        let is_due = match open.is_held {
            true => age >= self.grouping.age_max(),
            false => self.grouping.ends(open.content, age, starving),
        };
        if is_due && open.is_held {
            tracing::warn!(
                age_s = age.as_secs(),
                "the snapshot takes longer than one Kafka transaction may (transaction.timeout.ms): \
                 its rows become visible before its end, and come again if it is interrupted"
            );
        }
        if is_due { self.end() } else { Ok(()) }
    }

    /// Commits the open transaction, repeating it as often as it takes.
    fn end(&mut self) -> Result<(), KafkaError> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        loop {
            self.store(open.offset.as_deref())?;
            let cause = match self.producer.commit(&self.leaving) {
                Ok(()) => break,
                Err(NotDone::Over(error)) => return Err(error),
                Err(NotDone::Abort(cause)) => cause,
            };
            self.producer.abort(&self.leaving).map_err(over)?;
            if let Some(refused) = self.ledger.take_refused() {
                return Err(refused);
            }
            open.attempts += 1;
            let attempts = open.attempts;
            if open.is_held || attempts >= ATTEMPTS_MAX {
                return Err(KafkaError::NotCommitted { attempts, source: Box::new(cause) });
            }
            tracing::warn!(%cause, attempts, "Kafka transaction failed and is repeated");
            std::thread::sleep(FIRST_PAUSE * 2_u32.pow(attempts - 1));
            self.producer.begin().map_err(over)?;
            for (batch, records) in &open.kept {
                self.produce(batch, records.clone())?;
            }
        }
        self.committed.fetch_max(open.reached.as_u64(), Ordering::Relaxed);
        self.ledger.hold(false);
        if let Some(last) = open.last {
            self.ledger.deliveries.report(Delivered::UpTo(last));
        }
        Ok(())
    }

    /// Puts the position into the transaction.
    fn store(&self, offset: Option<&[u8]>) -> Result<(), KafkaError> {
        let Some(offset) = offset else { return Ok(()) };
        let record = Record {
            sequence: UNCOUNTED,
            topic: &self.offset_topic,
            partition: None,
            key: Some(&self.offset_key),
            value: Some(offset),
            own_header: None,
            headers: &[],
            additions: None,
        };
        match self.producer.send(&record) {
            Err(KafkaError::Rejected { code, .. }) if KafkaError::is_wrong_state(code) => Ok(()),
            sent => sent,
        }
    }

    /// Throws away what was sent of a snapshot that is taken anew.
    fn abandon(&mut self, last: Option<u64>) -> Result<(), KafkaError> {
        match self.open.take() {
            Some(open) if open.is_held => {
                self.ledger.hold(false);
                self.producer.abort(&self.leaving).map_err(over)?;
            }
            open => {
                self.open = open;
                self.end()?;
            }
        }
        if let Some(last) = last {
            self.ledger.deliveries.report(Delivered::UpTo(last));
        }
        Ok(())
    }
}

fn over(not_done: NotDone) -> KafkaError {
    match not_done {
        NotDone::Over(error) => error,
        NotDone::Abort(cause) => KafkaError::request("begin a transaction", cause),
    }
}
