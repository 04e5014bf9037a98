//! What can end a query beside its statement, its tables and its records.

use std::path::PathBuf;

/// Why a query cannot begin, or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFlowError {
    /// A table without records has no columns yet.
    #[error("{topic} has no record with columns yet")]
    NoColumns {
        /// Its topic.
        topic: String,
    },
    /// The directory with the state cannot be used.
    #[error("{}: {action}", .path.display())]
    State {
        /// The file or directory.
        path: PathBuf,
        /// What failed.
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The state is that of another statement, or of other tables.
    #[error("{} holds the state of another query: {found}", .path.display())]
    OtherQuery {
        /// The file.
        path: PathBuf,
        /// Its statement.
        found: String,
    },
    /// The state cannot be read.
    #[error("{} is damaged", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The result has no columns that could be the key of a topic.
    #[error("--to {topic} needs a key, and no columns of this result tell its rows apart")]
    NoKey {
        /// The topic.
        topic: String,
    },
    /// Two options that do not go together.
    #[error("{0}")]
    Options(&'static str),
}

impl QueryFlowError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoColumns { .. } => {
                "leave --no-follow out to wait for the first record".to_owned()
            }
            Self::State { .. } => return None,
            Self::OtherQuery { .. } => {
                "give each query a --state-dir of its own, or remove that one".to_owned()
            }
            Self::Damaged { .. } => {
                "remove it: the query then begins with the topics' beginning again".to_owned()
            }
            Self::NoKey { .. } => {
                "select the columns of GROUP BY, or the key of each table".to_owned()
            }
            Self::Options(_) => return None,
        })
    }

    /// True when the command line is to blame.
    #[must_use]
    pub const fn is_misuse(&self) -> bool {
        matches!(self, Self::OtherQuery { .. } | Self::NoKey { .. } | Self::Options(_))
    }
}
