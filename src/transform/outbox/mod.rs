//! `io.debezium.transforms.outbox.EventRouter`: rows of an outbox table become messages of their
//! own.

mod expand;

use super::connect::{Datum, Field, Members, Schema, string};
use super::error::SettingError;
use super::event::Event;
use super::options::Options;
use super::pattern::rewrite;
use crate::relation::Rewrite;
use expand::{Nulls, expand};
use std::sync::Arc;

/// `table.op.invalid.behavior`: what happens to an UPDATE of the outbox table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnUpdate {
    Warn,
    Error,
    Fatal,
}

/// Where a column of `table.fields.additional.placement` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Envelope,
    Partition,
}

#[derive(Debug)]
struct Additional {
    field: String,
    place: Place,
    alias: String,
}

#[derive(Debug)]
pub(super) struct EventRouter {
    on_update: OnUpdate,
    id: String,
    key: String,
    payload: String,
    timestamp: Option<String>,
    schema_version: Option<String>,
    additional: Vec<Additional>,
    missing_is_error: bool,
    /// `table.expand.json.payload`, and what becomes of its nulls.
    expands: Option<Nulls>,
    route_by: String,
    topic: Rewrite,
    tombstone_on_empty: bool,
    envelopes: Envelopes,
}

/// Schemas of wrapped payloads. Debezium makes one per version, or else per payload schema, so a
/// schema keeps the name of the first route that needed it.
#[derive(Debug, Default)]
struct Envelopes(Vec<(Option<i64>, Arc<Schema>)>);

/// Inferred schemas are as many as there are shapes of JSON.
const ENVELOPES_MAX: usize = 1000;

impl Envelopes {
    fn get(
        &mut self,
        version: Option<i64>,
        fields: Vec<Field>,
        name: impl FnOnce() -> String,
    ) -> Arc<Schema> {
        let known =
            self.0.iter().find(|(known, schema)| *known == version && schema.fields == fields);
        if let Some((_, schema)) = known {
            return Arc::clone(schema);
        }
        if self.0.len() >= ENVELOPES_MAX {
            self.0.remove(0);
        }
        let schema = Schema::structure(Some(name()), fields, false);
        let schema = Arc::new(match version {
            Some(version) => schema.versioned(version),
            None => schema,
        });
        self.0.push((version, Arc::clone(&schema)));
        schema
    }
}

impl EventRouter {
    pub(super) fn new(options: &mut Options<'_>) -> Result<Self, SettingError> {
        let keys = (options.key("route.topic.regex"), options.key("route.topic.replacement"));
        let topic = rewrite(
            (&keys.0, &keys.1),
            options.text_or("route.topic.regex", "(?<routedByValue>.*)"),
            options.text_or("route.topic.replacement", "outbox.event.${routedByValue}"),
        )?;
        // Debezium checks that name too and does not use it.
        options.text_or("table.field.event.type", "type");
        let nulls = options.word(
            "table.json.payload.null.behavior",
            Nulls::Ignore,
            &[("ignore", Nulls::Ignore), ("optional_bytes", Nulls::OptionalBytes)],
        )?;
        let expands = options.flag("table.expand.json.payload", false)?.then_some(nulls);
        Ok(Self {
            on_update: options.word(
                "table.op.invalid.behavior",
                OnUpdate::Warn,
                &[("warn", OnUpdate::Warn), ("error", OnUpdate::Error), ("fatal", OnUpdate::Fatal)],
            )?,
            id: options.text_or("table.field.event.id", "id").to_owned(),
            key: options.text_or("table.field.event.key", "aggregateid").to_owned(),
            payload: options.text_or("table.field.event.payload", "payload").to_owned(),
            timestamp: options.text("table.field.event.timestamp").map(str::to_owned),
            schema_version: options.text("table.field.event.schema.version").map(str::to_owned),
            additional: additional(options)?,
            missing_is_error: options.word(
                "table.field.additional.missing",
                true,
                &[("error", true), ("ignore", false)],
            )?,
            expands,
            route_by: options.text_or("route.by.field", "aggregatetype").to_owned(),
            topic,
            tombstone_on_empty: options.flag("route.tombstone.on.empty.payload", false)?,
            envelopes: Envelopes::default(),
        })
    }

