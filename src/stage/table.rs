//! Micro-batches as tables, in the way of a streaming console sink.
//!
//! ```text
//! -------------------------------------------
//! Batch: 0
//! -------------------------------------------
//! +---+-----------+----------+--------+
//! | id|customer_id|product_id|quantity|
//! +---+-----------+----------+--------+
//! |  1|          1|         1|       1|
//! +---+-----------+----------+--------+
//! ```
//!
//! One row per record, made of `payload.after` as text. A record without it (a delete, a
//! tombstone, bytes that are no JSON) is a row of NULLs, because that is what a streaming job over
//! the same topic shows.
//!
//! Source: Apache Spark 3.5, `Dataset.showString` and the console sink's `ConsoleWrite`.

use super::RecordView;
use super::change::{Body, Op, Parser, Value};
use super::display;
use super::json;
use std::collections::HashMap;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Rows of a batch that are shown.
const ROWS_MAX: usize = 20;

/// Characters of a cell that are shown, the dots of a cut one included.
const CELL_CHARS_MAX: usize = 20;

/// Narrowest column.
const COLUMN_WIDTH_MIN: usize = 3;

const RULE: &str = "-------------------------------------------\n";

/// Collects records and prints them as numbered batches.
#[derive(Debug, Default)]
pub struct TableWriter {
    parser: Parser,
    topics: Vec<Batch>,
    by_name: HashMap<Box<str>, usize>,
}

/// What has come for one topic since its last batch.
#[derive(Debug, Default)]
struct Batch {
    topic: Box<str>,
    number: u64,
    columns: Vec<Box<str>>,
    /// Cells by column; a column that came later is missing at the end of earlier rows.
    rows: Vec<Vec<Option<String>>>,
    /// All rows of the batch, those that are not shown included.
    count: usize,
}

impl TableWriter {
    /// Adds one record to the batch of its topic.
    pub fn push(&mut self, record: &RecordView<'_>) {
        let index = match self.by_name.get(record.topic) {
            Some(index) => *index,
            None => {
                let index = self.topics.len();
                self.topics.push(Batch { topic: record.topic.into(), ..Batch::default() });
                self.by_name.insert(record.topic.into(), index);
                index
            }
        };
        let Some(batch) = self.topics.get_mut(index) else { return };
        batch.count += 1;
        if batch.rows.len() >= ROWS_MAX {
            return;
        }
        match self.parser.parse(record).body {
            Body::Envelope(envelope) if envelope.op == Op::Message => {
                batch.push(envelope.message.as_ref());
            }
            Body::Envelope(envelope) => batch.push(envelope.after.as_ref()),
            Body::Object(row) => batch.push(Some(&row)),
            Body::Tombstone | Body::Bytes(_) => batch.push(None),
        }
    }

    /// Prints the batch of every topic that has one; with several topics each batch is named.
    pub fn draw(&mut self, out: &mut Vec<u8>) {
        let named = self.topics.len() > 1;
        for batch in &mut self.topics {
            if batch.count > 0 {
                batch.draw(out, named);
            }
        }
    }
}

impl Batch {
    fn push(&mut self, row: Option<&Value<'_>>) {
        let members = row.and_then(|row| json::members(row.json)).unwrap_or_default();
        let mut cells = vec![None; self.columns.len()];
        for (index, member) in members.iter().enumerate() {
            let guessed = self.columns.get(index).is_some_and(|name| **name == *member.name);
            let found = || self.columns.iter().position(|name| **name == *member.name);
            let at = if guessed { Some(index) } else { found() };
            let at = at.unwrap_or_else(|| {
                self.columns.push(member.name.as_ref().into());
                cells.push(None);
                self.columns.len() - 1
            });
            let kind =
                row.map_or(&super::kind::Kind::Plain, |row| row.kind.field(index, &member.name));
            if let Some(cell) = cells.get_mut(at)
                && member.json != "null"
            {
                let mut text = String::new();
                display::push_value(&mut text, member.json, kind);
                *cell = Some(cut(&text));
            }
        }
        self.rows.push(cells);
    }

    fn draw(&mut self, out: &mut Vec<u8>, named: bool) {
        let mut text = String::from(RULE);
        // Writing to a string cannot fail.
        write!(text, "Batch: {}", self.number).unwrap_or_default();
        if named {
            write!(text, "   {}", self.topic).unwrap_or_default();
        }
        text.push('\n');
        text.push_str(RULE);
        self.push_table(&mut text);
        if self.count > self.rows.len() {
            writeln!(text, "only showing top {ROWS_MAX} rows").unwrap_or_default();
        }
        text.push('\n');
        out.extend_from_slice(text.as_bytes());
        self.rows.clear();
        self.count = 0;
        self.number += 1;
    }

