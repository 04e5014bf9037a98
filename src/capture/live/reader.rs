//! Reads one chunk, on a connection of its own and beside the stream.
//!
//! With a signal table, a row is written to it before the chunk is read and another one behind it;
//! the stream shows where they stand. Without, the position behind everything that the chunk has
//! seen serves as well.

use super::ids::{instant, random_uuid};
use super::now_ns;
use crate::capture::server::{current_end, flushed_end};
use crate::config::{DatabaseConfig, Watermarks};
use crate::error::Error;
use crate::incremental::{
    Chunk, Collection, Key, Position, Read, ReadRequest, TableEnd, Visibility, Watermark, row_key,
};
use crate::lsn::Lsn;
use crate::oid::Oid;
use crate::postgres;
use crate::postgres::{
    ChunkBounds, ChunkTable, CopyRow, PostgresError, copy_rows, quote_identifier, quote_table,
};
use crate::relation::ColumnRules;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;

/// How much of a chunk is kept in memory; what exceeds it is read again as the next chunk.
const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long commits that are visible and not flushed yet are waited for.
const FLUSH_WAIT: Duration = Duration::from_millis(300);
const FLUSH_POLL: Duration = Duration::from_millis(10);

pub(super) type TableChunk = Chunk<Arc<ChunkTable>, CopyRow>;
pub(super) type ChunkRead = Read<Arc<ChunkTable>, CopyRow>;

/// The signal table, as far as chunks are marked in it.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) strategy: Watermarks,
}

/// What reading needs; it moves into the task that reads, and back.
pub(super) struct Reader {
    pub(super) database: DatabaseConfig,
    pub(super) publication: String,
    pub(super) columns: ColumnRules,
    pub(super) marks: Option<Marks>,
    pub(super) chunk_rows: u32,
    pub(super) retries_max: u32,
    pub(super) retry_delay: Duration,
    /// Rows per chunk that fit the bytes, as far as is known.
    pub(super) rows_max: u32,
    pub(super) client: Option<Client>,
    pub(super) writer: Option<Client>,
    /// The table without a key whose snapshot is open.
    pub(super) open: Option<Oid>,
}

/// What a table has.
enum Found {
    Chunk(TableChunk, Option<Visibility>),
    End(TableEnd),
}

impl Reader {
    /// Reads the first chunk of the tables that were asked for.
    pub(super) async fn read(&mut self, request: &ReadRequest) -> Result<ChunkRead, Error> {
        let read = self.read_window(request).await;
        if read.is_err() {
            self.close();
        }
        read
    }

    /// Gives the connection up, and with it the snapshot of a table without a key.
    pub(super) fn close(&mut self) {
        self.client = None;
        self.writer = None;
        self.open = None;
    }

    async fn read_window(&mut self, request: &ReadRequest) -> Result<ChunkRead, Error> {
        let opened = self.open_window().await?;
        let (mut ended, mut chunk, mut seen) = (Vec::new(), None, None);
        let mut position = request.position.clone();
        for collection in &request.collections {
            match self.read_with_retries(collection, &position).await? {
                Found::Chunk(found, sees) => {
                    (chunk, seen) = (Some(found), sees);
                    break;
                }
                Found::End(end) => ended.push(end),
            }
            position = Position::default();
        }
        let watermark = match opened {
            Some((id, opened_at)) => self.close_window(id, &opened_at).await?,
            None => Watermark::Lsn(self.end_of_seen().await?),
        };
        Ok(ChunkRead { ended, chunk, seen, watermark })
    }

