//! Why a capture cannot start, or cannot end as it should.

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
    /// A position is stored for a slot that does not exist.
    #[error(
        "replication slot \"{slot}\" does not exist, though position {stored} is stored for it"
    )]
    SlotGone {
        /// The slot.
        slot: String,
        /// The position.
        stored: Lsn,
    },
    /// The stored position lies behind the end of the server's WAL.
    #[error("stored position {stored} is ahead of the server, which is at {current}")]
    PositionAhead {
        /// The stored position.
        stored: Lsn,
        /// The end of the server's WAL.
        current: Lsn,
    },
    /// The statement that goes with heartbeats names a table that does not exist.
    #[error("heartbeat.action.query cannot succeed")]
    HeartbeatAction {
        /// The server's words.
        #[source]
        source: Box<ServerError>,
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
            Self::SlotGone { .. } => {
                "changes since that position cannot be read any more; start once with --snapshot \
                 always to read all rows anew, or use the slot's name and database of before"
            }
            Self::PositionAhead { .. } => {
                "this is another server, or one restored from an older backup: check the \
                 address, or begin anew with another --slot"
            }
            Self::HeartbeatAction { .. } => {
                "create the table that it names, or correct heartbeat.action.query"
            }
            Self::NotDrained { .. } => {
                "they are not confirmed, so the next start sends them again; check the sink"
            }
        };
        hint.to_owned()
    }

    /// Whether a setting is at fault, so that the exit status says "usage".
    #[must_use]
    pub const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::NoTables { .. } | Self::HeartbeatAction { .. })
    }
}
