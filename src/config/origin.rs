//! Where a value came from.

use std::{fmt, path::PathBuf};

/// The place that set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, such as `--slot`.
    Flag(String),
    /// `--set key=value`.
    Set,
    /// An environment variable.
    Variable(String),
    /// A settings file, and the line when it is known.
    File(PathBuf, Option<usize>),
    /// A password file.
    PasswordFile(PathBuf),
    /// It follows from something else, in words.
    Derived(String),
    /// The property's default.
    Default,
}

impl Origin {
    /// True for a value that a settings file wrote.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        matches!(self, Self::File(..))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Set => f.write_str("--set"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::File(path, Some(line)) => write!(f, "{} line {line}", path.display()),
            Self::PasswordFile(path) => write!(f, "password file {}", path.display()),
            Self::Derived(from) => f.write_str(from),
            Self::Default => f.write_str("default"),
        }
    }
}
