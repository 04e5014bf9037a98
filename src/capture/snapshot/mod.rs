//! The initial snapshot: every row of every captured table as a read event.
//!
//! One transaction holds a snapshot, the one that the slot's creation exported when it was created
//! just now, so that the stream begins exactly where the rows end. Readers adopt it, each on a
//! connection of its own, and read the tables chunk by chunk ([`plan`](self::plan::plan)). What
//! they have read goes out here, in one place, which also marks the first and last rows, and keeps
//! account of what is durable: a snapshot that is interrupted goes on with the missing chunks.
//!
//! Chunks that are read later see a later state, and the stream then tells again of changes that
//! they show already: rows repeat, and the last record of each key is right.

mod anchor;
mod plan;
mod reader;
mod work;

pub(super) use self::anchor::{select_of_table, select_of_user};

use self::anchor::Anchor;
use self::reader::FromReader;
use self::reader::Reader;
use self::work::Work;
use super::heartbeat::Heartbeat;
use super::now_ns;
use super::observer::Event;
use super::observer::Observer;
use super::outlet::Outlet;
use super::position::PositionKeeper;
use super::shutdown::Shutdown;
use super::start::SnapshotPlan;
use super::stream::TAP_INTERVAL;
use super::{Limits, warn_of_conversions};
use crate::chunks::Tracker;
use crate::config::Config;
use crate::engine::Engine;
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TableEncoder;
use crate::error::Error;
use crate::lsn::Lsn;
use crate::offsets::SourceOffset;
use crate::postgres;
use crate::postgres::PostgresError;
use crate::relation::Table;
use std::time::Duration;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// How long a stop waits for rows in flight, so that the next start need not read them again.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What the snapshot works on.
pub(super) struct SnapshotRun<'a> {
    pub(super) config: &'a Config,
    pub(super) engine: &'a mut Engine,
    pub(super) outlet: &'a mut Outlet,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) shutdown: &'a mut Shutdown,
    pub(super) heartbeat: &'a mut Heartbeat,
    pub(super) positions: &'a mut PositionKeeper,
    /// What earlier attempts have read.
    pub(super) tracker: &'a mut Tracker,
    pub(super) limits: Limits,
}

/// How the snapshot ended.
#[derive(Debug)]
pub(super) enum SnapshotEnd {
    /// Every row is durable; the position that says so.
    Complete(Box<SourceOffset>),
    /// A stop was asked for.
    Stopped,
}

/// The readers of a snapshot, and how they are given work.
struct Readers {
    tasks: JoinSet<Result<(), Error>>,
    assign: Vec<mpsc::Sender<reader::Assignment>>,
    reports: mpsc::Receiver<FromReader>,
}

