//! CSV as RFC 4180 has it, read record by record, in memory bounded by the longest record.
//!
//! What a general CSV reader does not tell and a loader needs: whether a cell was quoted (`""` is
//! an empty text, an empty cell is NULL), and the physical line on which a record starts.
//!
//! Rules: records end with LF, CRLF or a lone CR, the last one also with the end of the file; a
//! cell that *begins* with a quote is quoted, `""` in it stands for one quote; a quote elsewhere is
//! an ordinary character; nothing may follow the closing quote; a byte order mark is skipped.
//!
//! Invariant: `buffer[at..]` is what was read and not yet parsed, and begins at physical line
//! `line` and file offset `offset`. A record is only taken out when it is wholly in the buffer.

use std::io::{self, Read};

/// Bytes asked from the file at a time.
const READ_BYTES: usize = 256 * 1024;

/// Longest record; a quote that is never closed would otherwise read the whole file into memory.
const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is wrong with the text of a file, apart from its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvProblem {
    /// The file ends inside a quoted cell.
    #[error("the quote that opens here is never closed")]
    UnclosedQuote,
    /// A quoted cell goes on behind its closing quote.
    #[error("text behind the closing quote of cell {cell}")]
    BehindQuote {
        /// Number of the cell, from 1.
        cell: usize,
    },
    /// The record is longer than what is read at a time.
    #[error("the record that begins here is longer than {limit_mib} MiB")]
    TooLong {
        /// The limit.
        limit_mib: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("invalid UTF-8: byte 0x{byte:02x} at offset {offset} of the file")]
    NotUtf8 {
        /// The first wrong byte.
        byte: u8,
        /// Its position in the file, from 0.
        offset: u64,
    },
    /// A byte order mark of UTF-16.
    #[error("the file is UTF-16 (offset 0 holds its byte order mark); only UTF-8 is read")]
    Utf16,
    /// A NUL, which no PostgreSQL text can hold.
    #[error("a NUL byte at offset {offset} of the file; PostgreSQL cannot store it")]
    Nul {
        /// Its position in the file, from 0.
        offset: u64,
    },
}

/// Why no further record could be read.
#[derive(Debug)]
pub(super) enum CsvError {
    /// The file could not be read.
    Io(io::Error),
    /// The text is wrong.
    Text { line: u64, problem: CsvProblem },
}

/// One record: its cells, unquoted, in one buffer that is reused.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Physical line on which the record starts, from 1.
    pub(super) line: u64,
    text: Vec<u8>,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    end: usize,
    quoted: bool,
}

impl Record {
    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// A cell's text, and whether it stood in quotes; `None` behind the last cell.
    pub(super) fn cell(&self, index: usize) -> Option<(&[u8], bool)> {
        let cell = self.cells.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.cells.get(before)?.end,
            None => 0,
        };
        Some((self.text.get(start..cell.end)?, cell.quoted))
    }

    /// A cell for people to read.
    pub(super) fn shown(&self, index: usize) -> Option<String> {
        self.cell(index).map(|(text, _)| String::from_utf8_lossy(text).into_owned())
    }

    fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    fn end_cell(&mut self, quoted: bool) {
        self.cells.push(Cell { end: self.text.len(), quoted });
    }
}

/// Reads records from `R`.
pub(super) struct CsvReader<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    started: bool,
    offset: u64,
    line: u64,
    /// An empty line is a record of one empty cell (files of one column), else it is skipped.
    pub(super) keep_blank_lines: bool,
}

impl<R: Read> CsvReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            ended: false,
            started: false,
            offset: 0,
            line: 1,
            keep_blank_lines: false,
        }
    }

    /// Bytes of the file that were parsed so far.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next record into `record`; false at the end of the file.
    ///
    /// # Errors
    ///
    /// [`CsvError`]; nothing sensible can be read after it.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, CsvError> {
        if !self.started {
            self.start()?;
        }
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            record.line = self.line;
            match scan(rest, self.ended, record) {
                Ok(Scan::NeedMore) if rest.len() >= RECORD_BYTES_MAX => {
                    let limit_mib = RECORD_BYTES_MAX / (1024 * 1024);
                    return Err(self.problem(CsvProblem::TooLong { limit_mib }));
                }
                Ok(Scan::NeedMore) => self.fill()?,
                Ok(Scan::End) => return Ok(false),
                Ok(Scan::Record { bytes, lines, blank }) => {
                    check_text(rest.get(..bytes).unwrap_or_default(), self.offset)
                        .map_err(|problem| self.problem(problem))?;
                    self.at += bytes;
                    self.offset += bytes as u64;
                    self.line += lines;
                    if !blank || self.keep_blank_lines {
                        return Ok(true);
                    }
                }
                Err(problem) => {
                    // Wrong bytes explain wrong quotes better than the other way round.
                    let problem = check_text(rest, self.offset).err().unwrap_or(problem);
                    return Err(self.problem(problem));
                }
            }
        }
    }

    const fn problem(&self, problem: CsvProblem) -> CsvError {
        CsvError::Text { line: self.line, problem }
    }

    /// Looks at the first bytes for a byte order mark.
    fn start(&mut self) -> Result<(), CsvError> {
        self.started = true;
        while self.buffer.len() < 3 && !self.ended {
            self.fill()?;
        }
        if self.buffer.starts_with(&[0xff, 0xfe]) || self.buffer.starts_with(&[0xfe, 0xff]) {
            return Err(self.problem(CsvProblem::Utf16));
        }
        if self.buffer.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.at = 3;
            self.offset = 3;
        }
        Ok(())
    }

    /// Drops what was parsed and reads on.
    fn fill(&mut self) -> Result<(), CsvError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        // Doubling keeps the repeated scan of one long record linear.
        let wanted = READ_BYTES.max(self.buffer.len());
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        let got = (&mut self.input).take(wanted).read_to_end(&mut self.buffer);
        self.ended = got.map_err(CsvError::Io)? == 0;
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Scan {
    /// The record goes on behind the input.
    NeedMore,
    /// One record of so many bytes, its end included, over so many physical lines.
    Record { bytes: usize, lines: u64, blank: bool },
    /// No input is left.
    End,
}

