//! Why nothing was loaded.

use crate::load::csv::CsvProblem;
use crate::postgres::{PostgresError, ServerError};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Physical line on which the record starts, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file, self.line)
    }
}

/// A cell of a file and what it should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellPlace {
    /// The record.
    pub at: Place,
    /// Column, or several separated by commas when a key has several.
    pub column: String,
    /// The column's type as PostgreSQL writes it.
    pub expected: String,
    /// The cell as the file has it; `None` for NULL.
    pub value: Option<String>,
}

impl fmt::Display for CellPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, column {} ({}): ", self.at, self.column, self.expected)?;
        match &self.value {
            Some(value) => write!(f, "value {}", Shown(value)),
            None => write!(f, "NULL"),
        }
    }
}

/// A value cut to a length that fits a terminal, control characters escaped.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARS_MAX: usize = 60;
        write!(f, "\"")?;
        for c in self.0.chars().take(CHARS_MAX) {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        write!(f, "\"")?;
        match self.0.chars().count() {
            count if count > CHARS_MAX => write!(f, "… ({count} characters)"),
            _ => Ok(()),
        }
    }
}

/// Why nothing was loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The directory is not there.
    #[error("there is no directory {}", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A file was named instead of its directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },
    /// Nothing to load.
    #[error("{} holds no .csv file", path.display())]
    NoCsv {
        /// The directory.
        path: PathBuf,
    },
    /// A file name that cannot be a table's.
    #[error("{}: {problem}", path.display())]
    TableName {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// Two files for one table, such as `a.csv` and `a.CSV`.
    #[error("{} and {} are both for table {table}", first.display(), second.display())]
    SameTable {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The table.
        table: String,
    },
    /// The system refused to read.
    #[error("cannot read {}", path.display())]
    Read {
        /// File or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No header.
    #[error("{file} is empty: its first line must name the columns")]
    EmptyFile {
        /// The file.
        file: String,
    },
    /// The header is no list of column names.
    #[error("{at}: {problem}")]
    Header {
        /// The header.
        at: Place,
        /// What is wrong.
        problem: HeaderProblem,
    },
    /// A column that the table does not have.
    #[error("{at}: table {table} has no column \"{column}\" (it has {})", known.join(", "))]
    UnknownColumn {
        /// The header.
        at: Place,
        /// `schema.table`.
        table: String,
        /// The header's word.
        column: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// The text is no CSV.
    #[error("{at}: {problem}")]
    Text {
        /// The record.
        at: Place,
        /// What is wrong.
        problem: CsvProblem,
    },
    /// Fewer cells than columns.
    #[error(
        "{}: {cells} of {columns} cells: none for column {} ({}), the last value is {}",
        cell.at, cell.column, cell.expected, Shown(cell.value.as_deref().unwrap_or_default())
    )]
    TooFewCells {
        /// The record, the first column without a cell, and the last cell there is.
        cell: Box<CellPlace>,
        /// Cells there are.
        cells: usize,
        /// Columns in the header.
        columns: usize,
    },
    /// More cells than columns.
    #[error(
        "{}: {cells} cells for {columns} columns: surplus value {} behind column {} ({})",
        cell.at, Shown(cell.value.as_deref().unwrap_or_default()), cell.column, cell.expected
    )]
    TooManyCells {
        /// The record, the header's last column, and the first cell too many.
        cell: Box<CellPlace>,
        /// Cells there are.
        cells: usize,
        /// Columns in the header.
        columns: usize,
    },
    /// The table refuses a value: its type, NOT NULL or a CHECK.
    #[error("{cell} is refused")]
    Value {
        /// The cell.
        cell: Box<CellPlace>,
        /// What PostgreSQL says.
        #[source]
        source: Box<ServerError>,
    },
    /// The table refuses a record, and PostgreSQL does not name one cell.
    #[error("{at} is refused by table {table}")]
    Row {
        /// The record.
        at: Place,
        /// `schema.table`.
        table: String,
        /// What PostgreSQL says.
        #[source]
        source: Box<ServerError>,
    },
    /// The table wants a value and the file has no such column.
    #[error(
        "{at}: the file has no column \"{column}\" ({expected}), and {table} wants a value in it"
    )]
    MissingColumn {
        /// The record.
        at: Place,
        /// `schema.table`.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        expected: String,
    },
    /// Two records with one key.
    #[error("{cell} is on line {first} already; it must be unique in {table} ({constraint})")]
    DuplicateInFile {
        /// The later record.
        cell: Box<CellPlace>,
        /// Line of the earlier one.
        first: u64,
        /// `schema.table`.
        table: String,
        /// The constraint or index.
        constraint: String,
    },
    /// A record with a key that the table has.
    #[error("{cell} is in {table} already; it must be unique ({constraint})")]
    DuplicateInTable {
        /// The record.
        cell: Box<CellPlace>,
        /// `schema.table`.
        table: String,
        /// The constraint or index.
        constraint: String,
    },
    /// A reference to nothing.
    #[error("{cell} is no {referenced} ({constraint}{})", others(*more))]
    NoReference {
        /// The first such record.
        cell: Box<CellPlace>,
        /// `schema.table (column)`.
        referenced: String,
        /// The foreign key.
        constraint: String,
        /// Further records of the file with the same trouble.
        more: u64,
    },
    /// Upsert into a table with rows and without a primary key.
    #[error(
        "{file}: table {table} has rows and {reason}, so upsert cannot tell new rows from known ones"
    )]
    NoKey {
        /// The file.
        file: String,
        /// `schema.table`.
        table: String,
        /// What is missing.
        reason: String,
    },
    /// What is there under the table's name cannot be loaded.
    #[error("{file}: {name} is a {kind}, not a table")]
    NotATable {
        /// The file.
        file: String,
        /// `schema.name`.
        name: String,
        /// `view`, `sequence`, …
        kind: &'static str,
    },
    /// Tables that refer to each other.
    #[error("foreign keys go in a circle: {}", tables.join(" → "))]
    Cycle {
        /// The tables, the first one again at the end.
        tables: Vec<String>,
        /// A foreign key of the circle, as `table constraint`.
        constraint: (String, String),
    },
    /// `replace` would change a table that is not loaded.
    #[error(
        "replacing {table} would also change rows of {other}, which is not loaded ({constraint}: ON DELETE {action})"
    )]
    ReplaceSpreads {
        /// `schema.table`.
        table: String,
        /// The table outside the load.
        other: String,
        /// The foreign key.
        constraint: String,
        /// `CASCADE`, `SET NULL` or `SET DEFAULT`.
        action: &'static str,
    },
    /// `replace` cannot empty a table.
    #[error("cannot empty table {table}")]
    Replace {
        /// `schema.table`.
        table: String,
        /// What PostgreSQL says.
        #[source]
        source: Box<ServerError>,
    },
    /// Another load runs in the same database.
    #[error("another load is running in this database (process {pid} of the server)")]
    Busy {
        /// The server process that holds the lock.
        pid: i32,
    },
    /// A migration failed.
    #[error("migration {name} failed")]
    Migration {
        /// Its name.
        name: &'static str,
        /// What PostgreSQL says.
        #[source]
        source: Box<ServerError>,
    },
    /// A migration that ran is another one now.
    #[error(
        "migration {name} ran here with checksum {recorded}, but is {embedded} in this minicdc"
    )]
    MigrationChanged {
        /// Its name.
        name: &'static str,
        /// Checksum of what ran.
        recorded: String,
        /// Checksum of what this binary holds.
        embedded: String,
    },
    /// Anything else between us and the server.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

