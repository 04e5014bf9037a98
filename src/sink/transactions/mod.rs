//! Exactly once into Kafka: records and the position behind them in one Kafka transaction.
//!
//! This half belongs to the capture loop: it copies records into chunks, puts the positions between
//! them, and never waits. The other half, `transactor`, has a thread of its own, since Kafka's
//! transactions are made of calls that block.

mod chunk;
mod grouping;
mod transactor;

use super::batch::RecordBatch;
use super::kafka::sink_error;
use super::{Deliveries, Sink, SinkError};
use crate::config::SinkConfig;
use crate::engine::Position;
use crate::kafka::{self, Producer, Topics};
use crate::lsn::Lsn;
use crate::offsets::{OffsetKey, SourceOffset};
use crate::record::Record;
use chunk::{Chunk, Mark, Order};
use grouping::Grouping;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use transactor::{Ledger, Transactor};

/// Members of a position by their names.
type Members = serde_json::Map<String, serde_json::Value>;

/// Writes records and positions to Kafka in transactions.
///
/// Dropping it throws away what is not committed.
#[derive(Debug)]
pub struct TransactionalSink {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    leaving: Arc<AtomicBool>,
    topics: Topics,
    deliveries: Arc<Deliveries>,
    brokers: String,
    batch: RecordBatch,
    /// The last place in the present chunk where no source transaction was open.
    boundary: Option<(usize, Position, Arc<Members>)>,
    /// Members of the position that are not those of the stream.
    members: Arc<Members>,
    /// The position that was handed over last, and when.
    stored: Option<(Position, Instant)>,
    /// Its other members.
    stored_members: Arc<Members>,
    /// How often an idle source's position is stored.
    interval: Duration,
    /// While a snapshot runs: what is stored about it, should it not fit into one transaction.
    snapshot: Option<Vec<u8>>,
    /// System identifier and timeline that positions belong to.
    origin: Option<(String, u32)>,
    /// The furthest position that is committed.
    committed: Arc<AtomicU64>,
}

