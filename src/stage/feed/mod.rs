//! The feed: one line per change, key first, and for updates only what changed.
//!
//! ```text
//!   12:04:07.112  +  id 1201   customer_id 17   product_id 2   quantity 3
//!   12:04:09.840  ~  id 1201   quantity 3 → 5
//!   12:04:11.003  -  id 2      customer_id 2    product_id 3   quantity 2
//! ```
//!
//! [`FeedWriter`] takes records in the order they are to be shown and draws the lines when asked.
//! It remembers the last row of each key (bounded), because an update or delete of a table with
//! the default replica identity does not bring the old row along. A tombstone behind a delete
//! adds nothing and is not shown; in a topic of bare rows it is the delete, and is.

mod draw;
mod heading;
mod page;
mod style;
#[cfg(test)]
mod tests;
mod topic;

pub use heading::{Heading, push_headings};

use super::RecordView;
use super::change::{Body, Change, Key, Op, Parser};
use super::json::Member;
use super::names;
use super::rows::Rows;
use super::topic_map::TopicMap;
use draw::Draw;
use page::{Line, Page};
use style::Sign;
use topic::Topic;

/// How a feed looks.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// Colours and weights; plain text without.
    pub color: bool,
    /// Columns of the terminal, at which lines are cut; `None` cuts no line.
    pub width: Option<usize>,
    /// The zone in which times are shown.
    pub zone: jiff::tz::TimeZone,
    /// The reader's date: a line with the date precedes changes of any other day.
    pub today: Option<jiff::civil::Date>,
    /// Whether each line names its table.
    pub table_column: bool,
}

/// Turns records into lines.
#[derive(Debug)]
pub struct FeedWriter {
    parser: Parser,
    rows: Rows,
    topics: TopicMap<Topic>,
    page: Page,
    draw: Draw,
}

impl FeedWriter {
    /// A feed without lines yet.
    #[must_use]
    pub fn new(options: FeedOptions) -> Self {
        let value_width_max = options.width.map_or(120, |width| (width / 3).clamp(16, 60));
        Self {
            parser: Parser::default(),
            rows: Rows::default(),
            topics: TopicMap::default(),
            page: Page::new(options.color, value_width_max),
            draw: Draw::new(options),
        }
    }

    /// Names the topics that will come, so that their short names tell them apart from the start.
    pub fn expect<'a>(&mut self, topics: impl IntoIterator<Item = &'a str>) {
        for topic in topics {
            self.topic(topic);
        }
    }

    /// The terminal has another width now.
    pub fn resize(&mut self, width: Option<usize>) {
        self.draw.set_width(width);
    }

    /// Adds the line of a record; false when the record has none (a tombstone behind a delete).
    pub fn push(&mut self, record: &RecordView<'_>) -> bool {
        let change = self.parser.parse(record);
        let topic = self.topic(record.topic);
        let from = self.page.cells.len();
        let sign = self.push_cells(topic, &change);
        if let Some(sign) = sign {
            let cells = from..self.page.cells.len();
            self.page.lines.push(Line { topic, time_ms: change.time_ms, sign, cells });
        }
        self.remember(topic, &change);
        sign.is_some()
    }

    /// Takes note of a record without a line for it: later changes of its row can tell what the
    /// row was before.
    pub fn note(&mut self, record: &RecordView<'_>) {
        let change = self.parser.parse(record);
        let topic = self.topic(record.topic);
        self.remember(topic, &change);
    }

    /// Draws the lines that wait and forgets them.
    pub fn draw(&mut self, out: &mut Vec<u8>) {
        self.draw.page(out, &self.page, &self.topics);
        self.page.clear();
    }

    /// How many lines wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.page.lines.len()
    }

    fn topic(&mut self, name: &str) -> usize {
        if let Some(number) = self.topics.number(name) {
            return number;
        }
        let known: Vec<String> = self.topics.iter().map(|(topic, _)| topic.to_owned()).collect();
        let names: Vec<&str> = known.iter().map(String::as_str).chain([name]).collect();
        // A newcomer can make the short names of others ambiguous.
        for (other, topic) in self.topics.iter_mut() {
            if names::ends_in(name, &topic.label) {
                topic.label = names::short(other, &names);
            }
        }
        let label = names::short(name, &names);
        self.topics.add(name, Topic { label, ..Topic::default() })
    }

    /// Lays the cells of a change down; `None` when it has no line.
    fn push_cells(&mut self, topic: usize, change: &Change<'_>) -> Option<Sign> {
        let Self { page, rows, topics, .. } = self;
        let table = topics.get_mut(topic)?;
        if matches!(change.body, Body::Tombstone) && !table.bare {
            return None;
        }
        let key = key_members(change);
        table.push_key(page, change);
        // Only these ask what the row was before.
        let asks = match &change.body {
            Body::Tombstone => table.bare,
            Body::Envelope(envelope) => matches!(envelope.op, Op::Update | Op::Delete),
            Body::Object(_) | Body::Bytes(_) => false,
        };
        let known = key_text(change).filter(|_| asks).and_then(|key| rows.get(topic, key));
        match &change.body {
            Body::Bytes(bytes) => table.push_bytes(page, "value", bytes),
            Body::Object(row) => table.push_row(page, key, row),
            Body::Envelope(envelope) => {
                table.push_envelope(page, key, envelope, known.as_ref());
                return Some(Sign::of(envelope.op));
            }
            Body::Tombstone => {
                if let Some(row) = known {
                    table.push_row(page, key, &row);
                }
                return Some(Sign::of(Op::Delete));
            }
        }
        Some(Sign::RECORD)
    }

    /// Brings the memory of rows up to date with a change.
    fn remember(&mut self, topic: usize, change: &Change<'_>) {
        if let (Some(table), false) =
            (self.topics.get_mut(topic), matches!(change.body, Body::Tombstone))
        {
            table.bare = !matches!(change.body, Body::Envelope(_));
        }
        let row = match &change.body {
            Body::Envelope(envelope) if envelope.op == Op::Truncate => {
                self.rows.clear(topic);
                return;
            }
            Body::Envelope(envelope) => envelope.after.as_ref(),
            Body::Object(row) => Some(row),
            Body::Tombstone | Body::Bytes(_) => None,
        };
        let Some(key) = key_text(change) else { return };
        match row {
            Some(row) => self.rows.put(topic, key, row),
            None => self.rows.remove(topic, key),
        }
    }
}

/// Members of the key, none when it is no object.
fn key_members<'c, 'a>(change: &'c Change<'a>) -> &'c [Member<'a>] {
    match &change.key {
        Some(Key::Object { members, .. }) => members,
        Some(Key::Bytes(_)) | None => &[],
    }
}

/// The key as text to remember the row by.
fn key_text<'a>(change: &Change<'a>) -> Option<&'a str> {
    match change.key.as_ref()? {
        Key::Object { value, .. } => Some(value.json),
        Key::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
    }
}
