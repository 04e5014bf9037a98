//! The result as a table of text.

use super::feed::cell;
use crate::query::Value;
use crate::query::input::Column;
use crate::stage::grouped;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The widest that a column gets while others need room.
const COLUMN_WIDTH_MAX: usize = 60;

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Columns of the terminal; none in a pipe, where nothing is cut.
    pub(super) width: Option<usize>,
    /// Rows at most.
    pub(super) rows_max: usize,
    pub(super) color: bool,
}

/// The lines of a table: heading, rule, rows, and how many rows there are.
pub(super) fn lines<'a>(
    columns: &[Column],
    rows: impl Iterator<Item = &'a [Value]>,
    total: usize,
    look: Look,
) -> Vec<String> {
    let shown: Vec<(Vec<String>, Vec<bool>)> = rows
        .take(look.rows_max)
        .map(|row| {
            let cells = columns.iter().zip(row).map(|(column, value)| cell(value, column.ty));
            (cells.collect(), row.iter().map(Value::is_null).collect())
        })
        .collect();
    let widths = widths(columns, &shown, look.width);
    let paint = |text: String, style: &str| match look.color {
        true => format!("\x1b[{style}m{text}\x1b[0m"),
        false => text,
    };
    let mut lines = Vec::with_capacity(shown.len() + 3);
    let heading: Vec<String> = columns
        .iter()
        .zip(&widths)
        .map(|(column, width)| paint(fitted(&column.name, *width, column.ty.is_number()), "1"))
        .collect();
    lines.push(joined(&heading));
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    lines.push(rule.join("┼"));
    for (cells, nulls) in &shown {
        let cells = cells.iter().zip(nulls).zip(columns.iter().zip(&widths));
        let cells: Vec<String> = cells
            .map(|((text, is_null), (column, width))| {
                let text = fitted(text, *width, column.ty.is_number());
                if *is_null { paint(text, "2") } else { text }
            })
            .collect();
        lines.push(joined(&cells));
    }
    let more = total.saturating_sub(shown.len());
    if more > 0 {
        lines.push(paint(format!(" … {} more", grouped(more as u64)), "2"));
    }
    lines
}

fn joined(cells: &[String]) -> String {
    let line = format!(" {}", cells.join(" │ "));
    line.trim_end().to_owned()
}

/// Widths that all cells fit into; in a terminal the widest columns give way until all fit.
fn widths(
    columns: &[Column],
    rows: &[(Vec<String>, Vec<bool>)],
    terminal: Option<usize>,
) -> Vec<usize> {
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|(cells, _)| cells.get(at)).map(|cell| cell.width());
            cells.chain([column.name.width()]).max().unwrap_or(1).max(1)
        })
        .collect();
    let Some(terminal) = terminal else { return widths };
    for width in &mut widths {
        *width = (*width).min(COLUMN_WIDTH_MAX.max(terminal / columns.len().max(1)));
    }
    let room = terminal.saturating_sub(3 * columns.len()).max(columns.len());
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max() else { break };
        *widest -= 1;
    }
    widths
}

/// Text of exactly this width: cut with `…`, or filled up, numbers on the left.
fn fitted(text: &str, width: usize, on_right: bool) -> String {
    let mut out = String::with_capacity(text.len() + width);
    let mut used = 0;
    if text.width() <= width {
        out.push_str(text);
        used = text.width();
    } else {
        for c in text.chars() {
            let next = used + c.width().unwrap_or(0);
            if next + 1 > width {
                break;
            }
            out.push(c);
            used = next;
        }
        out.push('…');
        used += 1;
    }
    let space = " ".repeat(width.saturating_sub(used));
    if on_right { space + &out } else { out + &space }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Type;

    fn table(width: Option<usize>, rows_max: usize) -> Vec<String> {
        let column = |name: &str, ty| Column { name: name.to_owned(), ty };
        let columns = [column("name", Type::Text), column("sold", Type::Int8)];
        let rows = [
            [Value::text("bolt"), Value::Int(7)],
            [Value::text("a very long name for a thing\n名前"), Value::Null],
            [Value::text("名"), Value::Int(1234)],
        ];
        let rows = rows.iter().map(|row| &row[..]);
        lines(&columns, rows, 3, Look { width, rows_max, color: false })
    }

    #[test]
    fn columns_are_aligned_and_cut_to_the_terminal() {
        let expected = [
            " name           │ sold",
            "────────────────┼──────",
            " bolt           │    7",
            " a very long n… │ NULL",
            " 名             │ 1234",
        ];
        assert_eq!(table(Some(24), 10), expected);
        assert_eq!(table(None, 1)[2..], [" bolt │    7", " … 2 more"]);
        for width in 1..60 {
            for line in table(Some(width), 10) {
                assert!(line.width() <= width.max(9), "{width}: {line}");
            }
        }
    }
}
