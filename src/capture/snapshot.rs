//! The initial snapshot: every row of every captured table as a read event.
//!
//! All tables are read in one transaction, under the snapshot that the slot's creation exported
//! when it was created just now: the stream then begins exactly where the rows end. A row is held
//! back until the next one is there, because Debezium marks the last row of each table and of the
//! snapshot.

use super::heartbeat::Heartbeat;
use super::observer::Event;
use super::observer::Observer;
use super::outlet::Outlet;
use super::shutdown::Shutdown;
use super::start::SnapshotPlan;
use super::stream::TAP_INTERVAL;
use super::{Limits, now_ns};
use crate::engine::Engine;
use crate::engine::SnapshotRow;
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TableEncoder;
use crate::error::Error;
use crate::lsn::Lsn;
use crate::offsets::SourceOffset;
use crate::postgres::CopyRow;
use crate::postgres::PostgresError;
use crate::postgres::quote_identifier;
use crate::postgres::quote_table;
use crate::relation::Table;
use futures_util::StreamExt as _;
use std::time::Instant;
use tokio_postgres::Client;

/// Rows between two looks at the clock, the deliveries and the observer.
const ROWS_PER_TURN: u64 = 256;

/// What the snapshot works on.
pub(super) struct SnapshotRun<'a> {
    pub(super) engine: &'a mut Engine,
    pub(super) outlet: &'a mut Outlet,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) shutdown: &'a mut Shutdown,
    pub(super) heartbeat: &'a mut Heartbeat,
    pub(super) limits: Limits,
    /// Tables with a SELECT of their own, as `schema.table`.
    pub(super) selects: &'a [(String, String)],
}

/// How the snapshot ended.
#[derive(Debug)]
pub(super) enum SnapshotEnd {
    /// Every row is durable; the position that says so.
    Complete(Box<SourceOffset>),
    /// A stop was asked for; the next start takes the snapshot again.
    Stopped,
}

/// A row that waits for its successor, with its encoder.
struct Held {
    encoder: TableEncoder,
    row: CopyRow,
    is_first_of_table: bool,
    is_of_first_table: bool,
}

impl Held {
    /// The marker of a row that is not the snapshot's last, in Debezium's order of precedence; a
    /// snapshot whose first table is empty has no `first` row.
    ///
    /// Source: Debezium's `setSnapshotMarker`, and the recordings `keys` and `truncate`.
    const fn marker(&self, is_last_of_table: bool) -> SnapshotMarker {
        match (self.is_first_of_table, is_last_of_table) {
            (true, _) if self.is_of_first_table => SnapshotMarker::First,
            (_, true) => SnapshotMarker::LastInDataCollection,
            (true, false) => SnapshotMarker::FirstInDataCollection,
            (false, false) => SnapshotMarker::True,
        }
    }
}

