//! Keys of a table's records, and keys as values of headers.

use super::EnvelopeOptions;
use super::row_struct::{
    ColumnEncoder, Failure, key_columns, same_nulls, struct_schema, write_struct,
};
use super::table_encoder::{ConversionWarning, EncodeError, Row};
use super::topic::{adjust_schema_name, data_topic, key_field};
use crate::relation::Table;
use crate::value::HeaderForm;
use crate::value::HeaderFormat;
use crate::value::Phase;
use crate::value::ValueOptions;
use crate::value::write_header;
use crate::value::write_str;
use crate::value::{Schema, SchemaKind};

/// Encodes the keys of one version of a table.
#[derive(Debug)]
pub(super) struct KeyEncoder {
    columns: Vec<ColumnEncoder>,
    /// The member that the naming strategy adds, or nothing.
    added: Box<[u8]>,
    head: Box<[u8]>,
    tail: &'static [u8],
    header: KeyHeader,
}

/// The same for headers, which have a converter of their own.
#[derive(Debug)]
struct KeyHeader {
    columns: Vec<ColumnEncoder>,
    /// What SimpleHeaderConverter makes of the JSON.
    form: Option<HeaderForm>,
    head: Box<[u8]>,
    tail: &'static [u8],
}

impl KeyEncoder {
    pub(super) fn new(
        table: &Table,
        phase: Phase,
        options: &EnvelopeOptions,
        values: &ValueOptions,
    ) -> Self {
        let key = key_columns(table, phase, options, &values.with_json(values.key_json));
        let in_header =
            key_columns(table, phase, options, &values.with_json(options.headers.json()));
        let added = key_field(options, &table.schema, &table.name);
        let mut added_schema = Vec::new();
        if let Some((name, _)) = &added {
            Schema::new(SchemaKind::String).write_json(Some(name), &mut added_schema);
        }
        let topic = data_topic(options, &table.schema, &table.name);
        let name = adjust_schema_name(&format!("{topic}.Key"), options.schema_names);
        let schema = |columns: &[ColumnEncoder]| {
            let mut out = Vec::new();
            struct_schema(columns, &added_schema, false, &name, None, &mut out);
            out
        };
        let (head, tail) = envelope(&schema(&key), options.key_schemas);
        let header = KeyHeader::new(&schema(&in_header), in_header, options.headers);
        let added = added.map_or_else(Vec::new, |(name, value)| member(name, &value)).into();
        Self { columns: key, added, head, tail, header }
    }

    /// True when records have no key.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.added.is_empty()
    }

    /// True when two rows whose keys have the same JSON have the same key.
    pub(super) fn has_same_nulls(&self, old: Row<'_>, new: Row<'_>) -> bool {
        same_nulls(&self.columns, old, new)
    }

    /// Appends the struct without its schema.
    pub(super) fn write_payload(
        &mut self,
        row: Row<'_>,
        failure: Failure<'_>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        write_struct(&mut self.columns, row, failure, warnings, out)?;
        add_member(&self.added, self.columns.is_empty(), out);
        Ok(())
    }

    /// Appends the whole key around its payload.
    pub(super) fn wrap(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(payload);
        out.extend_from_slice(self.tail);
    }

    /// Appends the key as the value of a header.
    pub(super) fn write_header(
        &mut self,
        row: Row<'_>,
        failure: Failure<'_>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let KeyHeader { columns, form, head, tail } = &mut self.header;
        let mut json = head.to_vec();
        write_struct(columns, row, failure, warnings, &mut json)?;
        add_member(&self.added, columns.is_empty(), &mut json);
        json.extend_from_slice(tail);
        let start = out.len();
        let text = std::str::from_utf8(&json).unwrap_or_default();
        let written = form.as_ref().and_then(|form| write_header(form, text, out));
        if written.is_none() {
            out.truncate(start);
            out.extend_from_slice(&json);
        }
        Ok(())
    }
}

impl KeyHeader {
    fn new(schema: &[u8], columns: Vec<ColumnEncoder>, format: HeaderFormat) -> Self {
        let form = match format {
            HeaderFormat::Simple => std::str::from_utf8(schema).ok().and_then(HeaderForm::of),
            HeaderFormat::Json { .. } => None,
        };
        let (head, tail) =
            envelope(schema, matches!(format, HeaderFormat::Json { schemas: true, .. }));
        Self { columns, form, head, tail }
    }
}

/// What JsonConverter puts around a payload.
fn envelope(schema: &[u8], with_schema: bool) -> (Box<[u8]>, &'static [u8]) {
    if !with_schema {
        return (Box::default(), b"");
    }
    ([b"{\"schema\":", schema, b",\"payload\":"].concat().into(), b"}")
}

/// `"name":"value"`
fn member(name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_str(name, &mut out);
    out.push(b':');
    write_str(value, &mut out);
    out
}

/// Puts a member behind those of the struct that `out` ends with.
fn add_member(member: &[u8], is_first: bool, out: &mut Vec<u8>) {
    if member.is_empty() {
        return;
    }
    out.pop();
    if !is_first {
        out.push(b',');
    }
    out.extend_from_slice(member);
    out.push(b'}');
}
