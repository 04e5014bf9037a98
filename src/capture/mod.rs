//! `minicdc capture`: snapshot, then stream, until stopped.

mod claim;
mod error;
mod heartbeat;
mod live;
mod mismatch;
mod observer;
mod outlet;
mod position;
mod retry;
mod server;
mod shutdown;
mod slot;
mod snapshot;
mod start;
mod stream;
mod transforms;
mod xmin;

pub use error::CaptureError;
pub use mismatch::Mismatch;
pub use observer::{Event, Observer, Status};
pub use outlet::Tap;
pub use shutdown::Shutdown;

use crate::chunks::SnapshotProgress;
use crate::chunks::Tracker;
use crate::config::Config;
use crate::config::ConfigError;
use crate::config::LsnFlush;
use crate::config::Origin;
use crate::config::SinkKind;
use crate::engine::Counters;
use crate::engine::Engine;
use crate::error::Error;
use crate::kafka;
use crate::log::LogOptions;
use crate::lsn::Lsn;
use crate::postgres;
use crate::postgres::ReplicationConnection;
use crate::postgres::Slot;
use crate::progress::Progress;
use crate::relation::MessageFilter;
use crate::relation::Table;
use crate::relation::TableFilter;
use crate::sink::AnySink;
use crate::sink::KafkaSink;
use crate::sink::LogSink;
use crate::sink::NullSink;
use crate::sink::StdoutSink;
use crate::sink::TransactionalSink;
use crate::spill::SpillFiles;
use crate::transform::Chain;
use claim::Claimed;
use heartbeat::Heartbeat;
use live::Live;
use outlet::Outlet;
use position::{PositionKeeper, stored_progress};
use retry::Backoff;
use snapshot::{SnapshotEnd, SnapshotRun};
use start::{Found, Next, Past, Plan, SnapshotPlan, Start};
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

/// Says which values were replaced by null, once per column.
fn warn_of_conversions(engine: &mut Engine) {
    for warning in engine.take_warnings() {
        tracing::warn!(
            relation = warning.table,
            column = warning.column,
            error = warning.reason,
            "value replaced by null because it cannot be converted"
        );
    }
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
    live: Live,
    stop_lsn: Option<Lsn>,
    past: Past,
    /// The first attempt's claim, made before the sink was opened.
    claimed: Option<Claimed>,
    /// How far an unfinished snapshot has come.
    tracker: Tracker,
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
    mut shutdown: Shutdown,
) -> Result<Summary, Error> {
    let begun = Instant::now();
    let tables = &config.tables;
    let filter = TableFilter::new(
        &tables.schema_include,
        &tables.schema_exclude,
        &tables.table_include,
        &tables.table_exclude,
    )?
    .with(config.signals.table.as_ref().map(|(schema, table)| format!("{schema}.{table}")));
    if config.sink.kind == SinkKind::Kafka {
        // A wrong setting can be said without a server.
        kafka::producer_settings(&config.sink)?;
    }
    let Some(claimed) = claim::first(config, observer, &mut shutdown).await? else {
        return Ok(Summary {
            counters: Counters::default(),
            confirmed: Lsn::INVALID,
            elapsed: begun.elapsed(),
        });
    };
    let sink = open_sink(config).await?;
    let store = start::offset_store(config).await?;
    let mut offset = match &store {
        Some(store) => store.load().await?,
        None => None,
    };
    let queue = live::stored_queue(offset.as_mut());
    let interval = Duration::from_millis(config.replication.offset_flush_interval_ms);
    // The position is read only now that no predecessor can write any more.
    let store = store.filter(|_| config.sink.transactions.is_none());
    let (mut envelope, values) = (config.envelope.clone(), config.values.clone());
    let chain = Chain::new(&config.transforms, envelope.key_schemas, envelope.value_schemas)
        .map_err(|problem| ConfigError::Transform { problem, origin: Origin::Default })?
        .with_headers(envelope.headers);
    if !chain.is_empty() {
        // Transforms go by the schemas; the chain leaves out those that are not wanted.
        (envelope.key_schemas, envelope.value_schemas) = (true, true);
    }
    let mut engine = Engine::new(envelope, values, run_id);
    engine.set_idle_progress(config.replication.lsn_flush == LsnFlush::ConnectorAndDriver);
    let replication = &config.replication;
    let spill = SpillFiles::new(replication.spill_dir.clone());
    engine.buffer_in(Box::new(spill), replication.streaming_memory_bytes);
    engine.filter_messages(MessageFilter::new(
        &tables.message_prefix_include,
        &tables.message_prefix_exclude,
    )?);
    let live = Live::new(config, queue, &mut engine);
    let mut capture = Capture {
        config,
        filter,
        engine,
        outlet: Outlet::new(sink, tap, chain),
        positions: PositionKeeper::new(store, interval),
        observer,
        shutdown,
        limits: Limits {
            bytes: config.sink.in_flight_bytes_max,
            records: config.sink.in_flight_records_max,
        },
        heartbeat: Heartbeat::new(config),
        live,
        stop_lsn: None,
        tracker: Tracker::new(offset.as_ref().and_then(stored_progress).unwrap_or_default()),
        past: Past { offset, ..Past::default() },
        claimed: Some(claimed),
    };
    capture.outlet.set_members(&capture.live.members());
    capture.until_stopped().await?;
    Ok(Summary {
        counters: capture.engine.counters(),
        confirmed: capture.engine.progress().safe_lsn(),
        elapsed: begun.elapsed(),
    })
}

