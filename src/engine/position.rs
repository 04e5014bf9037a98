//! How far the output has come, to the change: what is stored, so that the next run goes on exactly
//! there, also in the middle of a transaction.
//!
//! Within a transaction changes are numbered by their LSN, and by their place among those that share
//! it (the rows of one multi-row insert do). Such a number stays the same however often the server
//! sends the transaction, and does not depend on which tables are captured.

use super::Engine;
use super::transaction::Transaction;
use crate::lsn::Lsn;

/// What was read last; the names are Debezium's (`messageType`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Processed {
    Begin,
    Insert,
    Update,
    Delete,
    Truncate,
    Message,
    #[default]
    Commit,
}

impl Processed {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Begin, "BEGIN"),
        (Self::Insert, "INSERT"),
        (Self::Update, "UPDATE"),
        (Self::Delete, "DELETE"),
        (Self::Truncate, "TRUNCATE"),
        (Self::Message, "MESSAGE"),
        (Self::Commit, "COMMIT"),
    ];

    /// The name that Debezium stores.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(processed, _)| *processed == self).map_or("", |(_, name)| name)
    }

    /// What a stored name means.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(processed, _)| *processed)
    }
}

/// A place in the stream behind which nothing has been sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// What was read last.
    pub processed: Processed,
    /// Where that stands.
    pub lsn: Lsn,
    /// Inside of a transaction: how many of its changes with this very `lsn` were read.
    pub changes: u64,
    /// Everything before it is complete; the stream begins here again.
    pub complete: Option<Lsn>,
    /// The transaction, when it is known.
    pub xid: Option<u32>,
    /// Its commit time in Unix microseconds; a message outside of transactions has the one before.
    pub commit_time_us: Option<i64>,
}

impl Position {
    /// True when only a part of a transaction has been read.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.xid.is_some() && self.processed != Processed::Commit
    }
}

/// Number of a change within its transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) lsn: Lsn,
    pub(super) changes: u64,
}

/// A transaction of which only a part was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interrupted {
    pub(super) xid: u32,
    /// The last change of it that was sent; none yet behind BEGIN.
    sent: Place,
    /// Where what was processed last stands.
    lsn: Lsn,
    processed: Processed,
    commit_time_us: Option<i64>,
}

impl Transaction {
    /// Counts a change; true when it was sent before.
    pub(super) fn advance(&mut self, lsn: Lsn, processed: Processed) -> bool {
        if self.reached.lsn == lsn {
            self.reached.changes += 1;
        } else {
            self.reached = Place { lsn, changes: 1 };
        }
        let sent_before = self.skip.is_some_and(|interrupted| self.reached <= interrupted.sent);
        if !sent_before {
            self.skip = None;
            self.processed = processed;
        }
        sent_before
    }

    /// How far it was sent.
    pub(super) fn interrupted(&self) -> Interrupted {
        let is_begin = self.processed == Processed::Begin;
        self.skip.unwrap_or(Interrupted {
            xid: self.xid,
            sent: self.reached,
            lsn: if is_begin { self.source.lsn } else { self.reached.lsn },
            processed: self.processed,
            commit_time_us: Some(self.source.ts_us),
        })
    }
}

impl Engine {
    /// Goes on where an earlier run stood; to be called before the first frame.
    pub fn resume(&mut self, position: &Position) {
        self.last_commit_lsn = position.complete;
        self.clock_us = position.commit_time_us;
        match position.xid.filter(|_| position.is_inside()) {
            Some(xid) => {
                let (lsn, changes) = (position.lsn, position.changes);
                let is_begin = position.processed == Processed::Begin;
                self.interrupted = Some(Interrupted {
                    xid,
                    sent: if is_begin { Place::default() } else { Place { lsn, changes } },
                    lsn,
                    processed: position.processed,
                    commit_time_us: position.commit_time_us,
                });
            }
            None if position.processed == Processed::Message => {
                self.last_message = Some(position.lsn);
            }
            None => {
                self.last_xid = position.xid;
                self.last_commit_time_us = position.commit_time_us;
            }
        }
    }

    /// The place behind everything that was sent.
    #[must_use]
    pub fn position(&self) -> Position {
        let open = self.transaction.as_ref().map(Transaction::interrupted).or(self.interrupted);
        if let Some(open) = open {
            return Position {
                processed: open.processed,
                lsn: open.lsn,
                changes: open.sent.changes,
                complete: self.last_commit_lsn,
                xid: Some(open.xid),
                commit_time_us: open.commit_time_us,
            };
        }
        let commit = self.last_commit_lsn.unwrap_or_default();
        let complete = commit.max(self.out.progress.marked());
        let is_message = self.last_message == Some(complete);
        let is_commit = commit == complete && !is_message;
        let processed = if is_message { Processed::Message } else { Processed::Commit };
        Position {
            processed,
            lsn: complete,
            changes: 0,
            complete: Some(complete).filter(|lsn| *lsn != Lsn::INVALID),
            xid: self.last_xid.filter(|_| is_commit),
            commit_time_us: match processed {
                Processed::Message => self.clock_us,
                _ => self.last_commit_time_us.filter(|_| is_commit),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_others_mean_nothing() {
        for (processed, name) in Processed::NAMES {
            assert_eq!(processed.name(), name);
            assert_eq!(Processed::from_name(name), Some(processed));
        }
        assert_eq!(Processed::from_name("NOOP"), None);
    }

    #[test]
    fn places_are_ordered_by_lsn_and_then_by_number() {
        let place = |lsn, changes| Place { lsn: Lsn::new(lsn), changes };
        assert!(place(1, 9) < place(2, 0));
        assert!(place(2, 1) < place(2, 2));
    }
}
