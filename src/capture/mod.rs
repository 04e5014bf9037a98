//! `minicdc capture`: snapshot, then stream, until stopped.

mod error;
mod heartbeat;
mod observer;
mod outlet;
mod position;
mod retry;
mod shutdown;
mod snapshot;
mod start;
mod stream;
mod xmin;

pub use error::CaptureError;
pub use observer::{Event, Observer, Status};
pub use outlet::Tap;
pub use shutdown::Shutdown;

use crate::config::Config;
use crate::config::SinkKind;
use crate::engine::Counters;
use crate::engine::Engine;
use crate::error::Error;
use crate::log::LogOptions;
use crate::lsn::Lsn;
use crate::progress::Progress;
use crate::relation::MessageFilter;
use crate::relation::Table;
use crate::relation::TableFilter;
use crate::sink::AnySink;
use crate::sink::KafkaSink;
use crate::sink::LogSink;
use crate::sink::NullSink;
use crate::sink::StdoutSink;
use heartbeat::Heartbeat;
use outlet::Outlet;
use position::PositionKeeper;
use retry::Backoff;
use snapshot::{SnapshotEnd, SnapshotRun};
use start::{Past, SnapshotPlan, Start};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use stream::StreamRun;
use tokio_postgres::Client;

/// How much may be in flight before reading stops.
#[derive(Debug, Clone, Copy)]
struct Limits {
    bytes: usize,
    records: usize,
}

impl Limits {
    fn are_reached(self, progress: &Progress) -> bool {
        progress.bytes_in_flight() >= self.bytes || progress.records_in_flight() >= self.records
    }
}

/// The connector's clock: Unix nanoseconds.
fn now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Records, changes and transactions.
    pub counters: Counters,
    /// The position that is durable downstream.
    pub confirmed: Lsn,
    /// From the first record to the end.
    pub elapsed: Duration,
}

/// One run of a capture.
struct Capture<'a> {
    config: &'a Config,
    filter: TableFilter,
    engine: Engine,
    outlet: Outlet,
    positions: PositionKeeper,
    observer: &'a mut dyn Observer,
    shutdown: Shutdown,
    limits: Limits,
    heartbeat: Heartbeat,
    stop_lsn: Option<Lsn>,
    past: Past,
}

/// Runs a capture until it is stopped, its stop position is reached, or it fails for good.
///
/// A lost connection to PostgreSQL is made anew with growing delays; the very first one is not,
/// since a wrong address would be tried forever.
///
/// # Errors
///
/// [`Error`] when the capture cannot start or cannot go on.
pub async fn run(
    config: &Config,
    run_id: &str,
    tap: Option<Box<dyn Tap>>,
    observer: &mut dyn Observer,
    shutdown: Shutdown,
) -> Result<Summary, Error> {
    let begun = Instant::now();
    let tables = &config.tables;
    let filter = TableFilter::new(
        &tables.schema_include,
        &tables.schema_exclude,
        &tables.table_include,
        &tables.table_exclude,
    )?;
    let sink = open_sink(config).await?;
    let store = start::offset_store(config).await?;
    let offset = match &store {
        Some(store) => store.load().await?,
        None => None,
    };
    let interval = Duration::from_millis(config.replication.offset_flush_interval_ms);
    let (envelope, values) = (config.envelope.clone(), config.values.clone());
    let mut engine = Engine::new(envelope, values, run_id);
    engine.filter_messages(MessageFilter::new(
        &tables.message_prefix_include,
        &tables.message_prefix_exclude,
    )?);
    let mut capture = Capture {
        config,
        filter,
        engine,
        outlet: Outlet::new(sink, tap),
        positions: PositionKeeper::new(store, interval),
        observer,
        shutdown,
        limits: Limits {
            bytes: config.sink.in_flight_bytes_max,
            records: config.sink.in_flight_records_max,
        },
        heartbeat: Heartbeat::new(config),
        stop_lsn: None,
        past: Past { offset, snapshot_taken: false },
    };
    capture.until_stopped().await?;
    Ok(Summary {
        counters: capture.engine.counters(),
        confirmed: capture.engine.progress().safe_lsn(),
        elapsed: begun.elapsed(),
    })
}

async fn open_sink(config: &Config) -> Result<AnySink, Error> {
    Ok(match config.sink.kind {
        SinkKind::Kafka => AnySink::Kafka(KafkaSink::connect(&config.sink).await?),
        SinkKind::Log => AnySink::Log(LogSink::open(&config.sink.log_dir, LogOptions::default())?),
        SinkKind::Stdout => AnySink::Stdout(StdoutSink::default()),
        SinkKind::Null => AnySink::Null(NullSink::default()),
    })
}

