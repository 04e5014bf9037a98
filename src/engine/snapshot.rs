//! Rows of a snapshot take the same way out as changes of the stream.

use super::Engine;
use super::EngineError;
use crate::envelope::EventContext;
use crate::envelope::SourceContext;
use crate::envelope::TableEncoder;
use crate::pgoutput::Cell;
use crate::record::Record;
use crate::relation::Table;
use crate::value::Phase;
use std::borrow::Cow;

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
