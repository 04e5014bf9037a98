//! Regular expressions as Java has them: look-around and back-references included.

use std::fmt;

/// An expression as Debezium and Kafka Connect take it in their settings.
///
/// A match that backtracks without end counts as none; names are short, so that takes an
/// expression made for it.
#[derive(Clone)]
pub struct JavaRegex {
    text: String,
    regex: fancy_regex::Regex,
}

impl JavaRegex {
    /// An expression that matches anywhere in a text, as Java's `find`.
    ///
    /// # Errors
    ///
    /// The library's words for what is wrong with it.
    pub fn part(text: &str) -> Result<Self, Box<fancy_regex::Error>> {
        Self::build(text, text, false)
    }

    /// An expression that matches whole texts only, as Java's `matches`.
    ///
    /// # Errors
    ///
    /// The library's words for what is wrong with it.
    pub fn whole(text: &str) -> Result<Self, Box<fancy_regex::Error>> {
        Self::build(text, &format!("^(?:{text})$"), false)
    }

    /// As [`whole`](Self::whole), in any case.
    ///
    /// # Errors
    ///
    /// The library's words for what is wrong with it.
    pub fn whole_in_any_case(text: &str) -> Result<Self, Box<fancy_regex::Error>> {
        Self::build(text, &format!("^(?:{text})$"), true)
    }

    fn build(text: &str, pattern: &str, any_case: bool) -> Result<Self, Box<fancy_regex::Error>> {
        let regex = fancy_regex::RegexBuilder::new(pattern).case_insensitive(any_case).build();
        regex.map(|regex| Self { text: text.to_owned(), regex }).map_err(Box::new)
    }

    /// True when the expression matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text).unwrap_or(false)
    }
}

/// What is wrong with an expression, in a few words.
#[must_use]
pub fn regex_reason(error: &fancy_regex::Error) -> String {
    // Most errors are drawn in several lines, the last of which says what is wrong; positions
    // are those in an expression with more around it.
    let drawn = error.to_string();
    let line = drawn.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let reason = match line.split_once("Parsing error at position ") {
        Some((_, rest)) => rest.split_once(": ").map_or(rest, |(_, reason)| reason),
        None => line,
    };
    let mut chars = reason.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

impl PartialEq for JavaRegex {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str()
    }
}

impl Eq for JavaRegex {}

impl fmt::Debug for JavaRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// An expression that has to match a whole text, and what its match becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    whole: JavaRegex,
    part: JavaRegex,
    replacement: Vec<Piece>,
}

/// Why there is no [`Rewrite`].
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The expression is none.
    #[error("invalid regular expression")]
    Expression(#[source] Box<fancy_regex::Error>),
    /// The replacement names a group that is not there, or breaks off.
    #[error("invalid replacement")]
    Replacement,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
    Named(String),
}

impl Rewrite {
    /// Compiles an expression and Java's replacement text for it.
    ///
    /// # Errors
    ///
    /// [`RewriteError`] says which of the two does not hold.
    pub fn new(pattern: &str, replacement: &str) -> Result<Self, RewriteError> {
        let part = JavaRegex::part(pattern).map_err(RewriteError::Expression)?;
        let replacement = pieces(replacement, &part.regex).ok_or(RewriteError::Replacement)?;
        let whole = JavaRegex::whole(pattern).map_err(RewriteError::Expression)?;
        Ok(Self { whole, part, replacement })
    }

    /// Java's `matches` and `replaceFirst`; nothing when the whole text does not match.
    #[must_use]
    pub fn apply(&self, text: &str) -> Option<String> {
        if !self.whole.is_match(text) {
            return None;
        }
        let captures = self.part.regex.captures(text).ok().flatten()?;
        let found = captures.get(0)?;
        let mut out = text.get(..found.start())?.to_owned();
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
        out.push_str(text.get(found.end()..)?);
        Some(out)
    }
}

/// Java's replacement syntax: `$1` takes as many digits as there are groups for, `\` quotes.
fn pieces(replacement: &str, pattern: &fancy_regex::Regex) -> Option<Vec<Piece>> {
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
        Rewrite::new(pattern, replacement).unwrap().apply(text)
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
            let error = Rewrite::new("(?<a>.)", wrong).unwrap_err();
            assert!(matches!(error, RewriteError::Replacement), "{wrong}");
        }
    }

    #[test]
    fn what_only_java_has_is_understood() {
        let one = |pattern: &str, text: &str| JavaRegex::whole(pattern).unwrap().is_match(text);
        assert!(one(r"public\.(?!audit).*", "public.orders"));
        assert!(!one(r"public\.(?!audit).*", "public.audit_1"));
        assert!(one(r"(.)\1.*", "aab") && !one(r"(.)\1.*", "ab"));
        assert!(one(r".*(?<!_old)", "orders") && !one(r".*(?<!_old)", "orders_old"));
        assert!(JavaRegex::whole_in_any_case("(?!x)abc").unwrap().is_match("aBC"));
        assert!(JavaRegex::whole("a(").is_err());
    }

    #[test]
    fn match_that_never_ends_is_none() {
        let slow = JavaRegex::whole(r"(a*)*\1b").unwrap();
        assert!(!slow.is_match(&"a".repeat(63)));
    }
}