/// Takes one record from the start of `input`; `last` says that nothing follows it.
fn scan(input: &[u8], last: bool, record: &mut Record) -> Result<Scan, CsvProblem> {
    record.clear();
    if input.is_empty() {
        return Ok(if last { Scan::End } else { Scan::NeedMore });
    }
    let mut at = 0;
    let mut lines = 0;
    loop {
        let quoted = input.get(at) == Some(&b'"');
        let rest = input.get(at..).unwrap_or_default();
        let taken = if quoted { quoted_cell(rest, last, record)? } else { bare_cell(rest, last) };
        let Some(taken) = taken else { return Ok(Scan::NeedMore) };
        let raw = rest.get(..taken).unwrap_or_default();
        if quoted {
            lines += line_ends(raw);
        } else {
            record.text.extend_from_slice(raw);
        }
        record.end_cell(quoted);
        at += taken;
        let blank = record.cells.len() == 1 && taken == 0;
        match (input.get(at), input.get(at + 1)) {
            (Some(b','), _) => at += 1,
            (Some(b'\n'), _) => return Ok(Scan::Record { bytes: at + 1, lines: lines + 1, blank }),
            (Some(b'\r'), Some(b'\n')) => {
                return Ok(Scan::Record { bytes: at + 2, lines: lines + 1, blank });
            }
            (Some(b'\r'), None) if !last => return Ok(Scan::NeedMore),
            (Some(b'\r'), _) => {
                return Ok(Scan::Record { bytes: at + 1, lines: lines + 1, blank });
            }
            (None, _) if last => return Ok(Scan::Record { bytes: at, lines, blank }),
            (None, _) => return Ok(Scan::NeedMore),
            (Some(_), _) => return Err(CsvProblem::BehindQuote { cell: record.cells.len() }),
        }
    }
}

/// Length of the unquoted cell at the start of `input`; `None` when it may go on behind it.
fn bare_cell(input: &[u8], last: bool) -> Option<usize> {
    memchr::memchr3(b',', b'\n', b'\r', input).or_else(|| last.then_some(input.len()))
}

/// Appends the quoted cell at the start of `input` to the record; its length with both quotes.
fn quoted_cell(input: &[u8], last: bool, record: &mut Record) -> Result<Option<usize>, CsvProblem> {
    let mut at = 1;
    loop {
        let rest = input.get(at..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'"', rest) else {
            return if last { Err(CsvProblem::UnclosedQuote) } else { Ok(None) };
        };
        record.text.extend_from_slice(rest.get(..length).unwrap_or_default());
        at += length + 1;
        match input.get(at) {
            Some(b'"') => {
                record.text.push(b'"');
                at += 1;
            }
            None if !last => return Ok(None),
            _ => return Ok(Some(at)),
        }
    }
}

/// Line ends in a text: LF, CRLF or a lone CR.
fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr2_iter(b'\n', b'\r', text)
        .filter(|&at| text.get(at) == Some(&b'\n') || text.get(at + 1) != Some(&b'\n'))
        .fold(0, |count, _| count + 1)
}

