//! Structs of columns: row images and keys.

use super::EnvelopeOptions;
use super::table_encoder::{ConversionWarning, EncodeError, Row};
use crate::pgoutput::Cell;
use crate::relation::Column;
use crate::relation::Table;
use crate::value::ConversionFailure;
use crate::value::Field;
use crate::value::Phase;
use crate::value::ValueError;
use crate::value::ValueOptions;
use crate::value::write_str;

#[derive(Debug)]
pub(super) struct ColumnEncoder {
    /// Position in the row.
    pub(super) index: usize,
    /// `"name":`
    label: Box<[u8]>,
    pub(super) field: Field,
    /// A conversion failure is said once per column and table version.
    warned: bool,
}

/// The columns of row images, and those that are left out because their type is not known, each
/// as `name type`.
pub(super) fn value_columns(
    table: &Table,
    phase: Phase,
    options: &EnvelopeOptions,
    values: &ValueOptions,
) -> (Vec<ColumnEncoder>, Vec<String>) {
    let (mut columns, mut unknown) = (Vec::new(), Vec::new());
    for (index, column) in table.columns.iter().enumerate() {
        if !options.columns.includes(table, &column.name) {
            continue;
        }
        match Field::new(column, phase, values) {
            Some(field) => {
                let field = match options.columns.mapper(table, column, phase) {
                    Some(mapper) => field.mapped(mapper, column, phase),
                    None => field,
                };
                columns.push(ColumnEncoder::new(index, field));
            }
            None => unknown.push(format!("{} {}", column.name, column.pg_type.name)),
        }
    }
    (columns, unknown)
}

/// True when both rows have NULL at the same columns, as far as their JSON may hide it: where the
/// schema has a default, NULL looks like it and is something else.
pub(super) fn same_nulls(columns: &[ColumnEncoder], old: Row<'_>, new: Row<'_>) -> bool {
    columns.iter().all(|column| {
        let is_null = |row: Row<'_>| matches!(row.cells.get(column.index), Some(Cell::Null));
        let schema = &column.field.schema;
        is_null(old) == is_null(new) || schema.default.is_none() || !schema.optional
    })
}

/// The columns of the key, which no list removes and no rule changes.
pub(super) fn key_columns(
    table: &Table,
    phase: Phase,
    options: &EnvelopeOptions,
    values: &ValueOptions,
) -> Vec<ColumnEncoder> {
    let encoder = |index: &usize| {
        let column = table.columns.get(*index)?;
        let field = if phase == Phase::Snapshot || options.columns.includes(table, &column.name) {
            Field::new(column, phase, values)?
        } else {
            // While streaming, Debezium asks the catalogue about captured columns only.
            // Recording: filters.skipnochange.
            let unknown = Column { nullable: true, default: None, ..column.clone() };
            Field::new(&unknown, phase, values)?
        };
        Some(ColumnEncoder::new(*index, field))
    };
    options.columns.key(table).iter().filter_map(encoder).collect()
}

fn label(name: &str) -> Box<[u8]> {
    let mut out = Vec::with_capacity(name.len() + 3);
    write_str(name, &mut out);
    out.push(b':');
    out.into()
}

/// Appends the schema of a struct of columns, with `more` fields behind them.
pub(super) fn struct_schema(
    columns: &[ColumnEncoder],
    more: &[u8],
    optional: bool,
    name: &str,
    field: Option<&str>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"type\":\"struct\",\"fields\":[");
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        column.field.schema.write_json(Some(&column.field.name), out);
    }
    if !more.is_empty() && !columns.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(more);
    out.extend_from_slice(b"],\"optional\":");
    out.extend_from_slice(if optional { b"true" } else { b"false" });
    out.extend_from_slice(b",\"name\":");
    write_str(name, out);
    if let Some(field) = field {
        out.extend_from_slice(b",\"field\":");
        write_str(field, out);
    }
    out.push(b'}');
}

#[derive(Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) table: &'a str,
    pub(super) mode: ConversionFailure,
}

pub(super) fn write_struct(
    columns: &mut [ColumnEncoder],
    row: Row<'_>,
    failure: Failure<'_>,
    warnings: &mut Vec<ConversionWarning>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut separator = b'{';
    for column in columns {
        out.push(separator);
        separator = b',';
        out.extend_from_slice(&column.label);
        let cell = row.cells.get(column.index).copied().unwrap_or(Cell::Null);
        let cell = match (cell, row.fallback.and_then(|old| old.get(column.index))) {
            // Debezium cannot tell an old NULL from an old value that it does not have.
            (Cell::UnchangedToast, Some(old @ (Cell::Text(_) | Cell::Binary(_)))) => *old,
            _ => cell,
        };
        match cell {
            Cell::Null => column.field.write_absent(out),
            Cell::UnchangedToast => column.field.write_unavailable(out),
            Cell::Text(text) | Cell::Binary(text) => {
                if let Err(error) = column.field.write(text, out) {
                    column.failed(error, failure, warnings, out)?;
                }
            }
        }
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

impl ColumnEncoder {
    fn new(index: usize, field: Field) -> Self {
        Self { index, label: label(&field.name), field, warned: false }
    }

    /// Applies `event.converting.failure.handling.mode`.
    fn failed(
        &mut self,
        source: ValueError,
        failure: Failure<'_>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let table = failure.table.to_owned();
        let column = self.field.name.clone();
        match failure.mode {
            ConversionFailure::Fail => {
                return Err(EncodeError::Value { table, column, source });
            }
            ConversionFailure::Warn if !self.warned => {
                self.warned = true;
                warnings.push(ConversionWarning { table, column, reason: source.to_string() });
            }
            ConversionFailure::Warn | ConversionFailure::Skip => {}
        }
        self.field.write_failed(out);
        Ok(())
    }
}
