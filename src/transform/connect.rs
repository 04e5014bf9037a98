//! Connect's schemas and values, as texts of JsonConverter's JSON.

use crate::value::write_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A schema. Two with the same text are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    /// `struct`, `string`, …
    pub(super) kind: Cow<'static, str>,
    pub(super) optional: bool,
    pub(super) name: Option<String>,
    pub(super) fields: Vec<Field>,
    /// Of an array that was made here.
    items: Option<Arc<Schema>>,
    /// `,"items":…` or `,"keys":…,"values":…`
    members: String,
    /// `,"version":…,"doc":…,"parameters":…`
    basics: String,
    /// The JSON that JsonConverter writes, without the name of a field.
    text: String,
}

/// A field of a struct schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) schema: Arc<Schema>,
}

/// Members in the order in which JsonConverter writes them.
#[derive(Deserialize)]
struct RawSchema<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    fields: Vec<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(borrow)]
    keys: Option<&'a RawValue>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    optional: bool,
    name: Option<String>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    doc: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    default: Option<&'a RawValue>,
    field: Option<String>,
}

fn raw_members(members: &[(&str, Option<&RawValue>)]) -> String {
    let mut out = String::new();
    for (name, value) in members {
        if let Some(value) = value {
            out.push_str(&format!(",\"{name}\":{}", value.get()));
        }
    }
    out
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_str(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

impl Schema {
    /// Reads a schema; a field's name is returned beside it.
    fn read(text: &str) -> Result<(Self, Option<String>), serde_json::Error> {
        let raw: RawSchema<'_> = serde_json::from_str(text)?;
        let mut fields = Vec::with_capacity(raw.fields.len());
        for field in &raw.fields {
            let (schema, name) = Self::read(field.get())?;
            fields.push(Field { name: name.unwrap_or_default(), schema: schema.into() });
        }
        let mut schema = Self {
            kind: Cow::Owned(raw.kind.into_owned()),
            optional: raw.optional,
            name: raw.name,
            fields,
            items: None,
            members: raw_members(&[
                ("items", raw.items),
                ("keys", raw.keys),
                ("values", raw.values),
            ]),
            basics: raw_members(&[
                ("version", raw.version),
                ("doc", raw.doc),
                ("parameters", raw.parameters),
            ]),
            text: String::new(),
        };
        schema.write(&raw_members(&[("default", raw.default)]));
        Ok((schema, raw.field))
    }

    /// Writes the text from the parts.
    fn write(&mut self, default: &str) {
        let mut text = format!("{{\"type\":\"{}\"", self.kind);
        if self.kind == "struct" {
            text.push_str(",\"fields\":[");
            for (index, field) in self.fields.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                let schema = field.schema.text();
                text.push_str(schema.strip_suffix('}').unwrap_or(schema));
                text.push_str(",\"field\":");
                text.push_str(&quoted(&field.name));
                text.push('}');
            }
            text.push(']');
        }
        text.push_str(&self.members);
        text.push_str(if self.optional { ",\"optional\":true" } else { ",\"optional\":false" });
        if let Some(name) = &self.name {
            text.push_str(",\"name\":");
            text.push_str(&quoted(name));
        }
        text.push_str(&self.basics);
        text.push_str(default);
        text.push('}');
        self.text = text;
    }

    /// A schema of a kind that has no parts.
    pub(super) fn plain(kind: &'static str, optional: bool) -> Self {
        Self::built(kind.into(), optional, None, Vec::new(), String::new())
    }

    /// An array of `items`.
    pub(super) fn array(items: &Self, optional: bool) -> Self {
        let members = format!(",\"items\":{}", items.text);
        let array = Self::built("array".into(), optional, None, Vec::new(), members);
        Self { items: Some(Arc::new(items.clone())), ..array }
    }

    /// A struct.
    pub(super) fn structure(name: Option<String>, fields: Vec<Field>, optional: bool) -> Self {
        Self::built("struct".into(), optional, name, fields, String::new())
    }

    fn built(
        kind: Cow<'static, str>,
        optional: bool,
        name: Option<String>,
        fields: Vec<Field>,
        members: String,
    ) -> Self {
        let (basics, text) = (String::new(), String::new());
        let mut schema = Self { kind, optional, name, fields, items: None, members, basics, text };
        schema.write("");
        schema
    }

    /// Kafka Connect's `copySchemaBasics`, with another list of fields: no default stays.
    pub(super) fn copied(&self, fields: Vec<Field>, optional: bool) -> Self {
        let mut schema = Self { fields, optional, ..self.clone() };
        schema.write("");
        schema
    }

    /// The same under another name.
    pub(super) fn renamed(mut self, name: String) -> Self {
        self.name = Some(name);
        self.write("");
        self
    }

    /// The same in a version.
    pub(super) fn versioned(mut self, version: i64) -> Self {
        self.basics = format!(",\"version\":{version}");
        self.write("");
        self
    }

    /// The JSON of the schema.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A field by its name.
    pub(super) fn field(&self, name: &str) -> Option<&Arc<Self>> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.schema)
    }

    /// The schema of the items, for arrays that [`array`](Self::array) made.
    pub(super) fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// True when the record is one of Debezium's change events.
    pub(super) fn is_envelope(&self) -> bool {
        self.name.as_ref().is_some_and(|name| name.ends_with(".Envelope"))
    }
}