impl SnapshotRun<'_> {
    /// Reads what is missing of `tables`, and waits until every row is durable.
    pub(super) async fn run(
        &mut self,
        client: &Client,
        plan: SnapshotPlan,
        tables: &[&Table],
    ) -> Result<SnapshotEnd, Error> {
        let begun = Instant::now();
        self.observer.event(Event::SnapshotStarted { tables: tables.len() });
        let settings = &self.config.snapshot;
        let exported = plan.exporter.as_ref().map(|(_, name)| name.as_str());
        let anchor = Anchor::open(client, exported, settings, tables).await?;
        if let Some((connection, _)) = plan.exporter {
            // Our transaction has adopted the snapshot; the slot's maker may go.
            connection.close().await;
        }
        self.tracker.begins_at(anchor.xmin);
        let source = SourceContext {
            ts_us: anchor.ts_us,
            snapshot: SnapshotMarker::True,
            last_commit_lsn: None,
            lsn: plan.lsn,
            tx_id: anchor.tx_id,
            xmin: None,
            origin: None,
        };
        let offset = |complete| snapshot_offset(plan.lsn, &anchor, complete);
        self.outlet.begin_snapshot(self.engine, &offset(false));
        if plan.resumable {
            self.positions.snapshot_begins(offset(false));
        }
        let files = postgres::table_files(client, tables).await?;
        let rules = plan::Rules {
            config: settings,
            server_version: anchor.server_version,
            shares_snapshot: anchor.snapshot.is_some(),
        };
        let planned = plan::plan(tables, &files, self.tracker, rules);
        drop(files);
        let mut work = Work::new(client, &anchor, settings, source, &planned);
        let read = self.read(&mut work).await;
        let complete = match read {
            // Without the transaction that holds the snapshot nobody can adopt it any more.
            Err(_) if client.is_closed() => {
                return Err(PostgresError::lost(std::io::ErrorKind::UnexpectedEof.into()).into());
            }
            outcome => outcome?,
        };
        if !complete {
            return Ok(SnapshotEnd::Stopped);
        }
        let rows = work.rows();
        client.batch_execute("COMMIT").await.map_err(PostgresError::from)?;
        self.engine.set_now(now_ns());
        self.heartbeat.force(self.engine, self.outlet)?;
        self.ensure_waited_for().await?;
        let offset = offset(true);
        self.outlet.end_snapshot(self.engine, &offset);
        if !self.wait_until_durable().await? {
            return Ok(SnapshotEnd::Stopped);
        }
        self.observer.event(Event::SnapshotDone { rows, elapsed: begun.elapsed() });
        Ok(SnapshotEnd::Complete(Box::new(offset)))
    }

    /// Has all chunks read; false when a stop was asked for.
    async fn read(&mut self, work: &mut Work<'_>) -> Result<bool, Error> {
        let mut readers = self.connect(work.readers_wanted()).await?;
        let deliveries = self.outlet.deliveries();
        loop {
            work.hand_out(self, &readers.assign).await?;
            if work.is_done() {
                break;
            }
            tokio::select! {
                biased;
                () = self.shutdown.asked() => {}
                Some(ended) = readers.tasks.join_next() => match ended {
                    Ok(outcome) => outcome?,
                    Err(error) => return Err(PostgresError::protocol(error.to_string()).into()),
                },
                Some(from) = readers.reports.recv() => work.on_report(self, from).await?,
                () = deliveries.wait() => {}
            }
            if !self.turn().await? {
                readers.tasks.shutdown().await;
                self.wait_a_little().await?;
                return Ok(false);
            }
        }
        work.finish(self).await?;
        readers.assign.clear();
        while readers.tasks.join_next().await.is_some() {}
        Ok(true)
    }

    async fn connect(&self, count: usize) -> Result<Readers, Error> {
        let (to, reports) = mpsc::channel(count.max(1));
        let mut readers = Readers { tasks: JoinSet::new(), assign: Vec::new(), reports };
        let fetch_size = self.config.snapshot.fetch_size;
        for number in 0..count {
            let database = &self.config.database;
            let reader = match Reader::connect(number, database, fetch_size, to.clone()).await {
                Ok(reader) => reader,
                // The server has no more connections for us: fewer will do.
                Err(error) if number > 0 && error.is_transient() => {
                    tracing::warn!(%error, readers = number, "fewer readers than asked for");
                    break;
                }
                Err(error) => return Err(error),
            };
            let (assign, assignments) = mpsc::channel(work::AHEAD);
            readers.tasks.spawn(reader.run(assignments));
            readers.assign.push(assign);
        }
        Ok(readers)
    }

    /// Makes the topics that transforms have come up with.
    async fn ensure_waited_for(&mut self) -> Result<(), Error> {
        if self.outlet.waits_for_topics() {
            self.outlet.ensure_topics(&[]).await?;
        }
        Ok(())
    }

    /// Looks around between rows: the clock, what is durable, whether to wait or to stop. False
    /// when a stop was asked for.
    async fn turn(&mut self) -> Result<bool, Error> {
        self.engine.set_now(now_ns());
        warn_of_conversions(self.engine);
        self.outlet.flush(self.engine)?;
        self.collect()?;
        let deliveries = self.outlet.deliveries();
        while self.is_full() && !self.shutdown.is_asked() {
            let tap_is_behind = self.outlet.tap_is_behind();
            tokio::select! {
                () = deliveries.wait() => self.collect()?,
                () = self.shutdown.asked() => {}
                () = tokio::time::sleep(TAP_INTERVAL), if tap_is_behind => {}
            }
        }
        Ok(!self.shutdown.is_asked())
    }

    /// Takes note of what has become durable, and has it stored.
    fn collect(&mut self) -> Result<(), Error> {
        self.outlet.collect(self.engine.progress_mut())?;
        let delivered = self.engine.progress().delivered_without_gap();
        self.tracker.delivered(delivered);
        self.positions.keep_snapshot(self.tracker);
        Ok(())
    }

    /// True when nothing more should be read until something has left us.
    fn is_full(&self) -> bool {
        self.limits.are_reached(self.engine.progress()) || self.outlet.tap_is_behind()
    }

    /// Waits for what is in flight before a stop, if that is worth anything to the next start.
    async fn wait_a_little(&mut self) -> Result<(), Error> {
        if !self.positions.keeps_snapshot() {
            return Ok(());
        }
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        let deliveries = self.outlet.deliveries();
        while !self.engine.progress().is_idle() {
            tokio::select! {
                () = deliveries.wait() => self.collect()?,
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        Ok(())
    }

    /// False when a stop was asked for before that.
    async fn wait_until_durable(&mut self) -> Result<bool, Error> {
        self.outlet.flush(self.engine)?;
        let deliveries = self.outlet.deliveries();
        loop {
            self.collect()?;
            let delivered = self.engine.progress().is_idle();
            if delivered && self.outlet.tap_is_done() {
                return Ok(true);
            }
            tokio::select! {
                () = deliveries.wait() => {}
                () = tokio::time::sleep(TAP_INTERVAL), if delivered => {}
                () = self.shutdown.asked() => return Ok(false),
            }
        }
    }
}

/// What Debezium stores of a snapshot that runs, and of one that is complete.
fn snapshot_offset(lsn: Lsn, anchor: &Anchor, complete: bool) -> SourceOffset {
    SourceOffset {
        lsn: Some(lsn),
        tx_id: anchor.tx_id.and_then(|id| i64::try_from(id).ok()),
        ts_usec: Some(anchor.ts_us),
        snapshot: Some("INITIAL".to_owned()),
        snapshot_completed: Some(complete),
        last_snapshot_record: Some(complete),
        ..SourceOffset::default()
    }
}

/// Says which columns are left out, once per table.
pub(super) fn warn_of_unknown_columns(encoder: &TableEncoder) {
    if !encoder.unknown_columns().is_empty() {
        tracing::warn!(
            relation = %encoder.qualified_name(),
            columns = encoder.unknown_columns().join(", "),
            "columns of types that Debezium does not know are left out"
        );
    }
}
