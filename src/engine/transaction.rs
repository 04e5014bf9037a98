//! The transaction that is being read: its changes, and the numbers that its events carry.

use super::position::{Interrupted, Place, Processed};
use crate::envelope::EnvelopeOptions;
use crate::envelope::EventContext;
use crate::envelope::SourceContext;
use crate::envelope::TransactionBlock;
use crate::lsn::Lsn;
use crate::pgoutput::Cell;
use crate::pgoutput::OldTuple;
use std::sync::Arc;

/// A transaction whose changes are being read.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) xid: u32,
    /// The last change that was read, sent or not.
    pub(super) reached: Place,
    /// What was sent last.
    pub(super) processed: Processed,
    /// How far it was sent before it was cut off, until it gets there again.
    pub(super) skip: Option<Interrupted>,
    pub(super) events: u64,
    pub(super) counts: Vec<(Arc<str>, u64)>,
    pub(super) source: SourceContext,
}

/// A change of one row, or of a whole table.
pub(super) enum Change<'a> {
    Insert(&'a [Cell<'a>]),
    Update(Option<&'a OldTuple<'a>>, &'a [Cell<'a>]),
    Delete(&'a OldTuple<'a>),
    Truncate,
}

impl Change<'_> {
    pub(super) const fn processed(&self) -> Processed {
        match self {
            Self::Insert(_) => Processed::Insert,
            Self::Update(..) => Processed::Update,
            Self::Delete(_) => Processed::Delete,
            Self::Truncate => Processed::Truncate,
        }
    }

    /// Whether all of it is left out. An update may become a delete and a create, each of which is
    /// left out for itself.
    pub(super) fn is_skipped(&self, options: &EnvelopeOptions) -> bool {
        match self {
            Self::Insert(_) => options.skipped.create,
            Self::Update(..) => false,
            Self::Delete(_) => options.skipped.delete,
            Self::Truncate => options.skipped.truncate,
        }
    }
}

/// Numbers the events of a transaction for its `transaction` blocks.
pub(super) struct EventNumbers<'a> {
    pub(super) open: &'a mut Transaction,
    pub(super) lsn: Lsn,
    /// The table to count under; `None` without transaction metadata.
    pub(super) table: Option<Arc<str>>,
}

impl EventNumbers<'_> {
    pub(super) fn next(&mut self) -> Option<TransactionBlock> {
        let table = self.table.as_ref()?;
        let counts = &mut self.open.counts;
        let index = counts.iter().position(|(name, _)| name == table).unwrap_or_else(|| {
            counts.push((table.clone(), 0));
            counts.len() - 1
        });
        let count = counts.get_mut(index).map_or(0, |(_, count)| {
            *count += 1;
            *count
        });
        Some(self.block(count))
    }

    /// Undoes the last number: its event was not sent.
    pub(super) fn take_back(&mut self) {
        self.open.events = self.open.events.saturating_sub(1);
        let Some(table) = &self.table else { return };
        self.open.counts.retain_mut(|(name, count)| {
            *count -= u64::from(name == table);
            *count > 0
        });
    }

    pub(super) fn block(&mut self, collection_order: u64) -> TransactionBlock {
        self.open.events += 1;
        TransactionBlock {
            xid: u64::from(self.open.xid),
            lsn: self.lsn.as_u64(),
            total_order: self.open.events,
            collection_order,
        }
    }

    pub(super) fn context(&mut self, now_ns: i64) -> EventContext<'_> {
        let transaction = self.next();
        EventContext { source: &self.open.source, transaction, now_ns }
    }
}
