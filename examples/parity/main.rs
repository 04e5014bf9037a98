//! Compares minicdc with the real Debezium on the same database, the same statements and the same
//! Kafka. `scripts/parity.sh` builds this, starts the servers and says how to use it.

#![expect(clippy::disallowed_methods, reason = "no part of the program, whose one reader this is")]

mod compare;
#[path = "../../tests/it/golden/json.rs"]
#[allow(dead_code, reason = "shared with the tests of the recordings, which use more of it")]
mod json;
mod kafka;
mod random;
mod report;
mod run;
mod script;
mod workers;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "parity.sh", about = "Compare minicdc with the real Debezium, byte by byte")]
struct Arguments {
    /// Scripts to run: statements before `-- stream` come before both start; `-- wait N` pauses,
    /// `-- sync` waits until both have caught up, `-- @props k=v` is a setting
    scripts: Vec<PathBuf>,

    /// Settings for both, as a .properties file
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// One setting for both
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Make this many random sequences of statements
    #[arg(long, value_name = "N", default_value_t = 0)]
    random: u64,

    /// Seed of the first sequence; the next one has the next number
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Draw settings from the seed, too
    #[arg(long)]
    vary: bool,

    /// Sequences that run side by side
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch: u64,

    /// Partitions of each topic
    #[arg(long, value_name = "N", default_value_t = 1)]
    partitions: u32,

    /// Directory for logs, and for the statements and records of what differs
    #[arg(long, value_name = "DIR", default_value = "target/parity")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match compared(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True when all was equal.
fn compared(arguments: &Arguments) -> Result<bool> {
    std::fs::create_dir_all(&arguments.out)?;
    let mut settings = Vec::new();
    if let Some(path) = &arguments.settings {
        settings.extend(script::properties(&std::fs::read_to_string(path)?)?);
    }
    for setting in &arguments.set {
        settings.push(script::property(setting)?);
    }
    let mut equal = true;
    for path in &arguments.scripts {
        equal &= run::script(path, &settings, arguments.partitions, &arguments.out)?;
    }
    if arguments.random > 0 {
        if arguments.vary {
            // What was asked for comes last, and wins.
            let asked = std::mem::replace(&mut settings, random::settings(arguments.seed));
            settings.extend(asked);
        }
        let plan = run::Plan {
            sequences: arguments.random,
            seed: arguments.seed,
            batch: arguments.batch.max(1),
            partitions: arguments.partitions,
        };
        equal &= run::random(&plan, &settings, &arguments.out)?;
    }
    Ok(equal)
}
