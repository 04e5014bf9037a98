//! What a running capture shows: a live view on a terminal, log lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use minicdc::capture::{Event, Observer, Status, Tap};
use minicdc::config::{Config, SinkKind, wants_colour};
use minicdc::record::Record;
use minicdc::sink::SinkError;
use minicdc::stage::{FeedOptions, FeedWriter, RecordView};
use owo_colors::{OwoColorize as _, Style};
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `0 B`, `12.3 kB`, `4.5 MB`.
fn bytes(count: u64) -> String {
    let mut units = ["kB", "MB", "GB", "TB"].iter();
    if count < 1000 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = count as f64 / 1000.0;
    let mut unit = units.next().unwrap_or(&"kB");
    while value >= 999.95 {
        let Some(next) = units.next() else { break };
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `3 ms`, `1.2 s`, `4 min`.
fn short(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min", duration.as_secs() / 60),
    }
}

fn plural(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {word}{ending}", thousands(count as u64))
}

fn sink_name(config: &Config) -> String {
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
        eprintln!("{} {text}", format!("{label:<9}").style(style));
    }

    fn warn(&self, text: &str, hint: Option<&str>) {
        let style = if self.colour { Style::new().yellow().bold() } else { Style::new() };
        eprintln!("{} {text}", "warning:".style(style));
        if let Some(hint) = hint {
            eprintln!("hint:     {hint}");
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
        let bar = ProgressBar::new(estimate.unwrap_or(0));
        let template = "{msg}  {human_pos:>9} rows  {bar:20.cyan/white.dim}  {per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        bar.set_message(format!("{:<9} {name}", "snapshot"));
        self.bar = Some(bar);
    }

    fn status(&mut self, status: Status) {
        if !self.draws_status {
            return;
        }
        let rate = match &self.last {
            Some((then, before)) => per_second(status.records - before.records, then.elapsed()),
            None => 0,
        };
        self.last = Some((Instant::now(), status));
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        let lag = status.lag.map(|lag| format!("  {}", short(lag))).unwrap_or_default();
        bar.set_message(format!(
            "{:<9} {}   {} events   {} events/s   lag {}{lag}   confirmed {}",
            "streaming",
            plural(status.tables, "table"),
            thousands(status.records),
            thousands(rate),
            bytes(status.lag_bytes),
            status.confirmed,
        ));
        bar.tick();
    }
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
                    if bar.length().is_none_or(|length| length < rows) {
                        bar.set_length(rows);
                    }
                    bar.set_position(rows);
                }
            }
            Event::SnapshotTableDone { name, rows, elapsed } => {
                self.end_bar();
                let rows = thousands(rows);
                self.line("snapshot", &format!("{name:<28} {rows:>9} rows   {}", short(elapsed)));
            }
            Event::SnapshotDone { .. } => {}
            Event::Streaming { from } => self.line("streaming", &format!("from {from}")),
            Event::Status(status) => self.status(status),
            Event::ConnectionLost { error } => {
                self.end_bar();
                self.warn(&format!("{error}; trying again"), None);
            }
            Event::Reconnected { after } => {
                self.line("streaming", &format!("again, after {}", short(after)));
            }
            Event::Draining { records } => {
                self.end_bar();
                if records > 0 {
                    self.line("stopping", &plural(records, "record in flight"));
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
            let events = thousands(status.records);
            self.line("stopped", &format!("{events} events   confirmed {}", status.confirmed));
        }
    }
}

/// The same as log lines, for everything that is no terminal.
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
                tracing::info!(slot, server = version, sink = self.sink, "connected");
            }
            Event::Slot { name, made } => tracing::info!(slot = name, made, "slot"),
            Event::Publication { name, outcome } => {
                tracing::info!(slot, publication = name, outcome, "publication");
            }
            Event::Warning { text, hint } => {
                tracing::warn!(slot, hint = hint.unwrap_or_default(), "{text}");
            }
            Event::SnapshotStarted { tables } => tracing::info!(slot, tables, "snapshot begins"),
            Event::SnapshotTableDone { name, rows, elapsed } => {
                let elapsed_ms = milliseconds(elapsed);
                tracing::info!(slot, relation = name, rows, elapsed_ms, "snapshot of a table read");
            }
            Event::SnapshotDone { rows, elapsed } => {
                tracing::info!(slot, rows, elapsed_ms = milliseconds(elapsed), "snapshot done");
            }
            Event::Streaming { from } => tracing::info!(slot, lsn = %from, "streaming"),
            Event::Reconnected { after } => {
                tracing::info!(slot, elapsed_ms = milliseconds(after), "streaming again");
            }
            Event::Draining { records } => tracing::info!(slot, records, "stopping"),
            // The loss itself is logged where it is handled; numbers belong to the metrics.
            _ => {}
        }
    }
}

/// Prints the feed of what is captured on standard output.
pub(crate) struct FeedTap {
    feed: FeedWriter,
    out: Vec<u8>,
}

impl FeedTap {
    pub(crate) fn new() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let zone = jiff::tz::TimeZone::system();
        let options = FeedOptions {
            color: wants_colour(is_terminal),
            width: None,
            today: Some(jiff::Timestamp::now().to_zoned(zone.clone()).date()),
            zone,
            table_column: true,
        };
        Self { feed: FeedWriter::new(options), out: Vec::new() }
    }
}

impl Tap for FeedTap {
    fn record(&mut self, record: &Record<'_>) {
        self.feed.push(&RecordView {
            topic: record.topic,
            timestamp_ms: None,
            key: record.key,
            value: record.value,
        });
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.feed.waiting() == 0 {
            return Ok(());
        }
        self.out.clear();
        self.feed.draw(&mut self.out);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&self.out).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(SinkError::Closed),
            Err(error) => Err(SinkError::Broken {
                sink: "standard output".to_owned(),
                source: Box::new(error),
            }),
        }
    }
}
