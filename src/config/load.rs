//! Collects settings from all sources, weakest first, and resolves them.

use super::error::ConfigError;
use super::origin::Origin;
use super::values::{Setting, Values};
use super::{Config, database_url, environment::Environment, file, libpq, property, sections};
use crate::relation::FilterError;
use crate::relation::TableFilter;
use crate::relation::regex_reason;
use crate::relation::split_list;
use std::path::{Path, PathBuf};

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// Each `--set key=value`.
    pub set: Vec<String>,
    /// Flags that stand for a property, by the property's name.
    pub flags: Vec<(String, String)>,
}

/// Settings that hold.
#[derive(Clone)]
pub struct Resolved {
    /// The typed sections.
    pub config: Config,
    /// Every value that some source set or that follows from one, with its origin.
    pub values: Values,
    /// What a person should know although nothing is wrong.
    pub notices: Vec<String>,
}

/// Resolves all settings; the first problem ends it.
///
/// # Errors
///
/// [`ConfigError`] says which key of which source is wrong, and what would be right.
pub fn resolve(overrides: &Overrides, environment: &Environment) -> Result<Resolved, ConfigError> {
    match resolve_all(overrides, environment) {
        Ok(resolved) => Ok(resolved),
        Err(mut problems) => Err(problems.remove(0)),
    }
}

/// Resolves all settings and collects every problem.
///
/// # Errors
///
/// All problems in the order of their discovery; never an empty list.
pub fn resolve_all(
    overrides: &Overrides,
    environment: &Environment,
) -> Result<Resolved, Vec<ConfigError>> {
    let mut collected = Collected::default();
    if let Some(path) = &overrides.config_file {
        collected.take(file::read(path, environment));
    }
    collected.take(libpq::settings(environment));
    if let Some(url) = environment.get("DATABASE_URL") {
        let origin = Origin::Variable("DATABASE_URL".to_owned());
        collected.take(database_url::parse(url, &origin));
    }
    collected.take(environment.settings());
    for argument in &overrides.set {
        collected.take(set_argument(argument).map(|setting| vec![setting]));
    }
    if let Some(url) = &overrides.database_url {
        collected.take(database_url::parse(url, &Origin::Flag("--database-url".to_owned())));
    }
    collected.take(Ok(overrides.flags.iter().map(|(key, text)| flag_setting(key, text)).collect()));
    collected.finish(environment)
}

/// Checks one settings file by itself: the environment serves its `${env:NAME}` only.
///
/// # Errors
///
/// All problems of the file; never an empty list.
pub fn check_file(path: &Path, environment: &Environment) -> Result<Resolved, Vec<ConfigError>> {
    let mut collected = Collected::default();
    collected.take(file::read(path, environment));
    collected.finish(&Environment::default())
}

/// Values and problems so far.
#[derive(Default)]
struct Collected {
    values: Values,
    problems: Vec<ConfigError>,
}

impl Collected {
    /// Adds the settings of a source; sources come weakest first.
    fn take(&mut self, settings: Result<Vec<Setting>, ConfigError>) {
        match settings {
            Ok(settings) => {
                let refused = settings.into_iter().filter_map(|one| self.values.set(one).err());
                self.problems.extend(refused);
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn finish(mut self, environment: &Environment) -> Result<Resolved, Vec<ConfigError>> {
        if self.problems.is_empty() {
            match finish(self.values, environment) {
                Ok(resolved) => return Ok(resolved),
                Err(problem) => self.problems.push(problem),
            }
        }
        Err(self.problems)
    }
}

fn set_argument(argument: &str) -> Result<Setting, ConfigError> {
    match argument.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(Setting::new(key.trim(), value, Origin::Set))
        }
        // Only the part that cannot be a password is repeated.
        _ => Err(ConfigError::Set(argument.split(' ').next().unwrap_or_default().to_owned())),
    }
}

fn flag_setting(key: &str, value: &str) -> Setting {
    let flag = property::find(key).and_then(|row| row.flag).unwrap_or("command line");
    Setting::new(key, value, Origin::Flag(flag.to_owned()))
}

/// Derives what follows from other settings, checks what must fit together, builds the sections.
fn finish(mut values: Values, environment: &Environment) -> Result<Resolved, ConfigError> {
    let mut notices = Vec::new();
    libpq::derive(&mut values, environment, &mut notices)?;
    let (slot, publication) = if values.is_set("connector.class") {
        let why = "Debezium's default, as connector.class is set";
        (("debezium", why), Some(("dbz_publication", why)))
    } else {
        (("minicdc", "default"), None)
    };
    values.derive("slot.name", slot.0, slot.1)?;
    let slot_name = values.text("slot.name").to_owned();
    let publication = publication.unwrap_or((&slot_name, "slot.name"));
    values.derive("publication.name", publication.0, publication.1)?;
    values.derive("topic.prefix", &slot_name, "slot.name")?;
    let prefix = values.text("topic.prefix").to_owned();
    values.derive("name", &prefix, "topic.prefix")?;
    let (sink, why) = if values.is_set("bootstrap.servers") {
        ("kafka", "bootstrap.servers")
    } else {
        ("log", "no bootstrap.servers")
    };
    values.derive("sink.type", sink, why)?;
    // Not /tmp, which is memory on many systems.
    let spill = environment.get("TMPDIR").map_or(("/var/tmp", "default"), |dir| (dir, "TMPDIR"));
    values.derive("spill.dir", spill.0, spill.1)?;
    for (first, second) in EXCLUSIVE {
        if values.is_set(first) && values.is_set(second) {
            return Err(ConfigError::Conflict {
                first,
                first_origin: Box::new(values.origin(first)),
                second,
                second_origin: Box::new(values.origin(second)),
            });
        }
    }
    check_patterns(&values)?;
    let config = sections::build(&values)?;
    let list = sections::SELECT_OVERRIDES;
    for table in split_list(values.text(list)) {
        if !config.snapshot.select_overrides.iter().any(|(name, _)| *name == table) {
            notices.push(format!("{list} names {table}, but {list}.{table} is not set"));
        }
    }
    Ok(Resolved { config, values, notices })
}

/// Compiles every list of expressions once, so that a broken one is told with its origin.
fn check_patterns(values: &Values) -> Result<(), ConfigError> {
    for (key, value) in values.iter() {
        if matches!(value.property.kind, property::Kind::Patterns) {
            TableFilter::new("", "", values.text(key), "")
                .map_err(|error| pattern_error(values, key, &error))?;
        }
    }
    Ok(())
}

/// An expression of `key` is none.
pub(super) fn pattern_error(values: &Values, key: &str, error: &FilterError) -> ConfigError {
    broken_pattern(values, key, &error.pattern, &error.source)
}

/// A text of `key` is no expression.
pub(super) fn broken_pattern(
    values: &Values,
    key: &str,
    pattern: &str,
    error: &fancy_regex::Error,
) -> ConfigError {
    ConfigError::Pattern {
        key: property::without_salt(key),
        pattern: pattern.to_owned(),
        origin: values.origin(key),
        reason: regex_reason(error),
    }
}

const EXCLUSIVE: &[(&str, &str)] = &[
    ("schema.include.list", "schema.exclude.list"),
    ("table.include.list", "table.exclude.list"),
    ("column.include.list", "column.exclude.list"),
];

#[cfg(test)]
mod tests;
