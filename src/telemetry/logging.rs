//! Logs on standard error; never row values or passwords.

use crate::config::wants_colour;
use std::io::{self, IsTerminal as _};
use tracing_subscriber::EnvFilter;

/// `--log-format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Sends logs to standard error for the rest of the process.
///
/// `RUST_LOG` chooses what is logged. Without it: our own state changes and everybody's warnings,
/// but on a terminal, where the status line shows the state, warnings only.
pub fn start_logging(format: LogFormat) {
    let is_terminal = io::stderr().is_terminal();
    let quiet = is_terminal && format == LogFormat::Text;
    let default = if quiet { "warn" } else { "warn,minicdc=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Fails only when a subscriber is there already, as in a test, and then that one serves.
    let started = match format {
        LogFormat::Text => logs.with_ansi(wants_colour(is_terminal)).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).with_ansi(false).try_init(),
    };
    drop(started);
}
