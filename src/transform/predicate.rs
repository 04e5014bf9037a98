//! Kafka Connect's predicates: which records a transform is for.

use super::error::SettingError;
use super::event::Event;
use super::options::{Options, TransformSettings};
use super::pattern;
use crate::relation::JavaRegex;

const PACKAGE: &str = "org.apache.kafka.connect.transforms.predicates.";
const CLASSES: [&str; 3] = ["TopicNameMatches", "RecordIsTombstone", "HasHeaderKey"];

/// A condition on a record.
#[derive(Debug)]
pub(super) enum Predicate {
    /// `TopicNameMatches`
    Topic(JavaRegex),
    /// `RecordIsTombstone`
    Tombstone,
    /// `HasHeaderKey`
    Header(String),
}

impl Predicate {
    /// The predicate that the settings call `alias`.
    pub(super) fn new(alias: &str, settings: &TransformSettings) -> Result<Self, SettingError> {
        let prefix = format!("predicates.{alias}.");
        let type_key = format!("{prefix}type");
        let Some(class) = settings.get(&type_key).filter(|class| !class.is_empty()) else {
            return Err(SettingError::Missing { key: type_key });
        };
        let name = class.strip_prefix(PACKAGE).unwrap_or(class);
        let Some(known) = CLASSES.into_iter().find(|known| *known == name) else {
            return Err(SettingError::Class {
                key: type_key,
                class: class.clone(),
                known: CLASSES.map(|name| format!("{PACKAGE}{name}")).join(", "),
            });
        };
        let mut options = Options::new(&prefix, known, settings);
        let predicate = match known {
            "TopicNameMatches" => {
                let key = options.key("pattern");
                Self::Topic(pattern::whole(&key, options.required("pattern")?)?)
            }
            "HasHeaderKey" => Self::Header(options.required("name")?.to_owned()),
            _ => Self::Tombstone,
        };
        options.finish(&["type"])?;
        Ok(predicate)
    }

    pub(super) fn holds(&self, event: &Event<'_>) -> bool {
        match self {
            Self::Topic(pattern) => pattern.is_match(&event.topic),
            Self::Tombstone => event.is_tombstone(),
            Self::Header(name) => event.has_header(name),
        }
    }
}
