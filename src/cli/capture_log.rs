//! What a running capture says where nobody looks on: log lines.

use super::capture_view::sink_name;
use super::table_progress::{TableProgress, per_second};
use minicdc::capture::{Event, Observer};
use minicdc::config::Config;
use std::time::{Duration, Instant};

/// What the lines are filed under; the binary's own modules are nobody's business.
const TARGET: &str = "minicdc::capture";

/// How often it is said how far a table is.
const TABLE_INTERVAL: Duration = Duration::from_secs(60);

/// Logs the events of a capture.
pub(crate) struct LogView {
    slot: String,
    sink: String,
    /// Tables of a snapshot that are being read, since when, and when that was said last.
    tables: Vec<(TableProgress, Instant, Instant)>,
}

impl LogView {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            slot: config.replication.slot_name.clone(),
            sink: sink_name(config),
            tables: Vec::new(),
        }
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
            Event::SnapshotTable { name, rows_estimate, pages } => {
                let name = name.to_owned();
                let now = Instant::now();
                let (rows, pages_read) = (0, 0);
                let progress = TableProgress { name, rows_estimate, pages, rows, pages_read };
                self.tables.push((progress, now, now));
            }
            Event::SnapshotRows { name, rows, pages } => {
                let of = self.tables.iter_mut().find(|(table, ..)| table.name == name);
                let Some((table, begun, said)) = of else { return };
                (table.rows, table.pages_read) = (rows, pages);
                if said.elapsed() >= TABLE_INTERVAL {
                    *said = Instant::now();
                    let (percent, left_s) = table.numbers(begun.elapsed());
                    let rows_per_s = per_second(rows, begun.elapsed());
                    tracing::info!(target: TARGET, slot, relation = name, rows, rows_per_s, percent, left_s, "snapshot of a table goes on");
                }
            }
            Event::SnapshotTableDone { name, rows, elapsed } => {
                self.tables.retain(|(table, ..)| table.name != name);
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
                self.tables.clear();
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
