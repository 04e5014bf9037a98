//! What a running capture says where nobody looks on: log lines.

use super::capture_view::sink_name;
use minicdc::capture::{Event, Observer};
use minicdc::config::Config;
use std::time::Duration;

/// What the lines are filed under; the binary's own modules are nobody's business.
const TARGET: &str = "minicdc::capture";

/// Logs the events of a capture.
pub(crate) struct LogView {
    slot: String,
    sink: String,
}

impl LogView {
    pub(crate) fn new(config: &Config) -> Self {
        Self { slot: config.replication.slot_name.clone(), sink: sink_name(config) }
    }
}

fn milliseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

impl Observer for LogView {
    fn event(&mut self, event: Event<'_>) {
        let slot = self.slot.as_str();
        match event {
            Event::Connected { version } => {
                tracing::info!(target: TARGET, slot, server = version, sink = self.sink, "connected");
            }
            Event::StandingBy { slot, holder } => {
                tracing::info!(target: TARGET, slot, holder, "standing by: another process has the slot");
            }
            Event::TakingOver { slot, after } => {
                tracing::info!(target: TARGET, slot, elapsed_ms = milliseconds(after), "taking over");
            }
            Event::Slot { name, made } => tracing::info!(target: TARGET, slot = name, made, "slot"),
            Event::Publication { name, outcome } => {
                tracing::info!(target: TARGET, slot, publication = name, outcome, "publication");
            }
            Event::Warning { text, hint } => {
                // Not quoted: it is there to be copied.
                let hint = hint.as_deref().map(tracing::field::display);
                tracing::warn!(target: TARGET, slot, hint, "{text}");
            }
            Event::SnapshotStarted { tables } => {
                tracing::info!(target: TARGET, slot, tables, "snapshot begins");
            }
            Event::SnapshotTableDone { name, rows, elapsed } => {
                let elapsed_ms = milliseconds(elapsed);
                tracing::info!(target: TARGET, slot, relation = name, rows, elapsed_ms, "snapshot of a table read");
            }
            Event::SnapshotDone { rows, elapsed } => {
                tracing::info!(target: TARGET, slot, rows, elapsed_ms = milliseconds(elapsed), "snapshot done");
            }
            Event::Streaming { from } => {
                tracing::info!(target: TARGET, slot, lsn = %from, "streaming");
            }
            Event::ConnectionLost { error } => {
                tracing::warn!(target: TARGET, slot, error, "connection to PostgreSQL lost, trying again");
            }
            Event::Reconnected { after } => {
                tracing::info!(target: TARGET, slot, elapsed_ms = milliseconds(after), "streaming again");
            }
            Event::Draining { records } => {
                tracing::info!(target: TARGET, slot, records, "stopping");
            }
            // Numbers belong to the metrics.
            _ => {}
        }
    }
}
