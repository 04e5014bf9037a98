//! The `minicdc` command: parses, starts logging, runs one subcommand, reports its failure.

mod cli;

use clap::Parser as _;
use minicdc::config::wants_colour;
use minicdc::error::Error;
use owo_colors::{OwoColorize as _, Style};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: cli::Cli) -> Result<(), Error> {
    minicdc::telemetry::start_logging(cli.log_format.into())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Runtime)?;
    let result = runtime.block_on(cli.command.run());
    // A thread that still waits for its socket must not hold up the exit.
    runtime.shutdown_background();
    result
}

/// Prints `error: …` with its causes and `hint: …` below it.
fn report(error: &Error) {
    let stderr = io::stderr();
    let colour = wants_colour(stderr.is_terminal());
    let paint = |style: Style| if colour { style } else { Style::new() };
    let mut out = stderr.lock();
    let label = paint(Style::new().red().bold());
    let mut written = writeln!(out, "{} {}", "error:".style(label), error.chain());
    if let Some(excerpt) = error.excerpt() {
        written = written.and_then(|()| writeln!(out, "{excerpt}"));
    }
    if let Some(hint) = error.hint() {
        let label = paint(Style::new().cyan().bold());
        written = written.and_then(|()| writeln!(out, "{} {hint}", "hint: ".style(label)));
    }
    // Whoever closed standard error sees the exit status only.
    drop(written);
}
