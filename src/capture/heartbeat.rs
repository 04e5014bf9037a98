//! When a heartbeat is due, and the statement that goes with it.

use super::CaptureError;
use super::outlet::Outlet;
use crate::config::Config;
use crate::config::DatabaseConfig;
use crate::engine::Engine;
use crate::error::Error;
use crate::postgres;
use crate::postgres::PostgresError;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Client;

/// SQLSTATE undefined_table: the statement can never succeed.
const UNDEFINED_TABLE: &str = "42P01";

/// Heartbeats of a run; none unless `heartbeat.interval.ms` asks for them.
pub(super) struct Heartbeat {
    interval: Option<Duration>,
    last: Instant,
    action: Option<Action>,
}

impl Heartbeat {
    pub(super) fn new(config: &Config) -> Self {
        let heartbeat = &config.heartbeat;
        let interval = Some(heartbeat.interval_ms).filter(|ms| *ms > 0).map(Duration::from_millis);
        let action = Some(&heartbeat.action_query).filter(|query| !query.trim().is_empty());
        Self {
            interval,
            last: Instant::now(),
            action: action.map(|query| Action {
                database: config.database.clone(),
                query: query.clone(),
                client: None,
                running: None,
            }),
        }
    }

    /// Makes the topic, when there will be heartbeats.
    pub(super) async fn prepare(&self, engine: &Engine, outlet: &mut Outlet) -> Result<(), Error> {
        if self.interval.is_some() {
            outlet.ensure_topics(std::slice::from_ref(engine.heartbeat_topic())).await?;
        }
        Ok(())
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.interval.and_then(|interval| self.last.checked_add(interval))
    }

    /// Sends one if it is due, and tells of a statement that cannot succeed. With `full`, when
    /// nothing more may go out, a heartbeat is left out.
    pub(super) async fn tick(
        &mut self,
        full: bool,
        engine: &mut Engine,
        outlet: &mut Outlet,
    ) -> Result<(), Error> {
        if let Some(action) = &mut self.action {
            action.collect().await?;
        }
        if self.due().is_some_and(|due| due <= Instant::now()) {
            if full {
                self.last = Instant::now();
            } else {
                self.force(engine, outlet)?;
            }
        }
        Ok(())
    }

    /// Sends one whether it is due or not, unless there are to be none.
    pub(super) fn force(&mut self, engine: &mut Engine, outlet: &mut Outlet) -> Result<(), Error> {
        if self.interval.is_none() {
            return Ok(());
        }
        self.last = Instant::now();
        engine.on_heartbeat(&mut |record| outlet.take(record));
        outlet.flush(engine)?;
        if let Some(action) = &mut self.action {
            action.start();
        }
        Ok(())
    }
}

/// `heartbeat.action.query`, on a connection of its own and beside the stream: a statement that
/// waits for a lock must not hold the stream up.
struct Action {
    database: DatabaseConfig,
    query: String,
    client: Option<Client>,
    running: Option<JoinHandle<Result<Client, PostgresError>>>,
}

impl Action {
    /// Runs the statement, unless the one before is still running.
    fn start(&mut self) {
        if self.running.is_some() {
            tracing::warn!("heartbeat.action.query of the last heartbeat is still running");
            return;
        }
        let (database, query) = (self.database.clone(), self.query.clone());
        let client = self.client.take().filter(|client| !client.is_closed());
        self.running = Some(tokio::spawn(async move {
            let client = match client {
                Some(client) => client,
                None => postgres::connect(&database, "minicdc heartbeat").await?,
            };
            let outcome = client.batch_execute(&query).await;
            outcome.map_err(PostgresError::doing("run heartbeat.action.query"))?;
            Ok(client)
        }));
    }

    /// Looks how the last statement ended, if it did. A failure may be passing, so it is a
    /// warning; the next heartbeat tries again.
    async fn collect(&mut self) -> Result<(), CaptureError> {
        let Some(running) = self.running.take_if(|running| running.is_finished()) else {
            return Ok(());
        };
        match running.await {
            Ok(Ok(client)) => self.client = Some(client),
            Ok(Err(PostgresError::Statement { error, .. }))
                if error.sqlstate == UNDEFINED_TABLE =>
            {
                return Err(CaptureError::HeartbeatAction { source: error });
            }
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "heartbeat.action.query failed");
            }
            Err(error) => tracing::warn!(%error, "heartbeat.action.query was cut short"),
        }
        Ok(())
    }
}

impl Drop for Action {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}
