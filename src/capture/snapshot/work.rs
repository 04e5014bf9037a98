//! The chunks of a snapshot on their way: to the readers, and as rows to the engine.

use super::SnapshotRun;
use super::anchor::Anchor;
use super::anchor::{select_of_chunk, select_of_user};
use super::plan::Chunk;
use super::plan::PlannedTable;
use super::reader::Assignment;
use super::reader::FromReader;
use super::reader::Report;
use super::warn_of_unknown_columns;
use crate::capture::CaptureError;
use crate::capture::now_ns;
use crate::capture::observer::Event;
use crate::chunks::Marked;
use crate::chunks::Markers;
use crate::chunks::Read;
use crate::config::SnapshotConfig;
use crate::engine::RowBatch;
use crate::engine::RowEncoder;
use crate::envelope::SourceContext;
use crate::error::Error;
use crate::postgres::CopyLine;
use crate::relation::Table;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_postgres::Client;

/// Chunks that a reader is given at a time, so that it has the next one when it ends one.
pub(super) const AHEAD: usize = 2;

/// Tables whose topics are made together.
const TOPICS_AHEAD: usize = 100;

/// How often the observer hears of a table.
const OBSERVE_INTERVAL: Duration = Duration::from_millis(100);

/// A row that is marked here, and the chunk that it ends if it does.
#[derive(Debug)]
struct HeldRow {
    line: Vec<u8>,
    ends: Option<usize>,
}

/// A table of which chunks are being read.
struct Open<'a> {
    /// With those columns only that are read.
    table: Table,
    name: String,
    /// The user's SELECT, made fit.
    select: Option<String>,
    /// For the rows that are marked here.
    encoder: RowEncoder,
    begun: Instant,
    rows: u64,
    pages: u32,
    /// Chunks of which not every row has gone out.
    unsent: usize,
    observed: Instant,
    planned: &'a PlannedTable<'a>,
}

