//! Java's regular expressions and replacement texts, as routers use them.

use super::error::SettingError;
use regex::{Captures, Regex};

/// An expression that has to match a whole text, and what its match becomes.
#[derive(Debug)]
pub(super) struct Replace {
    whole: Regex,
    part: Regex,
    replacement: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
    Named(String),
}

/// An expression that matches whole texts only, as Java's `matches`.
pub(super) fn whole(key: &str, pattern: &str) -> Result<Regex, SettingError> {
    compile(key, pattern, &format!("^(?:{pattern})$"))
}

fn compile(key: &str, shown: &str, pattern: &str) -> Result<Regex, SettingError> {
    Regex::new(pattern).map_err(|error| {
        // The library draws the expression in several lines; the last one says what is wrong.
        let drawn = error.to_string();
        let reason = drawn.lines().last().unwrap_or_default().trim_start_matches("error: ");
        SettingError::Value {
            key: key.to_owned(),
            value: shown.to_owned(),
            rule: format!("a regular expression without look-around and back-references: {reason}"),
        }
    })
}

impl Replace {
    /// Compiles both; `keys` are the properties that hold them.
    pub(super) fn new(
        keys: (&str, &str),
        pattern: &str,
        replacement: &str,
    ) -> Result<Self, SettingError> {
        let part = compile(keys.0, pattern, pattern)?;
        let pieces = pieces(replacement, &part).ok_or_else(|| SettingError::Value {
            key: keys.1.to_owned(),
            value: replacement.to_owned(),
            rule: "$n and ${name} of groups that the expression has, and \\ before $ and \\"
                .to_owned(),
        })?;
        Ok(Self { whole: whole(keys.0, pattern)?, part, replacement: pieces })
    }

    /// Java's `matches` and `replaceFirst`; nothing when the whole text does not match.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        if !self.whole.is_match(text) {
            return None;
        }
        let captures = self.part.captures(text)?;
        let found = captures.get(0)?;
        let mut out = text.get(..found.start())?.to_owned();
        self.expand(&captures, &mut out);
        out.push_str(text.get(found.end()..)?);
        Some(out)
    }

    fn expand(&self, captures: &Captures<'_>, out: &mut String) {
        for piece in &self.replacement {
            let group = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Group(number) => captures.get(*number),
                Piece::Named(name) => captures.name(name),
            };
            out.push_str(group.map_or("", |group| group.as_str()));
        }
    }
}

/// Java's replacement syntax: `$1` takes as many digits as there are groups for, `\` quotes.
fn pieces(replacement: &str, pattern: &Regex) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(chars.next()?),
            '$' => {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                if chars.next_if_eq(&'{').is_some() {
                    let mut name = String::new();
                    loop {
                        match chars.next()? {
                            '}' => break,
                            c => name.push(c),
                        }
                    }
                    pattern.capture_names().flatten().find(|known| *known == name)?;
                    pieces.push(Piece::Named(name));
                    continue;
                }
                let mut number = chars.next()?.to_digit(10)? as usize;
                if number >= pattern.captures_len() {
                    return None;
                }
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    let longer = number * 10 + digit as usize;
                    if longer >= pattern.captures_len() {
                        break;
                    }
                    number = longer;
                    chars.next();
                }
                pieces.push(Piece::Group(number));
            }
            c => text.push(c),
        }
    }
    pieces.push(Piece::Text(text));
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, replacement: &str, text: &str) -> Option<String> {
        Replace::new(("r", "p"), pattern, replacement).unwrap().apply(text)
    }

    #[test]
    fn only_whole_matches_are_replaced() {
        assert_eq!(replaced("(.*)_shard(\\d)", "$1-$2", "a_shard7"), Some("a-7".to_owned()));
        assert_eq!(replaced("shard", "x", "a_shard"), None);
        // Java replaces the first match that it finds, not the one that covered the text.
        assert_eq!(replaced("a|ab", "x", "ab"), Some("xb".to_owned()));
    }

    #[test]
    fn groups_go_by_number_and_by_name_as_in_java() {
        assert_eq!(replaced("(?<a>.)(.)", "${a}$12\\$\\\\$0", "xy"), Some("xx2$\\xy".to_owned()));
        assert_eq!(replaced("(a)?b", "<$1>", "b"), Some("<>".to_owned()));
        for wrong in ["$2", "${b}", "$", "$x", "\\", "${a"] {
            let error = Replace::new(("r", "p"), "(?<a>.)", wrong).unwrap_err();
            assert_eq!(error.key(), "p", "{wrong}");
        }
    }

    #[test]
    fn broken_expression_is_told_with_its_property() {
        let error = Replace::new(("transforms.r.regex", "p"), "a(?=b)", "").unwrap_err();
        assert!(
            error.to_string().starts_with("transforms.r.regex: invalid value \"a(?=b)\""),
            "{error}"
        );
    }
}
