//! `minicdc config`: the settings that hold, or all that there are.

use super::SharedArgs;
use minicdc::config::Resolved;
use minicdc::error::Error;
use std::io::{self, Write as _};

/// Show the settings that hold and where each came from.
#[derive(clap::Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    shared: SharedArgs,
}

impl ConfigArgs {
    pub(crate) fn run(self) -> Result<(), Error> {
        let resolved = self.shared.resolve_with_origins(&[])?;
        io::stdout().lock().write_all(render(&resolved).as_bytes()).map_err(Error::Output)
    }
}

/// One aligned line per value.
fn render(resolved: &Resolved) -> String {
    let rows: Vec<(&str, &str, String)> = resolved
        .values
        .iter()
        .map(|(key, value)| (key, value.shown(key), value.origin.to_string()))
        .collect();
    let width = |cell: fn(&(&str, &str, String)) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let (keys, values) = (width(|row| row.0.len()), width(|row| row.1.chars().count()));
    rows.iter()
        .map(|(key, value, origin)| format!("{key:keys$}  {value:values$}  {origin}\n"))
        .collect()
}
