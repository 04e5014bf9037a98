//! `io.debezium.transforms.ByLogicalTableRouter`: the topics of several tables into one, with the
//! table added to the key so that keys stay unique.

use super::connect::{Datum, Derived, Field, Schema, json_string, with_members};
use super::error::SettingError;
use super::event::Event;
use super::options::Options;
use super::pattern::rewrite;
use crate::envelope::adjust_schema_name;
use crate::relation::Rewrite;
use crate::value::NameAdjustment;

#[derive(Debug)]
pub(super) struct LogicalRouter {
    topic: Rewrite,
    /// The field that is added to the key, and how its value follows from the old topic.
    key_field: Option<(String, Option<Rewrite>)>,
    names: NameAdjustment,
    derived: Derived,
}

impl LogicalRouter {
    pub(super) fn new(options: &mut Options<'_>) -> Result<Self, SettingError> {
        let keys = (options.key("topic.regex"), options.key("topic.replacement"));
        let (regex, replacement) =
            (options.required("topic.regex")?, options.required("topic.replacement")?);
        let topic = rewrite((&keys.0, &keys.1), regex, replacement)?;
        let unique = options.flag("key.enforce.uniqueness", true)?;
        let name = options.text_or("key.field.name", "__dbz__physicalTableIdentifier").to_owned();
        let keys = (options.key("key.field.regex"), options.key("key.field.replacement"));
        let value = match (options.text("key.field.regex"), options.text("key.field.replacement")) {
            (Some(regex), Some(replacement)) => {
                Some(rewrite((&keys.0, &keys.1), regex, replacement)?)
            }
            (Some(_), None) => return Err(SettingError::Missing { key: keys.1 }),
            (None, _) => None,
        };
        // A cache that is too small only costs Debezium time.
        let size = options.text_or("logical.table.cache.size", "16");
        if size.parse::<u32>().is_err() {
            return Err(options.invalid("logical.table.cache.size", size, "a whole number"));
        }
        Ok(Self {
            topic,
            key_field: unique.then_some((name, value)),
            names: options.word(
                "schema.name.adjustment.mode",
                NameAdjustment::None,
                &[
                    ("none", NameAdjustment::None),
                    ("avro", NameAdjustment::Avro),
                    ("avro_unicode", NameAdjustment::AvroUnicode),
                ],
            )?,
            derived: Derived::default(),
        })
    }

    pub(super) fn apply(&mut self, event: &mut Event<'_>) -> Result<(), String> {
        let Some(topic) = self.topic.apply(&event.topic).filter(|topic| !topic.is_empty()) else {
            return Ok(());
        };
        if let Some(key) = event.key.take_if(|key| key.payload != "null") {
            if key.schema.kind != "struct" {
                return Err("its key is no struct".to_owned());
            }
            event.key = Some(self.new_key(key, &topic, &event.topic));
        }
        if event.is_envelope()
            && !event.is_tombstone()
            && let Some(value) = &mut event.value
        {
            let names = self.names;
            let make = || envelope_schema(&value.schema, &topic, names);
            value.schema = self.derived.get(&value.schema, &topic, make);
        }
        event.topic = topic.into();
        Ok(())
    }

    fn new_key(&mut self, key: Datum, topic: &str, old_topic: &str) -> Datum {
        let Self { key_field, names, derived, .. } = self;
        let schema = derived.get(&key.schema, topic, || {
            let mut fields = key.schema.fields.clone();
            if let Some((name, _)) = key_field {
                fields.push(Field::new(name.as_str(), Schema::plain("string", false)));
            }
            let name = adjust_schema_name(&format!("{topic}.Key"), *names);
            key.schema.copied(fields, key.schema.optional).renamed(name)
        });
        let payload = match key_field {
            None => key.payload,
            Some((name, value)) => {
                let table = value.as_ref().and_then(|value| value.apply(old_topic));
                let table = json_string(table.as_deref().unwrap_or(old_topic));
                with_members(&key.payload, [(name.as_str(), table.as_str())])
            }
        };
        Datum { schema, payload }
    }
}

/// The envelope's schema under the names of another topic.
fn envelope_schema(old: &Schema, topic: &str, names: NameAdjustment) -> Schema {
    let name = |suffix: &str| adjust_schema_name(&format!("{topic}.{suffix}"), names);
    let fields = old.fields.iter().map(|field| match field.name.as_str() {
        "before" | "after" => {
            let image = &field.schema;
            let image = image.copied(image.fields.clone(), image.optional).renamed(name("Value"));
            Field::new(field.name.as_str(), image)
        }
        _ => field.clone(),
    });
    old.copied(fields.collect(), old.optional).renamed(name("Envelope"))
}
