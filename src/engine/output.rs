//! The way out of the engine: changes become records, records are numbered and emitted.

use super::transaction::Change;
use super::transaction::EventNumbers;
use crate::envelope::ConversionWarning;
use crate::envelope::EncodeError;
use crate::envelope::EnvelopeOptions;
use crate::envelope::EventContext;
use crate::envelope::HeartbeatEncoder;
use crate::envelope::LogicalMessageEncoder;
use crate::envelope::Notification;
use crate::envelope::NotificationEncoder;
use crate::envelope::Op;
use crate::envelope::Row;
use crate::envelope::TableEncoder;
use crate::envelope::TransactionMark;
use crate::pgoutput::Cell;
use crate::pgoutput::LogicalMessage;
use crate::pgoutput::OldTuple;
use crate::progress::Progress;
use crate::record::Record;
use crate::value::{ConversionFailure, HeaderFormat, json_header};
use std::sync::Arc;

pub(super) type Emit<'a> = dyn FnMut(&Record<'_>) + 'a;

const NEW_KEY: &str = "__debezium.newkey";
const OLD_KEY: &str = "__debezium.oldkey";

/// Buffers that are used again for each record, and the numbering of what goes out.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) progress: Progress,
    pub(super) now_ns: i64,
    pub(super) records: u64,
    pub(super) warnings: Vec<ConversionWarning>,
    headers: Vec<(&'static str, Arc<[u8]>)>,
    /// Key structs without schema, of the new and of the old row.
    new_key: Vec<u8>,
    old_key: Vec<u8>,
    /// Value of the header that only one record has.
    header: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// Which of the two key structs a record has, and what its own header says.
#[derive(Clone, Copy)]
enum KeyOf {
    New,
    Old,
}

fn plain<'a>(cells: &'a [Cell<'a>]) -> Row<'a> {
    Row { cells, fallback: None }
}

impl Output {
    pub(super) fn new(options: &EnvelopeOptions, run_id: &str) -> Self {
        let context: [(&'static str, &str); 4] = [
            ("__debezium.context.connectorLogicalName", &options.topic_prefix),
            ("__debezium.context.taskId", "0"),
            ("__debezium.context.connectorName", "postgresql"),
            ("__debezium.context.runId", run_id),
        ];
        let value = |text: &str| match options.headers {
            HeaderFormat::Simple => Arc::from(text.as_bytes()),
            HeaderFormat::Json { schemas, .. } => json_header(text, schemas).into(),
        };
        let headers = context.map(|(name, text)| (name, value(text)));
        Self {
            progress: Progress::default(),
            now_ns: 0,
            records: 0,
            warnings: Vec::new(),
            headers: if options.extended_headers { headers.to_vec() } else { Vec::new() },
            new_key: Vec::new(),
            old_key: Vec::new(),
            header: Vec::new(),
            key: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Sends what one change makes: one event, or for a changed key a delete, its tombstone and a
    /// create, as far as they are not to be skipped. With `sent_before` everything is counted and
    /// nothing is emitted.
    pub(super) fn send_change(
        &mut self,
        encoder: &mut TableEncoder,
        change: &Change<'_>,
        events: &mut EventNumbers<'_>,
        sent_before: bool,
        options: &EnvelopeOptions,
        emit: &mut Emit<'_>,
    ) -> Result<(), EncodeError> {
        let mut silent = |_: &Record<'_>| {};
        let emit = if sent_before { &mut silent } else { emit };
        let mut send = Sender { out: self, encoder, sent_before, emit };
        let now_ns = send.out.now_ns;
        match *change {
            Change::Insert(new) => {
                send.keys(None, Some(plain(new)))?;
                let context = events.context(now_ns);
                send.event(Op::Create, None, Some(plain(new)), KeyOf::New, None, context)
            }
            Change::Truncate => {
                let context = events.context(now_ns);
                send.keyless_event(Op::Truncate, context)
            }
            Change::Delete(old) => {
                let old = plain(old.cells());
                send.keys(Some(old), None)?;
                let context = events.context(now_ns);
                send.event(Op::Delete, Some(old), None, KeyOf::Old, None, context)?;
                if options.tombstones {
                    send.tombstone(KeyOf::Old, None);
                }
                Ok(())
            }
            Change::Update(old, new) => {
                let new = Row { cells: new, fallback: old.map(OldTuple::cells) };
                let old = old.map(|old| plain(old.cells()));
                if options.skip_unchanged && send.is_unchanged(old, new)? {
                    return Ok(());
                }
                send.keys(old, Some(new))?;
                let out = &send.out;
                let skipped = &options.skipped;
                let is_same_key = old.is_none_or(|old| {
                    out.old_key == out.new_key && send.encoder.has_same_nulls(old, new)
                });
                if !send.encoder.has_key() || is_same_key {
                    if skipped.update {
                        return Ok(());
                    }
                    let context = events.context(now_ns);
                    return send.event(Op::Update, old, Some(new), KeyOf::New, None, context);
                }
                if !skipped.delete {
                    send.key_header(Some(new))?;
                    let context = events.context(now_ns);
                    send.event(Op::Delete, old, None, KeyOf::Old, Some(NEW_KEY), context)?;
                    if options.tombstones {
                        send.tombstone(KeyOf::Old, Some(NEW_KEY));
                    }
                }
                if skipped.create {
                    return Ok(());
                }
                send.key_header(old)?;
                let context = events.context(now_ns);
                send.event(Op::Create, None, Some(new), KeyOf::New, Some(OLD_KEY), context)
            }
        }
    }

    /// Applies `event.processing.failure.handling.mode` to an event that could not be written.
    pub(super) fn leave_out(
        &mut self,
        error: EncodeError,
        mode: ConversionFailure,
    ) -> Result<(), EncodeError> {
        match (error, mode) {
            (EncodeError::Value { table, column, source }, ConversionFailure::Warn) => {
                let reason = format!("{source}; its event is left out");
                self.warnings.push(ConversionWarning { table, column, reason });
                Ok(())
            }
            (EncodeError::Value { .. }, ConversionFailure::Skip) => Ok(()),
            (error, _) => Err(error),
        }
    }

    /// Sends one row of a snapshot.
    pub(super) fn send_read(
        &mut self,
        encoder: &mut TableEncoder,
        cells: &[Cell<'_>],
        context: EventContext<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<(), EncodeError> {
        let mut send = Sender { out: self, encoder, sent_before: false, emit };
        send.keys(None, Some(plain(cells)))?;
        send.event(Op::Read, None, Some(plain(cells)), KeyOf::New, None, context)
    }

    /// Sends a row that was encoded before.
    pub(super) fn send_encoded(
        &mut self,
        topic: &Arc<str>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        emit: &mut Emit<'_>,
    ) {
        let record = Record {
            sequence: 0,
            topic,
            partition: None,
            key,
            value,
            own_header: None,
            headers: &self.headers,
            additions: None,
        };
        let sequence = self.progress.sent(record.weight());
        self.records += 1;
        emit(&Record { sequence, ..record });
    }

    /// Sends BEGIN or END to the transaction topic; such records have no headers.
    pub(super) fn send_transaction_mark(
        &mut self,
        topic: &Arc<str>,
        mark: &TransactionMark<'_>,
        options: &EnvelopeOptions,
        emit: &mut Emit<'_>,
    ) {
        self.key.clear();
        self.value.clear();
        mark.write_key(options.key_schemas, &mut self.key);
        mark.write_value(options.value_schemas, &mut self.value);
        self.emit_bare(topic, None, emit);
    }

    /// Sends a logical decoding message; such records have no headers.
    pub(super) fn send_message(
        &mut self,
        encoder: &LogicalMessageEncoder,
        message: &LogicalMessage<'_>,
        context: EventContext<'_>,
        emit: &mut Emit<'_>,
    ) {
        self.key.clear();
        self.value.clear();
        encoder.write_key(message, &mut self.key);
        encoder.write_value(message, context, &mut self.value);
        self.emit_bare(encoder.topic(), None, emit);
    }

    /// Sends a heartbeat; such records have no headers, and partition 0 always.
    pub(super) fn send_heartbeat(&mut self, encoder: &HeartbeatEncoder, emit: &mut Emit<'_>) {
        self.key.clear();
        self.value.clear();
        encoder.write_key(&mut self.key);
        encoder.write_value(self.now_ns, &mut self.value);
        self.emit_bare(encoder.topic(), Some(0), emit);
    }

    /// Sends a notification; such records have no headers.
    pub(super) fn send_notification(
        &mut self,
        encoder: &NotificationEncoder,
        notification: &Notification,
        emit: &mut Emit<'_>,
    ) {
        self.key.clear();
        self.value.clear();
        encoder.write_key(notification, &mut self.key);
        encoder.write_value(notification, &mut self.value);
        self.emit_bare(encoder.topic(), None, emit);
    }

    /// Emits what `key` and `value` hold, without headers.
    fn emit_bare(&mut self, topic: &Arc<str>, partition: Option<i32>, emit: &mut Emit<'_>) {
        let record = Record {
            sequence: 0,
            topic,
            partition,
            key: Some(&self.key),
            value: Some(&self.value),
            own_header: None,
            headers: &[],
            additions: None,
        };
        let sequence = self.progress.sent(record.weight());
        self.records += 1;
        emit(&Record { sequence, ..record });
    }
}

/// One change on its way out.
struct Sender<'a> {
    out: &'a mut Output,
    encoder: &'a mut TableEncoder,
    sent_before: bool,
    emit: &'a mut Emit<'a>,
}

impl Sender<'_> {
    /// Writes the key structs of the rows that are there.
    fn keys(&mut self, old: Option<Row<'_>>, new: Option<Row<'_>>) -> Result<(), EncodeError> {
        let Output { old_key, new_key, warnings, .. } = &mut *self.out;
        old_key.clear();
        new_key.clear();
        if !self.encoder.has_key() {
            return Ok(());
        }
        if let Some(row) = old {
            self.encoder.write_key_payload(row, warnings, old_key)?;
        }
        if let Some(row) = new {
            self.encoder.write_key_payload(row, warnings, new_key)?;
        }
        Ok(())
    }

    /// Writes the key of a row as the value of a header.
    fn key_header(&mut self, row: Option<Row<'_>>) -> Result<(), EncodeError> {
        let Output { header, warnings, .. } = &mut *self.out;
        header.clear();
        row.map_or(Ok(()), |row| self.encoder.write_key_header(row, warnings, header))
    }

    /// True when the old row is known and the same as far as it is captured.
    fn is_unchanged(&mut self, old: Option<Row<'_>>, new: Row<'_>) -> Result<bool, EncodeError> {
        let Some(old) = old else { return Ok(false) };
        self.encoder.is_unchanged(old, new, &mut self.out.warnings)
    }

    fn event(
        &mut self,
        op: Op,
        before: Option<Row<'_>>,
        after: Option<Row<'_>>,
        key: KeyOf,
        own_header: Option<&'static str>,
        context: EventContext<'_>,
    ) -> Result<(), EncodeError> {
        let Output { value, warnings, .. } = &mut *self.out;
        value.clear();
        self.encoder.write_value(op, before, after, context, warnings, value)?;
        self.emit(Some(key), true, own_header);
        Ok(())
    }

    fn keyless_event(&mut self, op: Op, context: EventContext<'_>) -> Result<(), EncodeError> {
        let Output { value, warnings, .. } = &mut *self.out;
        value.clear();
        self.encoder.write_value(op, None, None, context, warnings, value)?;
        self.emit(None, true, None);
        Ok(())
    }

    fn tombstone(&mut self, key: KeyOf, own_header: Option<&'static str>) {
        self.emit(Some(key), false, own_header);
    }

    fn emit(&mut self, key: Option<KeyOf>, with_value: bool, own_header: Option<&'static str>) {
        if self.sent_before {
            return;
        }
        let Output {
            progress,
            headers,
            header,
            new_key,
            old_key,
            key: key_buffer,
            value,
            records,
            ..
        } = &mut *self.out;
        let own_key = match key {
            Some(KeyOf::Old) => &*old_key,
            _ => &*new_key,
        };
        let key = key.filter(|_| self.encoder.has_key()).map(|_| {
            key_buffer.clear();
            self.encoder.wrap_key(own_key, key_buffer);
            key_buffer.as_slice()
        });
        let record = Record {
            sequence: 0,
            topic: self.encoder.topic(),
            partition: None,
            key,
            value: with_value.then_some(value.as_slice()),
            own_header: own_header.map(|name| (name, header.as_slice())),
            headers,
            additions: None,
        };
        let sequence = progress.sent(record.weight());
        *records += 1;
        (self.emit)(&Record { sequence, ..record });
    }
}
