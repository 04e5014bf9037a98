//! The producer that carries the records.
//!
//! One idempotent librdkafka producer with a thread of its own for delivery reports. A record's
//! sequence number travels through librdkafka as the message's opaque and comes back with the
//! report: nothing is allocated and nothing is awaited for a record.

use super::error::KafkaError;
use super::link::{self, Event, Link};
use super::outage::{Notice, Outage};
use super::settings;
use crate::config::SinkConfig;
use crate::record::Record;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The queue is sized above what may be in flight, so it is full only while reports lag behind.
const QUEUE_FULL_WAIT: Duration = Duration::from_secs(5);

// The opaque is a pointer's width; a sequence number must fit.
const _: () = assert!(size_of::<usize>() >= size_of::<u64>());

/// Takes what the producer reports, from the producer's own thread.
pub trait Receipts: Send + Sync + 'static {
    /// The record with this sequence number is durable; within a transaction, once that is
    /// committed.
    fn delivered(&self, sequence: u64);
    /// Nothing can be produced any more.
    fn failed(&self, error: KafkaError);
}

/// Callbacks of one producer.
pub(super) struct Courier<R> {
    receipts: R,
    link: Link,
    outage: Mutex<Outage>,
    /// Whether `outage` is waiting to hear of a delivery; spares the lock for each record.
    troubled: AtomicBool,
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

impl<R: Receipts> Courier<R> {
    fn waiting(&self) -> u64 {
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        self.sent.load(Ordering::Relaxed).saturating_sub(acknowledged)
    }

    /// Tells `outage` something and says what it finds worth saying.
    fn follow(&self, tell: impl FnOnce(&mut Outage, Instant) -> Option<Notice>) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let notice = tell(&mut outage, Instant::now());
        self.troubled.store(outage.is_troubled(), Ordering::Relaxed);
        drop(outage);
        let (brokers, waiting) = (self.link.brokers(), self.waiting());
        match notice {
            Some(Notice::Down { reason }) => tracing::warn!(
                brokers,
                reason,
                waiting,
                "Kafka does not answer; records wait and are sent again"
            ),
            Some(Notice::Back { after }) => {
                let away_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(brokers, away_ms, waiting, "Kafka answers again");
            }
            None => {}
        }
    }
}

impl<R: Receipts> ClientContext for Courier<R> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        link::log_line(level, facility, line);
    }

    fn error(&self, error: Native, reason: &str) {
        match self.link.note(&error, reason) {
            Event::AllDown => self.follow(|outage, now| {
                outage.brokers_lost(now);
                None
            }),
            Event::Refused => {
                if let Some(refusal) = self.link.refusal() {
                    self.receipts.failed(refusal);
                }
            }
            Event::Fatal => self.receipts.failed(KafkaError::Fatal { reason: reason.to_owned() }),
            Event::Passing if self.troubled.load(Ordering::Relaxed) => {
                let waiting = self.waiting();
                self.follow(|outage, _| outage.heard(reason, waiting));
            }
            Event::Passing => {}
        }
    }

    /// librdkafka's clock: it calls every `statistics.interval.ms`, whatever else happens.
    fn stats_raw(&self, _statistics: &[u8]) {
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let (waiting, reason) = (self.waiting(), self.link.reason());
        self.follow(|outage, now| outage.tick(acknowledged, waiting, &reason, now));
    }
}

impl<R: Receipts> ProducerContext for Courier<R> {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        match result {
            Ok(_) => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                if self.troubled.load(Ordering::Relaxed) {
                    self.follow(Outage::acknowledged);
                }
                self.receipts.delivered(opaque as u64);
            }
            Err((error, message)) => match error.rdkafka_error_code() {
                // Our own doing, when the producer is dropped.
                Some(Code::PurgeQueue | Code::PurgeInflight) => {}
                Some(Code::Fatal) => {
                    self.receipts.failed(KafkaError::Fatal { reason: self.link.reason() });
                }
                code => self.receipts.failed(KafkaError::Rejected {
                    topic: message.topic().to_owned(),
                    bytes: message.key_len() + message.payload_len(),
                    code: code.unwrap_or(Code::Unknown),
                }),
            },
        }
    }
}

/// An idempotent producer; see the head of this file.
pub struct Producer<R: Receipts> {
    pub(super) inner: ThreadedProducer<Courier<R>>,
}

impl<R: Receipts> std::fmt::Debug for Producer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("brokers", &self.brokers()).finish_non_exhaustive()
    }
}

impl<R: Receipts> Producer<R> {
    /// Connects, and lists the topics that there are.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Setting`], [`KafkaError::Login`], and [`KafkaError::Unreachable`] after about
    /// ten seconds.
    pub async fn connect(
        config: &SinkConfig,
        receipts: R,
    ) -> Result<(Self, HashSet<Arc<str>>), KafkaError> {
        let settings = settings::producer_settings(config)?;
        let courier = Courier {
            receipts,
            link: Link::new(&settings::brokers(config)?),
            outage: Mutex::default(),
            troubled: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        };
        let inner: ThreadedProducer<Courier<R>> =
            settings.create_with_context(courier).map_err(|source| match source {
                Native::ClientCreation(reason) => KafkaError::Conflict { reason },
                source => KafkaError::request("set up the producer", source),
            })?;
        let client = inner.clone();
        // The producer's own thread serves its events.
        let listed = blocking(move || client.client().context().link.list(client.client(), || ()));
        let topics = listed.await?.topics().iter().map(|topic| Arc::from(topic.name())).collect();
        Ok((Self { inner }, topics))
    }

    /// `bootstrap.servers`.
    #[must_use]
    pub fn brokers(&self) -> &str {
        self.inner.client().context().link.brokers()
    }

