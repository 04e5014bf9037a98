//! The columns of a table: from the schema that its records bring, or from their values.

use super::InputRecord;
use super::encoding::{Encoding, Node};
use super::json;
use crate::query::value::Type;
use serde::Deserialize;

/// A column and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as far as records tell.
    pub ty: Type,
}

/// What is known about a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The columns in their order.
    pub columns: Vec<Column>,
    /// Names of the key's columns; none when records have no key.
    pub key: Vec<String>,
}

/// `{"schema":…,"payload":…}`, taken apart.
pub(super) struct Split<'a> {
    pub(super) schema: Option<&'a str>,
    pub(super) payload: &'a str,
}

/// Takes the schema off, if there is one.
pub(super) fn split(text: &str) -> Split<'_> {
    let whole = Split { schema: None, payload: text };
    let Some(mut members) = json::members(text) else { return whole };
    match (members.next(), members.next(), members.next()) {
        (Some(("schema", schema)), Some(("payload", payload)), None) => {
            Split { schema: Some(schema).filter(|schema| *schema != "null"), payload }
        }
        _ => whole,
    }
}

/// The fields of a row by its value's schema: those of `after` (or `before`), or the schema itself
/// for a row that is in no envelope.
pub(super) fn row_fields(schema: &str) -> Option<Vec<(String, Encoding)>> {
    let node: Node = serde_json::from_str(schema).ok()?;
    let is_row = |node: &&Node| matches!(node.field.as_deref(), Some("after" | "before"));
    let is_envelope = node.fields.iter().any(|field| field.field.as_deref() == Some("op"));
    let row = node.fields.iter().find(is_row).filter(|_| is_envelope).unwrap_or(&node);
    let fields = row.fields.iter();
    Some(fields.filter_map(|node| Some((node.field.clone()?, node.encoding()))).collect())
}

/// Learns the columns of a table from its first records.
#[derive(Debug, Default)]
pub struct Discovery {
    fields: Vec<(String, Encoding)>,
    key: Vec<String>,
    has_schema: bool,
}

impl Discovery {
    /// Looks at a record. Returns true when it brought a schema, so that nothing more is to be
    /// learned.
    pub fn look_at(&mut self, record: InputRecord<'_>) -> bool {
        if self.has_schema {
            return true;
        }
        if let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok())
            && self.key.is_empty()
            && let Some(members) = json::members(split(key).payload)
        {
            self.key = members.map(|(name, _)| json::name(name).into_owned()).collect();
        }
        let Some(value) = record.value.and_then(|value| std::str::from_utf8(value).ok()) else {
            return false;
        };
        let split = split(value);
        if let Some(fields) = split.schema.and_then(row_fields).filter(|fields| !fields.is_empty())
        {
            self.fields = fields;
            self.has_schema = true;
            return true;
        }
        for row in rows(split.payload) {
            for (name, json) in json::members(row).into_iter().flatten() {
                let (name, seen) = (json::name(name), Encoding::infer(json));
                match self.fields.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = known.widen(seen),
                    None => self.fields.push((name.into_owned(), seen)),
                }
            }
        }
        false
    }

    /// The columns; `None` when no record had any.
    #[must_use]
    pub fn columns(&self) -> Option<Columns> {
        if self.fields.is_empty() {
            return None;
        }
        let column = |(name, encoding): &(String, Encoding)| Column {
            name: name.clone(),
            ty: encoding.ty(),
        };
        Some(Columns { columns: self.fields.iter().map(column).collect(), key: self.key.clone() })
    }

    /// How each column is written.
    pub(super) fn fields(&self) -> &[(String, Encoding)] {
        &self.fields
    }
}

/// The rows in a payload: those of an envelope, or the payload itself.
fn rows(payload: &str) -> Vec<&str> {
    #[derive(Deserialize)]
    struct Op {
        #[serde(rename = "op")]
        _op: String,
    }
    let Some(members) = json::members(payload) else { return Vec::new() };
    let row = |name| members.clone().find(|(found, _)| *found == name).map(|(_, json)| json);
    if serde_json::from_str::<Op>(payload).is_ok()
        && (row("after").is_some() || row("before").is_some())
    {
        return ["before", "after"]
            .into_iter()
            .filter_map(row)
            .filter(|json| *json != "null")
            .collect();
    }
    vec![payload]
}
