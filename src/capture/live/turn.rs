//! What the stream's loop does for snapshots in each turn.

use super::reader::{ChunkRead, Reader};
use super::{Live, Reading, TOUCHED_MAX};
use crate::capture::now_ns;
use crate::capture::snapshot::warn_of_unknown_columns;
use crate::capture::stream::{Session, StreamRun};
use crate::engine::SignalRow;
use crate::error::Error;
use crate::incremental::{Arrived, Emission, Watermark};
use crate::postgres::{ChunkTable, CopyRow};
use crate::signal::{Action, Signal};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a chunk that does not see a transaction which was sent already waits for it.
const HIDDEN_DELAY: Duration = Duration::from_millis(20);
/// How long the row that closes a window waits for the end of the read that has written it.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

impl Live {
    /// True when the stream should say how far it is, since chunks wait for that.
    pub(in crate::capture) fn awaits_stream(&self) -> bool {
        self.coordinator.awaits_stream()
    }

    /// True when the stream has to wait for a chunk that is being read.
    pub(in crate::capture) fn holds_stream(&self, touched: usize) -> bool {
        self.reading.is_some() && touched >= TOUCHED_MAX
    }

    /// When there is something to do though nothing arrives.
    pub(in crate::capture) fn due(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.coordinator.is_running())
    }
}

