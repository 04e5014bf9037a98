//! What to do when nothing was loaded.

use crate::load::csv::CsvProblem;
use crate::load::error::{CellPlace, HeaderProblem, LoadError};
use crate::postgres::{PostgresError, ServerError};

impl LoadError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoDirectory { .. } => "name the directory of your files: minicdc load DIR".to_owned(),
            Self::NotADirectory { path } => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => {
                    format!("every *.csv of a directory is loaded: minicdc load {}", parent.display())
                }
                _ => "every *.csv of a directory is loaded: minicdc load .".to_owned(),
            },
            Self::NoCsv { .. } => "orders.csv becomes table orders; its first line names the columns".to_owned(),
            Self::TableName { .. } | Self::SameTable { .. } => "rename the file".to_owned(),
            Self::Header { problem: HeaderProblem::Delimiter { .. }, .. } => {
                "write the file with commas; quote a column's name that holds such a character".to_owned()
            }
            Self::UnknownColumn { column, known, .. } => unknown_column_hint(column, known)?,
            Self::Text { problem, .. } => text_hint(problem)?,
            Self::TooFewCells { .. } | Self::TooManyCells { .. } => {
                "a cell that holds a comma, a quote or a line break must stand in quotes".to_owned()
            }
            Self::Value { cell, source } => value_hint(cell, source)?,
            Self::Row { source, .. } | Self::Replace { source, .. } => return server_hint(source),
            // Its own hint is about the slot, which a load does not have.
            Self::Postgres(PostgresError::ConnectionLost { .. }) => {
                "nothing was loaded: try again; the server's log says why it closed the connection".to_owned()
            }
            Self::Postgres(error) => return error.hint(),
            Self::MissingColumn { table, column, .. } => format!(
                "add the column to the file, or give it a default: ALTER TABLE {table} ALTER COLUMN \"{column}\" SET DEFAULT …"
            ),
            Self::DuplicateInFile { .. } => "keep one of the two lines".to_owned(),
            Self::DuplicateInTable { .. } => {
                "--mode upsert updates the rows that are there, --mode replace empties the table first".to_owned()
            }
            Self::NoReference { referenced, .. } => {
                format!("add the row to {referenced}, or correct the line")
            }
            Self::NoKey { .. } => {
                "--mode append adds the rows to those that are there, --mode replace empties the table first".to_owned()
            }
            Self::Cycle { constraint: (table, name), .. } => format!(
                "let the check wait for the end: ALTER TABLE {table} ALTER CONSTRAINT {name} DEFERRABLE"
            ),
            Self::ReplaceSpreads { other, .. } => {
                format!("load {other} in the same run, or delete its rows yourself first")
            }
            Self::Busy { pid } => {
                format!("wait until it is done, or end it: SELECT pg_terminate_backend({pid})")
            }
            Self::Migration { .. } => {
                "to load into your own tables as they are, leave the demo shop out: --no-migrations".to_owned()
            }
            Self::MigrationChanged { name, .. } => format!(
                "use the minicdc that ran it, or accept the difference: DELETE FROM minicdc_migrations WHERE name = '{name}'"
            ),
            _ => return None,
        };
        Some(hint)
    }
}

fn unknown_column_hint(column: &str, known: &[String]) -> Option<String> {
    let folded = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
    let near = known.iter().find(|name| folded(name) == folded(column))?;
    Some(format!("write it as the table does: {near}"))
}

fn text_hint(problem: &CsvProblem) -> Option<String> {
    Some(match problem {
        CsvProblem::UnclosedQuote | CsvProblem::TooLong { .. } | CsvProblem::BehindQuote { .. } => {
            "inside a quoted cell a quote is written twice: \"5\"\" pipe\"".to_owned()
        }
        CsvProblem::NotUtf8 { .. } => {
            "convert the file, e.g. iconv -f ISO-8859-1 -t UTF-8 old.csv > new.csv".to_owned()
        }
        CsvProblem::Utf16 => {
            "convert the file: iconv -f UTF-16 -t UTF-8 old.csv > new.csv".to_owned()
        }
        CsvProblem::Nul { .. } => return None,
    })
}

fn value_hint(cell: &CellPlace, source: &ServerError) -> Option<String> {
    match &cell.value {
        None => Some(format!("put a value into column {}; an empty cell is NULL", cell.column)),
        Some(value) if value.is_empty() => Some(
            "an empty cell in quotes is an empty text; without quotes it is NULL (see --null)"
                .to_owned(),
        ),
        Some(value) if matches!(value.as_str(), "NULL" | "null" | "NA" | "N/A" | "\\N") => {
            Some(format!("if that means NULL, say so: --null '{value}'"))
        }
        Some(_) => server_hint(source),
    }
}

fn server_hint(source: &ServerError) -> Option<String> {
    // "cannot delete from table … because it does not have a replica identity and publishes deletes"
    if source.sqlstate == "55000" && source.message.contains("replica identity") {
        return Some(
            "the table is published without a key; --replica-identity full lets its rows be changed".to_owned(),
        );
    }
    source.hint.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_column_of_another_spelling_is_recognised() {
        let known = ["id".to_owned(), "Unit Price".to_owned()];
        assert_eq!(
            unknown_column_hint("unit_price", &known).unwrap(),
            "write it as the table does: Unit Price"
        );
        assert_eq!(unknown_column_hint("colour", &known), None);
    }
}