    /// False when the record is dropped; `warnings` gets what is worth a line in the log.
    pub(super) fn apply(
        &mut self,
        event: &mut Event<'_>,
        warnings: &mut Vec<&'static str>,
    ) -> Result<bool, String> {
        if event.is_tombstone() {
            return Ok(false);
        }
        if !event.is_envelope() {
            return Ok(true);
        }
        let Some(envelope) = event.value.take() else { return Ok(true) };
        let members = Members::read(&envelope.payload);
        match members.get("op") {
            "\"d\"" => return Ok(false),
            "\"u\"" => return self.updated(warnings),
            _ => {}
        }
        let schema = envelope.schema.field("after").ok_or("its envelope has no row")?;
        let row = Row { schema, members: Members::read(members.get("after")) };
        if members.get("after") == "null" {
            return Err("its envelope has no row".to_owned());
        }
        event.additions.timestamp_ms = Some(self.timestamp(&row, &members)?);
        let (id_schema, id) = row.field(&self.id)?;
        event.add_header("id", id_schema, id)?;
        let (payload_schema, payload) = row.field(&self.payload)?;
        let mut payload = Datum { schema: Arc::clone(payload_schema), payload: payload.to_owned() };
        if let Some(nulls) = self.expands
            && payload.schema.kind == "string"
            && let Some(text) = string(&payload.payload)
        {
            match expand(&self.payload, &text, nulls) {
                Some(expanded) => payload = expanded,
                None => warnings.push("payload is no JSON object of one shape, it stays text"),
            }
        }
        self.route(event, &row, payload)?;
        Ok(true)
    }

    fn updated(&self, warnings: &mut Vec<&'static str>) -> Result<bool, String> {
        match self.on_update {
            OnUpdate::Fatal => return Err("it is an UPDATE, and outboxes are not updated".into()),
            // minicdc's log has one level for what does not stop it.
            OnUpdate::Warn | OnUpdate::Error => warnings.push("UPDATE of an outbox table ignored"),
        }
        Ok(false)
    }

    /// Kafka's timestamp: of the column that is set, else when the event was made.
    fn timestamp(&self, row: &Row<'_>, members: &Members<'_>) -> Result<i64, String> {
        let made = || members.get("ts_ms").parse().map_err(|_| "it has no ts_ms".to_owned());
        let Some(field) = &self.timestamp else { return made() };
        let (schema, json) = row.field(field)?;
        if json == "null" {
            return made();
        }
        let divisor = match schema.name.as_deref() {
            Some("io.debezium.time.Timestamp") => 1,
            Some("io.debezium.time.MicroTimestamp") => 1000,
            Some("io.debezium.time.NanoTimestamp") => 1_000_000,
            _ => return Err(format!("field {field} is no timestamp")),
        };
        let time: i64 = json.parse().map_err(|_| format!("field {field} is no timestamp"))?;
        Ok(time / divisor)
    }

    /// Key, value, topic, partition and headers of the message.
    fn route(
        &mut self,
        event: &mut Event<'_>,
        row: &Row<'_>,
        payload: Datum,
    ) -> Result<(), String> {
        let routed_by = row.string(&self.route_by)?;
        let (key_schema, key) = row.field(&self.key)?;
        event.key = Some(Datum { schema: Arc::clone(key_schema), payload: key.to_owned() });
        event.partition = None;
        let mut in_envelope = Vec::new();
        for Additional { field, place, alias } in &self.additional {
            if !self.missing_is_error && row.schema.field(field).is_none() {
                continue;
            }
            let (schema, json) = row.field(field)?;
            match place {
                Place::Header => event.add_header(alias, schema, json)?,
                Place::Envelope => in_envelope.push((alias.clone(), schema, json)),
                Place::Partition if schema.kind == "int32" => event.partition = json.parse().ok(),
                Place::Partition => return Err(format!("field {field} is no int32")),
            }
        }
        let is_empty = payload.payload == "null"
            || string(&payload.payload).is_some_and(|text| text.trim().is_empty());
        let wraps = self.additional.iter().any(|field| field.place == Place::Envelope);
        event.value = if is_empty && self.tombstone_on_empty {
            None
        } else if wraps {
            Some(self.wrapped(row, &payload, &in_envelope, &routed_by)?)
        } else {
            Some(payload)
        };
        event.topic = self.topic.apply(&routed_by).unwrap_or(routed_by).into();
        Ok(())
    }

