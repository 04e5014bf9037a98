//! Why a stream cannot go on.

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
}