impl Capture<'_> {
    /// Goes through start, snapshot and stream again after each lost connection.
    async fn until_stopped(&mut self) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        let mut lost: Option<Instant> = None;
        let mut connected_once = false;
        loop {
            let mut connected = false;
            let Err(error) = self.attempt(&mut connected, &mut lost).await else { return Ok(()) };
            connected_once |= connected;
            if !connected_once || !error.is_transient() {
                return Err(error);
            }
            if connected {
                backoff.reset();
            }
            self.engine.reconnected();
            let Some(delay) = backoff.next(self.config.replication.errors_max_retries) else {
                return Err(error);
            };
            if lost.is_none() {
                lost = Some(Instant::now());
                let error = error.chain();
                tracing::warn!(error, "connection to PostgreSQL lost, trying again");
                self.observer.event(Event::ConnectionLost { error });
            }
            if self.shutdown.is_asked() || self.pause(delay).await? {
                return Ok(());
            }
        }
    }

    /// Waits before the next attempt while deliveries go on; true when a stop was asked for.
    async fn pause(&mut self, delay: Duration) -> Result<bool, Error> {
        let until = tokio::time::Instant::now() + delay;
        let deliveries = self.outlet.deliveries();
        loop {
            self.outlet.collect(self.engine.progress_mut())?;
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(false),
                () = self.shutdown.asked() => return Ok(true),
                () = deliveries.wait() => {}
            }
        }
    }

    /// One connection's life.
    async fn attempt(
        &mut self,
        connected: &mut bool,
        lost: &mut Option<Instant>,
    ) -> Result<(), Error> {
        let mut quiet = ();
        let observer: &mut dyn Observer =
            if lost.is_some() { &mut quiet } else { &mut *self.observer };
        let starting = start::start(self.config, &self.filter, &self.past, observer);
        let started = tokio::select! {
            started = starting => started?,
            () = self.shutdown.asked() => return Ok(()),
        };
        *connected = true;
        if let Some(commit) = started.last_commit_lsn {
            self.engine.resume_behind(self.engine.resume_lsn().max(commit));
        }
        let Start { client, tables, snapshot, stream_from, .. } = started;
        self.heartbeat.prepare(&self.engine, &mut self.outlet).await?;
        if let Some(plan) = snapshot
            && !self.take_snapshot(&client, plan, &tables).await?
        {
            return Ok(());
        }
        match stream_from {
            Some(from) => self.stream(client, from, lost).await,
            None => Ok(()),
        }
    }

    /// False when a stop was asked for before its end.
    async fn take_snapshot(
        &mut self,
        client: &Client,
        plan: SnapshotPlan,
        tables: &[Table],
    ) -> Result<bool, Error> {
        let lsn = plan.lsn;
        let chosen = TableFilter::new("", "", &self.config.snapshot.include_collection_list, "")?;
        let tables: Vec<&Table> =
            tables.iter().filter(|table| chosen.matches(&table.schema, &table.name)).collect();
        let mut run = SnapshotRun {
            engine: &mut self.engine,
            outlet: &mut self.outlet,
            observer: self.observer,
            shutdown: &mut self.shutdown,
            heartbeat: &mut self.heartbeat,
            limits: self.limits,
            selects: &self.config.snapshot.select_overrides,
        };
        let SnapshotEnd::Complete { tx_id, ts_us } = run.run(client, plan, &tables).await? else {
            return Ok(false);
        };
        self.positions.snapshot_complete(lsn, tx_id, ts_us).await?;
        self.past.snapshot_taken = true;
        Ok(true)
    }

    async fn stream(
        &mut self,
        client: Client,
        from: Lsn,
        lost: &mut Option<Instant>,
    ) -> Result<(), Error> {
        let from = from.max(self.engine.resume_lsn());
        let mut run = StreamRun {
            config: self.config,
            filter: &self.filter,
            engine: &mut self.engine,
            outlet: &mut self.outlet,
            observer: self.observer,
            shutdown: &mut self.shutdown,
            positions: &mut self.positions,
            heartbeat: &mut self.heartbeat,
            limits: self.limits,
            client,
            stop_lsn: self.stop_lsn,
        };
        let outcome = run.run(from, lost).await;
        self.stop_lsn = run.stop_lsn;
        outcome
    }
}
