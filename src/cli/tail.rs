//! `minicdc tail`: live feeds of what was captured.

use super::SharedArgs;
use super::text::stdout_width;
use minicdc::config::wants_colour;
use minicdc::error::Error;
use minicdc::tail::{self, Format, Start, StartError, TailOptions};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};

/// Show the changes of tables, as they are captured.
///
/// Reads Kafka with --brokers, else the embedded log, also while `minicdc capture` writes it. In
/// the feed, + is an insert, ~ an update, - a delete, · a row read by a snapshot, × a truncate,
/// » a logical message, and * a record that is no change.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  minicdc tail orders\n  minicdc tail orders customers -n 50\n  \
                  minicdc tail '*' --from 10m\n  minicdc tail orders --from beginning --no-follow \
                  --format record | jq .value\n\nExit status: 0 stopped or done, 1 failed or no \
                  such table, 2 bad usage"
)]
pub(crate) struct TailArgs {
    /// Tables: orders, public.orders, a whole topic name, or '*' for every topic
    #[arg(value_name = "TABLE", required = true)]
    tables: Vec<String>,
    /// Begin with the last N changes [default: 10]
    #[arg(short = 'n', long = "last", value_name = "N", conflicts_with = "from")]
    last: Option<usize>,
    /// Begin at beginning, end, an offset, a time (2026-11-22T12:00:00Z, "2026-11-22 12:00",
    /// 12:00), or so long ago (10m)
    #[arg(long, value_name = "PLACE", value_parser = parse_start)]
    from: Option<Start>,
    /// Stop at the end instead of waiting for what comes
    #[arg(long)]
    no_follow: bool,
    /// Stop after N changes
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Wait for tables that have no topic yet
    #[arg(long)]
    wait: bool,
    /// How to show changes: feed, one line per change; table, one table per --interval; json, the
    /// payload of each; record, each Kafka record whole
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    format: FormatArg,
    /// Time between two tables of --format table
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    interval: Duration,
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always, never
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", hide_possible_values = true)]
    color: ColorArg,
    #[command(flatten)]
    shared: SharedArgs,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
enum FormatArg {
    #[default]
    Feed,
    Table,
    Json,
    Record,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

impl TailArgs {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let config = self.shared.resolve(&[])?;
        let stdout = io::stdout();
        let options = TailOptions {
            names: self.tables,
            start: self.from.unwrap_or(Start::Last(self.last.unwrap_or(10))),
            follow: !self.no_follow,
            wait: self.wait,
            limit: self.limit,
            format: match self.format {
                FormatArg::Feed => Format::Feed,
                FormatArg::Table => Format::Table,
                FormatArg::Json => Format::Json,
                FormatArg::Record => Format::Record,
            },
            interval: self.interval,
            color: match self.color {
                ColorArg::Auto => wants_colour(stdout.is_terminal()),
                ColorArg::Always => true,
                ColorArg::Never => false,
            },
            width: stdout_width,
            now: jiff::Zoned::now(),
        };
        let stop = stopped()?;
        let say = |text: &str| eprintln!("{text}");
        tail::run(&config.sink, options, &mut stdout.lock(), say, stop).await
    }
}

/// Completes when somebody asks us to stop, or when nobody reads what we print any more.
pub(super) fn stopped() -> Result<impl Future<Output = ()>, Error> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = output_closed() => {}
        }
    })
}

/// Completes when the reader of standard output has gone, as in `minicdc tail orders | head`: the
/// next write, which would tell, may be hours away.
async fn output_closed() {
    let output = io::stdout().as_fd().try_clone_to_owned();
    // A file cannot be watched, and nobody goes away from it.
    #[expect(
        deprecated,
        reason = "its successor is unsafe, for descriptors that may be closed early; we own ours"
    )]
    let watched = output.and_then(|output| AsyncFd::with_interest(output, Interest::ERROR));
    if let Ok(output) = watched
        && output.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

fn parse_start(text: &str) -> Result<Start, StartError> {
    Start::parse(text, &jiff::Zoned::now())
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let duration =
        text.parse::<jiff::SignedDuration>().map_err(|_| "expected a time such as 1s")?;
    Duration::try_from(duration)
        .ok()
        .filter(|interval| *interval >= Duration::from_millis(10))
        .ok_or_else(|| "expected at least 10ms".to_owned())
}
