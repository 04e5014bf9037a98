//! What can be wrong with a signal.

/// A signal that is left out; never a reason to stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The line or record is no JSON object.
    #[error(
        "signal is no JSON object such as {{\"id\":\"1\",\"type\":\"log\",\"data\":{{}}}}: {reason}"
    )]
    NoObject {
        /// Where it stops being one.
        reason: String,
    },
    /// A row of the signal table has other columns.
    #[error(
        "row of the signal table has {columns} columns; it needs exactly three: id, type, data"
    )]
    Columns {
        /// How many there are.
        columns: usize,
    },
    /// A member is missing.
    #[error("signal \"{id}\" has no {member}")]
    Missing {
        /// The signal.
        id: String,
        /// What is not there.
        member: &'static str,
    },
    /// Its type is not one of ours.
    #[error(
        "signal \"{id}\" is of type \"{kind}\"; known are execute-snapshot, stop-snapshot, \
         pause-snapshot, resume-snapshot and log"
    )]
    Type {
        /// The signal.
        id: String,
        /// What it says.
        kind: String,
    },
    /// `data` is no JSON object.
    #[error("data of signal \"{id}\" is no JSON object: {reason}")]
    Data {
        /// The signal.
        id: String,
        /// Where it stops being one.
        reason: String,
    },
    /// A member of `data` is not what it has to be.
    #[error("signal \"{id}\": \"{member}\" has to be {rule}")]
    Member {
        /// The signal.
        id: String,
        /// The member.
        member: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// A name is no regular expression.
    #[error("signal \"{id}\": \"{pattern}\" is no regular expression for schema.table")]
    Pattern {
        /// The signal.
        id: String,
        /// What it says.
        pattern: String,
    },
}
