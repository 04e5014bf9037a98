//! Lists of regular expressions, as Debezium's include and exclude lists hold them.

use super::FilterError;
use super::JavaRegex;

/// A regular expression that the whole of a name must match, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(JavaRegex);

impl Pattern {
    pub(super) fn new(property: &str, text: &str) -> Result<Self, FilterError> {
        JavaRegex::whole_in_any_case(text).map(Self).map_err(|source| FilterError {
            property: property.to_owned(),
            pattern: text.to_owned(),
            source,
        })
    }

    pub(super) fn is_match(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// The patterns of one property.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Splits a comma-separated list (a comma behind a backslash belongs to the pattern) and
    /// compiles each item.
    pub(super) fn parse(property: &str, list: &str) -> Result<Self, FilterError> {
        split_list(list)
            .iter()
            .map(|item| Pattern::new(property, item))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_match(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Which pattern is the first that matches.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|pattern| pattern.is_match(name))
    }

    /// An include list and an exclude list together: an include list that is not empty decides.
    pub(super) fn choose(include: &Self, exclude: &Self, name: &str) -> bool {
        if include.is_empty() { !exclude.is_match(name) } else { include.is_match(name) }
    }
}

/// Items of a comma-separated list, trimmed, without empty ones; `\,` stands for a comma.
#[must_use]
pub(crate) fn split_list(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&',') => {
                chars.next();
                if let Some(item) = items.last_mut() {
                    item.push(',');
                }
            }
            ',' => items.push(String::new()),
            _ => {
                if let Some(item) = items.last_mut() {
                    item.push(c);
                }
            }
        }
    }
    items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comma_behind_a_backslash_belongs_to_the_pattern() {
        assert_eq!(split_list(r" a{1\,2} , b,,"), ["a{1,2}", "b"]);
    }
}
