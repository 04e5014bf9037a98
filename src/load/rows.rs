//! From the records of a file to COPY's text format, on a thread of its own.
//!
//! We send our own rows and not the file's bytes: so a row of COPY is a record of the file whatever
//! is quoted in it (errors can be mapped back), and PostgreSQL's idea of CSV, which depends on its
//! version (`\.`, mixed line ends), does not matter.

use crate::load::csv::Record;
use crate::load::error::{CellPlace, LoadError};
use crate::load::files::CsvFile;
use crate::load::infer::Guess;
use bytes::Bytes;
use tokio::sync::mpsc;

/// Bytes per message to the server.
const CHUNK_BYTES: usize = 128 * 1024;

/// Chunks that wait between the reading thread and the socket.
pub(super) const CHUNKS_WAITING_MAX: usize = 4;

/// Records between two reports of a pass that sends nothing.
const REPORT_RECORDS: u64 = 16 * 1024;

/// A file, and what becomes of its cells.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) file: CsvFile,
    /// Type of each column of the header, for errors.
    pub(super) types: Vec<String>,
    /// Which columns of the header are loaded.
    pub(super) wanted: Vec<bool>,
    /// The unquoted cell that means NULL.
    pub(super) null: String,
}

/// Some rows in COPY's format, and how far the file was read for them.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) copy: Bytes,
    /// Rows so far.
    pub(super) rows: u64,
    /// Bytes of the file so far.
    pub(super) bytes: u64,
}

impl Rows {
    /// Names of the columns that are loaded, in the file's order.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let header = self.file.header.iter().zip(&self.wanted);
        header.filter(|(_, wanted)| **wanted).map(|(name, _)| name.as_str())
    }

    /// Reads the whole file and hands its rows on until nobody takes them any more.
    pub(super) fn send(&self, out: &mpsc::Sender<Chunk>) -> Result<(), LoadError> {
        let mut reader = self.file.open()?;
        let mut record = Record::default();
        let mut copy = Vec::with_capacity(CHUNK_BYTES + 4096);
        let mut rows = 0;
        loop {
            let more = reader.read(&mut record).map_err(|error| self.file.error(error))?;
            if more {
                self.check_width(&record)?;
                self.encode(&record, &mut copy);
                rows += 1;
            }
            if copy.len() >= CHUNK_BYTES || !more {
                let full = std::mem::replace(&mut copy, Vec::with_capacity(CHUNK_BYTES + 4096));
                let chunk = Chunk { copy: Bytes::from(full), rows, bytes: reader.offset() };
                if out.blocking_send(chunk).is_err() || !more {
                    return Ok(());
                }
            }
        }
    }

    /// Finds the types of a file that has no table yet.
    pub(super) fn infer(&self, out: &mpsc::Sender<Chunk>) -> Result<Vec<Guess>, LoadError> {
        let mut reader = self.file.open()?;
        let mut record = Record::default();
        let mut guesses = vec![Guess::default(); self.file.header.len()];
        let mut rows = 0;
        while reader.read(&mut record).map_err(|error| self.file.error(error))? {
            self.check_width(&record)?;
            for (index, guess) in guesses.iter_mut().enumerate() {
                guess.see(self.cell(&record, index));
            }
            rows += 1;
            if rows % REPORT_RECORDS == 0 {
                let chunk = Chunk { copy: Bytes::new(), rows, bytes: reader.offset() };
                if out.blocking_send(chunk).is_err() {
                    break;
                }
            }
        }
        Ok(guesses)
    }

    /// A cell's text; `None` when it means NULL.
    pub(super) fn cell<'a>(&self, record: &'a Record, index: usize) -> Option<&'a [u8]> {
        let (text, quoted) = record.cell(index)?;
        (quoted || text != self.null.as_bytes()).then_some(text)
    }

    fn check_width(&self, record: &Record) -> Result<(), LoadError> {
        let (cells, columns) = (record.len(), self.file.header.len());
        if cells == columns {
            return Ok(());
        }
        let (column, value) =
            if cells < columns { (cells, cells.saturating_sub(1)) } else { (columns - 1, columns) };
        let cell = Box::new(CellPlace {
            at: self.file.at(record.line),
            column: self.file.header.get(column).cloned().unwrap_or_default(),
            expected: self.types.get(column).cloned().unwrap_or_default(),
            value: record.shown(value),
        });
        Err(if cells < columns {
            LoadError::TooFewCells { cell, cells, columns }
        } else {
            LoadError::TooManyCells { cell, cells, columns }
        })
    }

    fn encode(&self, record: &Record, copy: &mut Vec<u8>) {
        let mut first = true;
        for (index, _) in self.wanted.iter().enumerate().filter(|(_, wanted)| **wanted) {
            if !std::mem::take(&mut first) {
                copy.push(b'\t');
            }
            match self.cell(record, index) {
                Some(text) => escape(text, copy),
                None => copy.extend_from_slice(b"\\N"),
            }
        }
        copy.push(b'\n');
    }
}

