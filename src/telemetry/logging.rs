//! Logs on standard error; never row values or passwords.

use crate::config::{process_variable, wants_colour};
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Logging cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// `RUST_LOG` is no list of directives.
    #[error("RUST_LOG: invalid value \"{value}\"")]
    Filter {
        /// The variable's value.
        value: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
}

impl LoggingError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let Self::Filter { .. } = self;
        Some("write RUST_LOG=debug, or by module as in RUST_LOG=warn,minicdc=debug".to_owned())
    }
}

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
///
/// # Errors
///
/// [`LoggingError::Filter`] when `RUST_LOG` cannot be understood.
pub fn start_logging(format: LogFormat) -> Result<(), LoggingError> {
    let is_terminal = io::stderr().is_terminal();
    let filter = match process_variable("RUST_LOG") {
        Some(value) => {
            EnvFilter::try_new(&value).map_err(|source| LoggingError::Filter { value, source })?
        }
        None if is_terminal && format == LogFormat::Text => EnvFilter::new("warn"),
        None => EnvFilter::new("warn,minicdc=info"),
    };
    let over_status_line = is_terminal && format == LogFormat::Text;
    let writer = move || LogWriter { over_status_line };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // Fails only when a subscriber is there already, as in a test, and then that one serves.
    drop(match format {
        LogFormat::Text => logs.with_ansi(wants_colour(is_terminal)).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).with_ansi(false).try_init(),
    });
    Ok(())
}

/// Standard error; on a terminal each line first wipes what stands in the cursor's line, which is
/// nothing or a status line that will be drawn again.
struct LogWriter {
    over_status_line: bool,
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if self.over_status_line {
            stderr.write_all(b"\r\x1b[2K")?;
        }
        stderr.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
