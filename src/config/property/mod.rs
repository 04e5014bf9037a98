//! The table of settings: Debezium's property names, what each may be, and what minicdc does with
//! it. Loading, the help, the settings page and the tests all read this one table.
//!
//! To add a setting: give it a row in the file of its section, and read it in `sections.rs`.

mod check;
mod connection;
mod content;
mod operations;
mod replication;
mod snapshot;

pub use check::Refusal;

use std::fmt;

/// Every known property, by section, in the order of the settings page.
pub const SECTIONS: &[(&str, &[Property])] = &[
    ("Connector and connection", connection::PROPERTIES),
    ("Slot, publication and stream", replication::PROPERTIES),
    ("Snapshot and signals", snapshot::PROPERTIES),
    ("Content of events", content::PROPERTIES),
    ("Topics, sinks and operation", operations::PROPERTIES),
];

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Name as Debezium and Kafka Connect write it; a name that ends in `.*` is a whole family.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What holds when nobody sets it.
    pub default: Default,
    /// One line about it.
    pub help: &'static str,
    /// What minicdc does with it.
    pub state: State,
    /// Flag that sets it, such as `--slot`.
    pub flag: Option<&'static str>,
}

/// What a property's value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// Any text, never printed.
    Secret,
    /// `true` or `false`.
    Boolean,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// One word of a list.
    Choice {
        /// Words that work.
        allowed: &'static [&'static str],
        /// Words that Debezium knows and minicdc does not support yet.
        not_yet: &'static [&'static str],
    },
    /// Comma-separated regular expressions.
    Patterns,
    /// Text of a form.
    Form {
        /// The form in words, behind "expected".
        rule: &'static str,
        /// Whether a text has it.
        holds: fn(&str) -> bool,
    },
}

/// What holds when nobody sets a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Nothing,
    /// A fixed value.
    Value(&'static str),
    /// Something that follows from other settings, in words.
    Derived(&'static str),
}

/// What minicdc does with a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Does what Debezium does.
    Supported,
    /// Checks the value and has no use for it, for the reason given.
    Accepted(&'static str),
    /// Knows the name and stops, unless the value is the default.
    NotYet,
    /// Knows the name as the old one of another property, and stops.
    Renamed(&'static str),
}

impl Property {
    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, default: Default::Nothing, help, state: State::Supported, flag: None }
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Default::Value(value);
        self
    }

    const fn derived(mut self, words: &'static str) -> Self {
        self.default = Default::Derived(words);
        self
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    const fn accepted(mut self, reason: &'static str) -> Self {
        self.state = State::Accepted(reason);
        self
    }

    const fn not_yet(mut self) -> Self {
        self.state = State::NotYet;
        self
    }

    const fn renamed(name: &'static str, new: &'static str) -> Self {
        let mut row = Self::new(name, Kind::Text, "Old name of Debezium 1");
        row.state = State::Renamed(new);
        row
    }

    /// What the names of a family have in common, with the last dot; `None` for a single property.
    #[must_use]
    pub fn family(&self) -> Option<&'static str> {
        self.name.strip_suffix('*')
    }

    /// The environment variable that sets it, such as `MINICDC_SLOT_NAME`.
    #[must_use]
    pub fn variable(&self) -> String {
        let name = self.family().unwrap_or(self.name);
        format!("MINICDC_{}", name.to_ascii_uppercase().replace(['.', '-'], "_"))
    }

    /// True when values of `key` must never be printed.
    #[must_use]
    pub fn is_secret(&self, key: &str) -> bool {
        let key = key.to_ascii_lowercase();
        matches!(self.kind, Kind::Secret)
            || ["password", "secret", "jaas", "token"].iter().any(|word| key.contains(word))
    }
}

impl fmt::Display for Default {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Value(text) | Self::Derived(text) => f.write_str(text),
        }
    }
}

/// Every row of the table.
pub fn all() -> impl Iterator<Item = &'static Property> {
    SECTIONS.iter().flat_map(|(_, rows)| rows.iter())
}

/// The row of a key: the property of that name, else the family with the longest common start.
#[must_use]
pub fn find(key: &str) -> Option<&'static Property> {
    all().find(|row| row.name == key && row.family().is_none()).or_else(|| {
        all()
            .filter_map(|row| row.family().map(|start| (start, row)))
            .filter(|(start, _)| key.len() > start.len() && key.starts_with(start))
            .max_by_key(|(start, _)| start.len())
            .map(|(_, row)| row)
    })
}

/// A key for a person's eye: what hashes columns has its salt in the name.
#[must_use]
pub fn without_salt(key: &str) -> String {
    match key.split_once(".with.salt.") {
        Some((start, _)) => format!("{start}.with.salt.***"),
        None => key.to_owned(),
    }
}

/// The property that was probably meant by an unknown key.
#[must_use]
pub fn nearest(key: &str) -> Option<&'static Property> {
    // Debezium Server writes the same names behind a prefix.
    let key = key.trim().trim_start_matches("debezium.source.");
    let folded = key.to_ascii_lowercase().replace(['_', '-'], ".");
    let rows = || {
        all()
            .filter(|row| row.family().is_none() && !matches!(row.state, State::Renamed(_)))
            .map(|row| (row, row.name.to_ascii_lowercase()))
    };
    // A name cut short is nearer to its whole than edit distance knows.
    let mut longer = rows().filter(|(_, name)| name.starts_with(&folded));
    if let (Some((only, _)), None) = (longer.next(), longer.next()) {
        return Some(only);
    }
    let (distance, closest) = rows()
        .map(|(row, name)| (strsim::damerau_levenshtein(&folded, &name), row))
        .min_by_key(|(distance, row)| (*distance, row.name))?;
    if distance <= 2.max(key.chars().count() / 3) {
        return Some(closest);
    }
    rows()
        .map(|(row, name)| (strsim::jaro_winkler(&folded, &name), row))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, row)| row)
}

#[cfg(test)]
mod tests;
