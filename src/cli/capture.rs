//! `minicdc capture`.

use super::SharedArgs;
use super::capture_log::LogView;
use super::capture_view::TerminalView;
use super::feed_tap::FeedTap;
use minicdc::capture::{self, Observer, Shutdown, Tap};
use minicdc::config::{Config, SinkKind};
use minicdc::error::Error;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::io::IsTerminal as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Stream committed changes from PostgreSQL into Kafka or the embedded log, until stopped.
///
/// The first start makes the publication and the slot, takes a snapshot of every captured table
/// and streams from exactly there; a later start goes on where the slot stands.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    minicdc capture --slot dbserver1\n  \
    minicdc capture --slot dbserver1 --brokers localhost:9092 --tables 'public.orders,public.c.*'\n  \
    minicdc capture --slot dbserver1 --sink stdout --stop-at current | jq .value.payload.op\n\n\
    SIGINT and SIGTERM stop reading, wait for what is in flight, confirm it and exit 0; a second \
    one exits at once.\nExit status: 0 stopped cleanly, 1 failed, 2 bad usage or settings")]
pub(crate) struct CaptureArgs {
    /// Replication slot to read; made when missing, and the default of topic.prefix and
    /// publication.name
    #[arg(long, value_name = "SLOT")]
    slot: Option<String>,
    /// Tables to capture: regular expressions on schema.table
    #[arg(long, value_name = "REGEX,...")]
    tables: Option<String>,
    /// Publication to read; made when missing [default: the slot's name]
    #[arg(long, value_name = "NAME")]
    publication: Option<String>,
    /// First part of every topic's name [default: the slot's name]
    #[arg(long, value_name = "PREFIX")]
    topic_prefix: Option<String>,
    /// kafka (with --brokers), log (the default without), stdout (a JSON line per record), or null
    #[arg(long, value_name = "SINK")]
    sink: Option<String>,
    /// When rows that exist already are read: initial, when_needed, no_data, always or initial_only
    #[arg(long, alias = "snapshot-mode", value_name = "MODE")]
    snapshot: Option<String>,
    /// Write each change to Kafka exactly once: in transactions, together with the position
    #[arg(long)]
    exactly_once: bool,
    /// Exit once this position is delivered: `current`, or an LSN such as 0/1A2B3C8
    #[arg(long, value_name = "current|LSN")]
    stop_at: Option<String>,
    /// While another process reads the slot wait for it, and take over when that one is gone
    #[arg(long)]
    standby: bool,
    /// Memory for transactions that have no end yet, such as 64MB; beyond it they go to disk
    /// (spill.dir)
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Print the changes of each table as they are captured, beside the sink
    #[arg(long)]
    feed: bool,
    #[command(flatten)]
    shared: SharedArgs,
}

impl CaptureArgs {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let exactly_once = self.exactly_once.then(|| "required".to_owned());
        let flags = [
            ("exactly.once.support", &exactly_once),
            ("slot.name", &self.slot),
            ("table.include.list", &self.tables),
            ("publication.name", &self.publication),
            ("topic.prefix", &self.topic_prefix),
            ("sink.type", &self.sink),
            ("snapshot.mode", &self.snapshot),
            ("stop.at", &self.stop_at),
            ("streaming.memory.bytes", &self.memory),
        ];
        let mut extra: Vec<(&str, String)> =
            flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect();
        if self.standby {
            extra.push(("standby", "true".to_owned()));
        }
        let config = self.shared.resolve(&extra)?;
        let shutdown = Shutdown::on_signals().map_err(Error::Runtime)?;
        let mut view = view(&config, self.feed);
        let tap = if self.feed { Some(Box::new(FeedTap::start()?) as Box<dyn Tap>) } else { None };
        let run_id = run_id();
        let running = capture::run(&config, &run_id, tap, view.as_mut(), shutdown);
        let summary = Box::pin(running).await?;
        tracing::info!(
            target: "minicdc::capture",
            records = summary.counters.records,
            transactions = summary.counters.transactions,
            confirmed = %summary.confirmed,
            elapsed_ms = u64::try_from(summary.elapsed.as_millis()).unwrap_or(u64::MAX),
            "capture stopped"
        );
        Ok(())
    }
}

/// A live view on a terminal, log lines elsewhere. A status line would be torn by records or a
/// feed on the same screen, so then there is none.
fn view(config: &Config, feed: bool) -> Box<dyn Observer> {
    if !std::io::stderr().is_terminal() {
        return Box::new(LogView::new(config));
    }
    let writes_stdout = feed || config.sink.kind == SinkKind::Stdout;
    let shares_screen = writes_stdout && std::io::stdout().is_terminal();
    Box::new(TerminalView::new(config, !shares_screen))
}

/// A UUID of version 7, as Debezium gives each start of a task.
///
/// Source: RFC 9562, section 5.7.
fn run_id() -> String {
    let mut bytes = [0; 16];
    // Without random numbers the id is still different at each millisecond.
    let filled = SystemRandom::new().fill(&mut bytes);
    debug_assert!(filled.is_ok(), "the system has random numbers");
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(since_epoch.as_millis()).unwrap_or_default().to_be_bytes();
    bytes[..6].copy_from_slice(&milliseconds[2..]);
    bytes[6] = bytes[6] & 0x0F | 0x70;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn run_id_is_a_uuid_of_version_7() {
        let id = super::run_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'7');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_ne!(id, super::run_id());
    }
}
