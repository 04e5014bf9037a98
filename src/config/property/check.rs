//! Whether a text is a value of a property.

use super::{Default, Kind, Property, State};
use std::fmt;

/// Why a value does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It breaks the rule that [`Kind`] prints.
    Rule,
    /// Debezium knows it, minicdc does not yet.
    NotYet,
}

impl Property {
    /// The value as it is stored: trimmed, words in lower case.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the text is no value of this property, or one that is not supported yet.
    pub fn check(&self, text: &str) -> Result<String, Refusal> {
        let value = match self.kind {
            Kind::Secret => text.to_owned(),
            _ => text.trim().to_owned(),
        };
        let value = match self.kind {
            Kind::Text | Kind::Secret => value,
            Kind::Patterns => value,
            Kind::Boolean => word(&value, &["true", "false"]).ok_or(Refusal::Rule)?,
            Kind::Integer(min, max) => {
                let number: i64 = value.parse().map_err(|_| Refusal::Rule)?;
                if !(min..=max).contains(&number) {
                    return Err(Refusal::Rule);
                }
                number.to_string()
            }
            Kind::Choice { allowed, not_yet } => match word(&value, allowed) {
                Some(word) => word,
                None if word(&value, not_yet).is_some() => return Err(Refusal::NotYet),
                None => return Err(Refusal::Rule),
            },
            // An empty value is Kafka Connect's way to leave a text out.
            Kind::Form { holds, .. } if value.is_empty() || holds(&value) => value,
            Kind::Form { .. } => return Err(Refusal::Rule),
        };
        if self.state == State::NotYet && !self.is_default(&value) {
            return Err(Refusal::NotYet);
        }
        Ok(value)
    }

    /// True when setting this value changes nothing.
    fn is_default(&self, value: &str) -> bool {
        match self.default {
            Default::Value(default) => default == value,
            Default::Nothing => value.is_empty(),
            Default::Derived(_) => false,
        }
    }
}

/// The word of the list that `text` is, in any case.
fn word(text: &str, words: &[&str]) -> Option<String> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| (*word).to_owned())
}

impl fmt::Display for Kind {
    /// What a value must be, to stand behind "expected".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text | Self::Secret => f.write_str("text"),
            Self::Boolean => f.write_str("true or false"),
            // A bound that only the type sets tells nobody anything.
            Self::Integer(min, max) if *max >= i64::from(i32::MAX) => {
                write!(f, "a whole number from {min}")
            }
            Self::Integer(min, max) => write!(f, "a whole number from {min} to {max}"),
            Self::Choice { allowed, .. } => match allowed {
                [one] => f.write_str(one),
                [first @ .., last] => write!(f, "{} or {last}", first.join(", ")),
                [] => f.write_str("nothing"),
            },
            Self::Patterns => f.write_str("comma-separated regular expressions"),
            Self::Form { rule, .. } => f.write_str(rule),
        }
    }
}
