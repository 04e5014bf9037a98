//! The command line: one file per subcommand, and the flags that several share.

mod capture;
mod capture_log;
mod capture_view;
mod config;
mod feed_tap;
mod load;
mod query;
mod settings_page;
mod shared;
mod snapshot;
mod table_progress;
mod tail;
mod text;

pub(crate) use shared::{LogFormat, SharedArgs};

use clap::{Parser, Subcommand};
use minicdc::error::Error;

/// Debezium for PostgreSQL without the JVM.
#[derive(Parser, Debug)]
#[command(
    name = "minicdc",
    version,
    propagate_version = true,
    after_help = "Exit status: 0 done or stopped cleanly, 1 failed, 2 bad usage or settings"
)]
pub(crate) struct Cli {
    /// How logs are written to standard error; RUST_LOG chooses what is logged
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do. (One variant per subcommand; each variant's arguments live in a file of its own.)
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Load(load::LoadArgs),
    Capture(capture::CaptureArgs),
    Config(config::ConfigArgs),
    Query(query::QueryArgs),
    Tail(tail::TailArgs),
    Snapshot(snapshot::SnapshotArgs),
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Load(args) => args.run().await,
            Self::Capture(args) => Box::pin(args.run()).await,
            Self::Config(args) => args.run(),
            Self::Query(args) => args.run().await,
            Self::Tail(args) => args.run().await,
            Self::Snapshot(args) => args.run().await,
        }
    }
}
