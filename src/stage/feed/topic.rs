//! One topic of a feed: lays the cells of each change down, in the columns of its table.

use super::page::{Column, Page, Shown, is_unavailable};
use crate::stage::change::{Change, Envelope, Key, Op, Value};
use crate::stage::display;
use crate::stage::json::{self, Member};
use crate::stage::kind::Kind;

/// One topic's part of the feed.
#[derive(Debug, Default)]
pub(super) struct Topic {
    /// Short name for the lines.
    pub(super) label: String,
    pub(super) columns: Vec<Column>,
    /// The last record with a value was no envelope, so a tombstone is the delete itself.
    pub(super) bare: bool,
}

impl Topic {
    /// Index of a column, made when it is new. `guess` is where it is most likely.
    fn column(&mut self, guess: usize, name: &str) -> usize {
        match self.columns.get(guess) {
            Some(column) if *column.name == *name => return guess,
            _ => {}
        }
        if let Some(index) = self.columns.iter().position(|column| *column.name == *name) {
            return index;
        }
        self.columns.push(Column::new(name));
        self.columns.len() - 1
    }

    fn push_value(&mut self, page: &mut Page, guess: usize, name: &str, value: Shown<'_>) {
        let index = self.column(guess, name);
        if let Some(column) = self.columns.get_mut(index) {
            page.value(index, column, value);
        }
    }

    fn push_change(&mut self, page: &mut Page, name: &str, old: Shown<'_>, new: Shown<'_>) {
        let index = self.column(usize::MAX, name);
        if let Some(column) = self.columns.get(index) {
            page.change(column, old, new);
        }
    }

    pub(super) fn push_bytes(&mut self, page: &mut Page, name: &str, bytes: &[u8]) {
        let index = self.column(usize::MAX, name);
        if let Some(column) = self.columns.get_mut(index) {
            page.bytes(index, column, bytes);
        }
    }

    pub(super) fn push_key(&mut self, page: &mut Page, change: &Change<'_>) {
        match &change.key {
            Some(Key::Object { value, members }) => {
                for (index, member) in members.iter().enumerate() {
                    let kind = value.kind.field(index, &member.name);
                    self.push_value(page, index, &member.name, Shown { json: member.json, kind });
                }
            }
            Some(Key::Bytes(bytes)) => self.push_bytes(page, "key", bytes),
            None => {}
        }
    }

