//! Why a capture cannot start, or cannot end as it should.

use super::mismatch::Mismatch;
use crate::lsn::Lsn;
use crate::postgres::ServerError;

/// A capture cannot start, or did not end in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The lists choose no table.
    #[error("no table of database \"{database}\" matches table.include.list \"{include}\"")]
    NoTables {
        /// The database.
        database: String,
        /// The list as given.
        include: String,
    },
    /// The stream cannot go on where the one before ended.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The stored position lies inside of a snapshot, and the mode takes none.
    #[error("the stored position {stored} is inside of a snapshot that did not come to its end")]
    SnapshotUnfinished {
        /// The position.
        stored: Lsn,
    },
    /// The slot was not made within `internal.create.slot.command.timeout`, time after time.
    #[error("replication slot \"{slot}\" was not made within {seconds} s")]
    SlotNotMade {
        /// The slot.
        slot: String,
        /// How long each try took.
        seconds: u64,
    },
    /// The statement that goes with heartbeats names a table that does not exist.
    #[error("heartbeat.action.query cannot succeed")]
    HeartbeatAction {
        /// The server's words.
        #[source]
        source: Box<ServerError>,
    },
    /// Somebody holds locks on tables that the snapshot is to lock.
    #[error("the tables could not be locked for the snapshot")]
    NotLocked {
        /// The server's words.
        #[source]
        source: Box<ServerError>,
    },
    /// A table was rewritten between two chunks of its snapshot, so that its rows stand elsewhere.
    #[error("table {table} was rewritten while it was read")]
    TableRewritten {
        /// `schema.table`.
        table: String,
    },
    /// Records in flight were not taken in time at the end.
    #[error("{records} records were not taken by the sink within {seconds} s of the stop")]
    NotDrained {
        /// How many.
        records: usize,
        /// How long they were waited for.
        seconds: u64,
    },
}

impl CaptureError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::NoTables { .. } => {
                "patterns match the whole schema.table, such as 'public.orders,public.c.*'; \
                 psql's \\dt *.* lists the tables"
            }
            Self::Mismatch(mismatch) => return mismatch.hint(),
            Self::SnapshotUnfinished { .. } => {
                "start once with --snapshot initial, which takes it again, or begin with another \
                 --slot"
            }
            Self::SlotNotMade { .. } => {
                "it waits for transactions that have written and are still open: SELECT pid, \
                 xact_start, query FROM pg_stat_activity WHERE backend_xid IS NOT NULL; end them, \
                 or give it more time with internal.create.slot.command.timeout"
            }
            Self::HeartbeatAction { .. } => {
                "create the table that it names, or correct heartbeat.action.query"
            }
            Self::NotLocked { .. } => {
                "pg_locks and pg_blocking_pids() say who holds them; wait longer with \
                 snapshot.lock.timeout.ms, or read without locks: snapshot.locking.mode=none"
            }
            Self::TableRewritten { .. } => {
                "VACUUM FULL, CLUSTER, TRUNCATE and some forms of ALTER TABLE do that: it is read \
                 again from its beginning"
            }
            Self::NotDrained { .. } => {
                "they are not confirmed, so the next start sends them again; check the sink"
            }
        };
        hint.to_owned()
    }

    /// True when the same can succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::TableRewritten { .. })
    }

    /// Whether a setting is at fault, so that the exit status says "usage".
    #[must_use]
    pub const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::NoTables { .. } | Self::HeartbeatAction { .. })
    }
}
