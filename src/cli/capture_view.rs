//! The live view of a running capture on a terminal.

use super::text::{counted, duration, grouped, size, stderr_width};
use indicatif::{ProgressBar, ProgressStyle};
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
    last: Option<(Instant, Status)>,
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

    /// Prints lines above the bar.
    fn say(&self, lines: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{lines}")),
            None => eprintln!("{lines}"),
        }
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn snapshot_bar(&mut self, name: &str, estimate: Option<u64>) {
        self.end_bar();
        if !self.draws_status {
            return;
        }
        // A table that was never analysed has no estimate, and a bar would be a lie.
        let narrow = stderr_width().is_some_and(|width| width < 100);
        let (bar, template) = match estimate.filter(|rows| *rows > 0) {
            Some(rows) => (
                ProgressBar::new(rows),
                match narrow {
                    true => "{msg} {human_pos:>11} rows   {bar:12.cyan/dim} {percent:>3} %",
                    false => {
                        "{msg} {human_pos:>11} rows   {bar:20.cyan/dim} {percent:>3} %   {per_sec}"
                    }
                },
            ),
            None => (ProgressBar::no_length(), "{msg} {human_pos:>11} rows   {per_sec}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ ").with_key("per_sec", rows_per_second));
        }
        bar.set_message(format!("{:<9} {}", "snapshot", padded(name)));
        self.bar = Some(bar);
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
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
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

/// A table's name in a column of its own; long ones keep their whole name and push the rest.
fn padded(name: &str) -> String {
    format!("{name}{}", " ".repeat(28_usize.saturating_sub(name.width())))
}

fn rows_per_second(state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive, and shown without its fraction"
    )]
    let rate = state.per_sec() as u64;
    // Writing into indicatif's buffer cannot fail.
    write!(out, "{} rows/s", grouped(rate)).unwrap_or_default();
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / milliseconds
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
            Event::SnapshotTable { name, rows_estimate } => self.snapshot_bar(name, rows_estimate),
            Event::SnapshotRows { rows } => {
                if let Some(bar) = &self.bar {
                    if bar.length().is_some_and(|length| length < rows) {
                        bar.set_length(rows);
                    }
                    bar.set_position(rows);
                }
            }
            Event::SnapshotTableDone { name, rows, elapsed } => {
                self.end_bar();
                let (name, rows) = (padded(name), grouped(rows));
                self.line("snapshot", &format!("{name} {rows:>11} rows   {}", duration(elapsed)));
            }
            Event::SnapshotDone { .. } => {}
            Event::Streaming { from } => self.line("streaming", &format!("from {from}")),
            Event::Status(status) => self.status(status),
            Event::ConnectionLost { error } => {
                self.end_bar();
                self.warn(&format!("{error}; trying again until it is back"), None);
            }
            Event::Reconnected { after } => {
                self.line("streaming", &format!("again, after {}", duration(after)));
            }
            Event::Draining { records } => {
                self.end_bar();
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
        self.end_bar();
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
