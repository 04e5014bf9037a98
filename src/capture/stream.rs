//! The loop that moves bytes: frames into the engine, records into the sink, deliveries back into
//! the engine, and the safe position to the server.
//!
//! The server hears from us at least every `status.update.interval.ms` whatever the sink does: a
//! full sink stops the reading, never the replies.

use super::CaptureError;
use super::heartbeat::Heartbeat;
use super::live::Live;
use super::observer::Event;
use super::observer::Observer;
use super::observer::Status;
use super::outlet::Outlet;
use super::position::PositionKeeper;
use super::server::ServerFacts;
use super::server::current_end;
use super::shutdown::Shutdown;
use super::slot;
use super::snapshot::warn_of_unknown_columns;
use super::xmin::XminFetch;
use super::{Limits, now_ns, warn_of_conversions};
use crate::config::Config;
use crate::config::LsnFlush;
use crate::config::StopAt;
use crate::engine::Engine;
use crate::engine::RelationRequest;
use crate::engine::Step;
use crate::error::Error;
use crate::lsn::Lsn;
use crate::postgres;
use crate::postgres::ReplicationConnection;
use crate::postgres::ReplicationStream;
use crate::record::Record;
use crate::relation::EnumLabels;
use crate::relation::TableFilter;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Client;

/// How soon a new safe position is told to the server.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);
/// How often the observer hears of a running stream.
const OBSERVE_INTERVAL: Duration = Duration::from_millis(500);
/// How often the server is asked for its position while a stop position is awaited.
const ASK_INTERVAL: Duration = Duration::from_millis(50);
/// How often a tap that is behind is looked at.
pub(super) const TAP_INTERVAL: Duration = Duration::from_millis(20);
/// How many messages are read before the server and the others get their turn.
const STEPS_PER_TURN: usize = 10_000;
/// How long a stop waits for records in flight.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What streaming works on, over all connections of a run.
pub(super) struct StreamRun<'a> {
    pub(super) config: &'a Config,
    pub(super) filter: &'a TableFilter,
    pub(super) engine: &'a mut Engine,
    pub(super) outlet: &'a mut Outlet,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) shutdown: &'a mut Shutdown,
    pub(super) positions: &'a mut PositionKeeper,
    pub(super) heartbeat: &'a mut Heartbeat,
    pub(super) live: &'a mut Live,
    pub(super) limits: Limits,
    /// For the catalogue; made anew when it is closed.
    pub(super) client: Client,
    /// For the first stream, when there is one already.
    pub(super) connection: Option<ReplicationConnection>,
    /// How many tables were captured at the start.
    pub(super) tables: usize,
    /// Position to stop at, once it is known.
    pub(super) stop_lsn: Option<Lsn>,
}

/// Clocks and positions of one connection.
pub(super) struct Session {
    stream: ReplicationStream,
    xmin: XminFetch,
    /// Enumerations as they were when the connection was made.
    enums: EnumLabels,
    /// A frame that the engine wants to see again.
    held: Option<Vec<u8>>,
    pub(super) status_interval: Duration,
    /// Whether positions are confirmed at all.
    confirms: bool,
    last_status: Instant,
    pub(super) told: Lsn,
    /// How far the server's WAL goes, as far as it told us.
    server_end: Lsn,
    last_observed: Instant,
    asked: Instant,
}

