//! What snapshots beside the stream need of it: signals, the keys of changed rows, and their rows'
//! place in it.

use super::EngineError;
use super::transaction::Change;
use super::{Emit, Engine};
use crate::envelope::EventContext;
use crate::envelope::Notification;
use crate::envelope::NotificationEncoder;
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TableEncoder;
use crate::incremental::Touched;
use crate::lsn::Lsn;
use crate::oid::Oid;
use crate::pgoutput::Cell;
use crate::pgoutput::OldTuple;
use crate::relation::Table;
use crate::value::Phase;
use std::collections::HashMap;
use std::collections::VecDeque;

/// A row of the signal table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRow {
    /// Its values; NULL, and what a deleted row does not say, are `None`.
    pub values: Vec<Option<String>>,
    /// True when it was deleted.
    pub deleted: bool,
}

impl SignalRow {
    fn new(cells: &[Cell<'_>], deleted: bool) -> Self {
        let value = |cell: &Cell<'_>| match cell {
            Cell::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Cell::Null | Cell::UnchangedToast | Cell::Binary(_) => None,
        };
        Self { values: cells.iter().map(value).collect(), deleted }
    }
}

/// Members that the stored position gets with what has been sent.
pub(super) type Members = serde_json::Map<String, serde_json::Value>;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Live {
    touched: Touched,
    /// Tables whose changes are noted, with the columns of their keys.
    watched: Vec<(Oid, Vec<String>)>,
    /// Names of the columns of the stream's tables, in their order.
    columns: HashMap<Oid, Box<[Box<str>]>>,
    /// `schema.table` of the signal table.
    signal_table: Option<String>,
    signal_oid: Option<Oid>,
    /// Where the last change or snapshot row stood.
    lsn: Lsn,
    /// Members by the number of records that have to be delivered first.
    members: VecDeque<(u64, Members)>,
    durable: Members,
}

impl Live {
    pub(super) fn define(&mut self, oid: Oid, table: Option<&Table>) {
        let Some(table) = table else { return };
        if self.signal_table.as_ref().is_some_and(|name| *name == table.qualified_name()) {
            self.signal_oid = Some(oid);
        }
        let names = table.columns.iter().map(|column| column.name.as_str().into()).collect();
        self.columns.insert(oid, names);
        self.watch(oid);
    }

    /// Notes changes of a table from now on, if they are wanted and its columns are known.
    fn watch(&mut self, oid: Oid) {
        let key = self.watched.iter().find(|(watched, _)| *watched == oid);
        if let (Some((_, key)), Some(columns)) = (key, self.columns.get(&oid)) {
            let place = |name: &String| columns.iter().position(|column| **column == **name);
            self.touched.watch(oid, key.iter().filter_map(place).collect());
        }
    }

    pub(super) fn committed(&mut self, xid: u32) {
        self.touched.committed(xid);
    }

    pub(super) fn reached(&mut self, lsn: Lsn) {
        self.lsn = lsn;
    }

    /// A change was sent; a signal if it is one.
    pub(super) fn changed(
        &mut self,
        lsn: Lsn,
        relation: Oid,
        change: &Change<'_>,
    ) -> Option<SignalRow> {
        self.lsn = lsn;
        if self.touched.is_watched(relation) {
            match change {
                Change::Insert(new) => self.touched.row(relation, new, None),
                Change::Update(old, new) => {
                    let old = old.map(OldTuple::cells);
                    if let Some(old) = old {
                        self.touched.row(relation, old, None);
                    }
                    self.touched.row(relation, new, old);
                }
                Change::Delete(old) => self.touched.row(relation, old.cells(), None),
                Change::Truncate => self.touched.truncated(relation),
            }
        }
        if self.signal_oid != Some(relation) {
            return None;
        }
        match change {
            Change::Insert(new) => Some(SignalRow::new(new, false)),
            Change::Delete(old) => Some(SignalRow::new(old.cells(), true)),
            Change::Update(..) | Change::Truncate => None,
        }
    }
}

impl Engine {
    /// Sets the table whose rows are signals, as `schema.table`.
    pub fn set_signal_table(&mut self, name: String) {
        self.live.signal_table = Some(name);
    }

    /// Sets which tables' changes are noted, each with the columns of its key.
    pub fn watch(&mut self, tables: Vec<(Oid, Vec<String>)>) {
        let oids: Vec<Oid> = tables.iter().map(|(oid, _)| *oid).collect();
        self.live.watched = tables;
        for oid in oids {
            self.live.watch(oid);
        }
    }

    /// How many changed keys are noted.
    #[must_use]
    pub fn touched(&self) -> usize {
        self.live.touched.len()
    }

    /// The notes of changed keys.
    pub fn touched_mut(&mut self) -> &mut Touched {
        &mut self.live.touched
    }

    /// Makes the encoder for rows that a chunk has read: they look like those of the stream.
    #[must_use]
    pub fn incremental_encoder(&self, table: &Table) -> TableEncoder {
        TableEncoder::new(table, Phase::Stream, &self.options, &self.values)
    }

    /// Sends one row of an incremental snapshot as a read event, at this place of the stream.
    ///
    /// # Errors
    ///
    /// [`EngineError::Encode`] when the row cannot be encoded.
    pub fn on_incremental_row(
        &mut self,
        encoder: &mut TableEncoder,
        cells: &[Cell<'_>],
        emit: &mut Emit<'_>,
    ) -> Result<(), EngineError> {
        let source = SourceContext {
            ts_us: self.out.now_ns.div_euclid(1000),
            snapshot: SnapshotMarker::Incremental,
            last_commit_lsn: self.last_commit_lsn,
            lsn: self.live.lsn,
            tx_id: None,
            xmin: None,
            origin: None,
        };
        let context = EventContext { source: &source, transaction: None, now_ns: self.out.now_ns };
        self.out
            .send_read(encoder, cells, context, emit)
            .map_err(|source| EngineError::Encode { lsn: self.live.lsn, source })
    }

    /// Sends a notification.
    pub fn on_notification(
        &mut self,
        encoder: &NotificationEncoder,
        notification: &Notification,
        emit: &mut Emit<'_>,
    ) {
        self.out.send_notification(encoder, notification, emit);
    }

    /// Where the last change or snapshot row stood, and its transaction.
    #[must_use]
    pub fn last_event(&self) -> (Lsn, Option<u32>) {
        (self.live.lsn, self.transaction.as_ref().map(|open| open.xid).or(self.last_xid))
    }

    /// Sets the members that belong to the position once everything sent so far is delivered.
    pub fn set_members(&mut self, members: serde_json::Map<String, serde_json::Value>) {
        let sent = self.out.progress.next_sequence();
        match self.live.members.back_mut() {
            Some((records, last)) if *records == sent => *last = members,
            _ => self.live.members.push_back((sent, members)),
        }
    }

    /// True when the members that were set last belong to the position.
    pub fn members_are_durable(&mut self) -> bool {
        self.durable_members();
        self.live.members.is_empty()
    }

    /// The members that belong to what is delivered.
    pub fn durable_members(&mut self) -> &serde_json::Map<String, serde_json::Value> {
        let delivered = self.out.progress.delivered_below();
        while self.live.members.front().is_some_and(|(records, _)| *records <= delivered)
            && let Some((_, members)) = self.live.members.pop_front()
        {
            self.live.durable = members;
        }
        &self.live.durable
    }
}
