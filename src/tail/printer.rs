//! The formats of `minicdc tail` behind one face.

use crate::record::StoredRecord;
use crate::stage::change::Parser;
use crate::stage::feed::{Heading, push_headings};
use crate::stage::{FeedOptions, FeedWriter, TableWriter, payload, record_json};

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One line per change.
    Feed,
    /// Micro-batches as tables.
    Table,
    /// The payload, one per line.
    Json,
    /// The whole record, one per line.
    Record,
}

/// Turns records into text.
#[derive(Debug)]
pub(super) enum Printer {
    Feed(Box<FeedWriter>),
    Table(TableWriter),
    Json(Parser),
    Record,
}

/// Feed lines that are drawn together; they share their widths.
const LINES_WAITING_MAX: usize = 128;

impl Printer {
    pub(super) fn new(format: Format, feed: FeedOptions) -> Self {
        match format {
            Format::Feed => Self::Feed(Box::new(FeedWriter::new(feed))),
            Format::Table => Self::Table(TableWriter::default()),
            Format::Json => Self::Json(Parser::default()),
            Format::Record => Self::Record,
        }
    }

    /// Whether a record makes something to look at, before it is known what came before it.
    pub(super) const fn shows(&self, record: &StoredRecord) -> bool {
        match self {
            Self::Feed(_) | Self::Json(_) => record.value.is_some(),
            Self::Table(_) | Self::Record => true,
        }
    }

    /// How many records before the first one that is shown are worth reading, so that the feed
    /// knows the rows that it is about to see change.
    pub(super) const fn records_before(&self) -> u64 {
        match self {
            Self::Feed(_) => 10_000,
            Self::Table(_) | Self::Json(_) | Self::Record => 0,
        }
    }

    /// Takes note of a record that is not shown.
    pub(super) fn note(&mut self, record: &StoredRecord) {
        if let Self::Feed(feed) = self {
            feed.note(&record.into());
        }
    }

    /// Prints a record; false when there was nothing to print.
    pub(super) fn push(&mut self, record: &StoredRecord, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Feed(feed) => {
                let shown = feed.push(&record.into());
                if feed.waiting() >= LINES_WAITING_MAX {
                    feed.draw(out);
                }
                return shown;
            }
            Self::Table(table) => {
                table.push(&record.into());
                return true;
            }
            Self::Json(parser) => {
                if !payload::write(out, parser, &record.into()) {
                    return false;
                }
            }
            Self::Record => write_record(out, record),
        }
        out.push(b'\n');
        true
    }

    /// Whether something waits to be drawn.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Self::Feed(feed) if feed.waiting() > 0)
    }

    /// Prints what waits for others to be aligned with; not the tables, which have a time of their
    /// own.
    pub(super) fn draw(&mut self, out: &mut Vec<u8>, width: Option<usize>) {
        if let Self::Feed(feed) = self {
            feed.resize(width);
            feed.draw(out);
        }
    }

    /// Prints the batches of the tables.
    pub(super) fn draw_batches(&mut self, out: &mut Vec<u8>) {
        if let Self::Table(table) = self {
            table.draw(out);
        }
    }

    /// Prints what stands above a feed.
    pub(super) fn headings(&mut self, out: &mut Vec<u8>, headings: &[Heading], look: Look) {
        if let Self::Feed(feed) = self {
            feed.expect(headings.iter().map(|heading| heading.topic.as_str()));
            push_headings(out, headings, look.following, look.color);
        }
    }
}

/// How headings look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) following: bool,
    pub(super) color: bool,
}

fn write_record(out: &mut Vec<u8>, record: &StoredRecord) {
    let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
    record_json::write(
        out,
        &record.topic,
        Some(record.partition),
        Some(record.offset),
        (record.timestamp_ms >= 0).then_some(record.timestamp_ms),
        record.key.as_deref(),
        record.value.as_deref(),
        headers,
    );
}
