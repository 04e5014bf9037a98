//! Java's `.properties`, by the rules of `java.util.Properties.load`.
//!
//! Lines end at `\n`, `\r` or `\r\n`; a line whose end is escaped by an odd number of backslashes
//! goes on in the next one, whose leading blanks are dropped. `#` and `!` begin a comment. The key
//! ends at the first unescaped `=`, `:` or blank.

use super::{Entry, SyntaxError};

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').enumerate();
    let mut entries = Vec::new();
    while let Some((index, line)) = lines.next() {
        let line = line.trim_start_matches(is_blank);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let number = index + 1;
        let mut logical = line.to_owned();
        while ends_escaped(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical.push_str(next.trim_start_matches(is_blank)),
                None => break,
            }
        }
        let (key, value) = split(&logical);
        let escape = || SyntaxError::Escape(number);
        entries.push(Entry {
            key: unescape(key).ok_or_else(escape)?,
            value: unescape(value).ok_or_else(escape)?,
            line: Some(number),
        });
    }
    Ok(entries)
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

fn ends_escaped(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Key and value, still escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .find(|c| {
            let ends = !escaped && (is_blank(c) || c == '=' || c == ':');
            escaped = !escaped && c == '\\';
            ends
        })
        .unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_blank))
}

/// Resolves `\t`, `\n`, `\r`, `\f` and `\uXXXX`; a backslash before anything else falls away.
fn unescape(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    let mut buffer = [0; 2];
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    // Java's units are UTF-16: a pair of escapes can make one character.
                    let mut unit = 0;
                    for _ in 0..4 {
                        unit = unit << 4 | u16::try_from(chars.next()?.to_digit(16)?).ok()?;
                    }
                    units.push(unit);
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(c.encode_utf16(&mut buffer));
    }
    Some(String::from_utf16_lossy(&units))
}