impl SnapshotRun<'_> {
    /// Reads `tables` in their order and waits until every row is durable.
    pub(super) async fn run(
        &mut self,
        client: &Client,
        plan: SnapshotPlan,
        tables: &[&Table],
    ) -> Result<SnapshotEnd, Error> {
        let begun = Instant::now();
        self.observer.event(Event::SnapshotStarted { tables: tables.len() });
        open_transaction(client, plan.exporter.as_ref().map(|(_, name)| name.as_str())).await?;
        if let Some((connection, _)) = plan.exporter {
            // Our transaction has adopted the snapshot; the slot's maker may go.
            connection.close().await;
        }
        let (tx_id, ts_us) = transaction_facts(client).await?;
        let mut source = SourceContext {
            ts_us,
            snapshot: SnapshotMarker::True,
            last_commit_lsn: None,
            lsn: plan.lsn,
            tx_id,
            xmin: None,
            origin: None,
        };
        self.outlet.begin_snapshot(self.engine, &snapshot_offset(plan.lsn, tx_id, ts_us, false));
        let mut rows = 0;
        let mut held: Option<Held> = None;
        for (index, table) in tables.iter().enumerate() {
            match self.read_table(client, table, &mut source, &mut held, index == 0).await? {
                Some(read) => rows += read,
                None => return Ok(SnapshotEnd::Stopped),
            }
        }
        if let Some(mut last) = held {
            self.send(&mut last, SnapshotMarker::Last, &mut source).await?;
        }
        client.batch_execute("COMMIT").await.map_err(PostgresError::from)?;
        self.engine.set_now(now_ns());
        self.heartbeat.force(self.engine, self.outlet)?;
        self.ensure_waited_for().await?;
        let offset = snapshot_offset(plan.lsn, tx_id, ts_us, true);
        self.outlet.end_snapshot(self.engine, &offset);
        if !self.wait_until_durable().await? {
            return Ok(SnapshotEnd::Stopped);
        }
        self.observer.event(Event::SnapshotDone { rows, elapsed: begun.elapsed() });
        Ok(SnapshotEnd::Complete(Box::new(offset)))
    }

    /// Reads one table; `None` when a stop was asked for.
    async fn read_table(
        &mut self,
        client: &Client,
        table: &Table,
        source: &mut SourceContext,
        held: &mut Option<Held>,
        is_first_table: bool,
    ) -> Result<Option<u64>, Error> {
        let begun = Instant::now();
        self.engine.set_now(now_ns());
        let table = &*self.engine.snapshot_table(table);
        let name = table.qualified_name();
        let rows_estimate = row_estimate(client, table).await?;
        self.observer.event(Event::SnapshotTable { name: &name, rows_estimate });

        let what = format!("read table {name}");
        let select = self.selects.iter().find(|(table, _)| *table == name);
        let statement = match select {
            Some((_, select)) => copy_of_select(client, table, select)
                .await
                .map_err(PostgresError::doing(format!("prepare the SELECT of table {name}")))?,
            None => copy_statement(table),
        };
        let copy = client.copy_out(&statement).await.map_err(PostgresError::doing(what.clone()))?;
        let mut lines = std::pin::pin!(copy);
        let mut next = CopyRow::default();
        let mut rows = 0;
        while let Some(line) = lines.next().await {
            let line = line.map_err(PostgresError::doing(what.clone()))?;
            next.read(&line);
            if table.columns.is_empty() {
                next.clear();
            }
            match held {
                // The row before belongs to this table: it is neither its last nor the snapshot's.
                Some(before) if rows > 0 => {
                    let marker = before.marker(false);
                    self.send(before, marker, source).await?;
                    std::mem::swap(&mut before.row, &mut next);
                    before.is_first_of_table = false;
                }
                _ => {
                    if let Some(mut before) = held.take() {
                        let marker = before.marker(true);
                        self.send(&mut before, marker, source).await?;
                    }
                    let encoder = self.engine.snapshot_encoder(table);
                    warn_of_unknown_columns(&encoder);
                    self.outlet.ensure_topics(std::slice::from_ref(encoder.topic())).await?;
                    let row = std::mem::take(&mut next);
                    *held = Some(Held {
                        encoder,
                        row,
                        is_first_of_table: true,
                        is_of_first_table: is_first_table,
                    });
                }
            }
            rows += 1;
            if rows % ROWS_PER_TURN == 0 && !self.turn(rows).await? {
                return Ok(None);
            }
        }
        self.observer.event(Event::SnapshotTableDone {
            name: &name,
            rows,
            elapsed: begun.elapsed(),
        });
        Ok(Some(rows))
    }

    async fn send(
        &mut self,
        held: &mut Held,
        marker: SnapshotMarker,
        source: &mut SourceContext,
    ) -> Result<(), Error> {
        source.snapshot = marker;
        let row = SnapshotRow { cells: &held.row.cells(), source };
        self.engine.on_snapshot_row(&mut held.encoder, row, &mut |record| {
            self.outlet.take(record);
        })?;
        self.ensure_waited_for().await
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
    async fn turn(&mut self, rows: u64) -> Result<bool, Error> {
        self.engine.set_now(now_ns());
        self.observer.event(Event::SnapshotRows { rows });
        self.outlet.flush(self.engine)?;
        self.outlet.collect(self.engine.progress_mut())?;
        let deliveries = self.outlet.deliveries();
        while self.is_full() && !self.shutdown.is_asked() {
            let tap_is_behind = self.outlet.tap_is_behind();
            tokio::select! {
                () = deliveries.wait() => self.outlet.collect(self.engine.progress_mut())?,
                () = self.shutdown.asked() => {}
                () = tokio::time::sleep(TAP_INTERVAL), if tap_is_behind => {}
            }
        }
        Ok(!self.shutdown.is_asked())
    }

    /// True when nothing more should be read until something has left us.
    fn is_full(&self) -> bool {
        self.limits.are_reached(self.engine.progress()) || self.outlet.tap_is_behind()
    }

    /// False when a stop was asked for before that.
    async fn wait_until_durable(&mut self) -> Result<bool, Error> {
        self.outlet.flush(self.engine)?;
        let deliveries = self.outlet.deliveries();
        loop {
            self.outlet.collect(self.engine.progress_mut())?;
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
fn snapshot_offset(lsn: Lsn, tx_id: Option<u64>, ts_us: i64, complete: bool) -> SourceOffset {
    SourceOffset {
        lsn: Some(lsn),
        tx_id: tx_id.and_then(|id| i64::try_from(id).ok()),
        ts_usec: Some(ts_us),
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

pub(super) async fn open_transaction(client: &Client, snapshot: Option<&str>) -> Result<(), Error> {
    let mut sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;".to_owned();
    if let Some(name) = snapshot {
        sql.push_str(&format!("SET TRANSACTION SNAPSHOT '{}';", name.replace('\'', "''")));
    }
    // A long snapshot must not fall to limits that are meant for ordinary sessions, and rows that
    // policies hide must be an error, not missing.
    sql.push_str(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
         SET LOCAL row_security = off;",
    );
    client
        .batch_execute(&sql)
        .await
        .map_err(PostgresError::doing("open the snapshot's transaction"))?;
    Ok(())
}

/// The transaction's id (none on a standby) and start time in Unix microseconds.
pub(super) async fn transaction_facts(client: &Client) -> Result<(Option<u64>, i64), Error> {
    const QUERY: &str = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL \
        ELSE pg_catalog.txid_current() END, \
        (EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000)::int8";
    let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
    let tx_id: Option<i64> = row.get(0);
    Ok((tx_id.and_then(|id| u64::try_from(id).ok()), row.get(1)))
}

/// PostgreSQL's own estimate; `None` for tables that were never analysed.
async fn row_estimate(client: &Client, table: &Table) -> Result<Option<u64>, Error> {
    const QUERY: &str = "SELECT reltuples::int8 FROM pg_catalog.pg_class WHERE oid = $1";
    let row = client.query_opt(QUERY, &[&table.oid.0]).await.map_err(PostgresError::from)?;
    Ok(row.and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok()))
}

pub(super) fn copy_statement(table: &Table) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|column| quote_identifier(&column.name)).collect();
    let name = quote_table(&table.schema, &table.name);
    format!("COPY (SELECT {} FROM {name}) TO STDOUT", columns.join(", "))
}

/// Reads a table through a SELECT of the user's, which may have its columns in any order, more of
/// them, or fewer: those are NULL.
pub(super) async fn copy_of_select(
    client: &Client,
    table: &Table,
    select: &str,
) -> Result<String, tokio_postgres::Error> {
    let select = select.trim_end().trim_end_matches(';');
    let prepared = client.prepare(select).await?;
    let has = |name: &str| prepared.columns().iter().any(|column| column.name() == name);
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| match has(&column.name) {
            true => quote_identifier(&column.name),
            false => "NULL".to_owned(),
        })
        .collect();
    // The line break ends a comment at the end of the SELECT.
    Ok(format!("COPY (SELECT {} FROM ({select}\n) AS chosen) TO STDOUT", columns.join(", ")))
}