impl Field {
    pub(super) fn new(name: impl Into<String>, schema: impl Into<Arc<Schema>>) -> Self {
        Self { name: name.into(), schema: schema.into() }
    }
}

/// A key or a value: what Connect calls schema and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Datum {
    pub(super) schema: Arc<Schema>,
    /// JSON; `null` for a null that has a schema.
    pub(super) payload: String,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl Datum {
    /// Takes apart what JsonConverter wrote with `schemas.enable=true`.
    pub(super) fn read(bytes: &[u8], known: &mut Schemas) -> Result<Self, serde_json::Error> {
        let wrapped: Wrapped<'_> = serde_json::from_slice(bytes)?;
        let schema = known.get(wrapped.schema.get())?;
        Ok(Self { schema, payload: wrapped.payload.get().to_owned() })
    }

    /// What JsonConverter writes.
    pub(super) fn write(&self, with_schema: bool, out: &mut Vec<u8>) {
        if with_schema {
            out.extend_from_slice(b"{\"schema\":");
            out.extend_from_slice(self.schema.text().as_bytes());
            out.extend_from_slice(b",\"payload\":");
            out.extend_from_slice(self.payload.as_bytes());
            out.push(b'}');
        } else {
            out.extend_from_slice(self.payload.as_bytes());
        }
    }
}

/// Schemas that were read before: a table's is the same in each of its records.
#[derive(Debug, Default)]
pub(super) struct Schemas(HashMap<Box<str>, Arc<Schema>>);

/// Tables come and go; what is not used any more must not stay for ever.
const SCHEMAS_MAX: usize = 1000;

impl Schemas {
    fn get(&mut self, text: &str) -> Result<Arc<Schema>, serde_json::Error> {
        if let Some(schema) = self.0.get(text) {
            return Ok(Arc::clone(schema));
        }
        if self.0.len() >= SCHEMAS_MAX {
            self.0.clear();
        }
        let schema = Arc::new(Schema::read(text)?.0);
        self.0.insert(text.into(), Arc::clone(&schema));
        Ok(schema)
    }
}

/// Schemas that a transform made out of others, by the schema they were made of and a word that
/// says how.
#[derive(Debug, Default)]
pub(super) struct Derived(Vec<(Arc<Schema>, String, Arc<Schema>)>);

const DERIVED_MAX: usize = 64;

impl Derived {
    /// What was made of `from` before, or is made now.
    pub(super) fn get(
        &mut self,
        from: &Arc<Schema>,
        how: &str,
        make: impl FnOnce() -> Schema,
    ) -> Arc<Schema> {
        let known =
            self.0.iter().position(|(known, word, _)| Arc::ptr_eq(known, from) && word == how);
        if let Some((_, _, made)) = known.and_then(|at| self.0.get(at)) {
            return Arc::clone(made);
        }
        if self.0.len() >= DERIVED_MAX {
            self.0.remove(0);
        }
        let made = Arc::new(make());
        self.0.push((Arc::clone(from), how.to_owned(), Arc::clone(&made)));
        made
    }
}

/// Members of a struct's payload by name; a payload of null has none.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(HashMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Members<'a> {
    pub(super) fn read(payload: &'a str) -> Self {
        // What is no object has no members; the schema says what there should be.
        Self(serde_json::from_str(payload).unwrap_or_default())
    }

    /// The JSON of a member; `null` when there is none.
    pub(super) fn get(&self, name: &str) -> &'a str {
        self.0.get(name).map_or("null", |value| value.get())
    }

    /// The text of a member that is a JSON string.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        string(self.get(name))
    }
}

/// The text in a JSON string.
pub(super) fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// A text as a JSON string.
pub(super) fn json_string(text: &str) -> String {
    quoted(text)
}

/// A struct's payload with more members behind its own.
pub(super) fn with_members<'a>(
    payload: &str,
    more: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut out = payload.strip_suffix('}').unwrap_or(payload).to_owned();
    for (name, json) in more {
        if !out.ends_with('{') {
            out.push(',');
        }
        out.push_str(&quoted(name));
        out.push(':');
        out.push_str(json);
    }
    out.push('}');
    out
}
