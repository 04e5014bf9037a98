//! Flags that several subcommands share.

use std::path::PathBuf;

/// How to reach PostgreSQL and Kafka, and where settings come from.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct SharedArgs {
    /// PostgreSQL to connect to, e.g. postgres://user:password@host:5432/shop
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Kafka to use, e.g. localhost:9092; without it the embedded log serves
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// Directory of the embedded log [default: .minicdc/log]
    #[arg(long, value_name = "DIR")]
    pub(crate) log_dir: Option<PathBuf>,
    /// Settings file: Kafka Connect connector JSON, .properties or TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One setting by its Debezium name, e.g. --set tombstones.on.delete=false
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}
