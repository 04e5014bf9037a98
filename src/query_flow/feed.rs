//! The result as a feed of additions and retractions.

use crate::query::codec::{push_json, push_quoted};
use crate::query::input::Column;
use crate::query::ops::Delta;
use crate::query::{Type, Value};

/// Appends one line for each row that goes or comes: `-  bolt | 7`, then `+  bolt | 9`.
pub(super) fn push_changes(out: &mut String, changes: &[Delta], columns: &[Column], color: bool) {
    for change in changes {
        let (sign, paint) = if change.weight > 0 { ('+', "\x1b[32m") } else { ('-', "\x1b[31m") };
        let (paint, end) = if color { (paint, "\x1b[0m") } else { ("", "") };
        for _ in 0..change.weight.unsigned_abs() {
            out.push_str(paint);
            out.push(sign);
            out.push_str("  ");
            for (at, (column, value)) in columns.iter().zip(change.row.iter()).enumerate() {
                if at > 0 {
                    out.push_str(" | ");
                }
                out.push_str(&cell(value, column.ty));
            }
            out.push_str(end);
            out.push('\n');
        }
    }
}

/// Appends one JSON object for each row that goes or comes.
pub(super) fn push_json_changes(out: &mut String, changes: &[Delta], columns: &[Column]) {
    for change in changes {
        let sign = if change.weight > 0 { '+' } else { '-' };
        for _ in 0..change.weight.unsigned_abs() {
            out.push_str("{\"op\":\"");
            out.push(sign);
            out.push_str("\",\"row\":");
            push_row(out, columns.iter().zip(change.row.iter()));
            out.push_str("}\n");
        }
    }
}

/// Appends a row as a JSON object.
pub(super) fn push_row<'a>(
    out: &mut String,
    columns: impl Iterator<Item = (&'a Column, &'a Value)>,
) {
    out.push('{');
    for (at, (column, value)) in columns.enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_quoted(out, &column.name);
        out.push(':');
        push_json(out, value, column.ty);
    }
    out.push('}');
}

/// A value on one line, without anything that moves the cursor.
pub(super) fn cell(value: &Value, ty: Type) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    let text = value.to_text(ty);
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
