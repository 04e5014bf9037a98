//! One version of one table: its topic, its schemas and how its rows become JSON.
//!
//! Everything that does not change between events is rendered once, when the encoder is made; an
//! event is then a row of copies and value conversions into one buffer.

use super::EnvelopeOptions;
use super::key::KeyEncoder;
use super::row_struct::{
    ColumnEncoder, Failure, same_nulls, struct_schema, value_columns, write_struct,
};
use super::source_block::{self, SourceContext, SourceParts, number};
use super::topic::{adjust_schema_name, data_topic};
use crate::pgoutput::Cell;
use crate::relation::Table;
use crate::value::ConversionFailure;
use crate::value::Phase;
use crate::value::ValueError;
use crate::value::ValueOptions;
use crate::value::write_str;
use std::sync::Arc;

/// A row could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The row has another number of columns than its RELATION message announced.
    #[error("{table}: row of {found} columns, expected {expected}")]
    ColumnCount {
        /// `schema.table`.
        table: String,
        /// Columns of the row.
        found: usize,
        /// Columns of the table.
        expected: usize,
    },
    /// A value could not be converted, and `event.converting.failure.handling.mode` is `fail`.
    #[error("{table}.{column}: value cannot be converted")]
    Value {
        /// `schema.table`.
        table: String,
        /// Column name.
        column: String,
        /// Why.
        #[source]
        source: ValueError,
    },
}

/// A value that could not be converted, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionWarning {
    /// `schema.table`.
    pub table: String,
    /// Column name.
    pub column: String,
    /// Why, without the value.
    pub reason: String,
}

/// What happened to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Op {
    Create,
    Update,
    Delete,
    Read,
    Truncate,
}

impl Op {
    const fn letter(self) -> u8 {
        match self {
            Self::Create => b'c',
            Self::Update => b'u',
            Self::Delete => b'd',
            Self::Read => b'r',
            Self::Truncate => b't',
        }
    }
}

/// One row image.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its cells, in column order.
    pub cells: &'a [Cell<'a>],
    /// Cells of the whole old row, which stand in for TOAST values that were not sent.
    pub fallback: Option<&'a [Cell<'a>]>,
}

/// The `transaction` member of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionBlock {
    /// Transaction id.
    pub xid: u64,
    /// Position of the event, the second half of the block's id.
    pub lsn: u64,
    /// 1 for the first event of the transaction.
    pub total_order: u64,
    /// 1 for the first event of this table in it.
    pub collection_order: u64,
}

/// Everything around the rows of one event.
#[derive(Debug, Clone, Copy)]
pub struct EventContext<'a> {
    /// The source block.
    pub source: &'a SourceContext,
    /// The transaction block.
    pub transaction: Option<TransactionBlock>,
    /// The connector's clock in Unix nanoseconds.
    pub now_ns: i64,
}

/// Encodes the events of one version of a table.
#[derive(Debug)]
pub struct TableEncoder {
    topic: Arc<str>,
    qualified_name: Arc<str>,
    column_count: usize,
    columns: Vec<ColumnEncoder>,
    key: KeyEncoder,
    value_head: Box<[u8]>,
    value_tail: &'static [u8],
    source: SourceParts,
    source_table: Box<[u8]>,
    conversion_failure: ConversionFailure,
    unknown_columns: Vec<String>,
}

/// Connect schema of the `transaction` member, as the member behind `source`.
pub(super) const TRANSACTION_SCHEMA: &str = concat!(
    r#",{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},"#,
    r#"{"type":"int64","optional":false,"field":"total_order"},"#,
    r#"{"type":"int64","optional":false,"field":"data_collection_order"}],"#,
    r#""optional":true,"name":"event.block","version":1,"field":"transaction"}"#,
);

/// Everything of the value's schema behind `transaction`.
const SCHEMA_TAIL: &str = concat!(
    r#",{"type":"string","optional":false,"field":"op"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ms"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_us"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ns"}],"optional":false,"name":"#,
);

impl TableEncoder {
    /// Renders everything that is constant for this version of the table.
    #[must_use]
    pub fn new(
        table: &Table,
        phase: Phase,
        options: &EnvelopeOptions,
        values: &ValueOptions,
    ) -> Self {
        let topic = data_topic(options, &table.schema, &table.name);
        let (columns, unknown_columns) = value_columns(table, phase, options, values);
        let schema_name =
            |suffix: &str| adjust_schema_name(&format!("{topic}.{suffix}"), options.schema_names);

        let mut value_head = Vec::new();
        if options.value_schemas {
            value_head.extend_from_slice(b"{\"schema\":{\"type\":\"struct\",\"fields\":[");
            for image in ["before", "after"] {
                struct_schema(
                    &columns,
                    &[],
                    true,
                    &schema_name("Value"),
                    Some(image),
                    &mut value_head,
                );
                value_head.push(b',');
            }
            value_head.extend_from_slice(source_block::SCHEMA.as_bytes());
            value_head.extend_from_slice(TRANSACTION_SCHEMA.as_bytes());
            value_head.extend_from_slice(SCHEMA_TAIL.as_bytes());
            write_str(&schema_name("Envelope"), &mut value_head);
            value_head.extend_from_slice(b",\"version\":2},\"payload\":");
        }
        value_head.extend_from_slice(b"{\"before\":");

        let mut source_table = b",\"schema\":".to_vec();
        write_str(&table.schema, &mut source_table);
        source_table.extend_from_slice(b",\"table\":");
        write_str(&table.name, &mut source_table);
        source_table.extend_from_slice(b",\"txId\":");

        Self {
            topic,
            qualified_name: table.qualified_name().into(),
            column_count: table.columns.len(),
            columns,
            key: KeyEncoder::new(table, phase, options, values),
            value_head: value_head.into(),
            value_tail: if options.value_schemas { b"}" } else { b"" },
            source: SourceParts::new(options, values),
            source_table: source_table.into(),
            conversion_failure: values.conversion_failure,
            unknown_columns,
        }
    }

