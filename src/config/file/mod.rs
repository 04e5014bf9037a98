//! Settings files: Kafka Connect's connector JSON, Java `.properties`, TOML.

mod json;
mod placeholder;
mod properties;
mod toml;

use super::environment::Environment;
use super::error::ConfigError;
use super::origin::Origin;
use super::values::Setting;
use std::collections::HashSet;
use std::path::Path;

/// What is wrong with a file's text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxError {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Not TOML.
    #[error("{0}")]
    Toml(String),
    /// A value is neither text nor number nor truth value.
    #[error("{key}: expected text, a number, or true or false, found {found}")]
    Value {
        /// The key.
        key: String,
        /// What stands there.
        found: &'static str,
    },
    /// The JSON text is no object.
    #[error("expected an object, {{\"slot.name\": …}} or {{\"name\": …, \"config\": {{…}}}}")]
    NoObject,
    /// A member beside `name` and `config`.
    #[error("unknown member \"{0}\" beside \"config\"")]
    Member(String),
    /// The wrapper's name is not the one inside.
    #[error("\"name\" beside \"config\" differs from the one within")]
    Names,
    /// A member that would change what a start does.
    #[error("\"initial_state\" {0} is not supported yet; start minicdc when it shall run")]
    InitialState(String),
    /// A `\u` escape without four hex digits.
    #[error("line {0}: \\u needs four hex digits behind it")]
    Escape(usize),
}

/// A key, its text, and its line when the format tells.
pub(super) struct Entry {
    key: String,
    value: String,
    line: Option<usize>,
}

/// Reads a settings file by its extension, or by its content when that says nothing.
pub(super) fn read(path: &Path, environment: &Environment) -> Result<Vec<Setting>, ConfigError> {
    let bytes = std::fs::read(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let format = Format::of(path, text);
    let entries = format.parse(text).map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        format: format.name(),
        source,
    })?;
    let mut seen = HashSet::new();
    entries
        .into_iter()
        .map(|Entry { key, value, line }| {
            let origin = Origin::File(path.to_owned(), line);
            if !seen.insert(key.clone()) {
                return Err(ConfigError::Twice { key, origin });
            }
            match placeholder::fill_in(&value, environment) {
                Ok(value) => Ok(Setting::new(key, value, origin)),
                Err((placeholder, reason)) => {
                    Err(ConfigError::Placeholder { key, placeholder, origin, reason })
                }
            }
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Properties,
    Toml,
}

impl Format {
    fn of(path: &Path, text: &str) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Self::Json,
            Some("properties" | "props" | "conf") => Self::Properties,
            Some("toml") => Self::Toml,
            _ if text.trim_start().starts_with('{') => Self::Json,
            _ if text.parse::<::toml::Table>().is_ok() => Self::Toml,
            _ => Self::Properties,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "connector JSON",
            Self::Properties => ".properties file",
            Self::Toml => "TOML",
        }
    }

    fn parse(self, text: &str) -> Result<Vec<Entry>, SyntaxError> {
        match self {
            Self::Json => json::parse(text),
            Self::Properties => properties::parse(text),
            Self::Toml => toml::parse(text),
        }
    }
}

/// Texts of a list as one comma-separated value, as Kafka Connect writes lists.
fn join_list(items: &[String]) -> String {
    items.iter().map(|item| item.replace(',', "\\,")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