impl StreamRun<'_> {
    /// Streams over one connection until a stop or a failure.
    pub(super) async fn run(
        &mut self,
        from: Lsn,
        lost: &mut Option<std::time::Instant>,
    ) -> Result<(), Error> {
        let mut session = self.open(from).await?;
        match lost.take() {
            Some(since) => self.observer.event(Event::Reconnected { after: since.elapsed() }),
            None => self.observer.event(Event::Streaming { from }),
        }
        self.pump(&mut session).await?;
        self.drain(&mut session).await?;
        if let Err(error) = session.stream.finish().await {
            tracing::warn!(error = %error, "replication stream did not end in order");
        }
        if self.config.replication.slot_drop_on_stop {
            let slot = &self.config.replication.slot_name;
            slot::drop_on_stop(&self.client, slot, self.observer).await?;
        }
        Ok(())
    }

    async fn open(&mut self, from: Lsn) -> Result<Session, Error> {
        if self.client.is_closed() {
            self.client = postgres::connect(&self.config.database, "minicdc").await?;
        }
        if let Some(topic) = self.engine.transaction_topic() {
            let topic = topic.clone();
            self.outlet.ensure_topics(&[topic]).await?;
        }
        let server = ServerFacts::read(&self.client).await?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => ReplicationConnection::connect(&self.config.database).await?,
        };
        let server_end = connection.identify_system().await?.flushed;
        if self.stop_lsn.is_none() {
            self.stop_lsn = match self.config.replication.stop_at {
                Some(StopAt::Current) => Some(current_end(&self.client).await?),
                Some(StopAt::Lsn(lsn)) => Some(lsn),
                None => None,
            };
        }
        let enums = postgres::enum_labels(&self.client).await?;
        let replication = &self.config.replication;
        let protocol = server.protocol;
        self.engine.set_protocol(protocol);
        let mut options = vec![
            ("proto_version", protocol.number().to_string()),
            ("publication_names", postgres::quote_identifier(&replication.publication_name)),
        ];
        if protocol.has_streaming() && replication.streams_in_progress {
            options.push(("streaming", "on".to_owned()));
        }
        if server.sends_messages {
            options.push(("messages", "true".to_owned()));
        }
        let more = replication.slot_stream_params.iter();
        options.extend(more.map(|(name, value)| (name.as_str(), value.clone())));
        let stream = connection.start(&replication.slot_name, from, &options).await?;
        // From here on the stream itself holds the slot.
        postgres::release_slot(&self.client, &replication.slot_name).await?;
        let status_interval = Duration::from_millis(replication.status_update_interval_ms.max(100));
        let now = Instant::now();
        Ok(Session {
            stream,
            status_interval: server.timeout.map_or(status_interval, |t| status_interval.min(t / 3)),
            confirms: replication.lsn_flush != LsnFlush::Manual,
            enums,
            xmin: XminFetch::new(replication.xmin_fetch_interval_ms),
            held: None,
            last_status: now,
            told: Lsn::INVALID,
            server_end,
            last_observed: now,
            asked: now,
        })
    }

    /// Moves bytes until a stop is asked for or the stop position is durable.
    async fn pump(&mut self, session: &mut Session) -> Result<(), Error> {
        let deliveries = self.outlet.deliveries();
        let live = self.live.wake();
        let slot_name = &self.config.replication.slot_name;
        loop {
            self.engine.set_now(now_ns());
            session.xmin.tick(&self.client, slot_name, self.engine).await?;
            self.live_turn(session).await?;
            // What is in the way may be gone by the end of the turn, and frames are at hand then.
            let mut starving = !self.is_full();
            for _ in 0..STEPS_PER_TURN {
                if self.is_full() {
                    break;
                }
                match session.next(self.engine, self.outlet)? {
                    None => break,
                    Some(Step::Done) => {}
                    Some(Step::Reply) => self.tell(session, false).await?,
                    Some(Step::NeedsTable(request)) => self.define(session, &request).await?,
                    Some(Step::NeedsTopic(topic)) => {
                        self.ensure_topics(session, &[topic]).await?;
                        self.engine.topic_made();
                    }
                    Some(Step::Signal(row)) => self.on_signal_row(session, &row).await?,
                }
                self.ensure_waited_for(session).await?;
                starving = false;
            }
            self.outlet.flush(self.engine)?;
            self.outlet.collect(self.engine.progress_mut())?;
            let full = self.is_full();
            warn_of_conversions(self.engine);
            if self.shutdown.is_asked() {
                return Ok(());
            }
            if self.stop_lsn.is_some_and(|stop| self.engine.has_passed(stop)) {
                return Ok(());
            }
            self.heartbeat.tick(full, self.engine, self.outlet).await?;
            self.ensure_waited_for(session).await?;
            self.keep_up(session).await?;
            if !starving && !full {
                continue;
            }
            let wake = self.next_wake(session);
            tokio::select! {
                // Deliveries are collected in each turn, so a sink that always has some must not
                // keep the socket waiting.
                biased;
                () = self.shutdown.asked() => {}
                filled = session.stream.fill(), if !full => filled?,
                () = deliveries.wait() => {}
                () = live.notified() => {}
                () = self.positions.saved() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// True when nothing more should be read until something has left us.
    fn is_full(&self) -> bool {
        self.limits.are_reached(self.engine.progress())
            || self.outlet.tap_is_behind()
            || self.live.holds_stream(self.engine.touched())
    }

    /// Tells the server, the store and the observer what they are due to hear.
    pub(super) async fn keep_up(&mut self, session: &mut Session) -> Result<(), Error> {
        let now = Instant::now();
        self.positions.keep(self.engine).await;
        let since = now - session.last_status;
        let has_news = self.confirmed(session) > session.told;
        if since >= session.status_interval || (has_news && since >= CONFIRM_INTERVAL) {
            self.tell(session, false).await?;
        } else if ((self.stop_lsn.is_some() && self.engine.progress().is_idle())
            || self.live.awaits_stream())
            && now - session.asked >= ASK_INTERVAL
        {
            session.asked = now;
            self.tell(session, true).await?;
        }
        if now - session.last_observed >= OBSERVE_INTERVAL {
            session.last_observed = now;
            self.observe(session);
        }
        Ok(())
    }

    fn next_wake(&self, session: &Session) -> Instant {
        let confirm = if self.confirmed(session) > session.told {
            CONFIRM_INTERVAL
        } else {
            session.status_interval
        };
        let mut wake = session.last_status + confirm.min(session.status_interval);
        wake = wake.min(session.last_observed + OBSERVE_INTERVAL);
        if let Some(due) = self.live.due() {
            wake = wake.min(due);
        }
        if self.stop_lsn.is_some() || self.live.awaits_stream() {
            wake = wake.min(session.asked + ASK_INTERVAL);
        }
        if let Some(due) = self.heartbeat.due() {
            wake = wake.min(due);
        }
        if let Some(due) = self.positions.due(self.engine) {
            wake = wake.min(due);
        }
        if self.outlet.tap_is_behind() {
            wake = wake.min(Instant::now() + TAP_INTERVAL);
        }
        wake
    }

    /// The position that the server may forget everything before: what is durable downstream, and
    /// stored where positions are; what was asked for is stored before the signal is gone.
    fn confirmed(&self, session: &Session) -> Lsn {
        if self.positions.holds_back() {
            return session.told;
        }
        let safe = self.engine.progress().safe_lsn();
        self.positions.confirmable(safe, self.outlet.committed())
    }

    pub(super) async fn tell(&mut self, session: &mut Session, ask: bool) -> Result<(), Error> {
        let confirmed = self.confirmed(session);
        session.tell(confirmed, ask).await
    }

    /// Answers the engine's question about a table.
    async fn define(
        &mut self,
        session: &mut Session,
        request: &RelationRequest,
    ) -> Result<(), Error> {
        if !self.filter.matches(&request.schema, &request.name) {
            self.engine.define(request.oid, None);
            return Ok(());
        }
        if self.client.is_closed() {
            self.client = postgres::connect(&self.config.database, "minicdc").await?;
        }
        let mut table = postgres::stream_table(&self.client, request).await?;
        session.enums.apply(&mut table);
        if let Some(encoder) = self.engine.define(request.oid, Some(&table)) {
            let topics = [encoder.topic().clone()];
            warn_of_unknown_columns(encoder);
            self.ensure_topics(session, &topics).await?;
        }
        Ok(())
    }

    /// Makes the topics that transforms have come up with.
    pub(super) async fn ensure_waited_for(&mut self, session: &mut Session) -> Result<(), Error> {
        if self.outlet.waits_for_topics() { self.ensure_topics(session, &[]).await } else { Ok(()) }
    }

    /// Makes topics. A broker that is away can hold this up for long; the server must not wait
    /// with us.
    pub(super) async fn ensure_topics(
        &mut self,
        session: &mut Session,
        topics: &[Arc<str>],
    ) -> Result<(), Error> {
        let safe = self.confirmed(session);
        let mut ensured = pin!(self.outlet.ensure_topics(topics));
        loop {
            tokio::select! {
                made = &mut ensured => return Ok(made?),
                () = tokio::time::sleep(session.status_interval) => {
                    session.tell(safe, false).await?;
                }
            }
        }
    }

    fn observe(&mut self, session: &Session) {
        self.observer.event(Event::Status(self.status(session.server_end)));
    }

    fn status(&self, server_end: Lsn) -> Status {
        let progress = self.engine.progress();
        let counters = self.engine.counters();
        let lag = self.engine.lag_us().and_then(|us| u64::try_from(us).ok());
        Status {
            tables: self.engine.tables().max(self.tables),
            records: counters.records,
            changes: counters.changes,
            lag_bytes: server_end.bytes_since(progress.safe_lsn()),
            lag: lag.map(Duration::from_micros),
            confirmed: progress.safe_lsn(),
            bytes_in_flight: progress.bytes_in_flight(),
        }
    }

    /// Waits until what was sent is durable, then confirms it and stores the position.
    async fn drain(&mut self, session: &mut Session) -> Result<(), Error> {
        self.outlet.finish(self.engine)?;
        let records = self.engine.progress().records_in_flight();
        self.observer.event(Event::Draining { records });
        let deliveries = self.outlet.deliveries();
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        loop {
            self.outlet.collect(self.engine.progress_mut())?;
            let delivered = self.engine.progress().is_idle();
            let status_due = session.last_status + session.status_interval;
            if delivered && self.outlet.tap_is_done() {
                break;
            }
            tokio::select! {
                () = deliveries.wait() => {}
                () = tokio::time::sleep(TAP_INTERVAL), if delivered => {}
                () = tokio::time::sleep_until(deadline) => {
                    if delivered {
                        // Who does not look at the feed cannot hold up the end.
                        break;
                    }
                    return Err(CaptureError::NotDrained {
                        records: self.engine.progress().records_in_flight(),
                        seconds: DRAIN_TIMEOUT.as_secs(),
                    }.into());
                }
                () = tokio::time::sleep_until(status_due) => self.tell(session, false).await?,
            }
        }
        self.positions.store_now(self.engine).await;
        self.tell(session, false).await?;
        self.observe(session);
        Ok(())
    }
}

impl Session {
    /// Asks the server at the next occasion how far the stream is.
    pub(super) fn ask_soon(&mut self) {
        self.asked = self.asked.checked_sub(ASK_INTERVAL).unwrap_or(self.asked);
    }

    /// Confirms the safe position. Only what is durable downstream is ever told, also as written.
    async fn tell(&mut self, safe: Lsn, ask: bool) -> Result<(), Error> {
        // The server leaves the slot where it is when a status names no flushed position.
        let flushed = if self.confirms { safe } else { Lsn::INVALID };
        self.stream.send_status(safe, flushed, flushed, ask).await?;
        self.told = safe;
        self.last_status = Instant::now();
        Ok(())
    }

    /// Feeds the next frame in the buffer to the engine; `None` when there is none.
    fn next(&mut self, engine: &mut Engine, outlet: &mut Outlet) -> Result<Option<Step>, Error> {
        let emit = &mut |record: &Record<'_>| outlet.take(record);
        let step = if engine.is_replaying() {
            engine.replay(emit)?
        } else if let Some(frame) = self.held.take() {
            engine.on_frame(&frame, emit)?
        } else {
            let Some(frame) = self.stream.next_frame()? else { return Ok(None) };
            let step = engine.on_frame(frame, emit)?;
            if let Step::NeedsTopic(_) = step {
                self.held = Some(frame.to_vec());
            }
            step
        };
        self.server_end = self.server_end.max(engine.server_end());
        outlet.boundary(engine);
        Ok(Some(step))
    }
}
