//! `minicdc query`: live SQL over what was captured.

use super::SharedArgs;
use super::tail::stopped;
use minicdc::config::wants_colour;
use minicdc::error::Error;
use minicdc::query_flow::{self, Format, Options};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

/// Run a SELECT over captured tables and keep its result up to date.
///
/// Reads the topics from their beginning, from Kafka with --brokers, else from the embedded log,
/// and follows them. The SQL is PostgreSQL's: projections, WHERE, inner and left joins on equality,
/// GROUP BY with count, sum, avg, min, max, HAVING, ORDER BY, LIMIT, DISTINCT, UNION, subqueries in
/// FROM, and the time windows TUMBLE and HOP. Anything else is refused, with its place in the text.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  minicdc query \"SELECT p.name, sum(o.quantity) AS sold FROM orders o \
                  JOIN products p ON p.id = o.product_id GROUP BY p.name ORDER BY sold DESC LIMIT \
                  10\"\n  minicdc query \"SELECT * FROM orders WHERE quantity > 2\" --format json\n  \
                  minicdc query \"SELECT customer_id, count(*) FROM orders GROUP BY customer_id\" \
                  --to orders_per_customer --state-dir .minicdc/per-customer\n\nExit status: 0 \
                  stopped or done, 1 failed or no such table, 2 bad usage or a statement that is \
                  not supported"
)]
pub(crate) struct QueryArgs {
    /// The statement; tables are topics: orders, public.orders, or a whole topic name in quotes
    #[arg(value_name = "SELECT")]
    sql: String,
    /// How to show the result: table, in place on a terminal; changes, a line for each row that
    /// comes or goes; json, the same as JSON
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatArg>,
    /// Stop at the end instead of waiting for what comes
    #[arg(long)]
    no_follow: bool,
    /// Wait for tables that have no topic yet
    #[arg(long)]
    wait: bool,
    /// Show at most N rows of a table [default: what fits the terminal; all in a pipe]
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
    /// Time between two tables [default: 100ms on a terminal, 1s in a pipe]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    interval: Option<Duration>,
    /// Close time windows when event time is this far behind their end; their result is final then,
    /// and what comes later is left out and counted
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    lateness: Option<Duration>,
    /// Keep state and positions in this directory, and go on from there at the next start
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Write the result to this topic, with keys and tombstones; shows nothing unless --format is
    /// given
    #[arg(long, value_name = "TOPIC")]
    to: Option<String>,
    /// Embedded log that --to writes, when a capture writes the one that is read
    #[arg(long, value_name = "DIR", requires = "to")]
    to_log_dir: Option<PathBuf>,
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always, never
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", hide_possible_values = true)]
    color: ColorArg,
    #[command(flatten)]
    shared: SharedArgs,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
enum FormatArg {
    Table,
    Changes,
    Json,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

impl QueryArgs {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let config = self.shared.resolve(&[])?;
        let stdout = io::stdout();
        let in_place = if stdout.is_terminal() { 100 } else { 1000 };
        let options = Options {
            format: match (self.format, &self.to) {
                (Some(FormatArg::Table), _) | (None, None) => Format::Table,
                (Some(FormatArg::Changes), _) => Format::Changes,
                (Some(FormatArg::Json), _) => Format::Json,
                (None, Some(_)) => Format::Silent,
            },
            follow: !self.no_follow,
            wait: self.wait,
            rows_max: self.rows,
            interval: self.interval.unwrap_or(Duration::from_millis(in_place)),
            lateness: self.lateness,
            state_dir: self.state_dir,
            to: self.to,
            to_log_dir: self.to_log_dir,
            placeholder: String::from_utf8_lossy(&config.values.unavailable_placeholder)
                .into_owned(),
            color: match self.color {
                ColorArg::Auto => wants_colour(stdout.is_terminal()),
                ColorArg::Always => true,
                ColorArg::Never => false,
            },
            screen,
        };
        let stop = stopped()?;
        let say = |text: &str| eprintln!("{text}");
        query_flow::run(&config.sink, &self.sql, options, &mut stdout.lock(), say, stop).await
    }
}

/// Columns and lines of the terminal that standard output is, if it is one.
fn screen() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
    Some((usize::from(width.0), usize::from(height.0)))
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let duration =
        text.parse::<jiff::SignedDuration>().map_err(|_| "expected a time such as 1s")?;
    Duration::try_from(duration).map_err(|_| "expected a time that is not negative".to_owned())
}
