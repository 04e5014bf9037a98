//! Signals: what a running capture is told through a table, a topic, a file or its socket, in
//! Debezium's JSON. No socket, no clock, no log.

mod error;
mod parse;

pub use error::SignalError;

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Names the signal in notifications.
    pub id: String,
    /// What to do.
    pub action: Action,
}

/// What a signal asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `execute-snapshot`.
    Execute(Execute),
    /// `stop-snapshot`: regular expressions for `schema.table`; all tables without any.
    Stop(Vec<String>),
    /// `pause-snapshot`.
    Pause,
    /// `resume-snapshot`.
    Resume,
    /// `log`: a message, with `{}` where the position belongs.
    Log(String),
    /// `snapshot-window-open`, which we or Debezium have written.
    WindowOpen,
    /// `snapshot-window-close`.
    WindowClose,
}

/// `execute-snapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execute {
    /// While the stream goes on, or instead of it.
    pub kind: SnapshotKind,
    /// Regular expressions that the whole of `schema.table` has to match.
    pub collections: Vec<String>,
    /// Tables (by such an expression) with what narrows them: a condition, or for a blocking
    /// snapshot a whole SELECT.
    pub conditions: Vec<(String, String)>,
    /// A column to go by instead of the key.
    pub surrogate: Option<String>,
}

/// `type` of `execute-snapshot`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SnapshotKind {
    /// Chunk by chunk, beside the stream.
    #[default]
    Incremental,
    /// All at once, while the stream waits.
    Blocking,
}