async fn open_sink(config: &Config) -> Result<AnySink, Error> {
    Ok(match config.sink.kind {
        SinkKind::Kafka if config.sink.transactions.is_some() => {
            let interval = Duration::from_millis(config.replication.offset_flush_interval_ms);
            let key = start::offset_key(config);
            let sink = TransactionalSink::connect(&config.sink, &key, interval).await?;
            AnySink::Transactional(Box::new(sink))
        }
        SinkKind::Kafka => AnySink::Kafka(KafkaSink::connect(&config.sink).await?),
        SinkKind::Log => AnySink::Log(LogSink::open(&config.sink.log_dir, log_options(config))?),
        SinkKind::Stdout => AnySink::Stdout(StdoutSink::start().map_err(Error::Runtime)?),
        SinkKind::Null => AnySink::Null(NullSink::default()),
    })
}

/// A queue that holds all that may be in flight, so that a slow disk never blocks the loop.
fn log_options(config: &Config) -> LogOptions {
    let default = LogOptions::default();
    let in_flight = config.sink.in_flight_bytes_max.saturating_mul(2);
    LogOptions { queue_bytes_max: default.queue_bytes_max.max(in_flight), ..default }
}

impl Capture<'_> {
    /// Goes through start, snapshot and stream again after each lost connection.
    async fn until_stopped(&mut self) -> Result<(), Error> {
        let mut backoff = Backoff::new(&self.config.replication);
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
            let safe = self.engine.progress().safe_lsn();
            self.past.safe = Some(safe).filter(|safe| *safe > Lsn::INVALID);
            let Some(delay) = backoff.next() else {
                return Err(error);
            };
            if lost.is_none() {
                lost = Some(Instant::now());
                self.observer.event(Event::ConnectionLost { error: error.chain() });
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
        let claimed = self.claimed.take();
        let (config, filter) = (self.config, &self.filter);
        let starting = async {
            let claimed = match claimed {
                Some(claimed) => claimed,
                None => claim::claim(config, &mut false, observer).await?,
            };
            start::start(config, filter, &self.past, claimed, observer).await
        };
        let found = tokio::select! {
            found = starting => found?,
            () = self.shutdown.asked() => return Ok(()),
        };
        *connected = true;
        // Before the slot, so that a refused topic leaves none behind.
        self.heartbeat.prepare(&self.engine, &mut self.outlet).await?;
        let Found { starts_over, origin, next } = found;
        if starts_over {
            self.past.offset = None;
            self.tracker = Tracker::new(SnapshotProgress::default());
        }
        self.past.origin.clone_from(&origin);
        self.outlet.set_origin(origin.as_ref());
        self.positions.set_origin(origin);
        let (client, connection, tables, plan) = match next {
            Next::Go(start) => {
                let Start { client, connection, tables, plan, .. } = start;
                if let Some(position) = start.resume_at
                    && !std::mem::replace(&mut self.past.resumed, true)
                {
                    self.engine.resume(&position);
                }
                self.positions.resume(start.stored, start.stored_is_stale);
                (client, connection, tables, plan)
            }
            Next::MakeSlot { client, tables, new } => {
                let wants_snapshot = new.options.export_snapshot;
                if wants_snapshot && !self.sleep(self.config.snapshot.delay_ms).await {
                    return Ok(());
                }
                let (config, shutdown) = (self.config, &mut self.shutdown);
                let making = slot::make_slot(config, &client, new, self.observer, shutdown);
                let Some(plan) = making.await? else { return Ok(()) };
                self.past.slot_made = true;
                (client, None, tables, plan)
            }
        };
        let Plan { snapshot, stream_from } = plan;
        if snapshot.is_none() && !self.past.snapshot_taken && self.live.tells_skipped() {
            self.live.notifier().prepare(&mut self.outlet).await?;
            self.live.notifier().initial(&mut self.engine, &mut self.outlet, "SKIPPED", &[]);
        }
        // An idle walsender would not outlive a long snapshot.
        let connection = connection.filter(|_| snapshot.is_none());
        if let Some(plan) = snapshot {
            let slot_is_old = plan.exporter.is_none();
            let is_first = slot_is_old && lost.is_none();
            if is_first && !self.sleep(self.config.snapshot.delay_ms).await {
                return Ok(());
            }
            self.prepare_tracker(slot_is_old, stream_from);
            let taken = self.take_snapshot(&client, plan, &tables).await;
            let ends = match &taken {
                Ok(complete) => !complete,
                Err(error) => !error.is_transient(),
            };
            if ends {
                self.leave_snapshot().await;
            }
            if !taken? || !self.sleep(self.config.snapshot.streaming_delay_ms).await {
                return Ok(());
            }
        }
        match stream_from {
            Some(from) => self.stream(client, connection, from, tables.len(), lost).await,
            None => Ok(()),
        }
    }

    /// Forgets what an earlier snapshot has read, unless a slot still has everything since.
    fn prepare_tracker(&mut self, slot_is_old: bool, stream_from: Option<Lsn>) {
        let holds = match stream_from {
            Some(from) => slot_is_old && self.tracker.durable().holds_for(from),
            // Without a stream nothing brings what changes between two chunks.
            None => false,
        };
        // Kafka transactions make a snapshot visible as a whole, and throw an unfinished one away.
        let holds = holds && self.config.sink.transactions.is_none();
        if !holds {
            let from = stream_from.unwrap_or_default();
            self.tracker = Tracker::new(SnapshotProgress::new(from, 0));
        }
    }

    /// A snapshot ends before its time: the next start goes on with what is missing, if anything is
    /// worth that; else the slot that was made for it goes.
    async fn leave_snapshot(&mut self) {
        let is_kept = self.positions.store_snapshot(&self.tracker).await;
        if is_kept {
            let slot = &self.config.replication.slot_name;
            self.observer.event(Event::Warning {
                text: format!(
                    "the snapshot is not complete; replication slot \"{slot}\" stays for it"
                ),
                hint: Some(format!(
                    "the next start reads what is missing; to give it up: \
                     SELECT pg_drop_replication_slot('{slot}')"
                )),
            });
        } else if self.past.slot_made {
            self.drop_slot().await;
        }
    }

    /// Waits; false when a stop was asked for.
    async fn sleep(&mut self, milliseconds: u64) -> bool {
        if milliseconds == 0 {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(milliseconds)) => true,
            () = self.shutdown.asked() => false,
        }
    }

    /// Drops the slot that this run has made, because its snapshot did not come to an end: it
    /// would hold back WAL until the next start, and without a stored position that start would
    /// take it for the slot of a complete snapshot.
    async fn drop_slot(&mut self) {
        let slot = &self.config.replication.slot_name;
        let dropping = async {
            let client = postgres::connect(&self.config.database, "minicdc").await?;
            Slot::drop(&client, slot).await
        };
        match dropping.await {
            Ok(()) => self.past.slot_made = false,
            Err(error) => self.observer.event(Event::Warning {
                text: format!("replication slot \"{slot}\" is left behind: {error}"),
                hint: Some(format!(
                    "if you do not start again: SELECT pg_drop_replication_slot('{slot}')"
                )),
            }),
        }
    }

    /// False when a stop was asked for before its end.
    async fn take_snapshot(
        &mut self,
        client: &Client,
        plan: SnapshotPlan,
        tables: &[Table],
    ) -> Result<bool, Error> {
        let chosen = TableFilter::new("", "", &self.config.snapshot.include_collection_list, "")?;
        let tables: Vec<&Table> =
            tables.iter().filter(|table| chosen.matches(&table.schema, &table.name)).collect();
        // Old signals are no events.
        let signal_table = self.live.signal_table();
        let tables: Vec<&Table> = tables
            .into_iter()
            .filter(|table| signal_table != Some(table.qualified_name().as_str()))
            .collect();
        self.live.notifier().prepare(&mut self.outlet).await?;
        self.live.notifier().initial(&mut self.engine, &mut self.outlet, "STARTED", &[]);
        let mut run = SnapshotRun {
            config: self.config,
            engine: &mut self.engine,
            outlet: &mut self.outlet,
            observer: self.observer,
            shutdown: &mut self.shutdown,
            heartbeat: &mut self.heartbeat,
            positions: &mut self.positions,
            tracker: &mut self.tracker,
            limits: self.limits,
        };
        let taken = run.run(client, plan, &tables).await;
        let kind =
            if matches!(taken, Ok(SnapshotEnd::Complete(_))) { "COMPLETED" } else { "ABORTED" };
        self.live.notifier().initial(&mut self.engine, &mut self.outlet, kind, &[]);
        let SnapshotEnd::Complete(offset) = taken? else { return Ok(false) };
        self.positions.snapshot_complete(&offset).await?;
        self.past.snapshot_taken = true;
        Ok(true)
    }

    async fn stream(
        &mut self,
        client: Client,
        connection: Option<ReplicationConnection>,
        from: Lsn,
        tables: usize,
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
            live: &mut self.live,
            limits: self.limits,
            client,
            connection,
            tables,
            stop_lsn: self.stop_lsn,
        };
        let outcome = run.run(from, lost).await;
        self.stop_lsn = run.stop_lsn;
        outcome
    }
}