/// UTF-8 without NUL, or the offset of the first byte that is not.
fn check_text(raw: &[u8], offset: u64) -> Result<(), CsvProblem> {
    if let Err(error) = std::str::from_utf8(raw) {
        let at = error.valid_up_to();
        let byte = raw.get(at).copied().unwrap_or_default();
        return Err(CsvProblem::NotUtf8 { byte, offset: offset + at as u64 });
    }
    match memchr::memchr(0, raw) {
        Some(at) => Err(CsvProblem::Nul { offset: offset + at as u64 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out one byte at a time, so that every record meets the end of the buffer.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    type Rows = Vec<(u64, Vec<(String, bool)>)>;

    fn rows(input: impl Read, keep_blank_lines: bool) -> Result<Rows, CsvError> {
        let mut reader = CsvReader::new(input);
        reader.keep_blank_lines = keep_blank_lines;
        let mut record = Record::default();
        let mut rows = Vec::new();
        while reader.read(&mut record)? {
            let cells = (0..record.len())
                .map(|index| (record.shown(index).unwrap(), record.cell(index).unwrap().1))
                .collect();
            rows.push((record.line, cells));
        }
        Ok(rows)
    }

    /// `line:cell|cell`, quoted cells in ‹›.
    fn render(text: &[u8]) -> Vec<String> {
        let show = |(line, cells): (u64, Vec<(String, bool)>)| {
            let cells = cells.into_iter().map(|(text, quoted)| match quoted {
                true => format!("‹{text}›"),
                false => text,
            });
            format!("{line}:{}", cells.collect::<Vec<_>>().join("|"))
        };
        let dripped = rows(Drip(text), false).unwrap();
        assert_eq!(dripped, rows(text, false).unwrap(), "buffer borders change nothing");
        dripped.into_iter().map(show).collect()
    }

    fn problem(text: &[u8]) -> (u64, CsvProblem) {
        match rows(text, false).unwrap_err() {
            CsvError::Text { line, problem } => (line, problem),
            CsvError::Io(error) => panic!("{error}"),
        }
    }

    #[test]
    fn records_are_read_as_spreadsheets_write_them() {
        #[rustfmt::skip] // one case a line
        let cases: [(&str, &[&str]); 12] = [
            ("a,b\n1,2\n", &["1:a|b", "2:1|2"]),
            ("a,b\r\n1,2\r\n", &["1:a|b", "2:1|2"]),
            ("a,b\r1,2\r", &["1:a|b", "2:1|2"]),
            ("a,b\n1,2", &["1:a|b", "2:1|2"]),
            ("\u{feff}a,b\n1,\n", &["1:a|b", "2:1|"]),
            ("a\n\n\r\n1\n\n", &["1:a", "4:1"]),
            ("\"a\nb\",c\nd,e", &["1:‹a\nb›|c", "3:d|e"]),
            ("\"a\r\nb\",c\r\nd,e", &["1:‹a\r\nb›|c", "3:d|e"]),
            ("\"say \"\"hi\"\"\",\"\"\n", &["1:‹say \"hi\"›|‹›"]),
            ("5\" pipe,it's\n", &["1:5\" pipe|it's"]),
            (",\n", &["1:|"]),
            ("", &[]),
        ];
        for (text, want) in cases {
            assert_eq!(render(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn empty_line_is_a_cell_when_kept() {
        let rows = rows("a\n\n1\n".as_bytes(), true).unwrap();
        assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn wrong_text_names_the_line_and_the_offset() {
        assert_eq!(problem(b"a\n\"b\nc"), (2, CsvProblem::UnclosedQuote));
        assert_eq!(problem(b"a,b\n1,\"b\"c"), (2, CsvProblem::BehindQuote { cell: 2 }));
        assert_eq!(problem(b"a\nb\xe4r\n"), (2, CsvProblem::NotUtf8 { byte: 0xe4, offset: 3 }));
        assert_eq!(problem(b"\xef\xbb\xbfa\0\n"), (1, CsvProblem::Nul { offset: 4 }));
        assert_eq!(problem(b"\xff\xfea\0\n\0"), (1, CsvProblem::Utf16));
        let endless = [b"a\n\"".as_slice(), &vec![b'x'; RECORD_BYTES_MAX + 1]].concat();
        assert_eq!(problem(&endless), (2, CsvProblem::TooLong { limit_mib: 64 }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // Also over the alphabet where the states change.
            let edgy: Vec<u8> = bytes.iter().map(|b| b"\",\n\ra"[usize::from(b % 5)]).collect();
            for text in [bytes, edgy] {
                let whole = rows(text.as_slice(), false).map_err(|error| format!("{error:?}"));
                let dripped = rows(Drip(&text), false).map_err(|error| format!("{error:?}"));
                prop_assert_eq!(whole, dripped);
            }
        }

        #[test]
        fn quoted_cells_come_back_unchanged(
            cells in proptest::collection::vec(
                proptest::collection::vec("[a,\"\r\né ]{0,6}", 2..4), 1..5),
        ) {
            let text: String = cells
                .iter()
                .map(|row| {
                    let row = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
                    row.collect::<Vec<_>>().join(",") + "\n"
                })
                .collect();
            let read = rows(text.as_bytes(), false).unwrap();
            let read: Vec<Vec<String>> = read
                .into_iter()
                .map(|(_, row)| row.into_iter().map(|(text, _)| text).collect())
                .collect();
            prop_assert_eq!(read, cells);
        }
    }
}
