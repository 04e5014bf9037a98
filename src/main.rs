//! The `minicdc` command.

mod cli;

use clap::Parser as _;

fn main() {
    let cli = cli::Cli::parse();
    match cli.command {
        cli::Command::Settings(_) => {}
    }
}