/// Writes a cell of COPY's text format.
fn escape(mut text: &[u8], copy: &mut Vec<u8>) {
    let special = |b: &u8| matches!(b, b'\\' | b'\t' | b'\n' | b'\r');
    while let Some(at) = text.iter().position(special) {
        let (plain, rest) = text.split_at(at);
        copy.extend_from_slice(plain);
        copy.extend_from_slice(match rest.first() {
            Some(b'\t') => b"\\t",
            Some(b'\n') => b"\\n",
            Some(b'\r') => b"\\r",
            _ => b"\\\\",
        });
        text = rest.get(1..).unwrap_or_default();
    }
    copy.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn rows(text: &str, null: &str) -> (tempfile::NamedTempFile, Rows) {
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let header: Vec<String> =
            text.lines().next().unwrap().split(',').map(str::to_owned).collect();
        let csv = CsvFile {
            path: file.path().to_owned(),
            shown: "a.csv".to_owned(),
            table: "a".to_owned(),
            bytes: 0,
            header: header.clone(),
            header_line: 1,
        };
        let types = vec!["text".to_owned(); header.len()];
        let wanted = header.iter().map(|name| name != "skip").collect();
        (file, Rows { file: csv, types, wanted, null: null.to_owned() })
    }

    fn sent(text: &str, null: &str) -> Result<String, LoadError> {
        let (_file, rows) = rows(text, null);
        let (sender, mut receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
        rows.send(&sender)?;
        let chunk = receiver.try_recv().unwrap();
        assert_eq!(chunk.bytes, text.len() as u64);
        Ok(String::from_utf8(chunk.copy.to_vec()).unwrap())
    }

    #[test]
    fn empty_cell_is_null_and_quoted_empty_cell_is_text() {
        assert_eq!(sent("a,b\n,\"\"\n", "").unwrap(), "\\N\t\n");
        assert_eq!(sent("a,b\nNA,\"NA\"\n,x\n", "NA").unwrap(), "\\N\tNA\n\tx\n");
    }

    #[test]
    fn characters_that_mean_something_to_copy_are_escaped() {
        assert_eq!(
            sent("a,b\n\"1\t2\r\n3\\\",\\.\n\\N,x", "").unwrap(),
            "1\\t2\\r\\n3\\\\\t\\\\.\n\\\\N\tx\n"
        );
    }

    #[test]
    fn unwanted_columns_are_left_out() {
        assert_eq!(sent("skip,b\n1,2\n", "").unwrap(), "2\n");
    }

    #[test]
    fn ragged_records_name_line_column_and_value() {
        let few = sent("a,b,c\n1,2,3\n\"x\ny\",2\n", "").unwrap_err();
        assert_eq!(
            few.to_string(),
            "a.csv line 3: 2 of 3 cells: none for column c (text), the last value is \"2\""
        );
        let many = sent("a,b\n1,2,3\n", "").unwrap_err();
        assert_eq!(
            many.to_string(),
            "a.csv line 2: 3 cells for 2 columns: surplus value \"3\" behind column b (text)"
        );
    }
}
