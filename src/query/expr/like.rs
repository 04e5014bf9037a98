//! `LIKE`: `%` is any text, `_` any one character, and an escape character takes either literally.

use crate::query::error::EvalError;

/// Whether all of `text` matches; `escape` is the escape character, if there is one.
pub(super) fn matches(text: &str, pattern: &str, escape: Option<char>) -> Result<bool, EvalError> {
    let pattern = parse(pattern, escape)?;
    let text: Vec<char> = text.chars().collect();
    // Where to go on when the part behind the last `%` does not match: one character later.
    let (mut at, mut part, mut retry) = (0, 0, None);
    loop {
        match pattern.get(part) {
            Some(Part::Any) => {
                part += 1;
                retry = Some((at, part));
                continue;
            }
            Some(Part::One) if at < text.len() => {}
            Some(Part::Char(c)) if text.get(at) == Some(c) => {}
            None if at == text.len() => return Ok(true),
            _ => match retry {
                Some((from, behind)) if from < text.len() => {
                    retry = Some((from + 1, behind));
                    (at, part) = (from + 1, behind);
                    continue;
                }
                _ => return Ok(false),
            },
        }
        at += 1;
        part += 1;
    }
}

enum Part {
    Char(char),
    One,
    Any,
}

fn parse(pattern: &str, escape: Option<char>) -> Result<Vec<Part>, EvalError> {
    let mut chars = pattern.chars();
    let mut parts = Vec::with_capacity(pattern.len());
    while let Some(c) = chars.next() {
        parts.push(match c {
            c if Some(c) == escape => {
                const AT_END: EvalError =
                    EvalError::Argument("LIKE pattern must not end with escape character");
                Part::Char(chars.next().ok_or(AT_END)?)
            }
            '%' => Part::Any,
            '_' => Part::One,
            c => Part::Char(c),
        });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_postgresql() {
        #[rustfmt::skip] // one case a line
        let cases = [
            ("abc", "abc", true), ("abc", "a%", true), ("abc", "_b_", true), ("abc", "%c", true), ("abc", "b", false),
            ("", "%", true), ("", "_", false), ("a%c", "a\\%c", true), ("abc", "a\\%c", false), ("aXbXc", "%X%c", true),
            ("aaab", "%ab", true), ("äöü", "_ö_", true), ("abc", "%%%", true), ("abcd", "a%c", false),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(matches(text, pattern, Some('\\')), Ok(expected), "{text} like {pattern}");
        }
        assert!(matches("a", "a\\", Some('\\')).is_err());
        assert_eq!(matches("a\\", "a\\", None), Ok(true));
    }

    #[test]
    fn hostile_pattern_takes_no_exponential_time() {
        let text = "a".repeat(2000);
        assert_eq!(matches(&text, &"%a".repeat(200).replace("%a", "%aa%b"), None), Ok(false));
    }
}
