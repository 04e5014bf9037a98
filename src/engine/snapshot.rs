//! Rows of a snapshot take the same way out as changes of the stream, but are encoded by whoever
//! reads them, several at the same time.

use super::Engine;
use super::EngineError;
use crate::envelope::ConversionWarning;
use crate::envelope::EventContext;
use crate::envelope::Op;
use crate::envelope::Row;
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TableEncoder;
use crate::envelope::data_topic;
use crate::pgoutput::Cell;
use crate::record::Record;
use crate::relation::Table;
use crate::value::Phase;
use std::borrow::Cow;
use std::sync::Arc;

/// Room that a batch is given in advance at most; one large row must not make every batch large.
const ROOM_BYTES_MAX: usize = 256 * 1024;

/// Encodes the rows of one table, away from the engine.
#[derive(Debug)]
pub struct RowEncoder {
    encoder: TableEncoder,
    source: SourceContext,
    key: Vec<u8>,
    /// The end of a value, and the clock and marker that it is for: the same for a whole batch.
    tail: Vec<u8>,
    tail_for: Option<(SnapshotMarker, i64)>,
    /// Room that the last batch needed.
    room: usize,
}

/// Encoded rows of one table on their way to the engine: keys and values, one behind the other.
#[derive(Debug)]
pub struct RowBatch {
    topic: Arc<str>,
    has_key: bool,
    bytes: Vec<u8>,
    /// Where in `bytes` each row's key ends, and its value.
    ends: Vec<(usize, usize)>,
    warnings: Vec<ConversionWarning>,
}

impl RowEncoder {
    /// An empty batch for the rows of this table.
    #[must_use]
    pub fn batch(&self) -> RowBatch {
        RowBatch {
            topic: self.encoder.topic().clone(),
            has_key: self.encoder.has_key(),
            bytes: Vec::with_capacity(self.room),
            ends: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The topic of this table's rows.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        self.encoder.topic()
    }

    /// What makes the records of this table.
    #[must_use]
    pub fn table_encoder(&self) -> &TableEncoder {
        &self.encoder
    }

    /// Appends one row as a read event; `now_ns` is the connector's clock in Unix nanoseconds.
    ///
    /// # Errors
    ///
    /// [`EngineError::Encode`] when the row cannot be encoded.
    pub fn encode(
        &mut self,
        cells: &[Cell<'_>],
        marker: SnapshotMarker,
        now_ns: i64,
        batch: &mut RowBatch,
    ) -> Result<(), EngineError> {
        if self.tail_for != Some((marker, now_ns)) {
            self.tail_for = Some((marker, now_ns));
            self.source.snapshot = marker;
            self.tail.clear();
            let context = EventContext { source: &self.source, transaction: None, now_ns };
            self.encoder.write_tail(Op::Read, context, &mut self.tail);
        }
        let row = Row { cells, fallback: None };
        let RowBatch { bytes, ends, warnings, .. } = batch;
        let mut write = || {
            if self.encoder.has_key() {
                self.key.clear();
                self.encoder.write_key_payload(row, warnings, &mut self.key)?;
                self.encoder.wrap_key(&self.key, bytes);
            }
            let key_end = bytes.len();
            self.encoder.write_read(row, &self.tail, warnings, bytes)?;
            ends.push((key_end, bytes.len()));
            Ok(())
        };
        write().map_err(|source| EngineError::Encode { lsn: self.source.lsn, source })?;
        self.room = self.room.max(bytes.len().min(ROOM_BYTES_MAX));
        Ok(())
    }
}

impl RowBatch {
    /// How many rows it holds.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Size of their keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the last row out again.
    pub fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().map_or(0, |(_, value_end)| *value_end));
    }

    /// Throws all rows away, and keeps the room.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
        self.warnings.clear();
    }
}

/// One row that a snapshot read.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotRow<'a> {
    /// Its cells in column order.
    pub cells: &'a [Cell<'a>],
    /// Marker, clock and position.
    pub source: &'a SourceContext,
}

impl Engine {
    /// The table with those columns only that a snapshot has to read; with `values.mode=exact`
    /// without generated ones, which the stream does not have.
    #[must_use]
    pub fn snapshot_table<'t>(&self, table: &'t Table) -> Cow<'t, Table> {
        let narrow = self.options.columns.narrow(table);
        if !self.values.exact || !narrow.columns.iter().any(|column| column.generated) {
            return narrow;
        }
        Cow::Owned(narrow.without(|column| column.generated))
    }

    /// The topic of a table's rows.
    #[must_use]
    pub fn table_topic(&self, table: &Table) -> Arc<str> {
        data_topic(&self.options, &table.schema, &table.name)
    }

    /// How many records were sent, each of which is delivered some time.
    #[must_use]
    pub fn records_sent(&self) -> u64 {
        self.out.progress.next_sequence()
    }

    /// Makes the encoder for a table's snapshot rows, which can have other columns than its
    /// streamed rows (generated columns before PostgreSQL 18). `source` is the rows' clock and
    /// position.
    #[must_use]
    pub fn row_encoder(&self, table: &Table, source: &SourceContext) -> RowEncoder {
        RowEncoder {
            encoder: TableEncoder::new(table, Phase::Snapshot, &self.options, &self.values),
            source: source.clone(),
            key: Vec::new(),
            tail: Vec::new(),
            tail_for: None,
            room: 0,
        }
    }

    /// Sends the rows of a batch.
    pub fn on_snapshot_rows(
        &mut self,
        batch: &mut RowBatch,
        source: &SourceContext,
        emit: &mut dyn FnMut(&Record<'_>),
    ) {
        self.clock_us = Some(source.ts_us);
        self.live.reached(source.lsn);
        self.out.warnings.append(&mut batch.warnings);
        let mut start = 0;
        for &(key_end, value_end) in &batch.ends {
            let (key, value) =
                (batch.bytes.get(start..key_end), batch.bytes.get(key_end..value_end));
            self.out.send_encoded(&batch.topic, key.filter(|_| batch.has_key), value, emit);
            start = value_end;
        }
    }

    /// Makes the encoder for a table's snapshot rows, which can have other columns than its
    /// streamed rows (generated columns before PostgreSQL 18).
    #[must_use]
    pub fn snapshot_encoder(&self, table: &Table) -> TableEncoder {
        TableEncoder::new(table, Phase::Snapshot, &self.options, &self.values)
    }

    /// Sends one row as a read event.
    ///
    /// # Errors
    ///
    /// [`EngineError::Encode`] when the row cannot be encoded.
    pub fn on_snapshot_row(
        &mut self,
        encoder: &mut TableEncoder,
        row: SnapshotRow<'_>,
        emit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), EngineError> {
        self.clock_us = Some(row.source.ts_us);
        self.live.reached(row.source.lsn);
        let context =
            EventContext { source: row.source, transaction: None, now_ns: self.out.now_ns };
        self.out
            .send_read(encoder, row.cells, context, emit)
            .map_err(|source| EngineError::Encode { lsn: row.source.lsn, source })
    }
}
