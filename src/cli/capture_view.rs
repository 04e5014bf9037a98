//! The live view of a running capture on a terminal.

use super::table_progress::{TableProgress, padded, per_second};
use super::text::{counted, duration, grouped, size, stderr_width};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use minicdc::capture::{Event, Observer, Status};
use minicdc::config::{Config, SinkKind, wants_colour};
use owo_colors::{OwoColorize as _, Style};
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr as _;

/// How the sink is named to people.
pub(crate) fn sink_name(config: &Config) -> String {
    match config.sink.kind {
        SinkKind::Kafka => {
            format!("Kafka {}", config.sink.brokers.as_deref().unwrap_or_default())
        }
        SinkKind::Log => format!("embedded log {}", config.sink.log_dir.display()),
        SinkKind::Stdout => "standard output".to_owned(),
        SinkKind::Null => "null (records are counted and thrown away)".to_owned(),
    }
}

/// The live view on standard error.
pub(crate) struct TerminalView {
    address: String,
    sink: String,
    draws_status: bool,
    colour: bool,
    bar: Option<ProgressBar>,
    /// Tables of a snapshot that are being read.
    tables: Vec<TableBar>,
    bars: MultiProgress,
    last: Option<(Instant, Status)>,
}

/// A table of a snapshot, and its line.
struct TableBar {
    progress: TableProgress,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl TerminalView {
    pub(crate) fn new(config: &Config, draws_status: bool) -> Self {
        let database = &config.database;
        Self {
            address: format!("{}@{}:{}", database.dbname, database.hostname, database.port),
            sink: sink_name(config),
            draws_status,
            colour: wants_colour(true),
            bar: None,
            tables: Vec::new(),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            last: None,
        }
    }

    fn line(&self, label: &str, text: &str) {
        let style = if self.colour { Style::new().bold() } else { Style::new() };
        self.say(&format!("{} {text}", format!("{label:<9}").style(style)));
    }

    fn warn(&self, text: &str, hint: Option<&str>) {
        let style = if self.colour { Style::new().yellow().bold() } else { Style::new() };
        let hint = hint.map(|hint| format!("\n{:<9} {hint}", "hint:")).unwrap_or_default();
        self.say(&format!("{}  {text}{hint}", "warning:".style(style)));
    }

    /// Prints lines above the bars.
    fn say(&self, lines: &str) {
        self.bars.suspend(|| eprintln!("{lines}"));
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Ends the lines of tables too.
    fn end_bars(&mut self) {
        self.end_bar();
        for table in self.tables.drain(..) {
            if let Some(bar) = table.bar {
                bar.finish_and_clear();
            }
        }
    }

    fn table_begins(&mut self, progress: TableProgress) {
        self.end_bar();
        let bar = self.draws_status.then(|| self.bars.add(message_bar()));
        self.tables.push(TableBar { progress, begun: Instant::now(), bar });
    }

    fn table_goes_on(&mut self, name: &str, rows: u64, pages_read: u32) {
        let Some(table) = self.tables.iter_mut().find(|table| table.progress.name == name) else {
            return;
        };
        (table.progress.rows, table.progress.pages_read) = (rows, pages_read);
        if let Some(bar) = &table.bar {
            let width = stderr_width().unwrap_or(80);
            bar.set_message(table.progress.line(table.begun.elapsed(), width));
            bar.tick();
        }
    }

    fn table_ends(&mut self, name: &str, rows: u64, elapsed: Duration) {
        if let Some(place) = self.tables.iter().position(|table| table.progress.name == name)
            && let Some(bar) = self.tables.remove(place).bar
        {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        let (name, rows) = (padded(name), grouped(rows));
        self.line("snapshot", &format!("{name} {rows:>11} rows   {}", duration(elapsed)));
    }

    fn status(&mut self, status: Status) {
        let rate = match &self.last {
            Some((then, before)) => per_second(status.records - before.records, then.elapsed()),
            None => 0,
        };
        self.last = Some((Instant::now(), status));
        if !self.draws_status {
            return;
        }
        let bars = &self.bars;
        let bar = self.bar.get_or_insert_with(|| bars.add(message_bar()));
        bar.set_message(status_line(&status, rate, stderr_width().unwrap_or(80)));
        bar.tick();
    }
}

/// As much of the status as a line has room for.
fn status_line(status: &Status, rate: u64, width: usize) -> String {
    let lag = status.lag.map(|lag| format!("  {}", duration(lag))).unwrap_or_default();
    // Each part with its rank: those of the highest go first when there is no room for all.
    let mut parts = vec![
        (0, format!("{:<9} {}", "streaming", counted(status.tables as u64, "table"))),
        (3, counted(status.records, "event")),
        (1, format!("{}/s", counted(rate, "event"))),
        (0, format!("lag {}{lag}", size(status.lag_bytes))),
        (2, format!("confirmed {}", status.confirmed)),
    ];
    loop {
        let line = parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join("   ");
        let last = parts.iter().map(|(rank, _)| *rank).max().filter(|rank| *rank > 0);
        // A line of the full width would wrap on some terminals.
        match last {
            Some(rank) if line.width() >= width => parts.retain(|(own, _)| *own != rank),
            _ => return line,
        }
    }
}

/// A bar that shows nothing but its message.
fn message_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

impl Observer for TerminalView {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { version } => {
                self.line("postgres", &format!("{version}  {}", self.address));
                self.line("sink", &self.sink.clone());
            }
            Event::StandingBy { slot, holder } => {
                self.line("standby", &format!("slot {slot} is in use by {holder}; waiting for it"));
            }
            Event::TakingOver { slot, after } => {
                self.line("standby", &format!("slot {slot} is free, after {}", duration(after)));
            }
            Event::Slot { name, made } => {
                self.line("slot", &format!("{name}{}", if made { " (made)" } else { "" }));
            }
            Event::Publication { name, outcome } => {
                self.line("publish", &format!("{name} ({outcome})"));
            }
            Event::Warning { text, hint } => self.warn(&text, hint.as_deref()),
            Event::SnapshotStarted { .. } => {}
            Event::SnapshotTable { name, rows_estimate, pages } => {
                let name = name.to_owned();
                self.table_begins(TableProgress {
                    name,
                    rows_estimate,
                    pages,
                    rows: 0,
                    pages_read: 0,
                });
            }
            Event::SnapshotRows { name, rows, pages } => self.table_goes_on(name, rows, pages),
            Event::SnapshotTableDone { name, rows, elapsed } => {
                self.table_ends(name, rows, elapsed);
            }
            Event::SnapshotDone { .. } => {}
            Event::Streaming { from } => self.line("streaming", &format!("from {from}")),
            Event::Status(status) => self.status(status),
            Event::ConnectionLost { error } => {
                self.end_bars();
                self.warn(&format!("{error}; trying again until it is back"), None);
            }
            Event::Reconnected { after } => {
                self.line("streaming", &format!("again, after {}", duration(after)));
            }
            Event::Draining { records } => {
                self.end_bars();
                if records > 0 {
                    let records = counted(records as u64, "record");
                    self.line("stopping", &format!("{records} in flight"));
                }
            }
            _ => {}
        }
    }
}

impl Drop for TerminalView {
    fn drop(&mut self) {
        self.end_bars();
        if let Some((_, status)) = &self.last {
            let events = counted(status.records, "event");
            self.line("stopped", &format!("{events}   confirmed {}", status.confirmed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_line_leaves_out_what_has_no_room() {
        let status = Status {
            tables: 3,
            records: 1_234_567,
            changes: 0,
            lag_bytes: 12_345,
            lag: Some(Duration::from_millis(3)),
            confirmed: "0/1A2B3C8".parse().unwrap(),
            bytes_in_flight: 0,
        };
        assert_eq!(
            status_line(&status, 1204, 100),
            "streaming 3 tables   1,234,567 events   1,204 events/s   lag 12.3 kB  3 ms   \
             confirmed 0/1A2B3C8"
        );
        assert_eq!(
            status_line(&status, 1204, 80),
            "streaming 3 tables   1,204 events/s   lag 12.3 kB  3 ms   confirmed 0/1A2B3C8"
        );
        assert_eq!(
            status_line(&status, 1204, 60),
            "streaming 3 tables   1,204 events/s   lag 12.3 kB  3 ms"
        );
        assert_eq!(status_line(&status, 1, 20), "streaming 3 tables   lag 12.3 kB  3 ms");
    }
}
