//! The settings of transforms and predicates, read by their names.

use super::error::SettingError;
use std::collections::BTreeMap;

/// `transforms`, `transforms.*`, `predicates` and `predicates.*` by their whole names.
pub type TransformSettings = BTreeMap<String, String>;

/// The options of one transform or predicate: each is asked for by name, and what nobody asked for
/// is unknown.
pub(super) struct Options<'a> {
    /// `transforms.<alias>.`
    prefix: String,
    settings: &'a TransformSettings,
    class: &'static str,
    asked: Vec<&'static str>,
}

impl<'a> Options<'a> {
    pub(super) fn new(prefix: &str, class: &'static str, settings: &'a TransformSettings) -> Self {
        Self { prefix: prefix.to_owned(), settings, class, asked: Vec::new() }
    }

    /// The whole name of an option.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// An option's text, when it is set and not empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.asked.push(name);
        self.settings.get(&self.key(name)).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// An option's text, also when it is set to nothing.
    pub(super) fn raw(&mut self, name: &'static str) -> Option<&'a str> {
        self.asked.push(name);
        self.settings.get(&self.key(name)).map(String::as_str)
    }

    pub(super) fn text_or(&mut self, name: &'static str, default: &'a str) -> &'a str {
        self.text(name).unwrap_or(default)
    }

    pub(super) fn required(&mut self, name: &'static str) -> Result<&'a str, SettingError> {
        let key = self.key(name);
        self.text(name).ok_or(SettingError::Missing { key })
    }

    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, SettingError> {
        self.word(name, default, &[("true", true), ("false", false)])
    }

    /// The meaning of one of the option's words, in any case.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        default: T,
        words: &[(&str, T)],
    ) -> Result<T, SettingError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, meaning)) => Ok(*meaning),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.invalid(name, text, &words.join(", ")))
            }
        }
    }

    pub(super) fn invalid(&self, name: &str, value: &str, rule: &str) -> SettingError {
        SettingError::Value { key: self.key(name), value: value.to_owned(), rule: rule.to_owned() }
    }

    /// Nothing may be set that was not asked for.
    pub(super) fn finish(mut self, common: &[&'static str]) -> Result<(), SettingError> {
        let unknown = self.settings.keys().find(|key| {
            key.strip_prefix(&self.prefix)
                .is_some_and(|name| !self.asked.contains(&name) && !common.contains(&name))
        });
        let Some(key) = unknown else { return Ok(()) };
        self.asked.sort_unstable();
        Err(SettingError::Option {
            key: key.clone(),
            class: self.class,
            known: if self.asked.is_empty() { "none".to_owned() } else { self.asked.join(", ") },
        })
    }
}

/// The names in a list; each once.
pub(super) fn aliases(
    list: &'static str,
    settings: &TransformSettings,
) -> Result<Vec<String>, SettingError> {
    let mut names: Vec<String> = Vec::new();
    let text = settings.get(list).map(String::as_str).unwrap_or_default();
    for alias in text.split(',').map(str::trim).filter(|alias| !alias.is_empty()) {
        if names.iter().any(|known| known == alias) {
            return Err(SettingError::Twice { list, alias: alias.to_owned() });
        }
        names.push(alias.to_owned());
    }
    for key in settings.keys() {
        let Some(rest) = key.strip_prefix(list).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        // A name may hold dots itself.
        let named = names.iter().any(|name| {
            rest.strip_prefix(name.as_str()).is_some_and(|option| option.starts_with('.'))
        });
        if !named {
            let alias = rest.split('.').next().unwrap_or_default().to_owned();
            return Err(SettingError::Unnamed { key: key.clone(), list, alias });
        }
    }
    Ok(names)
}
