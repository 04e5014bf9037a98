//! All transforms of a connector in their order.

use super::connect::Schemas;
use super::error::{SettingError, TransformError};
use super::event::Event;
use super::logical_router::LogicalRouter;
use super::options::{Options, TransformSettings, aliases};
use super::outbox::EventRouter;
use super::predicate::Predicate;
use super::regex_router::RegexRouter;
use super::unwrap::Unwrap;
use crate::record::Additions;
use crate::record::Record;
use crate::value::HeaderFormat;
use std::sync::Arc;

const CLASSES: [&str; 4] = [
    "io.debezium.transforms.ExtractNewRecordState",
    "io.debezium.transforms.outbox.EventRouter",
    "io.debezium.transforms.ByLogicalTableRouter",
    "org.apache.kafka.connect.transforms.RegexRouter",
];

/// Options that every transform has.
const COMMON: [&str; 3] = ["type", "predicate", "negate"];

#[derive(Debug)]
enum Transform {
    Unwrap(Unwrap),
    Outbox(EventRouter),
    Logical(LogicalRouter),
    Regex(RegexRouter),
}

#[derive(Debug)]
struct Stage {
    alias: String,
    transform: Transform,
    /// For which records it is, and whether for all others instead.
    predicate: Option<(Predicate, bool)>,
}

/// The transforms, with the buffers of the record that comes out.
#[derive(Debug)]
pub struct Chain {
    stages: Vec<Stage>,
    schemas: Schemas,
    key_schemas: bool,
    value_schemas: bool,
    headers: HeaderFormat,
    warnings: Vec<String>,
    topic: Arc<str>,
    key: Vec<u8>,
    value: Vec<u8>,
    additions: Additions,
}

impl Chain {
    /// The chain that the settings describe; the flags are the converters' `schemas.enable`.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for the first setting that does not hold.
    pub fn new(
        settings: &TransformSettings,
        key_schemas: bool,
        value_schemas: bool,
    ) -> Result<Self, SettingError> {
        let predicates = aliases("predicates", settings)?;
        for alias in &predicates {
            // Also one that nobody uses has to hold.
            Predicate::new(alias, settings)?;
        }
        let names = aliases("transforms", settings)?;
        let stages: Result<Vec<Stage>, SettingError> =
            names.into_iter().map(|alias| Stage::new(alias, &predicates, settings)).collect();
        Ok(Self {
            stages: stages?,
            schemas: Schemas::default(),
            key_schemas,
            value_schemas,
            headers: HeaderFormat::Simple,
            warnings: Vec::new(),
            topic: "".into(),
            key: Vec::new(),
            value: Vec::new(),
            additions: Additions::default(),
        })
    }

    /// The same with headers as another converter writes them.
    #[must_use]
    pub fn with_headers(self, headers: HeaderFormat) -> Self {
        Self { headers, ..self }
    }

    /// True when there is no transform, so that nothing has to come through here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// What is worth a line in the log since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Puts a record that was written with its schemas through all transforms; nothing comes out
    /// when one of them drops it.
    ///
    /// # Errors
    ///
    /// [`TransformError`] when a transform cannot do anything with the record.
    pub fn apply<'a>(
        &'a mut self,
        record: &Record<'a>,
    ) -> Result<Option<Record<'a>>, TransformError> {
        let mut event = Event::read(record, &mut self.schemas, self.headers).map_err(|source| {
            TransformError::Malformed { topic: record.topic.to_string(), source }
        })?;
        for stage in &mut self.stages {
            let kept = stage.apply(&mut event, &mut self.warnings).map_err(|reason| {
                let (transform, topic) = (stage.alias.clone(), record.topic.to_string());
                TransformError::Unfit { transform, topic, reason }
            })?;
            if !kept {
                return Ok(None);
            }
        }
        let Event { topic, partition, key, value, additions, .. } = event;
        self.topic = topic;
        self.additions = additions;
        self.key.clear();
        self.value.clear();
        if let Some(key) = &key {
            key.write(self.key_schemas, &mut self.key);
        }
        if let Some(value) = &value {
            value.write(self.value_schemas, &mut self.value);
        }
        Ok(Some(Record {
            topic: &self.topic,
            partition,
            key: key.is_some().then_some(self.key.as_slice()),
            value: value.is_some().then_some(self.value.as_slice()),
            additions: Some(&self.additions),
            ..*record
        }))
    }
}

impl Stage {
    fn new(
        alias: String,
        predicates: &[String],
        settings: &TransformSettings,
    ) -> Result<Self, SettingError> {
        let prefix = format!("transforms.{alias}.");
        let type_key = format!("{prefix}type");
        let Some(class) = settings.get(&type_key).filter(|class| !class.is_empty()) else {
            return Err(SettingError::Missing { key: type_key });
        };
        // Kafka Connect also takes a class by its simple name.
        let known = CLASSES
            .into_iter()
            .find(|known| known == class || known.rsplit('.').next() == Some(class));
        let Some(known) = known else {
            let (class, known) = (class.clone(), CLASSES.join(", "));
            return Err(SettingError::Class { key: type_key, class, known });
        };
        let mut options = Options::new(&prefix, known, settings);
        let transform = match known.rsplit('.').next() {
            Some("ExtractNewRecordState") => Transform::Unwrap(Unwrap::new(&mut options)?),
            Some("EventRouter") => Transform::Outbox(EventRouter::new(&mut options)?),
            Some("ByLogicalTableRouter") => Transform::Logical(LogicalRouter::new(&mut options)?),
            _ => Transform::Regex(RegexRouter::new(&mut options)?),
        };
        let predicate = predicate(&prefix, predicates, settings)?;
        options.finish(&COMMON)?;
        Ok(Self { alias, transform, predicate })
    }

    /// False when the record is dropped.
    fn apply(&mut self, event: &mut Event<'_>, warnings: &mut Vec<String>) -> Result<bool, String> {
        if let Some((predicate, negated)) = &self.predicate
            && predicate.holds(event) == *negated
        {
            return Ok(true);
        }
        match &mut self.transform {
            Transform::Unwrap(unwrap) => unwrap.apply(event),
            Transform::Outbox(router) => {
                let mut said = Vec::new();
                let kept = router.apply(event, &mut said)?;
                let said = said.into_iter().map(|text| format!("{}: {text}", self.alias));
                warnings.extend(said);
                Ok(kept)
            }
            Transform::Logical(router) => router.apply(event).map(|()| true),
            Transform::Regex(router) => {
                router.apply(event);
                Ok(true)
            }
        }
    }
}

/// The predicate that a transform names, and whether `negate` turns it round.
fn predicate(
    prefix: &str,
    known: &[String],
    settings: &TransformSettings,
) -> Result<Option<(Predicate, bool)>, SettingError> {
    let mut options = Options::new(prefix, "", settings);
    let negated = options.flag("negate", false)?;
    let Some(alias) = options.text("predicate") else {
        let key = options.key("negate");
        return if negated { Err(SettingError::Negate { key }) } else { Ok(None) };
    };
    if !known.iter().any(|name| name == alias) {
        return Err(options.invalid("predicate", alias, "a name of the list predicates"));
    }
    Ok(Some((Predicate::new(alias, settings)?, negated)))
}
