//! `minicdc config`: the settings that hold, all that there are, or whether a file's do.

use super::{SharedArgs, settings_page};
use minicdc::config::property::{State, without_salt};
use minicdc::config::{self, ConfigError, Environment, Resolved};
use minicdc::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Show the settings that hold and where each came from
///
/// Every setting has its Debezium name. A flag beats --set, which beats the environment
/// (DATABASE_URL, libpq's PGHOST and so on, MINICDC_SLOT_NAME for slot.name), which beats the file
/// of --config.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    minicdc config --config connector.json --set snapshot.mode=no_data\n  \
    minicdc config --list | grep topic\n  \
    minicdc config --check connector.json")]
pub(crate) struct ConfigArgs {
    /// Print every setting there is, also Debezium's that are not supported yet
    #[arg(long)]
    list: bool,
    /// With --list: as the Markdown page docs/settings.md
    #[arg(long, requires = "list")]
    markdown: bool,
    /// Check a settings file and print all its problems
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    check: Option<PathBuf>,
    #[command(flatten)]
    shared: SharedArgs,
}

impl ConfigArgs {
    pub(crate) fn run(self) -> Result<(), Error> {
        match &self.check {
            Some(path) => check(path),
            None if self.markdown => print(&settings_page::markdown()),
            None if self.list => print(&settings_page::table()),
            None => print(&values(&self.shared.resolve_with_origins(&[])?)),
        }
    }
}

fn print(text: &str) -> Result<(), Error> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(Error::Output)
}

/// One aligned line per value.
fn values(resolved: &Resolved) -> String {
    let rows: Vec<(String, &str, String)> = resolved
        .values
        .iter()
        .map(|(key, value)| (without_salt(key), value.shown(key), value.origin.to_string()))
        .collect();
    let width =
        |cell: fn(&(String, &str, String)) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let (keys, values) = (width(|row| row.0.len()), width(|row| row.1.chars().count()));
    rows.iter()
        .map(|(key, value, origin)| format!("{key:keys$}  {value:values$}  {origin}\n"))
        .collect()
}

fn check(path: &Path) -> Result<(), Error> {
    match config::check_file(path, &Environment::of_process()) {
        Ok(resolved) => print(&verdict(path, &resolved)),
        Err(problems) => {
            let count = problems.len();
            for problem in problems {
                let problem = Error::from(problem);
                print(&format!("{}\n", problem.chain()))?;
                if let Some(hint) = problem.hint() {
                    print(&format!("  {hint}\n"))?;
                }
            }
            Err(ConfigError::Checked { path: path.to_owned(), problems: count }.into())
        }
    }
}

/// Says that a file holds, and which of its settings have nothing to do here.
fn verdict(path: &Path, resolved: &Resolved) -> String {
    let own = || resolved.values.iter().filter(|(_, value)| value.origin.is_file());
    let mut text = format!("{}: {} settings, all of them hold\n", path.display(), own().count());
    for (key, value) in own() {
        if let State::Accepted(reason) = value.property.state {
            text.push_str(&format!("  {key} has nothing to do here: {reason}\n"));
        }
    }
    text
}
