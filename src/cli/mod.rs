//! The command line: one file per subcommand, and the flags that several share.

mod shared;

pub(crate) use shared::SharedArgs;

use clap::{Parser, Subcommand};

/// Debezium for PostgreSQL without the JVM.
#[derive(Parser, Debug)]
#[command(name = "minicdc", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do. (One variant per subcommand; each variant's arguments live in a file of its own.)
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Placeholder until the first real subcommand lands.
    #[command(hide = true)]
    Settings(SharedArgs),
}
