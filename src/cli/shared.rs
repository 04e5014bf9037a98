//! Flags that several subcommands share.

use minicdc::config::{self, Config, ConfigError, Environment, Overrides, Resolved};
use minicdc::error::Error;
use std::path::PathBuf;

/// How to reach PostgreSQL and Kafka, and where settings come from.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Settings (flags > --set > environment > --config > defaults)")]
pub(crate) struct SharedArgs {
    /// PostgreSQL to connect to, e.g. postgres://user:password@host:5432/shop [env: DATABASE_URL]
    #[arg(long, value_name = "URL")]
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

impl SharedArgs {
    /// Resolves all settings. `extra` holds the subcommand's own flags by the names of their
    /// properties, such as `("slot.name", slot)`.
    pub(crate) fn resolve(&self, extra: &[(&str, String)]) -> Result<Config, Error> {
        Ok(self.resolve_with_origins(extra)?.config)
    }

    /// As [`Self::resolve`], with the origin of each value.
    pub(crate) fn resolve_with_origins(
        &self,
        extra: &[(&str, String)],
    ) -> Result<Resolved, ConfigError> {
        let mut flags: Vec<(String, String)> =
            extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        if let Some(brokers) = &self.brokers {
            flags.push(("bootstrap.servers".to_owned(), brokers.clone()));
        }
        if let Some(dir) = &self.log_dir {
            flags.push(("log.dir".to_owned(), dir.to_string_lossy().into_owned()));
        }
        let overrides = Overrides {
            database_url: self.database_url.clone(),
            config_file: self.config.clone(),
            set: self.set.clone(),
            flags,
        };
        let resolved = config::resolve(&overrides, &Environment::of_process())?;
        for notice in &resolved.notices {
            tracing::warn!("{notice}");
        }
        Ok(resolved)
    }
}

/// `--log-format`.
#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

impl From<LogFormat> for minicdc::telemetry::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}
