//! Why a stream cannot go on.

use super::SpoolError;
use crate::envelope::EncodeError;
use crate::lsn::Lsn;
use crate::pgoutput;

/// The stream could not be understood or encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A frame or message had another layout than documented.
    #[error("replication stream at {lsn}")]
    Decode {
        /// Position of the frame.
        lsn: Lsn,
        /// What was wrong.
        #[source]
        source: pgoutput::DecodeError,
    },
    /// A change could not be encoded.
    #[error("change at {lsn}")]
    Encode {
        /// Position of the change.
        lsn: Lsn,
        /// What was wrong.
        #[source]
        source: EncodeError,
    },
    /// A message came where the protocol does not allow it.
    #[error("replication stream at {lsn}: unexpected {what}")]
    Unexpected {
        /// Position of the message.
        lsn: Lsn,
        /// Which message.
        what: &'static str,
    },
    /// Changes of a transaction that has not ended could not be kept aside, or not be read back.
    #[error("changes of the unfinished transaction {xid}")]
    Spool {
        /// The transaction.
        xid: u32,
        /// What failed.
        #[source]
        source: SpoolError,
    },
    /// What was kept aside came back damaged.
    #[error("changes of transaction {xid}, kept aside until its end, came back damaged")]
    TornBuffer {
        /// The transaction.
        xid: u32,
    },
    /// A prepared transaction was committed whose changes the server has sent to someone else.
    #[error(
        "prepared transaction \"{gid}\" was committed at {lsn}, but its changes were sent and \
         confirmed before this start"
    )]
    LostPrepared {
        /// Position of the commit.
        lsn: Lsn,
        /// The name given to `PREPARE TRANSACTION`.
        gid: String,
    },
}

impl EngineError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Spool { source, .. } => source.hint(),
            Self::LostPrepared { .. } => "something else has read this slot; take a new snapshot \
                (--snapshot always), or use a slot that was made without two_phase"
                .to_owned(),
            Self::TornBuffer { .. } => "nothing of it was confirmed: start again, and check the \
                disk under spill.dir"
                .to_owned(),
            Self::Decode { .. } | Self::Encode { .. } | Self::Unexpected { .. } => {
                "nothing behind this position was confirmed, so nothing is lost; please report it \
                 with the type of the column or the kind of message"
                    .to_owned()
            }
        }
    }
}
