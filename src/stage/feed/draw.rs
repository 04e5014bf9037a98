//! Draws the lines of a page: aligned, coloured, cut at the terminal's width.

use super::page::{Cell, Line, Page, push_styled};
use super::style::{DIM, RESET};
use super::{FeedOptions, Topic, TopicMap};
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

const CELL_GAP: usize = 3;
const SPACES: &str = "                                                                ";

/// Where drawing stands: the day that was shown last, and the width of the names' column.
#[derive(Debug)]
pub(super) struct Draw {
    options: FeedOptions,
    day: Option<Date>,
    label_width: usize,
    line: String,
}

impl Draw {
    pub(super) fn new(options: FeedOptions) -> Self {
        Self { day: options.today, options, label_width: 0, line: String::new() }
    }

    pub(super) fn set_width(&mut self, width: Option<usize>) {
        self.options.width = width;
    }

    pub(super) fn page(&mut self, out: &mut Vec<u8>, page: &Page, topics: &TopicMap<Topic>) {
        if page.lines.is_empty() {
            return;
        }
        let widest = topics.iter().map(|(_, topic)| topic.label.width()).max();
        self.label_width = self.label_width.max(widest.unwrap_or(0));
        for line in &page.lines {
            let Some(topic) = topics.get(line.topic) else { continue };
            self.line.clear();
            self.begin(line, topic);
            let cells = page.cells.get(line.cells.clone()).unwrap_or_default();
            self.cells(cells, page, topic);
            out.extend_from_slice(self.line.trim_end_matches(' ').as_bytes());
            out.push(b'\n');
        }
    }

    /// Time, table and sign; before them a line with the date when the day is another one.
    fn begin(&mut self, line: &Line, topic: &Topic) {
        let color = self.options.color;
        let time = line.time_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let time = time.map(|time| self.options.zone.to_datetime(time));
        if let Some(day) = time.map(|time| time.date())
            && self.day != Some(day)
        {
            self.day = Some(day);
            self.line.push_str("  ");
            push_styled(&mut self.line, &day.to_string(), DIM, color);
            self.line.push('\n');
        }
        self.line.push_str("  ");
        if color {
            self.line.push_str(DIM);
        }
        match time {
            Some(time) => push_clock(&mut self.line, time),
            None => self.line.push_str("--:--:--.---"),
        }
        if color {
            self.line.push_str(RESET);
        }
        self.line.push_str("  ");
        if self.options.table_column {
            self.line.push_str(&topic.label);
            push_spaces(&mut self.line, self.label_width.saturating_sub(topic.label.width()) + 2);
        }
        push_styled(&mut self.line, line.sign.text, line.sign.color, color);
        self.line.push_str("  ");
    }

    fn cells(&mut self, cells: &[Cell], page: &Page, topic: &Topic) {
        let label = if self.options.table_column { self.label_width + 2 } else { 0 };
        // Two spaces, the time, two spaces, the label, the sign, two spaces.
        let mut at = 2 + 12 + 2 + label + 3;
        for (index, cell) in cells.iter().enumerate() {
            let text = page.text.get(cell.text.clone()).unwrap_or_default();
            let column = cell.column.and_then(|column| topic.columns.get(column));
            let width = column.map_or(cell.width, |column| column.width.max(cell.width));
            let last = index + 1 == cells.len();
            // Behind a cell that is not the last there is room for a sign that more follows.
            let needed = if last { cell.width } else { width + CELL_GAP + 1 };
            match self.options.width.map(|width| width.saturating_sub(at)) {
                Some(left) if left < needed => return self.end_early(text, cell.width, left),
                _ => {}
            }
            self.line.push_str(text);
            if !last {
                push_spaces(&mut self.line, width - cell.width + CELL_GAP);
            }
            at += width + CELL_GAP;
        }
    }

    /// Ends a line that does not fit with as much of this cell as does, and `…`.
    fn end_early(&mut self, cell: &str, cell_width: usize, left: usize) {
        if cell_width + 2 <= left {
            self.line.push_str(cell);
            self.line.push(' ');
        } else {
            push_start_of(&mut self.line, cell, left.saturating_sub(1));
        }
        if left > 0 {
            self.line.push('…');
        }
    }
}

fn push_clock(line: &mut String, time: jiff::civil::DateTime) {
    let (h, m, s, ms) = (time.hour(), time.minute(), time.second(), time.millisecond());
    // Writing to a string cannot fail.
    write!(line, "{h:02}:{m:02}:{s:02}.{ms:03}").unwrap_or_default();
}

fn push_spaces(line: &mut String, count: usize) {
    match SPACES.get(..count) {
        Some(spaces) => line.push_str(spaces),
        None => line.extend(std::iter::repeat_n(' ', count)),
    }
}

/// Appends what fits into `width_max` columns, colours not counted; ends them.
fn push_start_of(line: &mut String, text: &str, width_max: usize) {
    let mut width = 0;
    let (mut in_color, mut colored) = (false, false);
    for c in text.chars() {
        if c == '\x1b' {
            (in_color, colored) = (true, true);
        }
        if !in_color {
            width += c.width().unwrap_or(0);
            if width > width_max {
                break;
            }
        }
        line.push(c);
        in_color = in_color && c != 'm';
    }
    if colored {
        line.push_str(RESET);
    }
}