impl TransactionalSink {
    /// Connects to `bootstrap.servers` and locks out a predecessor that may still write. From then
    /// on the stored position under `key` can be relied on.
    ///
    /// # Errors
    ///
    /// [`SinkError::Broken`] for settings that cannot be used, a refused login, brokers that do not
    /// answer, and a transactional id that is not allowed.
    pub async fn connect(
        config: &SinkConfig,
        key: &OffsetKey,
        interval: Duration,
    ) -> Result<Self, SinkError> {
        let brokers = kafka::brokers(config).unwrap_or_default();
        let broken = |error| sink_error(&brokers, error);
        let deliveries = Arc::new(Deliveries::default());
        let ledger = Ledger::new(&deliveries, &brokers);
        let (producer, known) = Producer::connect(config, ledger.clone()).await.map_err(broken)?;
        let timeout = kafka::transaction_timeout(config).map_err(broken)?;
        let (producer, started) = kafka::blocking(move || {
            let started = producer.start_transactions();
            (producer, started)
        })
        .await;
        started.map_err(broken)?;
        let (orders, inbox) = mpsc::channel();
        let leaving = Arc::new(AtomicBool::new(false));
        let committed = Arc::new(AtomicU64::new(0));
        let transactor = Transactor {
            committed: Arc::clone(&committed),
            producer,
            ledger,
            inbox,
            leaving: Arc::clone(&leaving),
            grouping: Grouping::new(config, timeout),
            offset_topic: Arc::from(config.offset_topic.as_str()),
            offset_key: key.as_str().as_bytes().to_vec(),
            open: None,
        };
        let thread = std::thread::Builder::new()
            .name("transactions".to_owned())
            .spawn(move || transactor.run())
            .map_err(|source| SinkError::Broken { sink: name(&brokers), source: source.into() })?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
            leaving,
            topics: Topics::new(config, known).map_err(broken)?,
            deliveries,
            brokers,
            batch: RecordBatch::default(),
            boundary: None,
            members: Arc::default(),
            stored: None,
            stored_members: Arc::default(),
            interval,
            snapshot: None,
            origin: None,
            committed,
        })
    }

    /// Positions from now on belong to the cluster of this system identifier, on this timeline.
    pub fn set_origin(&mut self, system_id: &str, timeline: u32) {
        self.origin = Some((system_id.to_owned(), timeline));
    }

    /// The furthest position that is committed since the sink was opened; 0 when there is none.
    #[must_use]
    pub fn committed(&self) -> Lsn {
        Lsn::new(self.committed.load(Ordering::Relaxed))
    }

    /// No source transaction is open; everything sent so far is behind this position.
    pub fn boundary(&mut self, position: Position) {
        self.boundary = Some((self.batch.len(), position, Arc::clone(&self.members)));
    }

    /// Sets the members that positions have, beside those of the stream, from here on.
    pub fn set_members(&mut self, members: Members) {
        self.members = Arc::new(members);
    }

    /// Hands over what was sent since the last time, up to `position`.
    pub fn hand_over(&mut self, position: Position) {
        if self.snapshot.is_some() {
            self.hand_over_held();
        } else if self.batch.len() > 0 || self.is_due(&position) {
            let boundary = self.boundary.take().filter(|(records, ..)| *records < self.batch.len());
            let mut marks = Vec::with_capacity(2);
            marks.extend(
                boundary
                    .map(|(records, position, members)| self.mark(records, &position, &members)),
            );
            marks.push(self.mark(self.batch.len(), &position, &self.members));
            self.stored = Some((position, Instant::now()));
            self.stored_members = Arc::clone(&self.members);
            self.send_chunk(marks, false);
        }
    }

    /// Whether a position without records before it is worth storing: the end of a transaction
    /// whose records have been handed over, or, from time to time, that of a source that sends
    /// nothing for us.
    fn is_due(&self, position: &Position) -> bool {
        *position != Position::default()
            && !position.is_inside()
            && self.stored.as_ref().is_none_or(|(stored, at)| {
                stored.is_inside()
                    || self.members != self.stored_members
                    || (stored != position && at.elapsed() >= self.interval)
            })
    }

    /// Nothing more comes: commits what was sent, with the position it leads to.
    pub fn finish(&mut self, position: Position) {
        if self.stored.as_ref().is_some_and(|(stored, _)| *stored != position) {
            self.stored = None;
        }
        self.hand_over(position);
        self.order(Order::Commit);
    }

    /// A snapshot begins: what is sent from now on becomes visible at its end, as a whole. One that
    /// was not ended is thrown away, which is reported as the delivery of `last`, its last record.
    /// `offset` says that a snapshot runs.
    pub fn begin_snapshot(&mut self, offset: &SourceOffset, last: Option<u64>) {
        self.batch = RecordBatch::default();
        self.snapshot = Some(self.json(offset.clone()));
        self.order(Order::Abandon { last });
    }

    /// The snapshot is complete. `sequence` is reported once its rows and `offset` are visible.
    pub fn end_snapshot(&mut self, offset: &SourceOffset, sequence: u64) {
        self.snapshot = None;
        let reached = offset.reached().unwrap_or_default();
        let (records, offset) = (self.batch.len(), Some(self.json(offset.clone())));
        let sequence = Some(sequence);
        self.send_chunk(vec![Mark { records, offset, reached, is_boundary: true, sequence }], true);
    }

    fn hand_over_held(&mut self) {
        if self.batch.len() > 0 {
            let (records, offset) = (self.batch.len(), self.snapshot.clone());
            self.send_chunk(
                vec![Mark { records, offset, is_boundary: true, ..Mark::default() }],
                true,
            );
        }
    }

    fn send_chunk(&mut self, marks: Vec<Mark>, is_held: bool) {
        self.boundary = None;
        let next = self.batch.successor();
        let batch = std::mem::replace(&mut self.batch, next);
        self.order(Order::Send(Chunk { batch, marks, is_held }));
    }

    fn mark(&self, records: usize, position: &Position, members: &Members) -> Mark {
        let is_known = *position != Position::default();
        let at = || SourceOffset { other: members.clone(), ..SourceOffset::at(position) };
        Mark {
            records,
            offset: is_known.then(|| self.json(at())),
            reached: position.complete.unwrap_or_default(),
            is_boundary: !position.is_inside(),
            sequence: None,
        }
    }

    fn json(&self, offset: SourceOffset) -> Vec<u8> {
        let origin = self.origin.as_ref();
        let offset = SourceOffset {
            system_id: origin.map(|(system_id, _)| system_id.clone()),
            timeline: origin.map(|(_, timeline)| *timeline),
            ..offset
        };
        // Numbers, texts and members that were read as JSON cannot fail to become JSON.
        serde_json::to_vec(&offset).unwrap_or_default()
    }

    /// A transactor that has ended has said why.
    fn order(&self, order: Order) {
        drop(self.orders.as_ref().map(|orders| orders.send(order)));
    }
}

fn name(brokers: &str) -> String {
    format!("Kafka {brokers}")
}

impl Sink for TransactionalSink {
    async fn ensure_topics(&mut self, topics: &[Arc<str>]) -> Result<(), SinkError> {
        let made = self.topics.ensure(topics).await;
        made.map_err(|error| sink_error(&self.brokers, error))
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        self.batch.push(record);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Records go with a position: see `hand_over`.
        Ok(())
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}

impl Drop for TransactionalSink {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its hook.
            drop(thread.join());
        }
    }
}
