//! A record while it is transformed.

use super::connect::{Datum, Schema, Schemas};
use super::header::header_value;
use crate::record::Additions;
use crate::record::Record;
use crate::value::HeaderFormat;
use std::sync::Arc;

/// A record on its way through the chain.
#[derive(Debug)]
pub(super) struct Event<'a> {
    /// As the engine made it.
    pub(super) record: &'a Record<'a>,
    pub(super) topic: Arc<str>,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Datum>,
    pub(super) value: Option<Datum>,
    pub(super) additions: Additions,
    headers: HeaderFormat,
}

impl<'a> Event<'a> {
    pub(super) fn read(
        record: &'a Record<'a>,
        schemas: &mut Schemas,
        headers: HeaderFormat,
    ) -> Result<Self, serde_json::Error> {
        let mut datum =
            |bytes: Option<&[u8]>| bytes.map(|bytes| Datum::read(bytes, schemas)).transpose();
        Ok(Self {
            record,
            topic: Arc::clone(record.topic),
            partition: record.partition,
            key: datum(record.key)?,
            value: datum(record.value)?,
            additions: Additions::default(),
            headers,
        })
    }

    /// True when Connect's value is null, with or without a schema.
    pub(super) fn is_tombstone(&self) -> bool {
        self.value.as_ref().is_none_or(|value| value.payload == "null")
    }

    /// True when the value is one of Debezium's change events.
    pub(super) fn is_envelope(&self) -> bool {
        self.value.as_ref().is_some_and(|value| value.schema.is_envelope())
    }

    pub(super) fn has_header(&self, name: &str) -> bool {
        self.record.all_headers().any(|(known, _)| known == name)
            || self.additions.headers.iter().any(|(known, _)| known == name)
    }

    /// Adds a header with a value of a schema, as the header converter writes it.
    pub(super) fn add_header(
        &mut self,
        name: &str,
        schema: &Schema,
        json: &str,
    ) -> Result<(), String> {
        let text = header_value(schema, json, self.headers)
            .ok_or_else(|| format!("header {name} cannot hold a value of this type"))?;
        self.additions.headers.push((name.to_owned(), text));
        Ok(())
    }
}
