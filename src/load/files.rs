//! The files of a directory, and their headers.

use crate::load::csv::{CsvError, CsvReader, Record};
use crate::load::error::{HeaderProblem, LoadError, Place};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Longest name that PostgreSQL keeps whole (NAMEDATALEN - 1).
const NAME_BYTES_MAX: usize = 63;

/// One `*.csv` with its header.
#[derive(Debug, Clone)]
pub(super) struct CsvFile {
    pub(super) path: PathBuf,
    /// The path as the user will know it.
    pub(super) shown: String,
    pub(super) table: String,
    pub(super) bytes: u64,
    /// Column names in the file's order.
    pub(super) header: Vec<String>,
    /// Physical line of the header.
    pub(super) header_line: u64,
}

impl CsvFile {
    pub(super) fn at(&self, line: u64) -> Place {
        Place { file: self.shown.clone(), line }
    }

    /// A reader behind the header.
    pub(super) fn open(&self) -> Result<CsvReader<File>, LoadError> {
        let mut reader = CsvReader::new(File::open(&self.path).map_err(|source| self.io(source))?);
        reader.read(&mut Record::default()).map_err(|error| self.error(error))?;
        // In a file of one column an empty line is an empty cell, as PostgreSQL has it.
        reader.keep_blank_lines = self.header.len() == 1;
        Ok(reader)
    }

    pub(super) fn error(&self, error: CsvError) -> LoadError {
        match error {
            CsvError::Io(source) => self.io(source),
            CsvError::Text { line, problem } => LoadError::Text { at: self.at(line), problem },
        }
    }

    fn io(&self, source: std::io::Error) -> LoadError {
        LoadError::Read { path: self.path.clone(), source }
    }

    /// Finds the record of that number (from 1); `None` when the file does not have it any more.
    pub(super) fn record(&self, number: u64) -> Result<Option<Record>, LoadError> {
        let mut reader = self.open()?;
        let mut record = Record::default();
        for _ in 0..number {
            if !reader.read(&mut record).map_err(|error| self.error(error))? {
                return Ok(None);
            }
        }
        Ok(Some(record))
    }
}

/// What a directory holds.
#[derive(Debug)]
pub(super) struct Listing {
    /// By table name.
    pub(super) files: Vec<CsvFile>,
    /// Names of everything else.
    pub(super) ignored: Vec<String>,
}

/// Lists `directory` and reads the header of every `*.csv` in it.
///
/// # Errors
///
/// A directory without such files, names that cannot be table names, headers that are none.
pub(super) fn list(directory: &Path) -> Result<Listing, LoadError> {
    let read = |source| LoadError::Read { path: directory.to_owned(), source };
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(LoadError::NotADirectory { path: directory.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(LoadError::NoDirectory { path: directory.to_owned() });
        }
        Err(error) => return Err(read(error)),
    }
    let mut paths = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>())
        .map_err(read)?;
    paths.sort();
    let (csv, other): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| is_csv(path));
    if csv.is_empty() {
        return Err(LoadError::NoCsv { path: directory.to_owned() });
    }
    let mut files: Vec<CsvFile> = Vec::with_capacity(csv.len());
    for path in csv {
        let file = read_header(path)?;
        if let Some(first) = files.iter().find(|known| known.table == file.table) {
            return Err(LoadError::SameTable {
                first: first.path.clone(),
                second: file.path,
                table: file.table,
            });
        }
        files.push(file);
    }
    let ignored = other
        .iter()
        .filter_map(|path| path.file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    Ok(Listing { files, ignored })
}

/// A visible file whose name ends in `.csv`, in any case.
fn is_csv(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    extension && !hidden && path.is_file()
}

fn read_header(path: PathBuf) -> Result<CsvFile, LoadError> {
    let bad_name = |path: &Path, problem| LoadError::TableName { path: path.to_owned(), problem };
    let Some(table) = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else {
        return Err(bad_name(&path, "the name is no UTF-8, so no table can have it"));
    };
    if table.len() > NAME_BYTES_MAX {
        return Err(bad_name(&path, "the name is longer than 63 bytes, so no table can have it"));
    }
    let open = |source| LoadError::Read { path: path.clone(), source };
    let opened = File::open(&path).map_err(open)?;
    let bytes = opened.metadata().map_err(open)?.len();
    let shown = path.display().to_string();
    let mut file = CsvFile { path, shown, table, bytes, header: Vec::new(), header_line: 1 };
    let mut record = Record::default();
    if !CsvReader::new(opened).read(&mut record).map_err(|error| file.error(error))? {
        return Err(LoadError::EmptyFile { file: file.shown });
    }
    file.header_line = record.line;
    file.header = column_names(&record)
        .map_err(|problem| LoadError::Header { at: file.at(record.line), problem })?;
    Ok(file)
}

fn column_names(record: &Record) -> Result<Vec<String>, HeaderProblem> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for index in 0..record.len() {
        let name = record.shown(index).unwrap_or_default();
        let number = index + 1;
        if name.is_empty() {
            return Err(HeaderProblem::NoName { number });
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(HeaderProblem::TooLong { name });
        }
        if let Some(first) = names.iter().position(|known| *known == name) {
            return Err(HeaderProblem::Twice { name, first: first + 1, second: number });
        }
        names.push(name);
    }
    let quoted = record.cell(0).is_some_and(|(_, quoted)| quoted);
    if let ([only], false) = (names.as_slice(), quoted)
        && let Some(delimiter) = only.chars().find(|c| matches!(c, ';' | '\t' | '|'))
    {
        return Err(HeaderProblem::Delimiter { delimiter });
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Vec<String>, HeaderProblem> {
        let mut record = Record::default();
        assert!(CsvReader::new(text.as_bytes()).read(&mut record).unwrap());
        column_names(&record)
    }

    #[test]
    fn header_names_are_taken_as_they_are() {
        assert_eq!(header("id,\"Unit Price\", x\n").unwrap(), ["id", "Unit Price", " x"]);
        assert_eq!(header("\"a;b\"\n").unwrap(), ["a;b"]);
    }

    #[test]
    fn header_problems_name_the_cell() {
        assert_eq!(
            header("a,b,a").unwrap_err(),
            HeaderProblem::Twice { name: "a".into(), first: 1, second: 3 }
        );
        assert_eq!(header("a,,b").unwrap_err(), HeaderProblem::NoName { number: 2 });
        assert_eq!(header("a;b;c").unwrap_err(), HeaderProblem::Delimiter { delimiter: ';' });
        let long = "x".repeat(64);
        assert_eq!(header(&long).unwrap_err(), HeaderProblem::TooLong { name: long });
    }
}