    /// The payload in a struct, beside additional fields.
    fn wrapped(
        &mut self,
        row: &Row<'_>,
        payload: &Datum,
        beside: &[(String, &Arc<Schema>, &str)],
        routed_by: &str,
    ) -> Result<Datum, String> {
        let version = match &self.schema_version {
            None => None,
            Some(field) => Some(row.int32(field)?),
        };
        let mut fields = vec![Field::new("payload", Arc::clone(&payload.schema))];
        let more = beside.iter().map(|(name, schema, _)| (name.as_str(), Arc::clone(schema)));
        fields.extend(more.map(|(name, schema)| Field::new(name, schema)));
        let schema = self.envelopes.get(version, fields, || value_name(row.schema, routed_by));
        let all = [("payload", payload.payload.as_str())].into_iter();
        let all = all.chain(beside.iter().map(|(name, _, json)| (name.as_str(), *json)));
        Ok(Datum { schema, payload: super::connect::with_members("{}", all) })
    }
}

/// `server.schema.outbox.Value` and a route `x` make `server.schema.outbox.x.Value`.
fn value_name(row: &Schema, routed_by: &str) -> String {
    let name = row.name.as_deref().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((start, last)) => format!("{start}.{routed_by}.{last}"),
        None => format!("{routed_by}.{name}"),
    }
}

/// The row of the outbox table.
struct Row<'a> {
    schema: &'a Arc<Schema>,
    members: Members<'a>,
}

impl<'a> Row<'a> {
    fn field(&self, name: &str) -> Result<(&'a Arc<Schema>, &'a str), String> {
        let schema = self.schema.field(name).ok_or_else(|| format!("it has no field {name}"))?;
        Ok((schema, self.members.get(name)))
    }

    fn string(&self, name: &str) -> Result<String, String> {
        let (schema, json) = self.field(name)?;
        let text = string(json).filter(|_| schema.kind == "string");
        text.ok_or_else(|| format!("field {name} is no string"))
    }

    fn int32(&self, name: &str) -> Result<i64, String> {
        let (schema, json) = self.field(name)?;
        let number = json.parse().ok().filter(|_| schema.kind == "int32");
        number.ok_or_else(|| format!("field {name} is no int32"))
    }
}

/// `table.fields.additional.placement`: `column:place` or `column:place:alias`, in a list.
fn additional(options: &mut Options<'_>) -> Result<Vec<Additional>, SettingError> {
    const NAME: &str = "table.fields.additional.placement";
    let list = options.text_or(NAME, "");
    let mut fields = Vec::new();
    for text in list.split(',').filter(|text| !text.is_empty()) {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let placed = match parts.as_slice() {
            [field, place] => place_of(place).map(|place| (*field, place, *field)),
            [field, place, alias] => place_of(place).map(|place| (*field, place, *alias)),
            _ => None,
        };
        let Some((field, place, alias)) = placed else {
            let rule = "a list of column:place or column:place:alias, the place being header, \
                        envelope or partition";
            return Err(options.invalid(NAME, list, rule));
        };
        fields.push(Additional { field: field.to_owned(), place, alias: alias.to_owned() });
    }
    Ok(fields)
}

fn place_of(text: &str) -> Option<Place> {
    match text.to_ascii_lowercase().as_str() {
        "header" => Some(Place::Header),
        "envelope" => Some(Place::Envelope),
        "partition" => Some(Place::Partition),
        _ => None,
    }
}
