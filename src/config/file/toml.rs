//! TOML: flat with quoted or dotted keys, or with tables for the parts of a name.

use super::{Entry, SyntaxError, join_list};
use toml::{Table, Value};

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    // The message shows the line itself, which may hold a password: only the place is kept.
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        SyntaxError::Toml(format!("line {line}: {}", error.message()))
    })?;
    let mut entries = Vec::new();
    flatten("", table, &mut entries)?;
    Ok(entries)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn flatten(prefix: &str, table: Table, entries: &mut Vec<Entry>) -> Result<(), SyntaxError> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, entries)?,
            value => entries.push(Entry { value: scalar(&key, value)?, key, line: None }),
        }
    }
    Ok(())
}

fn scalar(key: &str, value: Value) -> Result<String, SyntaxError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Datetime(time) => Ok(time.to_string()),
        Value::Array(items) => {
            let items: Result<Vec<String>, _> =
                items.into_iter().map(|item| scalar(key, item)).collect();
            Ok(join_list(&items?))
        }
        Value::Table(_) => {
            Err(SyntaxError::Value { key: key.to_owned(), found: "a table in a list" })
        }
    }
}
