//! Lines that wait to be printed: their text is laid down when they come, their columns are
//! aligned when they are drawn, so that lines that are drawn together share their widths.

use super::style::{BOLD, DIM, RESET, Sign};
use crate::stage::display;
use crate::stage::kind::Kind;
use crate::stage::text;
use std::ops::Range;

/// Columns of a column's name.
const NAME_WIDTH_MAX: usize = 32;

/// Cells wider than this do not widen their column: one long value must not push all others.
const PADDED_WIDTH_MAX: usize = 36;

/// What an unchanged TOAST value looks like, as text and as base64.
const UNAVAILABLE: [&str; 2] =
    ["\"__debezium_unavailable_value\"", "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\""];

/// True when the value was too large for PostgreSQL to send it again.
pub(super) fn is_unavailable(json: &str) -> bool {
    UNAVAILABLE.contains(&json)
}

/// One line: where its cells are.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) topic: usize,
    pub(super) time_ms: Option<i64>,
    pub(super) sign: Sign,
    pub(super) cells: Range<usize>,
}

/// A name and a value, or two values with an arrow between.
#[derive(Debug)]
pub(super) struct Cell {
    /// Where its text is, colours included.
    pub(super) text: Range<usize>,
    /// Columns it takes.
    pub(super) width: usize,
    /// The column whose width it is padded to.
    pub(super) column: Option<usize>,
}

/// Name and width of a table's column; the width only grows.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: Box<str>,
    label: Box<str>,
    label_width: usize,
    pub(super) width: usize,
}

impl Column {
    pub(super) fn new(name: &str) -> Self {
        let mut label = String::new();
        let label_width = text::push_clean(&mut label, name, NAME_WIDTH_MAX);
        Self { name: name.into(), label: label.into(), label_width, width: 0 }
    }
}

/// A value and how to read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) json: &'a str,
    pub(super) kind: &'a Kind,
}

/// The lines that wait, and the arena of their text.
#[derive(Debug)]
pub(super) struct Page {
    color: bool,
    value_width_max: usize,
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
    pub(super) lines: Vec<Line>,
    scratch: String,
}

impl Page {
    pub(super) fn new(color: bool, value_width_max: usize) -> Self {
        Self {
            color,
            value_width_max,
            text: String::new(),
            cells: Vec::new(),
            lines: Vec::new(),
            scratch: String::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.lines.clear();
    }

    /// Adds `name value`, aligned with the same column of other lines.
    pub(super) fn value(&mut self, index: usize, column: &mut Column, value: Shown<'_>) {
        let (from, mut width) = self.begin(column);
        width += self.push_value(value, self.value_width_max, None);
        if width <= PADDED_WIDTH_MAX {
            column.width = column.width.max(width);
        }
        self.end(from, width, Some(index));
    }

    /// Adds `name old → new`.
    pub(super) fn change(&mut self, column: &Column, old: Shown<'_>, new: Shown<'_>) {
        let (from, mut width) = self.begin(column);
        width += self.push_value(old, self.value_width_max / 2, Some(DIM));
        width += self.push_styled(" → ", DIM);
        width += self.push_value(new, self.value_width_max, Some(BOLD));
        self.end(from, width, None);
    }

    /// Adds `name text` for text that is no JSON.
    pub(super) fn bytes(&mut self, index: usize, column: &mut Column, bytes: &[u8]) {
        let (from, mut width) = self.begin(column);
        self.scratch.clear();
        match std::str::from_utf8(bytes) {
            Ok(text) => self.scratch.push_str(text),
            Err(_) => display::push_binary(&mut self.scratch, bytes),
        }
        width += text::push_clean(&mut self.text, &self.scratch, self.value_width_max);
        if width <= PADDED_WIDTH_MAX {
            column.width = column.width.max(width);
        }
        self.end(from, width, Some(index));
    }

    /// Adds a remark of our own.
    pub(super) fn remark(&mut self, remark: &str) {
        let from = self.text.len();
        let width = self.push_styled(remark, DIM);
        self.end(from, width, None);
    }

    fn begin(&mut self, column: &Column) -> (usize, usize) {
        let from = self.text.len();
        self.push_styled(&column.label, DIM);
        self.text.push(' ');
        (from, column.label_width + 1)
    }

    fn end(&mut self, from: usize, width: usize, column: Option<usize>) {
        self.cells.push(Cell { text: from..self.text.len(), width, column });
    }

    /// Appends one value and returns the columns it takes.
    fn push_value(&mut self, value: Shown<'_>, width_max: usize, style: Option<&str>) -> usize {
        match value.json {
            "null" => return self.push_styled("NULL", DIM),
            "\"\"" if *value.kind == Kind::Plain => return self.push_styled("''", DIM),
            json if is_unavailable(json) => return self.push_styled("(unchanged)", DIM),
            _ => {}
        }
        self.scratch.clear();
        display::push_value(&mut self.scratch, value.json, value.kind);
        let style = style.filter(|_| self.color);
        self.text.push_str(style.unwrap_or_default());
        let width = text::push_clean(&mut self.text, &self.scratch, width_max);
        if style.is_some() {
            self.text.push_str(RESET);
        }
        width
    }

    /// Appends text of our own or text that is clean already.
    fn push_styled(&mut self, text: &str, style: &str) -> usize {
        push_styled(&mut self.text, text, style, self.color);
        text.chars().count()
    }
}

/// Appends clean text, in a style when there are colours.
pub(super) fn push_styled(out: &mut String, text: &str, style: &str, color: bool) {
    if color {
        out.push_str(style);
        out.push_str(text);
        out.push_str(RESET);
    } else {
        out.push_str(text);
    }
}
