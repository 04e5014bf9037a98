//! `minicdc snapshot`: asks a running capture for a snapshot.

use super::SharedArgs;
use minicdc::config::Config;
use minicdc::control;
use minicdc::error::Error;
use serde_json::json;
use std::io::{self, Write as _};

/// Ask a running capture to read tables once more, or to pause that
///
/// Tables are read chunk by chunk while the stream goes on; what changes meanwhile is not sent
/// twice. Settings are those of the capture: it is found by its slot and its log's directory.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  minicdc snapshot --slot dbserver1 public.orders\n  \
    minicdc snapshot --slot dbserver1 public.orders --where 'id > 1000'\n  \
    minicdc snapshot --slot dbserver1 --status")]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    shared: SharedArgs,
    /// Tables, as regular expressions for schema.table; `orders` is public.orders
    #[arg(value_name = "TABLE", required_unless_present_any = ["pause", "resume", "stop", "status"])]
    tables: Vec<String>,
    /// Replication slot of the capture [default: minicdc]
    #[arg(long, value_name = "SLOT")]
    slot: Option<String>,
    /// Read only rows for which this holds; with --blocking, a whole SELECT
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// Let the stream wait meanwhile, and read all at once
    #[arg(long)]
    blocking: bool,
    /// Read nothing more until --resume
    #[arg(long, conflicts_with_all = ["resume", "stop", "status", "tables"])]
    pause: bool,
    /// Go on reading
    #[arg(long, conflicts_with_all = ["stop", "status", "tables"])]
    resume: bool,
    /// Give up what was asked for, of these tables or of all
    #[arg(long, conflicts_with = "status")]
    stop: bool,
    /// Say what is being read
    #[arg(long, conflicts_with = "tables")]
    status: bool,
}

impl SnapshotArgs {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let extra: Vec<(&str, String)> =
            self.slot.iter().map(|slot| ("slot.name", slot.clone())).collect();
        let config: Config = self.shared.resolve(&extra)?;
        let path = control::socket_path(&config);
        let answer = control::ask(&path, &self.signal().to_string()).await.map_err(|source| {
            let slot = config.replication.slot_name.clone();
            Error::NoCapture { slot, path: path.clone(), source }
        })?;
        match answer.strip_prefix("error: ") {
            Some(error) => Err(Error::Refused(error.to_owned())),
            None => writeln!(io::stdout(), "{answer}").map_err(Error::Output),
        }
    }

    fn signal(&self) -> serde_json::Value {
        let tables: Vec<String> = self.tables.iter().map(|table| qualified(table)).collect();
        let kind = if self.blocking { "blocking" } else { "incremental" };
        if self.status {
            return json!({"type": "status"});
        }
        if self.pause {
            return json!({"type": "pause-snapshot"});
        }
        if self.resume {
            return json!({"type": "resume-snapshot"});
        }
        if self.stop {
            return json!({"type": "stop-snapshot", "data": {"data-collections": tables}});
        }
        let mut data = json!({"type": kind, "data-collections": tables});
        if let Some(condition) = &self.condition {
            let narrowed = |table| json!({"data-collection": table, "filter": condition});
            data["additional-conditions"] = tables.iter().map(narrowed).collect();
        }
        json!({"type": "execute-snapshot", "data": data})
    }
}

/// A name without a schema is one of `public`.
fn qualified(table: &str) -> String {
    if table.contains('.') { table.to_owned() } else { format!("public.{table}") }
}

#[cfg(test)]
mod tests {
    use super::qualified;

    #[test]
    fn name_alone_is_one_of_public() {
        assert_eq!(qualified("orders"), "public.orders");
        assert_eq!(qualified("shop.o.*"), "shop.o.*");
    }
}
