//! Rows of `COPY … TO STDOUT` in text format.
//!
//! Source: PostgreSQL manual, "COPY", Text Format.

use crate::pgoutput::Cell;
use std::ops::Range;

/// One row, unescaped into a buffer of its own that is used again for the next row.
#[derive(Debug, Default)]
pub struct CopyRow {
    text: Vec<u8>,
    cells: Vec<Option<Range<usize>>>,
}

impl CopyRow {
    /// Replaces the row by one line of COPY output, with or without its line end.
    pub fn read(&mut self, line: &[u8]) {
        self.text.clear();
        self.cells.clear();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.contains(&b'\\') {
            line.split(|&byte| byte == b'\t').for_each(|field| self.push_escaped(field));
        } else {
            self.text.extend_from_slice(line);
            let mut start = 0;
            for field in line.split(|&byte| byte == b'\t') {
                self.cells.push(Some(start..start + field.len()));
                start += field.len() + 1;
            }
        }
    }

    fn push_escaped(&mut self, field: &[u8]) {
        if field == b"\\N" {
            self.cells.push(None);
            return;
        }
        let start = self.text.len();
        let mut bytes = field.iter();
        while let Some(&byte) = bytes.next() {
            let plain = if byte == b'\\' {
                // COPY TO writes no octal or hexadecimal escapes.
                match bytes.next() {
                    Some(b'b') => 0x08,
                    Some(b'f') => 0x0C,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'v') => 0x0B,
                    Some(&other) => other,
                    None => b'\\',
                }
            } else {
                byte
            };
            self.text.push(plain);
        }
        self.cells.push(Some(start..self.text.len()));
    }

    /// Size of its values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Makes it a row of no columns.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// The row's cells, in column order.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell<'_>> {
        let cell = |range: &Option<Range<usize>>| match range {
            Some(range) => self.text.get(range.clone()).map_or(Cell::Null, Cell::Text),
            None => Cell::Null,
        };
        self.cells.iter().map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut row = CopyRow::default();
        row.read(b"something before\t\\\\");
        row.read(line);
        row.cells()
            .into_iter()
            .map(|cell| match cell {
                Cell::Text(text) => Some(text.to_vec()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn plain_row_is_split_at_tabs() {
        assert_eq!(
            read(b"1\t\tabc\n"),
            [Some(b"1".to_vec()), Some(Vec::new()), Some(b"abc".to_vec())]
        );
    }

    #[test]
    fn null_and_escapes_are_undone() {
        assert_eq!(
            read(b"\\N\t\\\\N\ta\\tb\\nc\\\\\\r\\v\\b\\f\n"),
            [None, Some(b"\\N".to_vec()), Some(b"a\tb\nc\\\r\x0b\x08\x0c".to_vec())]
        );
    }

    proptest! {
        #[test]
        fn what_copy_escapes_comes_back(
            values in proptest::collection::vec(
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)), 1..6),
        ) {
            let mut line = Vec::new();
            for (n, value) in values.iter().enumerate() {
                if n > 0 { line.push(b'\t'); }
                match value {
                    None => line.extend(b"\\N"),
                    Some(bytes) => for byte in bytes {
                        match byte {
                            b'\\' => line.extend(b"\\\\"),
                            b'\n' => line.extend(b"\\n"),
                            b'\t' => line.extend(b"\\t"),
                            b'\r' => line.extend(b"\\r"),
                            other => line.push(*other),
                        }
                    },
                }
            }
            line.push(b'\n');
            prop_assert_eq!(read(&line), values);
        }
    }
}
