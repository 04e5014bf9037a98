//! Why settings do not hold.

use super::origin::Origin;
use crate::transform::SettingError;
use std::path::PathBuf;

/// A setting, or the place it came from, is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No property has this name.
    #[error("unknown setting {key} ({origin})")]
    Unknown {
        /// The name as written.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// The property has had another name since Debezium 2.
    #[error("{key} ({origin}) is the old name of {new}")]
    Renamed {
        /// The name as written.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// The name of today.
        new: &'static str,
    },
    /// The value breaks the property's rule.
    #[error("{key}: invalid value \"{value}\" ({origin}): expected {rule}")]
    Invalid {
        /// The property.
        key: String,
        /// The value as written, `***` when it is secret.
        value: String,
        /// Where it was written.
        origin: Origin,
        /// What is allowed.
        rule: String,
    },
    /// One expression of a list is none.
    #[error("{key}: invalid regular expression \"{pattern}\" ({origin}): {reason}")]
    Pattern {
        /// The property.
        key: String,
        /// The expression as written.
        pattern: String,
        /// Where it was written.
        origin: Origin,
        /// What is wrong with it, in a few words.
        reason: String,
    },
    /// Debezium has this property.
    #[error("{key} ({origin}) is a known Debezium key that minicdc does not support yet")]
    NotYet {
        /// The property.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// The value that changes nothing and is accepted therefore.
        default: Option<&'static str>,
    },
    /// Debezium has this value of a property.
    #[error(
        "{key}: \"{value}\" ({origin}) is a known Debezium value that minicdc does not support yet; \
         it supports {allowed}"
    )]
    ValueNotYet {
        /// The property.
        key: String,
        /// The value as written.
        value: String,
        /// Where it was written.
        origin: Origin,
        /// What is supported.
        allowed: String,
    },
    /// The name of a property that changes columns does not say how.
    #[error("{key} ({origin}) names no change of columns")]
    ColumnRule {
        /// The name as written, without its salt.
        key: String,
        /// Where it was written.
        origin: Origin,
    },
    /// Two settings exclude each other.
    #[error("{first} ({first_origin}) and {second} ({second_origin}) exclude each other")]
    Conflict {
        /// One setting.
        first: &'static str,
        /// Where it was written.
        first_origin: Box<Origin>,
        /// The other.
        second: &'static str,
        /// Where it was written.
        second_origin: Box<Origin>,
    },
    /// One setting needs another.
    #[error("{key}={value} ({origin}) needs {needs}")]
    Needs {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// Where it was written.
        origin: Origin,
        /// The setting that is missing.
        needs: &'static str,
    },
    /// A setting for one item of a list that does not name it.
    #[error("{key} ({origin}) has no effect: {list} does not name {item}")]
    NotListed {
        /// The setting.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// What the list should name.
        item: String,
        /// The setting that holds the list.
        list: &'static str,
    },
    /// A transform or a predicate is not set as it has to be.
    #[error("{problem} ({origin})")]
    Transform {
        /// What is wrong.
        problem: SettingError,
        /// Where it was written.
        origin: Origin,
    },
    /// An argument of `--set` has no `=`.
    #[error("--set {0}: expected KEY=VALUE")]
    Set(String),
    /// A key stands twice in one source.
    #[error("{key} is set twice ({origin})")]
    Twice {
        /// The key.
        key: String,
        /// Where it was written the second time.
        origin: Origin,
    },
    /// A settings file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A settings file is not what its name and content promise.
    #[error("{} is no valid {format}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// `connector JSON`, `.properties file` or `TOML`.
        format: &'static str,
        /// What is wrong, and where.
        #[source]
        source: super::file::SyntaxError,
    },
    /// The text names no database.
    #[error("{origin} is no PostgreSQL URL: {reason}")]
    Url {
        /// The flag or the environment variable.
        origin: Origin,
        /// What is wrong; never the text itself, which holds a password.
        reason: String,
    },
    /// A `${provider:…}` in a settings file cannot be filled in.
    #[error("{key}: ${{{placeholder}}} ({origin}) cannot be filled in: {reason}")]
    Placeholder {
        /// The property.
        key: String,
        /// What stands between the braces.
        placeholder: String,
        /// Where it was written.
        origin: Origin,
        /// What is missing.
        reason: String,
    },
    /// A settings file was checked, and its problems are told.
    #[error("{}: {}", path.display(), match problems { 1 => "1 problem".to_owned(), n => format!("{n} problems") })]
    Checked {
        /// The file.
        path: PathBuf,
        /// How many problems it has.
        problems: usize,
    },
    /// A libpq feature that is not there.
    #[error("{what} is a known libpq setting that minicdc does not support yet")]
    Libpq {
        /// The variable or the parameter.
        what: String,
    },
}

impl ConfigError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { nearest: Some(name), .. } => format!(
                "did you mean {name}? `minicdc config --list` prints every setting"
            ),
            Self::Unknown { nearest: None, .. } => {
                "`minicdc config --list` prints every setting".to_owned()
            }
            Self::Renamed { new, .. } => format!("write {new}"),
            Self::NotYet { default: Some(default), key, .. } if !default.is_empty() => {
                format!("leave it out, or write {key}={default}, which is what minicdc does")
            }
            Self::NotYet { .. } => {
                "leave it out; `minicdc config --list` prints what is supported, and \
                 `minicdc config --check FILE` all problems of a file"
                    .to_owned()
            }
            Self::Pattern { .. } => {
                "lists are comma-separated regular expressions on schema.table, such as \
                 'public.orders,public.c.*'; write a comma inside a pattern as \\,"
                    .to_owned()
            }
            Self::ColumnRule { .. } => {
                "write column.truncate.to.20.chars, column.mask.with.12.chars or \
                 column.mask.hash.v2.SHA-256.with.salt.SALT; hashes are MD5, SHA-1, SHA-224, \
                 SHA-256, SHA-384, SHA-512, SHA-512/224 and SHA-512/256"
                    .to_owned()
            }
            Self::Conflict { first, .. } => format!("keep one of them; {first} is usually the clearer one"),
            Self::Needs { needs, .. } => match *needs {
                "bootstrap.servers" => "name the brokers with --brokers localhost:9092".to_owned(),
                needs if needs.contains('=') => format!("set it with --set {needs}"),
                needs => format!("set it with --set {needs}=…"),
            },
            Self::NotListed { item, list, .. } => format!("add {item} to {list}"),
            Self::Transform { problem, .. } => problem.hint(),
            Self::Set(_) => "for example --set tombstones.on.delete=false".to_owned(),
            Self::Twice { .. } => "keep one of them".to_owned(),
            Self::Url { .. } => {
                "write postgres://user:password@host:5432/database?sslmode=require, with %40 for @, \
                 %2F for / and %3A for : in user and password"
                    .to_owned()
            }
            Self::Libpq { .. } => {
                "unset it, and name the database with --database-url postgres://user@host:5432/database"
                    .to_owned()
            }
            Self::Invalid { key, .. } => return super::property::find(key).map(|row| {
                format!("{key}: {}", row.help)
            }),
            Self::Syntax { .. } => "`minicdc config --check FILE` checks a settings file".to_owned(),
            Self::Placeholder { .. } => {
                "minicdc fills in ${env:VARIABLE}, ${file:/path/to.properties:key} and \
                 ${dir:/path:file}"
                    .to_owned()
            }
            Self::ValueNotYet { .. } | Self::Read { .. } | Self::Checked { .. } => return None,
        })
    }
}