impl StreamRun<'_> {
    /// Carries out what has come since the last turn.
    pub(in crate::capture) async fn live_turn(
        &mut self,
        session: &mut Session,
    ) -> Result<(), Error> {
        while let Ok(sent) = self.live.inbox.try_recv() {
            self.on_signal(session, sent).await?;
        }
        if !self.live.blocking.is_empty() && !self.engine.in_transaction() {
            self.blocking_snapshots(session).await?;
        }
        self.live_chunks(session, None).await
    }

    /// A row of the signal table.
    pub(in crate::capture) async fn on_signal_row(
        &mut self,
        session: &mut Session,
        row: &SignalRow,
    ) -> Result<(), Error> {
        if row.deleted {
            // The other way to close a window.
            let id = row.values.first().and_then(|id| id.as_deref()?.strip_suffix("-open"));
            return match id {
                Some(id) => self.on_window_close(session, id).await,
                None => Ok(()),
            };
        }
        match Signal::from_row(&row.values) {
            Ok(Signal { id, action: Action::WindowClose }) => {
                self.on_window_close(session, id.strip_suffix("-close").unwrap_or(&id)).await
            }
            Ok(Signal { action: Action::WindowOpen, .. }) => Ok(()),
            signal if self.live.reads_signals => {
                self.on_signal(session, signal).await?;
                self.live_chunks(session, None).await
            }
            _ => Ok(()),
        }
    }

    /// The row that closes a window can be here before whoever has written it says what was read.
    async fn on_window_close(&mut self, session: &mut Session, id: &str) -> Result<(), Error> {
        let until = Instant::now() + CLOSE_WAIT;
        let is_awaited = |live: &Live| live.coordinator.awaits_row(id);
        while !is_awaited(self.live) && self.live.reading.is_some() && Instant::now() < until {
            let Some(reading) = &mut self.live.reading else { break };
            let tick = session.status_interval.min(Duration::from_secs(1));
            match tokio::time::timeout(tick, &mut reading.task).await {
                Ok(joined) => {
                    let reader = reading.reader;
                    self.live.reading = None;
                    self.on_read(reader, joined);
                    if !is_awaited(self.live) {
                        break;
                    }
                }
                Err(_) => self.tell(session, false).await?,
            }
        }
        self.live_chunks(session, Some(id)).await
    }

    /// Takes what was read, sends what may be sent, reads on.
    async fn live_chunks(
        &mut self,
        session: &mut Session,
        closed: Option<&str>,
    ) -> Result<(), Error> {
        if self.live.reading.as_ref().is_some_and(|reading| reading.task.is_finished())
            && let Some(Reading { reader, task }) = self.live.reading.take()
        {
            self.on_read(reader, task.await);
            // The server is asked at once how far the stream is.
            session.ask_soon();
        }
        self.live_emissions(session, closed).await?;
        self.read_next();
        Ok(())
    }

    fn on_read(
        &mut self,
        reader: u64,
        joined: Result<(Reader, Result<ChunkRead, Error>), tokio::task::JoinError>,
    ) {
        let touched = self.engine.touched_mut();
        let live = &mut *self.live;
        let outcome = match joined {
            Ok((back, outcome)) => {
                live.reader = Some(back);
                outcome
            }
            Err(error) => {
                tracing::warn!(%error, "reading a chunk was cut short");
                live.coordinator.failed(reader, touched);
                return;
            }
        };
        let read = match outcome {
            Ok(read) => read,
            Err(error) => {
                live.coordinator.failed(reader, touched);
                let delay = live.backoff.next().unwrap_or_default();
                live.retry_at = Some(Instant::now() + delay);
                tracing::warn!(error = error.chain(), "chunk not read; trying again");
                return;
            }
        };
        live.backoff.reset();
        if let Some(chunk) = &read.chunk
            && !live.watches(&chunk.table)
        {
            // The table or its identity is another one by now; what was noted does not fit.
            let identity = chunk.table.identity.clone();
            live.watched.retain(|(oid, _)| *oid != chunk.oid);
            live.watched.push((chunk.oid, identity));
            live.coordinator.failed(reader, touched);
            self.engine.watch(live.watched.clone());
            return;
        }
        if live.coordinator.arrived(reader, read, touched) == Arrived::Again {
            live.retry_at = Some(Instant::now() + HIDDEN_DELAY);
        }
    }

    fn read_next(&mut self) {
        let live = &mut *self.live;
        if live.reader.is_none() || live.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        live.retry_at = None;
        let Some(request) = live.coordinator.next_read(self.engine.touched_mut()) else { return };
        let Some(mut reader) = live.reader.take() else { return };
        let wake = live.wake.clone();
        let number = request.reader;
        let task = tokio::spawn(async move {
            let outcome = reader.read(&request).await;
            wake.notify_one();
            (reader, outcome)
        });
        live.reading = Some(Reading { reader: number, task });
    }

    async fn live_emissions(
        &mut self,
        session: &mut Session,
        closed: Option<&str>,
    ) -> Result<(), Error> {
        let streamed = self.engine.progress().marked();
        let has_passed = |watermark: &Watermark| match watermark {
            Watermark::Lsn(lsn) => *lsn <= streamed,
            Watermark::Row(id) => closed == Some(id.as_str()),
        };
        loop {
            let touched = self.engine.touched_mut();
            let Some(emission) = self.live.coordinator.next(touched, has_passed) else {
                return Ok(());
            };
            match emission {
                Emission::Rows { table, rows } => self.send_rows(session, &table, &rows).await?,
                other => self.notify_of(&other),
            }
            self.keep_queue();
        }
    }

    /// The queue as it is belongs to the position from here on.
    pub(super) fn keep_queue(&mut self) {
        let members = self.live.coordinator.queue().to_members();
        self.outlet.set_members(&members);
        self.engine.set_members(members);
        self.live.keep_status();
        if !self.live.coordinator.is_running() {
            self.live.watched.clear();
            self.live.encoder = None;
            self.engine.watch(Vec::new());
            self.engine.touched_mut().clear();
            if let Some(reader) = &mut self.live.reader {
                reader.close();
            }
        }
    }

    async fn send_rows(
        &mut self,
        session: &mut Session,
        table: &Arc<ChunkTable>,
        rows: &[CopyRow],
    ) -> Result<(), Error> {
        let is_same = |known: &Arc<ChunkTable>| Arc::ptr_eq(known, table) || **known == **table;
        if !self.live.encoder.as_ref().is_some_and(|(known, _)| is_same(known)) {
            let encoder = self.engine.incremental_encoder(&table.table);
            warn_of_unknown_columns(&encoder);
            self.ensure_topics(session, &[encoder.topic().clone()]).await?;
            self.live.encoder = Some((table.clone(), encoder));
        }
        let Some((_, encoder)) = &mut self.live.encoder else { return Ok(()) };
        let width = table.table.columns.len();
        for row in rows {
            self.engine.set_now(now_ns());
            let cells = row.cells();
            let cells = cells.get(..width).unwrap_or(&cells);
            self.engine
                .on_incremental_row(encoder, cells, &mut |record| self.outlet.take(record))?;
        }
        self.ensure_waited_for(session).await
    }
}

impl Live {
    fn watches(&self, table: &ChunkTable) -> bool {
        table.identity.is_empty()
            || self
                .watched
                .iter()
                .any(|(oid, columns)| *oid == table.table.oid && *columns == table.identity)
    }
}