fn others(more: u64) -> String {
    match more {
        0 => String::new(),
        1 => "; 1 more record like it".to_owned(),
        _ => format!("; {more} more records like it"),
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// A name that comes twice.
    #[error("column \"{name}\" is named twice (cells {first} and {second})")]
    Twice {
        /// The name.
        name: String,
        /// Number of its first cell, from 1.
        first: usize,
        /// Number of its second cell.
        second: usize,
    },
    /// An empty name.
    #[error("column {number} has no name")]
    NoName {
        /// Number of the cell, from 1.
        number: usize,
    },
    /// A name that PostgreSQL would cut.
    #[error("column name \"{name}\" is longer than 63 bytes")]
    TooLong {
        /// The name.
        name: String,
    },
    /// Cells separated by something else.
    #[error("cells must be separated by commas, these are by {}", delimiter.escape_default())]
    Delimiter {
        /// What seems to separate them.
        delimiter: char,
    },
}

impl LoadError {
    /// Exit status: 2 when the command line named nothing that can be loaded, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoDirectory { .. } | Self::NotADirectory { .. } | Self::NoCsv { .. } => 2,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_value_is_cut_and_control_characters_are_escaped() {
        assert_eq!(Shown("a\nb\u{1b}").to_string(), r#""a\nb\u{1b}""#);
        let long = "é".repeat(100);
        assert_eq!(Shown(&long).to_string(), format!("\"{}\"… (100 characters)", "é".repeat(60)));
    }

    #[test]
    fn usage_errors_exit_with_2() {
        assert_eq!(LoadError::NoCsv { path: "data".into() }.exit_code(), 2);
        assert_eq!(LoadError::EmptyFile { file: "a.csv".into() }.exit_code(), 1);
    }
}