    /// Queues a record, which is copied.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Rejected`] for a record that Kafka would never take; [`KafkaError::Fatal`].
    pub fn send(&self, record: &Record<'_>) -> Result<(), KafkaError> {
        let mut next = message(record);
        let mut full_since = None;
        // Counted first: the report can come before `send` returns.
        self.inner.client().context().sent.fetch_add(1, Ordering::Relaxed);
        loop {
            let Err((error, back)) = self.inner.send(next) else { return Ok(()) };
            match error.rdkafka_error_code() {
                Some(Code::QueueFull) => {
                    let since = *full_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= QUEUE_FULL_WAIT {
                        return Err(KafkaError::request("queue a record", error));
                    }
                    self.inner.poll(Duration::from_millis(1));
                }
                Some(Code::Fatal) => return Err(self.fatal()),
                code => {
                    return Err(KafkaError::Rejected {
                        topic: record.topic.to_string(),
                        bytes: back.key.map_or(0, <[u8]>::len)
                            + back.payload.map_or(0, <[u8]>::len),
                        code: code.unwrap_or(Code::Unknown),
                    });
                }
            }
            next = back;
        }
    }

    pub(super) fn fatal(&self) -> KafkaError {
        match self.inner.client().fatal_error() {
            Some((Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch, reason)) => {
                KafkaError::Fenced { reason }
            }
            Some((_, reason)) => KafkaError::Fatal { reason },
            None => KafkaError::Fatal { reason: "no reason given".to_owned() },
        }
    }
}

fn message<'a>(record: &Record<'a>) -> BaseRecord<'a, [u8], [u8], usize> {
    #[expect(clippy::cast_possible_truncation, reason = "usize is 64 bits, as asserted above")]
    let mut message = BaseRecord::with_opaque_to(record.topic, record.sequence as usize);
    message.partition = record.partition;
    message.key = record.key;
    message.payload = record.value;
    message.timestamp = record.timestamp_ms();
    message.headers = headers(record);
    message
}

fn headers(record: &Record<'_>) -> Option<OwnedHeaders> {
    let added = record.additions.map_or(0, |additions| additions.headers.len());
    let count = usize::from(record.own_header.is_some()) + record.headers.len() + added;
    (count > 0).then(|| {
        record
            .all_headers()
            .fold(OwnedHeaders::new_with_capacity(count), |headers, (key, value)| {
                headers.insert(Header { key, value })
            })
    })
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    //! librdkafka's mock cluster is honest about produce requests, their errors and outages.

    use super::*;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer};
    use std::sync::mpsc::{Receiver, Sender, channel};

    type Report = Result<u64, KafkaError>;

    impl Receipts for Sender<Report> {
        fn delivered(&self, sequence: u64) {
            drop(self.send(Ok(sequence)));
        }

        fn failed(&self, error: KafkaError) {
            drop(self.send(Err(error)));
        }
    }

    fn cluster() -> MockCluster<'static, DefaultProducerContext> {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("shop", 1, 1).unwrap();
        cluster
    }

    async fn producer(brokers: String) -> (Producer<Sender<Report>>, Receiver<Report>) {
        let config = SinkConfig { brokers: Some(brokers), ..SinkConfig::default() };
        let (sender, reports) = channel();
        (Producer::connect(&config, sender).await.unwrap().0, reports)
    }

    fn send(producer: &Producer<Sender<Report>>, sequence: u64) {
        let topic = Arc::from("shop");
        let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
        let (partition, own_header) = (None, None);
        let record = Record {
            sequence,
            topic: &topic,
            partition,
            key,
            value,
            own_header,
            headers: &[],
            additions: None,
        };
        producer.send(&record).unwrap();
    }

    fn next(reports: &Receiver<Report>) -> Report {
        reports.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    #[tokio::test]
    async fn errors_that_pass_are_retried_until_the_record_is_durable() {
        let cluster = cluster();
        let (producer, reports) = producer(cluster.bootstrap_servers()).await;
        cluster.request_errors(
            Api::Produce,
            &[
                Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                Answer::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                Answer::RD_KAFKA_RESP_ERR__TRANSPORT,
            ],
        );
        send(&producer, 7);
        assert_eq!(next(&reports).unwrap(), 7);
    }

    #[tokio::test]
    async fn missing_right_to_write_is_reported_with_topic_and_hint() {
        let cluster = cluster();
        let (producer, reports) = producer(cluster.bootstrap_servers()).await;
        let refusal = Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.request_errors(Api::Produce, &[refusal]);
        send(&producer, 0);
        let error = next(&reports).unwrap_err();
        assert!(
            matches!(&error, KafkaError::Rejected { topic, bytes: 8, .. } if topic == "shop"),
            "{error:?}"
        );
        assert!(error.hint().unwrap().contains("--operation Write"), "{:?}", error.hint());
    }

    #[tokio::test]
    async fn outage_is_waited_out_however_often_it_is_tried() {
        let cluster = cluster();
        let (producer, reports) = producer(cluster.bootstrap_servers()).await;
        cluster.broker_down(1).unwrap();
        (0..100).for_each(|sequence| send(&producer, sequence));
        let waited = reports.recv_timeout(Duration::from_millis(1_500));
        assert!(waited.is_err(), "{waited:?}");
        cluster.broker_up(1).unwrap();
        for sequence in 0..100 {
            assert_eq!(next(&reports).unwrap(), sequence);
        }
    }

    #[tokio::test]
    async fn dropped_producer_reports_no_failure_for_what_it_did_not_send() {
        let cluster = cluster();
        let (producer, reports) = producer(cluster.bootstrap_servers()).await;
        cluster.broker_down(1).unwrap();
        send(&producer, 0);
        drop(producer);
        assert!(reports.try_iter().next().is_none());
    }
}
