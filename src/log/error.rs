//! What can go wrong with the embedded log, and what to do then.

use super::batch::Defect;
use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded log cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file system refused something.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried: `create`, `write`, `read`, …
        doing: &'static str,
        /// File or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process writes this log.
    #[error("embedded log {} is being written by {}", dir.display(), process(*pid))]
    Locked {
        /// Directory of the log.
        dir: PathBuf,
        /// The writer's process id, if it could be read.
        pid: Option<u32>,
    },
    /// There is no log here.
    #[error("no embedded log in {}", dir.display())]
    NoLog {
        /// Directory that was asked for.
        dir: PathBuf,
    },
    /// The log has no such topic.
    #[error("embedded log {} has no topic \"{topic}\"", dir.display())]
    NoTopic {
        /// Directory of the log.
        dir: PathBuf,
        /// Topic that was asked for.
        topic: String,
        /// Topics that are there.
        known: Vec<String>,
    },
    /// Kafka would refuse this topic name, so do we.
    #[error("invalid topic name \"{topic}\": {reason}")]
    TopicName {
        /// The name.
        topic: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A record does not fit into a record batch.
    #[error("record of {bytes} bytes for topic \"{topic}\" is too large: the limit is 2 GiB")]
    TooLarge {
        /// Topic of the record.
        topic: String,
        /// Size of key, value and headers.
        bytes: usize,
    },
    /// Bytes that were durable have changed.
    #[error("{} is damaged at byte {position} (offset {offset}): {defect}", path.display())]
    Corrupt {
        /// Segment file.
        path: PathBuf,
        /// Byte position of the damaged batch in it.
        position: u64,
        /// First offset that cannot be read.
        offset: i64,
        /// First offset behind the damage, if there is one.
        resume: Option<i64>,
        /// What is wrong.
        defect: Defect,
    },
    /// Bytes that were durable are gone.
    #[error(
        "{} has lost data: {have} bytes are there, {need} were durable (up to offset {end_offset})",
        path.display()
    )]
    Lost {
        /// Segment file.
        path: PathBuf,
        /// Its length now; 0 when it is missing.
        have: u64,
        /// Its length when it was last made durable.
        need: u64,
        /// Offset after the last durable record.
        end_offset: i64,
    },
    /// An offset outside the topic was asked for.
    #[error("topic \"{topic}\" has no offset {offset}: it holds {first} up to {end}, exclusive")]
    OutOfRange {
        /// Topic name.
        topic: String,
        /// Offset that was asked for.
        offset: i64,
        /// First offset there.
        first: i64,
        /// Offset the next record will get.
        end: i64,
    },
    /// The writer thread ended after a failure that it has reported.
    #[error("embedded log {} takes no more records after an earlier failure", dir.display())]
    Stopped {
        /// Directory of the log.
        dir: PathBuf,
    },
}

impl LogError {
    /// Wraps what the system said about `path`; for `map_err`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { path, source, .. } => io_hint(path, source),
            Self::Locked { pid: Some(pid), .. } => format!(
                "stop that process (kill {pid}), or write another log with --log-dir; reading \
                 beside it needs no lock"
            ),
            Self::Locked { pid: None, .. } => {
                "stop that process, or write another log with --log-dir".to_owned()
            }
            Self::NoLog { .. } => {
                "start `minicdc capture` first, or name its log with --log-dir; with Kafka, name \
                 the brokers with --brokers"
                    .to_owned()
            }
            Self::NoTopic { known, .. } if known.is_empty() => {
                "the log is still empty; `minicdc capture` fills it".to_owned()
            }
            Self::NoTopic { known, .. } => format!("topics there: {}", known.join(", ")),
            Self::TopicName { .. } => {
                "a topic name has 1 to 249 of the characters a-z A-Z 0-9 . _ -, and is not . or ..; \
                 change topic.prefix"
                    .to_owned()
            }
            Self::TooLarge { .. } => {
                "leave the large column out with column.exclude.list".to_owned()
            }
            Self::Corrupt { path, resume, .. } => corrupt_hint(path, *resume),
            Self::Lost { path, .. } => lost_hint(path),
            Self::OutOfRange { first, end, .. } => {
                format!("choose an offset from {first} to {end}, or --from beginning")
            }
            Self::Stopped { .. } => {
                "look for the first error, then start `minicdc capture` again".to_owned()
            }
        };
        Some(hint)
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

fn io_hint(path: &Path, source: &io::Error) -> String {
    let path = path.display();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
            "make room on the file system of {path} (df -h), or use another with --log-dir, and \
             start again: capture goes on where the log ends, PostgreSQL has kept the rest"
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("let this user write {path}, or use another directory with --log-dir")
        }
        // EMFILE has no kind of its own.
        _ if source.raw_os_error() == Some(24) => {
            "raise the limit of open files (ulimit -n): each topic keeps one open".to_owned()
        }
        _ => format!(
            "look at what stands there (ls -ld {path}), or use another directory with --log-dir"
        ),
    }
}

fn corrupt_hint(path: &Path, resume: Option<i64>) -> String {
    let repair = format!(
        "the disk or another program changed {}; restore it from a backup, or capture the table \
         again with a snapshot",
        path.display()
    );
    match resume {
        Some(offset) => format!("{repair}; `--from {offset}` reads on behind the damage"),
        None => repair,
    }
}

fn lost_hint(path: &Path) -> String {
    let mark = path.with_file_name(super::recovery_point::FILE_NAME);
    format!(
        "these records were confirmed to PostgreSQL and will not come again: restore the file from \
         a backup; or accept the loss with `rm {}` and capture the table again with a snapshot",
        mark.display()
    )
}
