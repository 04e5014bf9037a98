//! `xmin.fetch.interval.ms`: the slot's `catalog_xmin` for the source blocks.

use crate::engine::Engine;
use crate::error::Error;
use crate::postgres::PostgresError;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Client;

/// Reads the slot's `catalog_xmin` from time to time.
pub(super) struct XminFetch {
    interval: Option<Duration>,
    last: Option<Instant>,
}

impl XminFetch {
    pub(super) fn new(interval_ms: u64) -> Self {
        Self {
            interval: Some(interval_ms).filter(|ms| *ms > 0).map(Duration::from_millis),
            last: None,
        }
    }

    /// Reads it if that is due; called before more of the stream is read.
    pub(super) async fn tick(
        &mut self,
        client: &Client,
        slot: &str,
        engine: &mut Engine,
    ) -> Result<(), Error> {
        const QUERY: &str = "SELECT catalog_xmin::text FROM pg_catalog.pg_replication_slots \
            WHERE slot_name = $1";
        let Some(interval) = self.interval else { return Ok(()) };
        if self.last.is_some_and(|last| last.elapsed() < interval) {
            return Ok(());
        }
        let row = client
            .query_opt(QUERY, &[&slot])
            .await
            .map_err(PostgresError::doing("read the slot's catalog_xmin"))?;
        let xmin: Option<String> = row.and_then(|row| row.get(0));
        engine.set_xmin(xmin.and_then(|xmin| xmin.parse().ok()));
        self.last = Some(Instant::now());
        Ok(())
    }
}
