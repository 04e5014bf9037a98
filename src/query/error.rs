//! Why a statement is refused, with the place in its text; and why a value cannot be computed.

use super::value::Type;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span};
use std::fmt;

/// A statement or expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    message: String,
    hint: Option<String>,
    /// Line and column, each from 1.
    place: Option<(u64, u64)>,
    /// The line of the text that `place` is in.
    line: Option<String>,
}

impl QueryError {
    /// An error at a span of the text; an empty span is no place.
    #[must_use]
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        let Location { line, column } = span.start;
        let place = (line > 0).then_some((line, column));
        Self { message: message.into(), hint: None, place, line: None }
    }

    /// Adds what could be written instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What could be written instead.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Gives the error a place if it has none.
    #[must_use]
    pub fn or_at(mut self, span: Span) -> Self {
        if self.place.is_none() {
            self.place = Self::new(span, "").place;
        }
        self
    }

    /// Takes the line that is meant out of the whole text.
    #[must_use]
    pub fn within(mut self, text: &str) -> Self {
        let line = self.place.and_then(|(line, _)| usize::try_from(line).ok());
        self.line = line.and_then(|line| text.lines().nth(line - 1)).map(str::to_owned);
        self
    }

    /// Gives an error without a place the end of the text.
    #[must_use]
    pub fn or_at_end_of(mut self, text: &str) -> Self {
        let (line, last) = text.lines().enumerate().last().map_or((0, ""), |(n, line)| (n, line));
        let column = last.chars().count() as u64 + 1;
        self.place = self.place.or(Some((line as u64 + 1, column)));
        self
    }

    /// The line of the text and, below it, a caret under the place; `None` without a place.
    #[must_use]
    pub fn excerpt(&self) -> Option<String> {
        let (_, column) = self.place?;
        let line = self.line.as_ref()?;
        let before = line.chars().take(usize::try_from(column).ok()?.saturating_sub(1));
        let space: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        Some(format!("  {line}\n  {space}^"))
    }

    /// What sqlparser says, with its place taken out of the message.
    #[must_use]
    pub fn from_parser(error: &ParserError) -> Self {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
            ParserError::RecursionLimitExceeded => "the statement is nested too deeply",
        };
        let place = || {
            let (before, place) = message.rsplit_once(" at Line: ")?;
            let (line, column) = place.split_once(", Column: ")?;
            Some((before, line.parse().ok()?, column.trim().parse().ok()?))
        };
        let (message, place) = match place() {
            Some((before, line, column)) => (before, Some((line, column))),
            None => (message, None),
        };
        let message = message.strip_prefix("sql parser error: ").unwrap_or(message);
        let mut message =
            message.replacen("Expected: ", "expected ", 1).replacen("found: ", "found ", 1);
        if message.ends_with("found EOF") {
            message.truncate(message.len() - "EOF".len());
            message.push_str("the end");
        }
        Self { message, hint: None, place, line: None }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{line}:{column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for QueryError {}

/// Why an expression has no value for a row. The words are PostgreSQL's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// Something was divided by 0.
    #[error("division by zero")]
    DivisionByZero,
    /// A result that its type cannot hold.
    #[error("{0} out of range")]
    OutOfRange(Type),
    /// A number with too many digits for `numeric(precision, scale)`.
    #[error("numeric field overflow: {value} does not fit numeric({precision},{scale})")]
    NumericOverflow {
        /// The number.
        value: String,
        /// Digits in all.
        precision: u32,
        /// Digits behind the point.
        scale: i32,
    },
    /// Text that cannot be read as a type.
    #[error("invalid input syntax for type {ty}: \"{text}\"")]
    InvalidText {
        /// The type.
        ty: Type,
        /// The text, shortened.
        text: String,
    },
    /// An argument that a function does not take.
    #[error("{0}")]
    Argument(&'static str),
}

impl EvalError {
    /// For text that cannot be read as `ty`.
    #[must_use]
    pub fn invalid(ty: Type, text: &str) -> Self {
        Self::InvalidText { ty, text: text.chars().take(100).collect() }
    }
}
