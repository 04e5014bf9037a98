//! Blocking snapshots: the stream waits at a place between two transactions while tables are read
//! as a whole, in one transaction. What has changed between that place and the reading comes
//! through the stream once more, as in Debezium.

use super::resolve;
use crate::capture::observer::Event;
use crate::capture::snapshot::warn_of_unknown_columns;
use crate::capture::stream::{Session, StreamRun, TAP_INTERVAL};
use crate::capture::{now_ns, snapshot};
use crate::engine::SnapshotRow;
use crate::envelope::{SnapshotMarker, SourceContext, TableEncoder};
use crate::error::Error;
use crate::postgres;
use crate::postgres::{CopyRow, PostgresError};
use crate::relation::Table;
use crate::signal::Execute;
use futures_util::StreamExt as _;
use tokio::time::Instant;
use tokio_postgres::Client;

/// Rows between two looks at what else is due.
const ROWS_PER_TURN: u64 = 256;

/// A row that waits for its successor, since the last one is marked.
struct Held {
    encoder: TableEncoder,
    row: CopyRow,
    is_first_of_table: bool,
    is_of_first_table: bool,
}

impl StreamRun<'_> {
    /// Takes the blocking snapshots that were asked for. One that fails is told of, and the stream
    /// goes on.
    pub(super) async fn blocking_snapshots(&mut self, session: &mut Session) -> Result<(), Error> {
        while let Some((id, execute)) = self.live.blocking.pop_front() {
            self.tell_initial("STARTED", &[]);
            let begun = Instant::now();
            match self.blocking_snapshot(session, &id, &execute).await {
                Ok(Some(rows)) => {
                    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(signal = id, rows, elapsed_ms, "blocking snapshot done");
                    self.tell_initial("COMPLETED", &[]);
                }
                Ok(None) => {
                    tracing::info!(signal = id, "blocking snapshot not taken");
                    self.tell_initial("ABORTED", &[]);
                }
                Err(Error::Postgres(error)) if !error.is_transient() => {
                    let error = Error::from(error).chain();
                    self.observer.event(Event::Warning {
                        text: format!("blocking snapshot of signal \"{id}\" failed: {error}"),
                        hint: Some(
                            "a blocking snapshot's filter is a whole SELECT, not a condition"
                                .to_owned(),
                        ),
                    });
                    self.tell_initial("ABORTED", &[]);
                }
                Err(error) => {
                    // Taken again with the next connection.
                    self.live.blocking.push_front((id, execute));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn tell_initial(&mut self, kind: &'static str, data: &[(&'static str, String)]) {
        self.live.notifier.initial(self.engine, self.outlet, kind, data);
    }

    /// How many rows it had; `None` when it was not taken.
    async fn blocking_snapshot(
        &mut self,
        session: &mut Session,
        id: &str,
        execute: &Execute,
    ) -> Result<Option<u64>, Error> {
        let client = postgres::connect(&self.config.database, "minicdc snapshot").await?;
        let publication = &self.config.replication.publication_name;
        let signal_table = self.live.signal_table.as_deref();
        let found =
            resolve::collections(&client, self.filter, signal_table, publication, id, execute);
        let (collections, tables) = match found.await? {
            Ok(found) => found,
            Err(error) => {
                self.refuse(&error);
                return Ok(None);
            }
        };
        open_transaction(&client).await?;
        let ts_us = transaction_start(&client).await?;
        let (lsn, xid) = self.engine.last_event();
        let mut source = SourceContext {
            ts_us,
            snapshot: SnapshotMarker::True,
            last_commit_lsn: self.engine.last_commit().0,
            lsn,
            tx_id: xid.map(u64::from),
            xmin: None,
            origin: None,
        };
        let (mut rows, mut held) = (0, None);
        let names = tables.iter().map(Table::qualified_name).collect::<Vec<_>>().join(",");
        for (index, table) in tables.iter().enumerate() {
            let name = table.qualified_name();
            let in_progress = [
                ("current_collection_in_progress", name.clone()),
                ("data_collections", names.clone()),
            ];
            self.tell_initial("IN_PROGRESS", &in_progress);
            let collection = collections.iter().find(|collection| collection.table == name);
            let select = collection.and_then(|collection| collection.condition.as_deref());
            let statement = match select {
                Some(select) => {
                    let table = self.engine.snapshot_table(table);
                    snapshot::select_of_user(&client, &table, select).await?
                }
                None => snapshot::select_of_table(&self.engine.snapshot_table(table)),
            };
            let statement = format!("COPY ({statement}) TO STDOUT");
            let read = self.read_whole(
                session,
                &client,
                table,
                &statement,
                index == 0,
                &mut source,
                &mut held,
            );
            let Some(read) = read.await? else { return Ok(None) };
            let completed = [
                ("scanned_collection", name),
                ("total_rows_scanned", read.to_string()),
                ("status", "SUCCEEDED".to_owned()),
                ("data_collections", names.clone()),
            ];
            self.tell_initial("TABLE_SCAN_COMPLETED", &completed);
            rows += read;
        }
        if let Some(last) = held {
            self.send_held(session, last, SnapshotMarker::Last, &mut source).await?;
        }
        client.batch_execute("COMMIT").await.map_err(PostgresError::from)?;
        Ok(Some(rows))
    }

    /// Reads one table; `None` when a stop was asked for.
    #[expect(clippy::too_many_arguments, reason = "what one table shares with the next")]
    async fn read_whole(
        &mut self,
        session: &mut Session,
        client: &Client,
        table: &Table,
        statement: &str,
        is_first_table: bool,
        source: &mut SourceContext,
        held: &mut Option<Held>,
    ) -> Result<Option<u64>, Error> {
        let what = format!("read table {}", table.qualified_name());
        let copy = client.copy_out(statement).await.map_err(PostgresError::doing(what.clone()))?;
        let mut lines = std::pin::pin!(copy);
        let mut rows = 0;
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                () = tokio::time::sleep(session.status_interval) => {
                    self.tell(session, false).await?;
                    continue;
                }
            };
            let Some(line) = line else { return Ok(Some(rows)) };
            let mut row = CopyRow::default();
            row.read(&line.map_err(PostgresError::doing(what.clone()))?);
            let is_first_of_table = rows == 0;
            let encoder = match held.take() {
                Some(before) if is_first_of_table => {
                    let marker = before.marker(true);
                    drop(self.send_held(session, before, marker, source).await?);
                    None
                }
                Some(before) => {
                    let marker = before.marker(false);
                    Some(self.send_held(session, before, marker, source).await?)
                }
                None => None,
            };
            let encoder = match encoder {
                Some(encoder) => encoder,
                None => self.whole_encoder(session, table).await?,
            };
            let is_of_first_table = is_first_table;
            *held = Some(Held { encoder, row, is_first_of_table, is_of_first_table });
            rows += 1;
            if rows % ROWS_PER_TURN == 0 && !self.make_room(session).await? {
                return Ok(None);
            }
        }
    }

    async fn whole_encoder(
        &mut self,
        session: &mut Session,
        table: &Table,
    ) -> Result<TableEncoder, Error> {
        let encoder = self.engine.snapshot_encoder(&self.engine.snapshot_table(table));
        warn_of_unknown_columns(&encoder);
        self.ensure_topics(session, &[encoder.topic().clone()]).await?;
        Ok(encoder)
    }

    async fn send_held(
        &mut self,
        session: &mut Session,
        mut held: Held,
        marker: SnapshotMarker,
        source: &mut SourceContext,
    ) -> Result<TableEncoder, Error> {
        self.engine.set_now(now_ns());
        source.snapshot = marker;
        let row = SnapshotRow { cells: &held.row.cells(), source };
        self.engine.on_snapshot_row(&mut held.encoder, row, &mut |record| {
            self.outlet.take(record);
        })?;
        self.ensure_waited_for(session).await?;
        Ok(held.encoder)
    }

    /// Waits until something has left us, when too much is in flight; false when a stop was asked
    /// for.
    async fn make_room(&mut self, session: &mut Session) -> Result<bool, Error> {
        let deliveries = self.outlet.deliveries();
        loop {
            self.outlet.flush(self.engine)?;
            self.outlet.collect(self.engine.progress_mut())?;
            if self.shutdown.is_asked() {
                return Ok(false);
            }
            self.keep_up(session).await?;
            let tap_is_behind = self.outlet.tap_is_behind();
            if !self.limits.are_reached(self.engine.progress()) && !tap_is_behind {
                return Ok(true);
            }
            tokio::select! {
                () = deliveries.wait() => {}
                () = self.shutdown.asked() => {}
                () = tokio::time::sleep(session.status_interval) => {}
                () = tokio::time::sleep(TAP_INTERVAL), if tap_is_behind => {}
            }
        }
    }
}

impl Held {
    /// As for the first snapshot.
    const fn marker(&self, is_last_of_table: bool) -> SnapshotMarker {
        match (self.is_first_of_table, is_last_of_table) {
            (true, _) if self.is_of_first_table => SnapshotMarker::First,
            (_, true) => SnapshotMarker::LastInDataCollection,
            (true, false) => SnapshotMarker::FirstInDataCollection,
            (false, false) => SnapshotMarker::True,
        }
    }
}

async fn open_transaction(client: &Client) -> Result<(), Error> {
    // A long snapshot must not fall to limits that are meant for ordinary sessions, and rows that
    // policies hide must be an error, not missing.
    const SQL: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
        SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
        SET LOCAL row_security = off;";
    client
        .batch_execute(SQL)
        .await
        .map_err(PostgresError::doing("open the snapshot's transaction"))?;
    Ok(())
}

/// When the open transaction began, in Unix microseconds.
async fn transaction_start(client: &Client) -> Result<i64, Error> {
    const QUERY: &str = "SELECT (EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000)::int8";
    let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
    Ok(row.get(0))
}