    /// All columns of a row but those of the key.
    pub(super) fn push_row(&mut self, page: &mut Page, key: &[Member<'_>], row: &Value<'_>) {
        let row = Row::new(row);
        for (index, column) in row.members.iter().enumerate() {
            if member(key, index, &column.name).is_none() {
                let kind = row.kind.field(index, &column.name);
                self.push_value(page, index, &column.name, Shown { json: column.json, kind });
            }
        }
    }

    pub(super) fn push_envelope(
        &mut self,
        page: &mut Page,
        key: &[Member<'_>],
        envelope: &Envelope<'_>,
        known: Option<&Value<'_>>,
    ) {
        match (envelope.op, &envelope.after) {
            (Op::Truncate, _) => page.remark("truncated"),
            (Op::Message, _) => self.push_message(page, key, envelope),
            (Op::Delete, _) => self.push_old_row(page, key, envelope.before.as_ref(), known),
            (Op::Update, Some(after)) if envelope.before.is_some() || known.is_some() => {
                self.push_difference(page, key, envelope.before.as_ref(), known, after);
            }
            (_, Some(after)) => self.push_row(page, key, after),
            (_, None) => {}
        }
    }

    /// The row that was deleted. With the default replica identity only its key was sent and the
    /// rest is filler: then the remembered row is shown, or nothing but the key.
    fn push_old_row(
        &mut self,
        page: &mut Page,
        key: &[Member<'_>],
        before: Option<&Value<'_>>,
        known: Option<&Value<'_>>,
    ) {
        let Some(base) = before.or(known) else { return };
        let (base, known) = (Row::new(base), known.map(Row::new));
        let rest = base.members.iter().enumerate();
        let rest = rest.filter(|(index, column)| member(key, *index, &column.name).is_none());
        if known.is_none() && !key.is_empty() && rest.clone().all(|(_, c)| is_filler(c.json)) {
            return;
        }
        for (index, column) in rest {
            let sent = Shown { json: column.json, kind: base.kind.field(index, &column.name) };
            let known = known.as_ref().and_then(|row| row.get(index, &column.name));
            let value = if is_filler(sent.json) { known.unwrap_or(sent) } else { sent };
            self.push_value(page, index, &column.name, value);
        }
    }

    /// What an update changed. A filler in `before` may stand for a value that was not sent, so
    /// there the remembered row is asked first.
    fn push_difference(
        &mut self,
        page: &mut Page,
        key: &[Member<'_>],
        before: Option<&Value<'_>>,
        known: Option<&Value<'_>>,
        after: &Value<'_>,
    ) {
        let (before, known, after) = (before.map(Row::new), known.map(Row::new), Row::new(after));
        let shown = page.cells.len();
        for (index, column) in after.members.iter().enumerate() {
            let name = column.name.as_ref();
            if member(key, index, name).is_some() || is_unavailable(column.json) {
                continue;
            }
            let new = Shown { json: column.json, kind: after.kind.field(index, name) };
            let sent = before.as_ref().and_then(|row| row.get(index, name));
            let known = known.as_ref().and_then(|row| row.get(index, name));
            let old = match sent {
                Some(sent) if is_filler(sent.json) => known.or(Some(sent)),
                _ => sent.or(known),
            };
            match old {
                Some(old) if old.json == new.json => {}
                Some(old) if !is_unavailable(old.json) => {
                    self.push_change(page, name, old, new);
                }
                _ => self.push_value(page, index, name, new),
            }
        }
        if page.cells.len() == shown {
            page.remark("no change");
        }
    }

    /// Prefix (when it is not the key) and content of a logical decoding message.
    fn push_message(&mut self, page: &mut Page, key: &[Member<'_>], envelope: &Envelope<'_>) {
        let Some(message) = envelope.message.as_ref().map(Row::new) else { return };
        for (index, part) in message.members.iter().enumerate() {
            let kind = message.kind.field(index, &part.name);
            if member(key, index, &part.name).is_some() {
                continue;
            }
            match display::message_text(part.json).filter(|_| *kind == Kind::Bytes) {
                Some(text) => self.push_bytes(page, &part.name, text.as_bytes()),
                None => {
                    self.push_value(page, index, &part.name, Shown { json: part.json, kind });
                }
            }
        }
    }
}

/// Looks a member up; rows of one table have their columns in one order.
fn member<'m, 'a>(members: &'m [Member<'a>], index: usize, name: &str) -> Option<&'m Member<'a>> {
    match members.get(index) {
        Some(member) if member.name == name => Some(member),
        _ => members.iter().find(|member| member.name == name),
    }
}

/// True for what Debezium writes where PostgreSQL sent nothing: NULL, or the zero of the type.
fn is_filler(json: &str) -> bool {
    matches!(json, "null" | "0" | "0.0" | "\"\"" | "false" | "\"AA==\"" | "[]" | "{}" | "\"{}\"")
}

/// A row taken apart.
struct Row<'v, 'a> {
    members: Vec<Member<'a>>,
    kind: &'v Kind,
}

impl<'v, 'a> Row<'v, 'a> {
    fn new(value: &'v Value<'a>) -> Self {
        Self { members: json::members(value.json).unwrap_or_default(), kind: &value.kind }
    }

    fn get(&self, index: usize, name: &str) -> Option<Shown<'_>> {
        let member = member(&self.members, index, name)?;
        Some(Shown { json: member.json, kind: self.kind.field(index, name) })
    }
}
