//! Text that is safe to print and has a known width.

use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Characters without a width can follow each other without end; this ends them.
const ENCODED_BYTES_PER_COLUMN_MAX: usize = 32;

/// Appends `text` so that it takes at most `width_max` terminal columns and no character of it
/// can move the cursor, change colours or reorder the line; cut text ends in `…`. Returns the
/// columns taken.
pub(crate) fn push_clean(out: &mut String, text: &str, width_max: usize) -> usize {
    if text.len() <= width_max && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        out.push_str(text);
        return text.len();
    }
    let start = out.len();
    let (mut width, mut cut_at, mut cut_width) = (0, start, 0);
    for c in text.chars() {
        let from = out.len();
        push_char(out, c);
        width += out.get(from..).map_or(0, shown_width);
        if width < width_max {
            (cut_at, cut_width) = (out.len(), width);
        }
        let endless = out.len() - start > width_max * ENCODED_BYTES_PER_COLUMN_MAX;
        if endless || (width > width_max && sequence_width(out, start, width) > width_max) {
            out.truncate(cut_at);
            out.push('…');
            return cut_width + 1;
        }
    }
    sequence_width(out, start, width)
}

/// Width of what stands behind `start`: as a sequence, where several characters can make one
/// sign, but never more than the sum of its characters.
fn sequence_width(out: &str, start: usize, sum: usize) -> usize {
    out.get(start..).map_or(sum, |text| text.width().min(sum))
}

fn shown_width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Writing to a string cannot fail.
        c if is_unsafe(c) => write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default(),
        c => out.push(c),
    }
}

/// Control characters, line separators, and the marks that turn the direction of text around.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A number with a comma between groups of three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(text: &str, width_max: usize) -> (String, usize) {
        let mut out = String::from("|");
        let width = push_clean(&mut out, text, width_max);
        (out.split_off(1), width)
    }

    #[test]
    fn text_is_cut_by_columns_and_escaped() {
        #[rustfmt::skip] // one case a line
        let cases = [
            ("abc", 3, "abc", 3),
            ("abcd", 3, "ab…", 3),
            ("日本語", 6, "日本語", 6),
            ("日本語", 5, "日本…", 5),
            ("日本語", 4, "日…", 3),
            ("a\nb\tc", 9, "a\\nb\\tc", 7),
            ("\u{1b}[31mred", 20, "\\u{1b}[31mred", 13),
            ("a\u{202e}b", 20, "a\\u{202e}b", 10),
            ("👍 ok", 5, "👍 ok", 5),
            ("👍👍", 3, "👍…", 3),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}", 2),
            ("👩\u{200d}👩\u{200d}👧", 2, "👩\u{200d}👩\u{200d}👧", 2),
            ("", 4, "", 0),
        ];
        for (text, max, expected, width) in cases {
            assert_eq!(clean(text, max), (expected.to_owned(), width), "{text:?} in {max}");
        }
    }

    #[test]
    fn groups_of_three_digits() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_203, "1,203"), (1_000_000, "1,000,000")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_fits_and_cannot_control_the_terminal(text in any::<String>(), max in 1..40_usize) {
            let (out, width) = clean(&text, max);
            prop_assert!(width <= max, "{out:?} takes {width}");
            prop_assert!(out.width() <= max, "{out:?} is wider than {max}");
            prop_assert!(!out.chars().any(is_unsafe));
        }
    }
}