    fn push_table(&self, text: &mut String) {
        let names: Vec<String> = self.columns.iter().map(|name| cut(name)).collect();
        let widths: Vec<usize> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let cells = self.rows.iter().map(|row| cell(row, index).width());
                cells.max().unwrap_or(0).max(name.width()).max(COLUMN_WIDTH_MIN)
            })
            .collect();
        let mut rule = String::from("+");
        for width in &widths {
            rule.extend(std::iter::repeat_n('-', *width));
            rule.push('+');
        }
        rule.push('\n');
        text.push_str(&rule);
        push_row(text, &widths, |index| names.get(index).map_or("", String::as_str));
        text.push_str(&rule);
        for row in &self.rows {
            push_row(text, &widths, |index| cell(row, index));
        }
        text.push_str(&rule);
    }
}

fn cell(row: &[Option<String>], index: usize) -> &str {
    row.get(index).and_then(Option::as_deref).unwrap_or("NULL")
}

fn push_row<'a>(text: &mut String, widths: &[usize], cell: impl Fn(usize) -> &'a str) {
    text.push('|');
    for (index, width) in widths.iter().enumerate() {
        let cell = cell(index);
        text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        text.push_str(cell);
        text.push('|');
    }
    text.push('\n');
}

/// Escapes what would break the box and cuts long text, both as the console sink does.
fn cut(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(CELL_CHARS_MAX * 2) {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || c.width().is_none() => {
                write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    if out.chars().count() > CELL_CHARS_MAX {
        let end = out.char_indices().nth(CELL_CHARS_MAX - 3).map_or(out.len(), |(at, _)| at);
        out.truncate(end);
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[(&str, Option<&str>)]) -> String {
        let mut writer = TableWriter::default();
        push(&mut writer, values);
        draw(&mut writer)
    }

    fn push(writer: &mut TableWriter, values: &[(&str, Option<&str>)]) {
        for (topic, value) in values {
            let value = value.map(str::as_bytes);
            writer.push(&RecordView { topic, timestamp_ms: None, key: None, value });
        }
    }

    fn draw(writer: &mut TableWriter) -> String {
        let mut out = Vec::new();
        writer.draw(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// As Spark 3.5 prints it; recorded rows of the demo's orders.
    #[test]
    fn batch_is_a_boxed_table_of_after_images() {
        let orders = [
            (
                "o",
                Some(
                    r#"{"op":"r","after":{"id":"1","customer_id":"1","product_id":"1","quantity":"1"}}"#,
                ),
            ),
            ("o", Some(r#"{"op":"d","before":{"id":"1"},"after":null}"#)),
            ("o", None),
            ("o", Some("no json")),
            (
                "o",
                Some(
                    r#"{"op":"c","after":{"id":"12345","customer_id":null,"product_id":"日本","quantity":"a long text that is cut"}}"#,
                ),
            ),
        ];
        assert_eq!(
            drawn(&orders),
            "-------------------------------------------\n\
             Batch: 0\n\
             -------------------------------------------\n\
             +-----+-----------+----------+--------------------+\n\
             |   id|customer_id|product_id|            quantity|\n\
             +-----+-----------+----------+--------------------+\n\
             |    1|          1|         1|                   1|\n\
             | NULL|       NULL|      NULL|                NULL|\n\
             | NULL|       NULL|      NULL|                NULL|\n\
             | NULL|       NULL|      NULL|                NULL|\n\
             |12345|       NULL|      日本|a long text that ...|\n\
             +-----+-----------+----------+--------------------+\n\
             \n"
        );
    }

    #[test]
    fn batches_are_numbered_and_keep_their_columns() {
        let mut writer = TableWriter::default();
        push(&mut writer, &[("o", Some(r#"{"a":1}"#))]);
        draw(&mut writer);
        assert_eq!(draw(&mut writer), "");
        push(&mut writer, &[("o", None)]);
        let rule = RULE.trim_end();
        assert_eq!(
            draw(&mut writer),
            format!("{rule}\nBatch: 1\n{rule}\n+----+\n|   a|\n+----+\n|NULL|\n+----+\n\n")
        );
    }

    #[test]
    fn long_batch_shows_twenty_rows_and_says_so() {
        let row = ("o", Some(r#"{"a":1}"#));
        let text = drawn(&[row; 21]);
        assert_eq!(text.matches("|  1|").count(), 20);
        assert!(text.ends_with("+---+\nonly showing top 20 rows\n\n"), "{text}");
        assert!(!drawn(&[row; 20]).contains("only showing"));
    }

    #[test]
    fn several_topics_have_batches_of_their_own() {
        let text = drawn(&[("x.a", Some(r#"{"a":1}"#)), ("x.b", Some(r#"{"b":2,"a":"\n"}"#))]);
        assert!(text.contains("Batch: 0   x.a\n"), "{text}");
        assert!(text.contains("Batch: 0   x.b\n"), "{text}");
        assert!(text.contains("|  2| \\n|\n"), "{text}");
    }
}