/// See the module's description.
pub(super) struct Work<'a> {
    client: &'a Client,
    anchor: &'a Anchor,
    settings: &'a SnapshotConfig,
    source: SourceContext,
    tables: &'a [PlannedTable<'a>],
    /// Table and place of each chunk.
    chunks: Vec<(usize, usize)>,
    waiting: VecDeque<usize>,
    /// The first table that was not begun yet.
    next_table: usize,
    open: HashMap<usize, Open<'a>>,
    markers: Markers<HeldRow>,
    /// Topics that are there.
    topics: HashSet<Arc<str>>,
    /// For each reader, its chunks, and the table whose encoder it has.
    readers: Vec<(VecDeque<usize>, Option<usize>)>,
    /// True when all readers may work; before, only the one that reads the snapshot's first row.
    started: bool,
    unread: usize,
    rows: u64,
    out: Vec<Marked<HeldRow>>,
    row: CopyLine,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        client: &'a Client,
        anchor: &'a Anchor,
        settings: &'a SnapshotConfig,
        source: SourceContext,
        tables: &'a [PlannedTable<'a>],
    ) -> Self {
        let places = |(table, planned): (usize, &PlannedTable<'_>)| {
            (0..planned.chunks.len()).map(move |place| (table, place))
        };
        let chunks: Vec<(usize, usize)> = tables.iter().enumerate().flat_map(places).collect();
        let count = chunks.len();
        let readers = settings.threads.min(count);
        let marks_first = settings.threads == 1 || !settings.thread_per_table;
        Self {
            client,
            anchor,
            settings,
            source,
            tables,
            chunks,
            waiting: (0..count).collect(),
            next_table: 0,
            open: HashMap::new(),
            markers: Markers::new(marks_first),
            topics: HashSet::new(),
            readers: vec![(VecDeque::new(), None); readers],
            started: !marks_first,
            unread: count,
            rows: 0,
            out: Vec::new(),
            row: CopyLine::default(),
        }
    }

    /// How many readers there is work for.
    pub(super) fn readers_wanted(&self) -> usize {
        self.readers.len()
    }

    /// Rows that were read.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// True when every chunk was read.
    pub(super) fn is_done(&self) -> bool {
        self.unread == 0 && self.next_table == self.tables.len()
    }

    /// Gives chunks to readers that have room for them.
    pub(super) async fn hand_out(
        &mut self,
        run: &mut SnapshotRun<'_>,
        readers: &[mpsc::Sender<Assignment>],
    ) -> Result<(), Error> {
        for (number, to) in readers.iter().enumerate() {
            if number > 0 && !self.started {
                break;
            }
            while self.readers.get(number).is_some_and(|(chunks, _)| chunks.len() < AHEAD)
                && let Some(chunk) = self.waiting.pop_front()
            {
                let assignment = self.assignment(run, number, chunk).await?;
                // A reader that is gone has failed, and says so itself.
                if to.try_send(assignment).is_err() {
                    return Ok(());
                }
            }
        }
        if self.waiting.is_empty() {
            self.begin_tables(run, self.tables.len()).await?;
        }
        Ok(())
    }

    async fn assignment(
        &mut self,
        run: &mut SnapshotRun<'_>,
        reader: usize,
        number: usize,
    ) -> Result<Assignment, Error> {
        let (table, place) = self.chunks.get(number).copied().unwrap_or_default();
        self.begin_tables(run, table + 1).await?;
        let (Some(open), Some((chunks, encodes))) =
            (self.open.get(&table), self.readers.get_mut(reader))
        else {
            return Err(gone());
        };
        let Some(chunk) = open.planned.chunks.get(place) else { return Err(gone()) };
        let encoder = (encodes.replace(table) != Some(table))
            .then(|| run.engine.row_encoder(&open.table, &self.source));
        chunks.push_back(number);
        let select = match &open.select {
            Some(select) => select.clone(),
            None => select_of_chunk(&open.table, chunk),
        };
        Ok(Assignment {
            chunk: number,
            encoder,
            columns: open.table.columns.len(),
            statements: self.anchor.batch(chunk, &select),
            file: chunk.file.filter(|_| !chunk.is_whole_file()),
            what: format!("read table {}", open.name),
        })
    }

    /// Begins the tables in front of `end`, those that have no chunks included.
    async fn begin_tables(&mut self, run: &mut SnapshotRun<'_>, end: usize) -> Result<(), Error> {
        while self.next_table < end {
            let number = self.next_table;
            self.next_table += 1;
            let Some(planned) = self.tables.get(number) else { return Err(gone()) };
            self.begin_table(run, number, planned).await?;
        }
        Ok(())
    }

    async fn begin_table(
        &mut self,
        run: &mut SnapshotRun<'_>,
        number: usize,
        planned: &'a PlannedTable<'a>,
    ) -> Result<(), Error> {
        let table = run.engine.snapshot_table(planned.table).into_owned();
        let name = table.qualified_name();
        let user = self.settings.select_overrides.iter().find(|(of, _)| *of == name);
        let select = match user {
            Some((_, select)) => Some(select_of_user(self.client, &table, select).await?),
            None => None,
        };
        run.observer.event(Event::SnapshotTable {
            name: &name,
            rows_estimate: planned.rows_estimate,
            pages: planned.pages,
        });
        let encoder = run.engine.row_encoder(&table, &self.source);
        warn_of_unknown_columns(encoder.table_encoder());
        let now = Instant::now();
        let open = Open {
            table,
            name,
            select,
            encoder,
            begun: now,
            rows: 0,
            pages: 0,
            unsent: planned.chunks.len(),
            observed: now,
            planned,
        };
        self.markers.open(number, planned.chunks.len());
        if planned.chunks.is_empty() {
            self.started = true;
            open.end(run);
            run.tracker.sent(Read::Table(planned.table.oid), run.engine.records_sent());
        } else {
            self.open.insert(number, open);
        }
        Ok(())
    }

    /// Takes what a reader has to say.
    pub(super) async fn on_report(
        &mut self,
        run: &mut SnapshotRun<'_>,
        from: FromReader,
    ) -> Result<(), Error> {
        let FromReader { reader, chunk, report } = from;
        let (table, _) = self.chunks.get(chunk).copied().unwrap_or_default();
        let new_rows = match &report {
            Report::First(_) | Report::End { last: Some(_) } => 1,
            Report::Rows(batch) => batch.rows() as u64,
            Report::End { last: None } | Report::Rewritten => 0,
        };
        self.rows += new_rows;
        if let Some(open) = self.open.get_mut(&table) {
            open.rows += new_rows;
            open.observe(run);
        }
        match report {
            Report::First(line) => {
                self.ensure_topic(run, table).await?;
                let row = HeldRow { line, ends: None };
                self.markers.first_row(table, row, &mut self.out);
                self.send_marked(run).await?;
                self.started = true;
            }
            Report::Rows(mut batch) => {
                self.markers.other_rows(&mut self.out);
                self.send_marked(run).await?;
                self.send(run, &mut batch).await?;
            }
            Report::End { last } => {
                self.ended(reader, chunk);
                self.started |= last.is_some();
                let is_empty = last.is_none();
                if !is_empty {
                    self.ensure_topic(run, table).await?;
                }
                let held = last.map(|line| HeldRow { line, ends: Some(chunk) });
                let ends = self.markers.chunk_end(table, held, &mut self.out);
                self.send_marked(run).await?;
                if ends {
                    self.started = true;
                    if let Some(open) = self.open.get(&table) {
                        open.end(run);
                    }
                }
                if is_empty {
                    self.sent(run, chunk);
                }
            }
            Report::Rewritten => {
                let Some(open) = self.open.get(&table) else { return Err(gone()) };
                run.tracker.forget(open.table.oid);
                return Err(CaptureError::TableRewritten { table: open.name.clone() }.into());
            }
        }
        Ok(())
    }

    /// A reader has read a chunk to its end.
    fn ended(&mut self, reader: usize, chunk: usize) {
        self.unread = self.unread.saturating_sub(1);
        if let Some((chunks, _)) = self.readers.get_mut(reader) {
            chunks.pop_front();
        }
        let (table, place) = self.chunks.get(chunk).copied().unwrap_or_default();
        if let Some(open) = self.open.get_mut(&table) {
            open.pages += open.planned.chunks.get(place).map_or(0, |chunk| chunk.pages);
        }
    }

    /// Every table has been read: the row that is left is the last one.
    pub(super) async fn finish(&mut self, run: &mut SnapshotRun<'_>) -> Result<(), Error> {
        self.markers.finish(&mut self.out);
        self.send_marked(run).await
    }

    /// Encodes and sends the rows that have got their markers.
    async fn send_marked(&mut self, run: &mut SnapshotRun<'_>) -> Result<(), Error> {
        for Marked { table, row: HeldRow { line, ends }, marker } in std::mem::take(&mut self.out) {
            let Some(open) = self.open.get_mut(&table) else { return Err(gone()) };
            let mut batch = open.encoder.batch();
            let encoder = &mut open.encoder;
            self.row.cells(&line, open.table.columns.len(), |cells| {
                encoder.encode(cells, marker, now_ns(), &mut batch)
            })?;
            self.send(run, &mut batch).await?;
            if let Some(chunk) = ends {
                self.sent(run, chunk);
            }
        }
        Ok(())
    }

    async fn send(&self, run: &mut SnapshotRun<'_>, batch: &mut RowBatch) -> Result<(), Error> {
        let outlet = &mut *run.outlet;
        run.engine.on_snapshot_rows(batch, &self.source, &mut |record| outlet.take(record));
        run.ensure_waited_for().await
    }

    /// Every row of a chunk has gone out.
    fn sent(&mut self, run: &mut SnapshotRun<'_>, chunk: usize) {
        let (table, place) = self.chunks.get(chunk).copied().unwrap_or_default();
        let Some(open) = self.open.get_mut(&table) else { return };
        let records = run.engine.records_sent();
        let of = open.table.oid;
        if let Some(Chunk { owner, file: Some(file), range, since: None, .. }) =
            open.planned.chunks.get(place)
        {
            let read = Read::Chunk { table: of, owner: *owner, file: *file, range: *range };
            run.tracker.sent(read, records);
        }
        open.unsent = open.unsent.saturating_sub(1);
        if open.unsent == 0 {
            run.tracker.sent(Read::Table(of), records);
            self.open.remove(&table);
        }
    }

    /// Makes a table's topic before its first row, and with it those of the tables behind it that
    /// have rows, too.
    async fn ensure_topic(&mut self, run: &mut SnapshotRun<'_>, table: usize) -> Result<(), Error> {
        let Some(open) = self.open.get(&table) else { return Err(gone()) };
        if self.topics.contains(open.encoder.topic()) {
            return Ok(());
        }
        let mut topics = vec![open.encoder.topic().clone()];
        for planned in self.tables.iter().skip(table + 1).take(TOPICS_AHEAD) {
            if planned.pages > 0 {
                topics.push(run.engine.table_topic(planned.table));
            }
        }
        run.outlet.ensure_topics(&topics).await?;
        self.topics.extend(topics);
        Ok(())
    }
}

impl Open<'_> {
    fn observe(&mut self, run: &mut SnapshotRun<'_>) {
        let now = Instant::now();
        if now - self.observed < OBSERVE_INTERVAL {
            return;
        }
        self.observed = now;
        run.observer.event(Event::SnapshotRows {
            name: &self.name,
            rows: self.rows,
            pages: self.pages,
        });
    }

    fn end(&self, run: &mut SnapshotRun<'_>) {
        run.observer.event(Event::SnapshotTableDone {
            name: &self.name,
            rows: self.rows,
            elapsed: self.begun.elapsed(),
        });
    }
}

/// A reader told of a chunk that it was not given.
fn gone() -> Error {
    crate::postgres::PostgresError::protocol("a chunk of the snapshot is not known").into()
}
