//! Tables of the stream by their OID, and which of two shapes is the newer one.
//!
//! The server tells a table's shape once for whole transactions, and once more for each
//! transaction that it streams before its end. Such a RELATION message takes effect when its
//! transaction is replayed, and by then a newer shape may have been told outside of it. So each
//! message gets a number as it arrives: during the replay the transaction's own shapes hold, and
//! behind it the newest. A message in front of a PREPARE that was not streamed does both: it
//! holds for whole transactions at once.

use crate::envelope::TableEncoder;
use crate::oid::Oid;
use std::collections::HashMap;

#[derive(Debug)]
struct Known {
    number: u64,
    /// `None` for a table that is not captured.
    encoder: Option<Box<TableEncoder>>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Relations {
    known: HashMap<Oid, Known>,
    /// Shapes that are newer than those of the transaction that is being replayed.
    newer: HashMap<Oid, Known>,
    /// RELATION messages that have arrived.
    arrived: u64,
    /// Number of the message that is waiting for its definition.
    asked: Option<u64>,
}

impl Relations {
    /// Gives a message that has just arrived its number.
    pub(super) fn arrive(&mut self) -> u64 {
        self.arrived += 1;
        self.arrived
    }

    /// The next definition answers the message of this number.
    pub(super) fn ask(&mut self, number: u64) {
        self.asked = Some(number);
    }

    /// False while a message is waiting for its definition.
    pub(super) fn are_defined(&self) -> bool {
        self.asked.is_none()
    }

    pub(super) fn define(&mut self, oid: Oid, encoder: Option<Box<TableEncoder>>) {
        let number = self.asked.take().unwrap_or(self.arrived);
        let known = Known { number, encoder };
        if let Some(replaced) = self.known.insert(oid, known)
            && replaced.number > number
        {
            self.newer.insert(oid, replaced);
        }
    }

    /// The replay is over.
    pub(super) fn restore_newer(&mut self) {
        for (oid, newer) in self.newer.drain() {
            if self.known.get(&oid).is_none_or(|known| known.number < newer.number) {
                self.known.insert(oid, newer);
            }
        }
    }

    /// The table's encoder; the inner `None` for a table that is not captured, the outer one for
    /// a table that was never told.
    pub(super) fn get_mut(&mut self, oid: Oid) -> Option<Option<&mut TableEncoder>> {
        self.known.get_mut(&oid).map(|known| known.encoder.as_deref_mut())
    }

    /// Tables that are captured.
    pub(super) fn captured(&self) -> usize {
        self.known.values().filter(|known| known.encoder.is_some()).count()
    }
}