    /// True when an UPDATE leaves every captured column as it was.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], see there.
    pub fn is_unchanged(
        &mut self,
        old: Row<'_>,
        new: Row<'_>,
        warnings: &mut Vec<ConversionWarning>,
    ) -> Result<bool, EncodeError> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.write_image(Some(old), warnings, &mut before)?;
        self.write_image(Some(new), warnings, &mut after)?;
        Ok(before == after && same_nulls(&self.columns, old, new))
    }

    /// The topic of this table's events.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// `schema.table`.
    #[must_use]
    pub fn qualified_name(&self) -> &Arc<str> {
        &self.qualified_name
    }

    /// Columns that Debezium leaves out because it does not know their type, each as `name type`.
    #[must_use]
    pub fn unknown_columns(&self) -> &[String] {
        &self.unknown_columns
    }

    /// True when records of this table have a key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// True when two rows whose keys have the same JSON have the same key.
    #[must_use]
    pub fn has_same_nulls(&self, old: Row<'_>, new: Row<'_>) -> bool {
        self.key.has_same_nulls(old, new)
    }

    fn check(&self, row: Row<'_>) -> Result<(), EncodeError> {
        if row.cells.len() == self.column_count {
            return Ok(());
        }
        Err(EncodeError::ColumnCount {
            table: self.qualified_name.to_string(),
            found: row.cells.len(),
            expected: self.column_count,
        })
    }

    /// Appends the key's struct, without its schema: `{"id":1}`.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], see there.
    pub fn write_key_payload(
        &mut self,
        row: Row<'_>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.check(row)?;
        let failure = Failure { table: &self.qualified_name, mode: self.conversion_failure };
        self.key.write_payload(row, failure, warnings, out)
    }

    /// Appends the key as the value of a header.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], see there.
    pub fn write_key_header(
        &mut self,
        row: Row<'_>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.check(row)?;
        let failure = Failure { table: &self.qualified_name, mode: self.conversion_failure };
        self.key.write_header(row, failure, warnings, out)
    }

    /// Appends the whole key around a payload that [`write_key_payload`](Self::write_key_payload)
    /// wrote.
    pub fn wrap_key(&self, payload: &[u8], out: &mut Vec<u8>) {
        self.key.wrap(payload, out);
    }

    /// Appends the whole value of an event.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], see there.
    pub fn write_value(
        &mut self,
        op: Op,
        before: Option<Row<'_>>,
        after: Option<Row<'_>>,
        context: EventContext<'_>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.value_head);
        self.write_image(before, warnings, out)?;
        out.extend_from_slice(b",\"after\":");
        self.write_image(after, warnings, out)?;
        self.write_tail(op, context, out);
        Ok(())
    }

    /// Appends the whole value of a read event, whose end [`write_tail`](Self::write_tail) wrote.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], see there.
    pub fn write_read(
        &mut self,
        row: Row<'_>,
        tail: &[u8],
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.value_head);
        out.extend_from_slice(b"null,\"after\":");
        self.write_image(Some(row), warnings, out)?;
        out.extend_from_slice(tail);
        Ok(())
    }

    /// Appends everything of a value that stands behind the row images. It is the same for all
    /// events with the same context.
    pub fn write_tail(&self, op: Op, context: EventContext<'_>, out: &mut Vec<u8>) {
        context.source.write(&self.source, &self.source_table, out);
        write_transaction(context.transaction, out);
        out.extend_from_slice(b",\"op\":\"");
        out.push(op.letter());
        out.extend_from_slice(b"\",\"ts_ms\":");
        number(out, context.now_ns.div_euclid(1_000_000));
        out.extend_from_slice(b",\"ts_us\":");
        number(out, context.now_ns.div_euclid(1000));
        out.extend_from_slice(b",\"ts_ns\":");
        number(out, context.now_ns);
        out.push(b'}');
        out.extend_from_slice(self.value_tail);
    }

    fn write_image(
        &mut self,
        row: Option<Row<'_>>,
        warnings: &mut Vec<ConversionWarning>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let Some(row) = row else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        self.check(row)?;
        let failure = Failure { table: &self.qualified_name, mode: self.conversion_failure };
        write_struct(&mut self.columns, row, failure, warnings, out)
    }
}

/// Appends the member `transaction`.
pub(super) fn write_transaction(block: Option<TransactionBlock>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"transaction\":");
    match block {
        Some(block) => block.write(out),
        None => out.extend_from_slice(b"null"),
    }
}

impl TransactionBlock {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":\"");
        number(out, self.xid);
        out.push(b':');
        number(out, self.lsn);
        out.extend_from_slice(b"\",\"total_order\":");
        number(out, self.total_order);
        out.extend_from_slice(b",\"data_collection_order\":");
        number(out, self.collection_order);
        out.push(b'}');
    }
}