    async fn client(&mut self) -> Result<&Client, Error> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.open = None;
            self.client = Some(postgres::connect(&self.database, "minicdc chunks").await?);
        }
        self.client.as_ref().ok_or_else(|| PostgresError::StreamEnded.into())
    }

    /// For what a snapshot that is kept open does not allow.
    async fn writer(&mut self) -> Result<&Client, Error> {
        if self.writer.as_ref().is_none_or(Client::is_closed) {
            self.writer = Some(postgres::connect(&self.database, "minicdc chunks").await?);
        }
        self.writer.as_ref().ok_or_else(|| PostgresError::StreamEnded.into())
    }

    /// Writes the row that opens a window. A signal table that cannot be written is left alone
    /// from then on.
    async fn open_window(&mut self) -> Result<Option<(String, String)>, Error> {
        let Some(marks) = self.marks.clone() else { return Ok(None) };
        let (id, opened_at) = (random_uuid(), instant(now_ns()));
        let data = format!("{{\"openWindowTimestamp\": \"{opened_at}\"}}");
        let row = [format!("{id}-open"), "snapshot-window-open".to_owned(), data];
        match self.insert(&marks, &row).await {
            Ok(()) => Ok(Some((id, opened_at))),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::warn!(
                    table = format!("{}.{}", marks.schema, marks.table),
                    error = error.chain(),
                    "signal table cannot be written; chunks are placed by their snapshots instead"
                );
                self.close();
                self.marks = None;
                Ok(None)
            }
        }
    }

    async fn close_window(&mut self, id: String, opened_at: &str) -> Result<Watermark, Error> {
        let Some(marks) = self.marks.clone() else {
            return Ok(Watermark::Lsn(self.end_of_seen().await?));
        };
        match marks.strategy {
            Watermarks::InsertInsert => {
                let data = format!(
                    "{{\"openWindowTimestamp\": \"{opened_at}\", \"closeWindowTimestamp\": \"{}\"}}",
                    instant(now_ns())
                );
                let row = [format!("{id}-close"), "snapshot-window-close".to_owned(), data];
                self.insert(&marks, &row).await?;
            }
            Watermarks::InsertDelete => {
                let table = quote_table(&marks.schema, &marks.table);
                let statement =
                    format!("DELETE FROM {table} WHERE {} = $1", quote_identifier("id"));
                let doing = PostgresError::doing(format!("delete from signal table {table}"));
                let client = self.writer().await?;
                client.execute(&statement, &[&format!("{id}-open")]).await.map_err(doing)?;
            }
        }
        Ok(Watermark::Row(id))
    }

    async fn insert(&mut self, marks: &Marks, row: &[String; 3]) -> Result<(), Error> {
        let table = quote_table(&marks.schema, &marks.table);
        let statement = format!("INSERT INTO {table} VALUES ($1, $2, $3)");
        let [id, kind, data] = row;
        let doing = PostgresError::doing("write to the signal table");
        self.writer().await?.execute(&statement, &[id, kind, data]).await.map_err(doing)?;
        Ok(())
    }

    async fn read_with_retries(
        &mut self,
        collection: &Collection,
        position: &Position,
    ) -> Result<Found, Error> {
        let mut tries = 0;
        loop {
            let error = match self.read_table(collection, position).await {
                Ok(found) => return Ok(found),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => error,
            };
            self.close();
            let (table, error) = (&collection.table, error.chain());
            if tries >= self.retries_max {
                tracing::warn!(table, error, "incremental snapshot of this table is given up");
                return Ok(Found::End(TableEnd::SqlException));
            }
            tries += 1;
            tracing::warn!(table, error, tries, "chunk could not be read; trying again");
            tokio::time::sleep(self.retry_delay).await;
        }
    }

    async fn read_table(
        &mut self,
        collection: &Collection,
        position: &Position,
    ) -> Result<Found, Error> {
        let (publication, columns) = (self.publication.clone(), self.columns.clone());
        let surrogate = collection.surrogate.as_deref();
        let kept = self.open;
        let client = self.client().await?;
        let name = &collection.table;
        let table = ChunkTable::find(client, name, surrogate, &publication, &columns).await?;
        let Some(table) = table else {
            tracing::warn!(table = name, "there is no such table; its snapshot is skipped");
            return Ok(Found::End(TableEnd::UnknownSchema));
        };
        let table = Arc::new(table);
        let oid = table.table.oid;
        let is_kept = table.is_keyless() && kept == Some(oid) && self.open == kept;
        if !is_kept {
            self.begin().await?;
            self.open = table.is_keyless().then_some(oid);
        }
        let found = self.read_rows(&table, collection, position).await?;
        if self.open.is_none() || matches!(found, Found::End(_)) {
            let doing = PostgresError::doing("end the chunk's transaction");
            self.client().await?.batch_execute("COMMIT").await.map_err(doing)?;
            self.open = None;
        }
        Ok(found)
    }

    /// Opens the chunk's snapshot.
    async fn begin(&mut self) -> Result<(), Error> {
        const BEGIN: &str = "COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
            SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
            SET LOCAL row_security = off;";
        let begin = if self.open.take().is_some() { BEGIN } else { &BEGIN["COMMIT; ".len()..] };
        let doing = PostgresError::doing("open the chunk's transaction");
        Ok(self.client().await?.batch_execute(begin).await.map_err(doing)?)
    }

    async fn read_rows(
        &mut self,
        table: &Arc<ChunkTable>,
        collection: &Collection,
        position: &Position,
    ) -> Result<Found, Error> {
        let condition = collection.condition.as_deref();
        let rows_max = if table.can_be_cut() { self.rows_max } else { self.chunk_rows };
        let what = format!("read a chunk of table {}", collection.table);
        let client = self.client().await?;
        let seen = match table.is_keyless() {
            true => None,
            false => Some(visibility(client).await?),
        };
        let maximum = match &position.maximum {
            Some(maximum) => Some(maximum.clone()),
            None => {
                let mut maximum = None;
                let statement = table.maximum_statement(condition);
                copy_rows(client, &statement, &what, |row| {
                    maximum = Some(table.key_of(&row.cells()));
                })
                .await?;
                maximum
            }
        };
        let Some(maximum) = maximum else { return Ok(Found::End(TableEnd::Empty)) };
        let mut last = position.last.clone();
        loop {
            let bounds =
                ChunkBounds { last: last.as_ref(), maximum: &maximum, condition, rows_max };
            let end = table.known_end(last.as_ref(), &maximum);
            if end.is_some() && end == last {
                return Ok(Found::End(TableEnd::Succeeded));
            }
            let mut taken = Taken::new(table);
            let statement = table.chunk_statement(&bounds);
            copy_rows(client, &statement, &what, |row| taken.take(row)).await?;
            if taken.rows.is_empty() {
                match end {
                    // Pages without rows; there are more.
                    Some(end) => {
                        last = Some(end);
                        continue;
                    }
                    None => return Ok(Found::End(TableEnd::Succeeded)),
                }
            }
            let rows_fit = taken.rows_that_fit(self.chunk_rows);
            let Taken { rows, last: read, .. } = taken;
            let (Some(last), table) = (end.or(read), table.clone()) else {
                return Ok(Found::End(TableEnd::Succeeded));
            };
            self.rows_max = rows_fit;
            let oid = table.table.oid;
            return Ok(Found::Chunk(TableChunk { table, oid, rows, last, maximum }, seen));
        }
    }

    /// The position behind everything that was visible, as far as the stream can get there soon:
    /// with `synchronous_commit` off, commits are visible before they are flushed and sent.
    async fn end_of_seen(&mut self) -> Result<Lsn, Error> {
        let client = match self.open {
            Some(_) => self.writer().await?,
            None => self.client().await?,
        };
        let end = current_end(client).await?;
        let started = tokio::time::Instant::now();
        loop {
            let flushed = flushed_end(client).await?;
            if flushed >= end {
                return Ok(end);
            }
            if started.elapsed() > FLUSH_WAIT {
                return Ok(flushed);
            }
            tokio::time::sleep(FLUSH_POLL).await;
        }
    }
}

