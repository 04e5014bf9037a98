//! `table.expand.json.payload`: a JSON text becomes a struct with an inferred schema.

use crate::transform::connect::{Datum, Field, Schema, json_string, with_members};
use crate::value::write_f64;
use serde_json::{Map, Value};
use std::sync::Arc;

/// `table.json.payload.null.behavior`: what becomes of a member that is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    Ignore,
    OptionalBytes,
}

/// Schema and payload for a text; nothing when it is no JSON object, or has an array whose items
/// are of several types. Debezium then leaves the text as it is.
pub(super) fn expand(name: &str, text: &str, nulls: Nulls) -> Option<Datum> {
    let json: Value = serde_json::from_str(text).ok()?;
    let members = json.as_object()?;
    let schema = object_schema(name, members, nulls)?;
    let payload = object(members, &schema)?;
    Some(Datum { schema: schema.into(), payload })
}

fn plain(kind: &'static str) -> Schema {
    Schema::plain(kind, true)
}

/// The outer `None` ends the expansion, the inner one leaves the member out.
fn schema_of(name: &str, json: &Value, nulls: Nulls) -> Option<Option<Schema>> {
    Some(match json {
        Value::Null if nulls == Nulls::OptionalBytes => Some(plain("bytes")),
        Value::Null => None,
        Value::Bool(_) => Some(plain("boolean")),
        Value::Number(number) => Some(plain(match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => "int32",
            Some(_) => "int64",
            None => "double",
        })),
        Value::String(_) => Some(plain("string")),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(Schema::array(&items_schema(name, items, nulls)?, true)),
        Value::Object(members) => Some(object_schema(name, members, nulls)?),
    })
}

fn object_schema(name: &str, members: &Map<String, Value>, nulls: Nulls) -> Option<Schema> {
    let mut fields = Vec::new();
    for (member, json) in members {
        let inner = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
        if let Some(schema) = schema_of(&inner, json, nulls)? {
            fields.push(Field::new(member.as_str(), schema));
        }
    }
    Some(Schema::structure(Some(name.to_owned()).filter(|name| !name.is_empty()), fields, true))
}

/// The schema of all items; nothing when they differ in type.
fn items_schema(name: &str, items: &[Value], nulls: Nulls) -> Option<Schema> {
    let mut there = items.iter().filter(|item| !item.is_null());
    let Some(first) = there.next() else { return schema_of("", &Value::Null, nulls)? };
    if first.is_object() {
        let mut merged: Option<Schema> = None;
        for item in std::iter::once(first).chain(there) {
            let schema = object_schema(name, item.as_object()?, nulls)?;
            merged = Some(match merged {
                None => schema,
                Some(known) if known == schema => known,
                Some(known) => merge(&known, &schema),
            });
        }
        return merged;
    }
    let schema = schema_of("", first, nulls)??;
    for item in there {
        let same_type = std::mem::discriminant(item) == std::mem::discriminant(first);
        if !same_type || (item.is_number() && schema_of("", item, nulls)?? != schema) {
            return None;
        }
    }
    Some(schema)
}

/// The fields of both; a field that was only ever null takes the other's type.
fn merge(known: &Schema, other: &Schema) -> Schema {
    let mut fields = known.fields.clone();
    for field in &other.fields {
        match fields.iter_mut().find(|known| known.name == field.name) {
            None => fields.push(field.clone()),
            Some(known) if known.schema.kind == "bytes" && field.schema.kind != "bytes" => {
                known.schema = Arc::clone(&field.schema);
            }
            Some(_) => {}
        }
    }
    known.copied(fields, false)
}

fn object(members: &Map<String, Value>, schema: &Schema) -> Option<String> {
    let mut written = Vec::new();
    for field in &schema.fields {
        let json = members.get(&field.name).unwrap_or(&Value::Null);
        written.push((field.name.as_str(), value(json, &field.schema)?));
    }
    Some(with_members("{}", written.iter().map(|(name, json)| (*name, json.as_str()))))
}

/// The JSON that JsonConverter writes for a value of the schema; nothing when it is of another.
fn value(json: &Value, schema: &Schema) -> Option<String> {
    match (json, &*schema.kind) {
        (Value::Null, _) => schema.optional.then(|| "null".to_owned()),
        (Value::Bool(flag), "boolean") => Some(flag.to_string()),
        (Value::String(text), "string") => Some(json_string(text)),
        (Value::Number(number), "int32") => {
            i32::try_from(number.as_i64()?).ok().map(|number| number.to_string())
        }
        (Value::Number(number), "int64") => number.as_i64().map(|number| number.to_string()),
        (Value::Number(number), "double") if number.is_f64() => {
            let mut out = Vec::new();
            write_f64(number.as_f64()?, &mut out);
            String::from_utf8(out).ok()
        }
        (Value::Array(items), "array") => {
            let of = schema.items()?;
            let items: Option<Vec<String>> = items.iter().map(|item| value(item, of)).collect();
            Some(format!("[{}]", items?.join(",")))
        }
        (Value::Object(members), "struct") => object(members, schema),
        _ => None,
    }
}
