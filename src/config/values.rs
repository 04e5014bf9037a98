//! Checked values by name, each with the place it came from.

use super::error::ConfigError;
use super::origin::Origin;
use super::property::{self, Default, Kind, Property, Refusal, State};
use std::collections::BTreeMap;

/// One setting as a source wrote it. No `Debug`, as the value may be secret.
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) origin: Origin,
}

impl Setting {
    pub(super) fn new(key: impl Into<String>, value: impl Into<String>, origin: Origin) -> Self {
        Self { key: key.into(), value: value.into(), origin }
    }
}

/// A checked value.
#[derive(Clone)]
pub struct Value {
    /// The row of its property.
    pub property: &'static Property,
    /// Where it came from.
    pub origin: Origin,
    text: String,
}

impl Value {
    /// The value for a person's eye: secrets as `***`.
    #[must_use]
    pub fn shown(&self, key: &str) -> &str {
        if self.property.is_secret(key) && !self.text.is_empty() { "***" } else { &self.text }
    }
}

/// All values that some source set.
#[derive(Clone, std::default::Default)]
pub struct Values(BTreeMap<String, Value>);

impl Values {
    /// Checks one setting and lets it replace what a weaker source said.
    pub(super) fn set(&mut self, setting: Setting) -> Result<(), ConfigError> {
        let Setting { key, value, origin } = setting;
        let Some(property) = property::find(&key) else {
            let nearest = property::nearest(&key).map(|row| row.name.to_owned());
            return Err(ConfigError::Unknown { nearest, key, origin });
        };
        if let State::Renamed(new) = property.state {
            return Err(ConfigError::Renamed { key, origin, new });
        }
        let shown = if property.is_secret(&key) { "***".to_owned() } else { value.clone() };
        match property.check(&value) {
            Ok(text) => {
                self.0.insert(key, Value { property, origin, text });
                Ok(())
            }
            Err(Refusal::Rule) => Err(ConfigError::Invalid {
                key,
                value: shown,
                origin,
                rule: property.kind.to_string(),
            }),
            Err(Refusal::NotYet) => Err(not_yet(property, key, shown, origin)),
        }
    }

    /// Sets a value that follows from others, unless some source set it.
    pub(super) fn derive(&mut self, key: &str, value: &str, why: &str) -> Result<(), ConfigError> {
        if self.is_set(key) {
            return Ok(());
        }
        self.set(Setting::new(key, value, Origin::Derived(why.to_owned())))
    }

    /// True when a source gave the property a value that is not empty.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.text.is_empty())
    }

    /// Where the value of a property comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.0.get(key).map_or(Origin::Default, |value| value.origin.clone())
    }

    /// All values in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The text of a property, or of its default; empty when there is none.
    pub(super) fn text(&self, key: &str) -> &str {
        match self.0.get(key) {
            Some(value) if !value.text.is_empty() => &value.text,
            _ => match property::find(key).map(|row| row.default) {
                Some(Default::Value(text)) => text,
                _ => "",
            },
        }
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// A whole number in the type that takes it.
    pub(super) fn number<T: TryFrom<i64>>(&self, key: &str) -> Result<T, ConfigError> {
        self.parsed(key, |text| text.parse().ok().and_then(|number: i64| T::try_from(number).ok()))
    }

    /// The meaning of one of the property's words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<T, ConfigError> {
        self.parsed(key, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
        })
    }

    /// The text as something else; fails with the property's rule.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let text = self.text(key);
        parse(text).ok_or_else(|| ConfigError::Invalid {
            key: key.to_owned(),
            value: text.to_owned(),
            origin: self.origin(key),
            rule: property::find(key).map_or_else(String::new, |row| row.kind.to_string()),
        })
    }

    /// Values of a family by the rest of their names.
    pub(super) fn family(&self, start: &str) -> Vec<(String, String)> {
        self.0
            .iter()
            .filter_map(|(key, value)| {
                Some((key.strip_prefix(start)?.to_owned(), value.text.clone()))
            })
            .collect()
    }
}

/// Tells a property that is not supported from a value that is not.
fn not_yet(property: &Property, key: String, value: String, origin: Origin) -> ConfigError {
    match property.kind {
        Kind::Choice { not_yet, .. } if !not_yet.is_empty() => {
            ConfigError::ValueNotYet { key, value, origin, allowed: property.kind.to_string() }
        }
        _ => {
            let default = match property.default {
                Default::Value(text) => Some(text),
                Default::Nothing | Default::Derived(_) => None,
            };
            ConfigError::NotYet { key, origin, default }
        }
    }
}