/// Rows of a chunk while they are read.
struct Taken<'a> {
    table: &'a ChunkTable,
    places: Vec<usize>,
    rows: Vec<(Option<Box<[u8]>>, CopyRow)>,
    last: Option<Key>,
    bytes: usize,
    is_full: bool,
}

impl<'a> Taken<'a> {
    fn new(table: &'a ChunkTable) -> Self {
        let places = table.identity_places();
        Self { table, places, rows: Vec::new(), last: None, bytes: 0, is_full: false }
    }

    fn take(&mut self, row: CopyRow) {
        if self.is_full {
            return;
        }
        self.bytes += row.bytes();
        let cells = row.cells();
        self.last = Some(self.table.key_of(&cells));
        let key = (!self.places.is_empty()).then(|| row_key(&self.places, &cells, None));
        drop(cells);
        self.rows.push((key, row));
        self.is_full = self.bytes >= CHUNK_BYTES_MAX && self.table.can_be_cut();
    }

    /// How many rows like these fit the bytes.
    fn rows_that_fit(&self, rows_max: u32) -> u32 {
        let average = (self.bytes / self.rows.len().max(1)).max(1);
        u32::try_from(CHUNK_BYTES_MAX / average).unwrap_or(u32::MAX).clamp(1, rows_max)
    }
}

/// What the open snapshot sees.
async fn visibility(client: &Client) -> Result<Visibility, Error> {
    const QUERY: &str = "SELECT pg_catalog.txid_current_snapshot()::text";
    let doing = PostgresError::doing("read the chunk's snapshot");
    let row = client.query_one(QUERY, &[]).await.map_err(doing)?;
    let text: String = row.get(0);
    let protocol = |error| PostgresError::Protocol { detail: format!("{error}") };
    Ok(Visibility::parse(&text).map_err(protocol)?)
}
